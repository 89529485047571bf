"""Processes of the product that start in 20 ms instead of two seconds: forks of one that has imported what they import.

`WarmProcess` is used like `subprocess.Popen` for `[sys.executable, ...]`. The warm process of its own
(`python -m tests.warm_process FD`) imports the product once for each process of pytest, and then forks a process for
each order that comes over its socket. A test about the start itself takes `subprocess.Popen`.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import bcrypt
from streamlit.components.v2 import manifest_scanner

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = (
    "web.server", "web.asgi_app", "ui.frame.navigation", "core.__main__", "tests.served", "psycopg",
    "streamlit.web.server.starlette", "uvicorn.loops.auto", "uvicorn.lifespan.on", "core.cache.upgrade",
    "core.cache.shared_frames",
)  # fmt: skip
NOT_IMPORTED = {"core.__main__", "tests.served"}  # run as programs: runpy warns of a module that is there already
PR_SET_CHILD_SUBREAPER = 36
CHEAP = 4  # rounds of bcrypt, the least there are
LARGEST_ORDER = 1_000_000


class WarmProcess(subprocess.Popen[str]):
    """A forked process; it has the environment, folder and streams that `subprocess.Popen` would give it."""

    def _execute_child(self, command: list[str], *others: Any) -> None:
        """Stand in, on Linux, for the fork and exec of `subprocess.Popen`, whose arguments these are."""
        if sys.platform != "linux":
            super()._execute_child(command, *others)  # type: ignore[misc]
            return
        folder, environment, pipes = others[4] or Path.cwd(), others[5], others[9:15]
        streams = [pipe if pipe >= 0 else number for number, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        environment = dict(os.environ if environment is None else environment)
        self.pid = _order(command[1:], str(folder), environment, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def _order(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> int:
    """Return the id of a new process, a child of this one."""
    os.umask(mask := os.umask(0o077))
    order = json.dumps([words, folder, environment, mask]).encode("utf-8", "surrogateescape")
    with _one_at_a_time:
        warm = _warm_process()
        socket.send_fds(warm, [len(order).to_bytes(4, "big")], streams)
        warm.sendall(order)
        return int.from_bytes(warm.recv(4), "big")


_one_at_a_time = threading.Lock()


@cache
def _warm_process() -> socket.socket:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what it forks becomes a child of ours
    ours, its = socket.socketpair()
    with its:
        command = [sys.executable, "-m", "tests.warm_process", str(its.fileno())]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(orders: socket.socket) -> list[str]:
    """Fork for each order; return its words in each forked process, and end when nobody can order any more."""
    while True:
        length, streams, _, _ = socket.recv_fds(orders, 4, 3)
        if not length:
            sys.exit()
        order = b""
        while len(order) < int.from_bytes(length, "big"):
            order += orders.recv(LARGEST_ORDER)
        # The process between ends at once, and the forked one becomes a child of the process that has ordered it.
        if (between := os.fork()) == 0:
            between = os.getpid()
            if os.fork():
                os._exit(0)
            while os.getppid() == between:
                os.sched_yield()
            with orders:
                orders.sendall(os.getpid().to_bytes(4, "big"))
            return _as_ordered(order, streams)
        os.waitpid(between, 0)
        for stream in streams:
            os.close(stream)


def _as_ordered(order: bytes, streams: list[int]) -> list[str]:
    """Take streams, folder, environment and umask of the order; return its words."""
    words, folder, environment, mask = json.loads(order)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.umask(mask)
    return list(words)


def run(words: list[str]) -> None:
    """Do what `python WORDS` does: `-m module`, `-c code` or a script, each with its arguments."""
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def leave(code: object) -> NoReturn:
    """End the process as Python does, but leave its thousand modules to the system: taking them apart costs 0.2 s."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


def read_component_manifests() -> None:
    """Read once what Streamlit reads of every installed package when a server starts."""
    scan = cache(manifest_scanner.scan_component_manifests)
    scan()
    manifest_scanner.scan_component_manifests = scan


def make_hashes_cheap() -> None:
    """Passwords cost 2 ms instead of 0.3 s; a program that is about their cost reloads `core.access.passwords`."""
    passwords = importlib.import_module("core.access.passwords")
    passwords.COST = CHEAP  # type: ignore[attr-defined]
    passwords.UNKNOWN_ACCOUNT_HASH = bcrypt.hashpw(b"nobody has it", bcrypt.gensalt(CHEAP)).decode()  # type: ignore[attr-defined]


def make_waits_short() -> None:
    """What tries again by itself does so each second, not each tenth; a result leaves the page after half the time."""
    steps = importlib.import_module("core.onboarding.steps")
    steps.RETRY_EVERY = timedelta(seconds=1)  # type: ignore[attr-defined]
    result = importlib.import_module("ui.frame.refresh_result")
    result.SECONDS = 4  # type: ignore[attr-defined]


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        make_waits_short()  # before others take its names over
        for name in IMPORTED:
            importlib.import_module(name)
        for name in NOT_IMPORTED:
            del sys.modules[name]
        read_component_manifests()
        make_hashes_cheap()
        assert threading.active_count() == 1, "a fork has one thread"
        gc.freeze()
        words = serve(orders)
    try:
        run(words)
    except SystemExit as ended:
        leave(ended.code)
    leave(None)


if __name__ == "__main__":
    main()
