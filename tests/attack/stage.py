"""The product started as its README says, with the demo's tenants; and somebody honest who uses it meanwhile."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import bcrypt
from sqlalchemy import Engine

from core.access import passwords
from core.access.sessions import start_session
from core.cache import account_rows
from core.cache.account_rows import Account
from core.runtime import open_engine
from core.settings import Settings
from tests.actors import entry
from tests.attack.raw import HOME, get
from tests.served import ROOT, free_port
from tests.warm_process import WarmProcess
from tests.ws_client import Tab

NOFILE = 1024  # what many systems give a service
PASSWORD = "Richtig-1-lang"
PEOPLE = {"olga": "admin", "vera": "viewer", "henri": "support"}
START_SECONDS = 60.0
PAUSE_SECONDS = 0.1  # between two looks of the honest user


@dataclass(frozen=True, slots=True)
class Product:
    """A running product: where it answers, its process, its folder."""

    url: str
    pid: int
    folder: Path

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    @property
    def port(self) -> int:
        return int(self.host.partition(":")[2])

    @contextmanager
    def database(self) -> Iterator[Engine]:
        engine = open_engine(Settings(data_dir=self.folder / "data" / "demo"))
        try:
            yield engine
        finally:
            engine.dispose()

    def session(self, account: str) -> str:
        """The token of a new session of `account`, as its sign-in would give."""
        with self.database() as engine:
            return start_session(engine, account, datetime.now(UTC))

    def memory(self) -> float:
        """Resident memory of the process, MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("The product is gone.")

    def files(self) -> int:
        """How many descriptors the process holds open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def logs(self) -> bytes:
        """Everything that is in its log and on its console."""
        found = [self.folder / "output.txt", *sorted((self.folder / "logs").glob("*"))]
        return b"".join(file.read_bytes() for file in found if file.is_file())

    def command(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """`python -m core` beside the running dashboard."""
        command = [sys.executable, "-m", "core", *arguments]
        demo = {"LIZENZTOOL_DATA_DIR": str(self.folder / "data" / "demo"), "LIZENZTOOL_DEMO": "off"}
        environment = _environment(self.folder, self.port) | demo
        pipe = subprocess.PIPE
        with WarmProcess(
            command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as process:
            output, errors = process.communicate(text, timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


# `python app.py` with NOFILE descriptors, and passwords of a given cost
FEW_FILES = f"""import resource, runpy, sys
from core.access import passwords
passwords.COST, passwords.UNKNOWN_ACCOUNT_HASH = int(sys.argv[1]), sys.argv[2]
resource.setrlimit(resource.RLIMIT_NOFILE, ({NOFILE}, {NOFILE}))
sys.argv = ["app.py"]
runpy.run_path("app.py", run_name="__main__")"""


@contextmanager
def product(folder: Path, cost: int = passwords.COST) -> Iterator[Product]:
    """`python app.py` with the demo, NOFILE descriptors and three people who have signed in before.

    `cost` is that of each password; by default as in the product.
    """
    port, unknown = free_port(), bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(cost)).decode()
    command = [sys.executable, "-c", FEW_FILES, str(cost), unknown]
    with (folder / "output.txt").open("w") as output:
        process = WarmProcess(command, cwd=ROOT, env=_environment(folder, port), stdout=output, stderr=output)
        try:
            _wait_until_ready(port, process, folder)
            found = Product(f"http://127.0.0.1:{port}", process.pid, folder)
            _add_people(found, cost)
            yield found
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(folder: Path, port: int) -> dict[str, str]:
    own = {
        "DATA_DIR": folder / "data",
        "LOG_DIR": folder / "logs",
        "PROFILES_DIR": folder / "profiles",
        "DEMO": "on",
        "PORT": port,
        "REFRESH_MINUTES": 0,
    }
    return os.environ | {f"LIZENZTOOL_{name}": str(value) for name, value in own.items()}


def _wait_until_ready(port: int, process: subprocess.Popen[str], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if get(port, "/health").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The product did not start:\n{(folder / 'output.txt').read_text()}")


def _add_people(target: Product, cost: int) -> None:
    now, hashed = datetime.now(UTC), bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode()
    with target.database() as engine:
        for name, role in PEOPLE.items():
            account_rows.add_account(engine, Account(name, hashed, role, False, now, now), entry())


def attacking() -> ProcessPoolExecutor:
    """A process for one attack: attackers sit on other machines, and take no turn of the honest user."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.attack.attacks"])
    return ProcessPoolExecutor(1, context, _as_elsewhere)


def _as_elsewhere() -> None:
    os.nice(10)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass
class Honest:
    """Asks /health and opens the start page, as somebody from another machine, until the end of the block."""

    target: Product
    health: list[float] = field(default_factory=list)  # seconds
    page: list[float] = field(default_factory=list)  # seconds
    failed: list[str] = field(default_factory=list)
    _token: str = ""
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._token = self.target.session("henri")
        self._page()
        for look, times in ((self._health, self.health), (self._page, self.page)):
            thread = threading.Thread(target=self._again, args=(look, times), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def worst(self) -> tuple[float, float]:
        """(/health, page): the longest answer in seconds; infinite when one failed or none came."""
        if self.failed:
            return float("inf"), float("inf")
        return max(self.health, default=float("inf")), max(self.page, default=float("inf"))

    def _health(self) -> None:
        answer = get(self.target.port, "/health", source=HOME)
        if answer.status != 200:
            raise http.client.HTTPException(f"/health answered {answer.status}")

    def _page(self) -> None:
        with Tab(self.target, self._token, source=HOME) as tab:
            tab.rerun()

    def _again(self, look: Callable[[], object], times: list[float]) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            try:
                look()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what the user gets
                self.failed.append(f"{type(error).__name__}: {error}")
                return
            times.append(time.perf_counter() - began)
            self._over.wait(PAUSE_SECONDS)
