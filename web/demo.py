"""The demo: without tenant profiles, a simulated Microsoft 365 on loopback and settings that point at it.

Only this module starts `simulator/`; the rest of the product talks to it as to Microsoft.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from core.network import Proxies
from core.profiles.profile_files import find_profiles
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


class DemoError(Exception):
    """The simulator did not start; the text has the reason and the simulator's last line."""


def wanted(settings: Settings) -> bool:
    """Return True if the demo is switched on, or is "auto" and there is no tenant profile.

    A process that shares its work shows none.
    """
    if settings.shares_work:
        return False
    if settings.demo != "auto":
        return settings.demo == "on"
    try:
        files = find_profiles(settings.profiles_dir, "tenant")
    except OSError:  # a folder that cannot be read may hold profiles
        return False
    return not files.profiles and all(stray.harmless for stray in files.strays)


class Demo:
    """The simulator as a child process; it always ends with this process, because it watches its standard input."""

    def __init__(self, settings: Settings, command: list[str] | None = None) -> None:
        self._folder = (settings.data_dir / "demo").resolve()
        # Its own database: the demo's figures must never reach the real one.
        self._settings = replace(settings, data_dir=self._folder, database_url="", backup_dir="")
        own = [sys.executable, "-m", "simulator", "--folder", str(self._folder), "--past-into", self._settings.database]
        self._command = command or own
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Settings:
        """Start the simulator; return settings with the demo's own data, profiles and addresses."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # A process group of its own: Ctrl+C in the terminal must reach this process alone.
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell, no input of anybody
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            answer = self._first_line(self._process)
            return replace(
                self._settings,
                profiles_dir=Path(answer["profiles_dir"]),
                login_url=answer["login_url"],
                graph_url=answer["graph_url"],
                ca_bundle=answer["ca_bundle"],
                proxies=Proxies(),  # it is on this machine
            )
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _first_line(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        threading.Thread(target=_drain, args=(process.stdout, lines), name="demo-output", daemon=True).start()
        try:
            line = lines.get(timeout=START_SECONDS)
            answer: dict[str, Any] = json.loads(line)
        except queue.Empty:
            raise DemoError(f"The demo did not start within {START_SECONDS:g} seconds.") from None
        except ValueError:
            raise DemoError(f"The demo did not start: {line.strip() or 'it ended at once'}") from None
        return answer


def _drain(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Put the first line into the queue and discard the rest, so that the child never blocks on a full pipe."""
    with stream:
        lines.put(stream.readline())
        for _ in stream:
            pass
