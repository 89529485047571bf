"""`python -m benchmarks.product_server FOLDER PORT SCRIPT [CLOUD]`: the server with gate and any script."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from sqlalchemy import update

from benchmarks.cloud import ROOT, Cloud, end
from core.access import accounts as access
from core.cache.database import open_database
from core.cache.schema import accounts
from core.roles import command_actor
from core.settings import Settings

ACCOUNT, PASSWORD = "benchmark", "Nur-zum-Messen-1"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """The address of a running server, and the cookie of a signed-in session."""

    url: str
    cookie: str


@contextmanager
def served(folder: Path, script: Path, cloud: Cloud | None = None) -> Iterator[Served]:
    """Run a server with `script` and the database in `folder`/data, in a process of its own.

    With a `cloud` the server can refresh its tenants.
    """
    engine = open_database(settings_for(folder).database)
    access.add(engine, command_actor(), ACCOUNT, PASSWORD, "support")
    with engine.begin() as connection:  # without this the first sign-in asks for a new password
        connection.execute(update(accounts).values(must_change_password=False))
    engine.dispose()
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.product_server", str(folder), str(port), str(script)]
    command += [cloud.url, cloud.ca_bundle, str(cloud.profiles_dir)] if cloud else []
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, text=True)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process)
            yield Served(url, _sign_in(url))
        finally:
            end(process)


def _sign_in(url: str) -> str:
    form = {"name": ACCOUNT, "password": PASSWORD}
    answer = requests.post(f"{url}/login", data=form, headers={"Origin": url}, allow_redirects=False, timeout=30)
    if answer.status_code != 303:
        raise RuntimeError(f"The sign-in failed with HTTP {answer.status_code}.")
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    last = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < last:
        try:
            if requests.get(f"{url}/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError("The server did not start.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(folder: Path, port: int = 1, cloud: Cloud | None = None) -> Settings:
    settings = Settings(
        data_dir=folder / "data",
        profiles_dir=folder / "profiles",
        log_dir=folder / "logs",
        demo="off",
        refresh_minutes=0,
        port=port,
    )
    if cloud is None:
        return settings
    return replace(
        settings, profiles_dir=cloud.profiles_dir, login_url=cloud.url, graph_url=cloud.url, ca_bundle=cloud.ca_bundle
    )


def _main() -> int:
    from ui.frame.navigation import ACTIONS
    from web.asgi_app import build_app
    from web.server import Server, run

    folder, port, script = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    cloud = Cloud(sys.argv[4], sys.argv[5], Path(sys.argv[6])) if len(sys.argv) > 4 else None
    server = Server(settings_for(folder, port, cloud))
    return run(build_app(script, server, ACTIONS), server)


if __name__ == "__main__":
    sys.exit(_main())
