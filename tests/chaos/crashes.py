"""The second campaign: `python -m core sync` killed in the middle, again and again, also beside a second one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from core.refresh.list_refill import EMPTIED
from core.refresh.lock import RefreshLock
from simulator import Fault
from tests.chaos.stage import Stage
from tests.office import Office
from tests.warm_process import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds for a command that nobody kills
OVERLAP = """select a.run_id, b.run_id from runs a join runs b
    on a.run_id != b.run_id and a.started_at <= b.started_at and a.finished_at > b.started_at"""
Child = subprocess.Popen[str]


class Crashes(Stage):
    """An episode: a few commands killed at random moments while shortages come and go."""

    def __init__(self, office: Office, seed: int, *, lists: bool = True) -> None:
        super().__init__(office, seed, lists=lists)
        self._clean = True
        home = office.settings.data_dir.parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")},
            **office.m365.environment(),
            "LIZENZTOOL_DATA_DIR": str(office.settings.data_dir),
            "LIZENZTOOL_LOG_DIR": str(home / "logs"),
            "PYTHONPATH": str(ROOT),
        }
        self._home = home

    def episode(self) -> None:
        self._clean = False
        for _ in range(self.draw.randint(2, 6)):
            self.refresh()
            self._check_database()
            self.desk.work()
            self._kill_desk()
            if self.draw.random() < 0.5:
                self.run_flow()
            self.cast.change(0.1)
        self._clean = True

    def _kill_desk(self) -> None:
        """A step of staff or customer in a process that is killed at any time; then somebody tries the same again."""
        if (words := self.desk.killable()) is None:
            return
        child = self._start("tests.chaos.desk", *words)
        time.sleep(self.draw.uniform(0.0, 0.4))
        child.kill()
        child.communicate(timeout=PATIENCE)
        self.result.counts["kills of a step of the desk"] += child.returncode == -signal.SIGKILL
        self._check_database()
        again = self._start("tests.chaos.desk", *words)
        _, errors = again.communicate(timeout=PATIENCE)
        if again.returncode:
            self.result.wrong.append(f"the desk ends with {again.returncode}: {errors[-2000:]}")

    def sync(self) -> dict[str, Any] | None:
        return self._whole() if self._clean else self._killed()

    def _whole(self) -> dict[str, Any] | None:
        """A command that nobody disturbs; that the list was emptied is all that it may complain of."""
        self.office.m365.faults.clear()
        child = self._start()
        out, errors = child.communicate(timeout=PATIENCE)
        summary: dict[str, Any] | None = json.loads(out) if out else None
        emptied = summary is not None and summary["sharepoint"].get("problem", {}).get("code") == EMPTIED
        if summary is None or child.returncode != int(emptied):
            self.result.wrong.append(f"exit code {child.returncode}: {errors[-2000:]}")
            return None
        return summary

    def _killed(self) -> dict[str, Any] | None:
        """A command that is killed before a request, after one, or at any time; often there is a second one."""
        faults = self.office.m365.faults
        faults.clear()
        if self.draw.random() < 0.4:
            faults.random(self.draw.randint(0, 10**9), 0.04, ("truncate", "lost_answer", "expired_token", "reset"))
        if self.draw.random() < 0.2:
            faults.add(Fault(".* .*/sites/.*", "status", status=404, times=None))
        if self.draw.random() < 0.15:
            self.cast.expire_links()
        child = self._start()
        second = self._start() if self.draw.random() < 0.3 else None
        how = self.draw.choice(["before", "before", "after", "in-batch", "in-batch", "time", "never"])
        self.result.trace.append(f"kill: {how}, {'alone' if second is None else 'two'}")
        if how == "time":
            time.sleep(self.draw.uniform(0.0, 1.5))
            child.kill()
        elif how != "never":
            self._kill_at_request(child, how)
        _, errors = child.communicate(timeout=PATIENCE)
        if child.returncode not in (0, 1, -signal.SIGKILL):
            self.result.wrong.append(f"exit code {child.returncode}: {errors[-2000:]}")
        if child.returncode == -signal.SIGKILL:
            self.result.counts["kills"] += 1
            self.result.counts["kills beside a second command"] += second is not None
        if second is None:
            self._check_lock()
        else:
            self._check_second(second)
        return None

    def _kill_at_request(self, child: Child, how: str) -> None:
        """At one of the next requests: before it is carried out, or after, so that its answer gets lost."""

        def kill() -> None:
            child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)

        in_batch = how == "in-batch"
        kind = "reset" if how == "before" and self.draw.random() < 0.5 else "pass"
        after = self.draw.randint(0, 8 if in_batch else 16)
        self.office.m365.faults.add(Fault(".*", kind, after=after, sub_response=in_batch, before=kill))

    def _check_second(self, second: Child) -> None:
        """It has taken the refresh over, or shared the result of the first one."""
        _, errors = second.communicate(timeout=PATIENCE)
        if second.returncode not in (0, 1):
            self.result.wrong.append(f"the second command ends with {second.returncode}: {errors[-2000:]}")

    def _check_lock(self) -> None:
        lock = RefreshLock(self.office.settings.data_dir)
        if not lock.take():
            self.result.wrong.append("the lock outlives its owner")
            return
        lock.release()

    def _check_database(self) -> None:
        if not self.file.exists():
            return
        with closing(sqlite3.connect(self.file)) as connection:
            found = connection.execute("pragma integrity_check").fetchall()
            beside = connection.execute(OVERLAP).fetchall() if found == [("ok",)] else []
        if found != [("ok",)]:
            self.result.wrong.append(f"the database is damaged: {found}")
        if beside:
            self.result.wrong.append(f"two refreshes ran at once: {beside}")

    def _start(self, module: str = "core", *words: str) -> Child:
        return WarmProcess(
            [sys.executable, "-m", module, *(words or ("sync", "--json"))],
            cwd=self._home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
