"""What the server holds after sessions have come and gone: `python -m tests.session_soak FOLDER [SESSIONS]`.

In a process of its own, which serves the dashboard and is its own visitor. Prints the counts of objects after SESSIONS
sessions, after twice and after three times as many, what is left of their files, and the resident memory in MB after
the first and the last.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import threading
import time
import traceback
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from streamlit import runtime

from core.access.sessions import start_session
from core.runtime import open_engine
from core.settings import Settings
from tests.page_world import small_world
from tests.served import add_local_accounts, free_port
from tests.ws_client import Tab
from web import streamlit_internals

SESSIONS = 1000
PATIENCE = 40  # looks, until two in a row count the same
OURS = ("core", "pages", "ui", "web", "streamlit")


class Visitor:
    """Opens a session, looks at two pages and closes it, many times over; `url` and `host` as for Tab."""

    def __init__(self, settings: Settings, server: Any) -> None:
        self.host, self._server = f"127.0.0.1:{settings.port}", server
        self.url = f"http://{self.host}"
        self._engine = open_engine(settings)

    def wait(self) -> None:
        """Wait until the server answers."""
        while True:
            try:
                requests.get(f"{self.url}/health", timeout=20)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return

    def visit(self) -> None:
        with Tab(self, start_session(self._engine, "anna", datetime.now(UTC))) as tab:
            tab.rerun("")
            tab.rerun("all_tenants")

    def counts(self, sessions: int) -> dict[str, int]:
        """Return type -> number of its objects after so many further sessions have ended."""
        for _ in range(sessions):
            self.visit()
        self._wait_for_ends()
        with Tab(self, start_session(self._engine, "anna", datetime.now(UTC))) as tab:
            tab.receive(0.1)  # Streamlit's loop holds what it has sent last; to this one it sends nothing
        self._wait_for_ends()
        for _ in range(2):  # a file is marked, then deleted
            self._server.tidy()
            streamlit_internals.drop_ended_sessions(math.inf)
        counts = objects()
        for _ in range(PATIENCE):  # what belongs to the last session may still be on its way out
            before, counts = counts, objects()
            if counts == before:
                break
            time.sleep(0.05)
        return counts

    def _wait_for_ends(self) -> None:
        """Wait until the server knows no tab any more and no script runs, which holds what it would have sent."""
        while len(self._server.tabs) or any("ScriptRunner" in one.name for one in threading.enumerate()):
            time.sleep(0.01)


def objects() -> dict[str, int]:
    """Return type -> number of its objects that are in use, for types of ours and of Streamlit."""
    gc.collect()
    types = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return {name: count for name, count in types.items() if name.partition(".")[0] in OURS}


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main(folder: Path, sessions: int) -> None:
    small_world(folder)
    port = free_port()
    settings = Settings(
        data_dir=folder, profiles_dir=folder / "profiles", log_dir=folder / "logs", demo="off", refresh_minutes=0,
        sessions_per_account=100_000, port=port,
    )  # fmt: skip
    engine = open_engine(settings)
    add_local_accounts(engine)
    engine.dispose()
    from ui.frame.navigation import ACTIONS
    from web.asgi_app import build_app
    from web.server import Server, run

    server = Server(settings)
    visitor = Visitor(settings, server)

    def drive() -> None:
        try:
            visitor.wait()
            visitor.counts(5)  # what is loaded and cached once
            counts, memory = [visitor.counts(sessions)], resident()
            counts += [visitor.counts(sessions) for _ in range(2)]
            files = runtime.get_instance().media_file_mgr._file_metadata
            found = {"counts": counts, "files": len(files), "mb": [memory, resident()]}
            print(json.dumps(found), flush=True)
        except BaseException:  # noqa: BLE001 - the process ends here, whatever it is
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)

    threading.Thread(target=drive, daemon=True).start()
    run(build_app(Path("dashboard.py").resolve(), server, ACTIONS), server)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SESSIONS)
