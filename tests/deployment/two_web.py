"""Two web processes behind HAProxy with TLS, as deploy/ puts them up: `python -m tests.deployment.two_web`.

A browser stays with the process that its cookie names, its websocket goes through, and when that process ends the page
goes on with the other one without a new sign-in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Page, sync_playwright

from core.encryption import new_key
from core.runtime import open_engine
from core.settings import load_settings
from simulator.certificates import server_files
from tests.browser import settled, sign_in, watch
from tests.conftest import CHROMIUM
from tests.deployment.tools import ROOT
from tests.postgres import postgres
from tests.served import PASSWORD, add_local_accounts, free_port, server_process
from ui.frame.navigation import PAGES_BY_ADDRESS

COOKIE = "lizenztool_web"


@contextmanager
def haproxy(folder: Path, servers: list[int]) -> Iterator[tuple[str, str]]:
    """HAProxy with the configuration of deploy/ in front of `servers`; yields its addresses, without and with TLS."""
    plain, secure = free_port(), free_port()
    variables = {"HTTP_BIND": f"127.0.0.1:{plain}", "HTTPS_BIND": f"127.0.0.1:{secure}",
                 "TLS_FILE": str(server_files(folder)[1]), "WEB_1": f"127.0.0.1:{servers[0]}",
                 "WEB_2": f"127.0.0.1:{servers[1]}"}  # fmt: skip
    config = ROOT / "deploy" / "proxy" / "haproxy.cfg"
    with (folder / "haproxy.txt").open("w") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", config], env=os.environ | variables, stdout=log, stderr=log)
    try:
        yield f"http://localhost:{plain}", f"https://localhost:{secure}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def web(stack: ExitStack, folder: Path, port: int, environment: dict[str, str]) -> ExitStack:
    """Start a web process; return what ends it."""
    folder.mkdir()
    own = {
        "LIZENZTOOL_DATA_DIR": f"{folder}/data",
        "LIZENZTOOL_LOG_DIR": f"{folder}/logs",
        "LIZENZTOOL_PORT": str(port),
    }
    process = stack.enter_context(ExitStack())
    process.enter_context(server_process([sys.executable, "app.py"], port, folder, environment | own))
    return process


def server_of(page: Page) -> str:
    """The process that the cookie of a browser names."""
    (cookie,) = [one for one in page.context.cookies() if one["name"] == COOKIE]
    assert cookie["secure"]
    assert cookie["httpOnly"]
    return cookie["value"]


def main() -> int:
    """Go through it; an AssertionError or a time-out says what does not hold."""
    if not shutil.which("haproxy"):
        print("two_web: not checked, haproxy is not installed")
        return 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres())
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
        environment |= {"LIZENZTOOL_DATABASE_URL": database, "LIZENZTOOL_SECRET_KEYS": new_key(),
                        "LIZENZTOOL_ROLE": "web", "LIZENZTOOL_PROXY": "127.0.0.1", "LIZENZTOOL_DEMO": "off",
                        "LIZENZTOOL_PROFILES_DIR": f"{folder}/profiles"}  # fmt: skip
        (folder / "profiles").mkdir()
        environment |= {"LIZENZTOOL_DATA_DIR": f"{folder}/data", "LIZENZTOOL_LOG_DIR": f"{folder}/logs"}
        subprocess.run([sys.executable, "-m", "core", "db", "upgrade"], cwd=ROOT, env=environment, check=True)
        engine = open_engine(load_settings(environment, None))
        add_local_accounts(engine)
        ports = [free_port(), free_port()]
        processes = {f"web-{n}": web(stack, folder / f"{n}", port, environment) for n, port in enumerate(ports, 1)}
        plain, url = stack.enter_context(haproxy(folder, ports))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        pages = []
        for _ in range(4):
            page = browser.new_context(ignore_https_errors=True).new_page()
            page.set_default_timeout(90_000)
            complaints = watch(page.context, url)
            page.goto(f"{url}/login")
            sign_in(page, "anna", PASSWORD)
            pages.append((page, server_of(page), complaints))
        assert {server for _, server, _ in pages} == {"web-1", "web-2"}, "one process has all browsers"
        for page, server, complaints in pages:
            for address in list(PAGES_BY_ADDRESS)[:3]:
                page.goto(f"{url}/{address}")
                settled(page)
                assert server_of(page) == server
            assert complaints == []
        page, server, _ = pages[0]
        processes[server].close()
        page.goto(url)
        settled(page)
        assert server_of(page) != server
        people, program = (requests.get(plain + path, timeout=10, allow_redirects=False) for path in ("/", "/api/v1/x"))
        assert (people.status_code, people.headers["location"][:8]) == (301, "https://")
        assert program.status_code == 403
        browser.close()
        engine.dispose()
    print("two_web: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
