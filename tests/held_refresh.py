"""A refresh held in its middle, and a command line that meets it: what the tests of runs, lock and queue share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from simulator.faults import Fault
from tests.office import Office
from tests.warm_process import WarmProcess

READING = "GET .*/subscribedSkus"
WRITING = "POST .*/items$"  # a new item, in a batch


class Hold:
    """Holds calls of Microsoft 365 back, the first `after` of them excepted and at most `times`, until it is let go."""

    def __init__(self, office: Office, calls: str = READING, *, after: int = 0, times: int | None = 1) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self._seen, self._after = 0, after
        self.fault = office.m365.faults.add(
            Fault(calls, "pass", times=times, sub_response=calls == WRITING, before=self._wait)
        )

    def _wait(self) -> None:
        self._seen += 1
        if self._seen > self._after:
            self.reached.set()
            self.go.wait(20)


def command(office: Office, *arguments: str) -> subprocess.Popen[str]:
    """`python -m core` as a process of its own."""
    environment = os.environ | office.m365.environment() | {"LIZENZTOOL_DATA_DIR": str(office.settings.data_dir)}
    environment |= {"LIZENZTOOL_LOG_DIR": str(office.settings.data_dir / "logs")}
    environment |= {"LIZENZTOOL_DATABASE_URL": office.database}
    return WarmProcess(
        [sys.executable, "-m", "core", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def follower(office: Office) -> subprocess.Popen[str]:
    """`sync --json` as a process of its own that has said it waits for the running refresh."""
    process = command(office, "sync", "--json")
    assert process.stderr is not None
    assert "auf sie wird gewartet" in process.stderr.readline()
    return process
