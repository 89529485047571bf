"""The server in a process of its own: `python -m tests.served FOLDER PORT` runs it, `serve` does so for a test."""

import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
import requests
from sqlalchemy import Engine, select, update

from core.access.sessions import session_id, start_session
from core.cache import account_rows
from core.cache.account_rows import Account
from core.cache.schema import sessions
from core.roles import Action
from core.runtime import open_engine
from core.settings import Settings
from tests.actors import entry
from tests.warm_process import ROOT, WarmProcess

PASSWORD = "Richtig-1-lang"
ROLES = {"anna": "admin", "vera": "viewer", "sven": "support"}

DASHBOARD = """
from pathlib import Path
import streamlit as st

def leave_mark(what):
    with Path(__file__).with_name("marks.txt").open("a") as file:
        file.write(what + "\\n")

@st.cache_data
def costly():
    leave_mark("costly")
    return 1

pages = [st.Page("pages/one.py", title="One", default=True), st.Page("pages/two.py", title="Two", url_path="two")]
pages.append(st.Page("pages/slow.py", title="Slow", url_path="slow"))
if st.user.get("role") == "admin":
    pages.append(st.Page("pages/secret.py", title="Secret", url_path="secret"))
page = st.navigation(pages)
costly()
st.session_state.setdefault("owner", st.user.get("name"))
st.text(f"name={st.user.get('name')} role={st.user.get('role')} owner={st.session_state['owner']}")
page.run()
"""
ADDRESSES = {"": Action.LOOK, "two": Action.LOOK, "slow": Action.LOOK, "secret": Action.ACCOUNTS}
PAGES = {
    "one": """
import streamlit as st
from pathlib import Path

MARKS = Path(__file__).parent.with_name("marks.txt")

def leave_mark(what):
    with MARKS.open("a") as file:
        file.write(what + "\\n")

@st.fragment
def part():
    st.button("In the fragment", on_click=leave_mark, args=("fragment callback",))
    leave_mark("fragment")

st.title("One")
st.button("Press", on_click=leave_mark, args=("callback",))
st.download_button("CSV", data="a;b", file_name="a.csv")
st.download_button("CSV on click", data=lambda: "c;d", file_name="c.csv")
part()
""",
    "slow": """
import time
import streamlit as st
from pathlib import Path

MARKS = Path(__file__).parent.with_name("marks.txt")

def leave_mark(what):
    with MARKS.open("a") as file:
        file.write(what + "\\n")

try:
    for step in range(30):
        st.text(f"step {step}")
        time.sleep(0.1)
    leave_mark("slow page at its end")
finally:  # also when it is stopped
    leave_mark("slow page is over")
""",
    "two": "import streamlit as st\nst.title('Two')\nst.text_input('Search', key='q', bind='query-params')\n",
    "secret": """
import streamlit as st
from pathlib import Path

with Path(__file__).parent.with_name("marks.txt").open("a") as file:
    file.write("secret page\\n")
st.title("Secret")
""",
}


@dataclass
class Served:
    """A running server, its folder and its database as another process (the command line) sees it."""

    url: str
    folder: Path
    engine: Engine

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    def session(self, account: str = "anna", age: timedelta = timedelta(0)) -> str:
        """Return the token of a new session that was started and last used `age` ago."""
        return start_session(self.engine, account, datetime.now(UTC) - age)

    def cookie(self, account: str = "anna") -> dict[str, str]:
        return {"lizenztool_session": self.session(account)}

    def change(self, token: str, **columns: datetime) -> None:
        """Change columns in the row of the session."""
        with self.engine.begin() as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == session_id(token)).values(**columns))

    def revoke(self, token: str) -> None:
        self.change(token, revoked_at=datetime.now(UTC))

    def last_seen(self, token: str) -> datetime:
        with self.engine.begin() as connection:
            row = select(sessions.c.last_seen_at).where(sessions.c.token_hash == session_id(token))
            seen: datetime = connection.execute(row).scalar_one()
        return seen

    def marks(self) -> list[str]:
        """Return the marks that code of the pages has left so far."""
        file = self.folder / "marks.txt"
        return file.read_text().splitlines() if file.exists() else []


@contextmanager
def serve(folder: Path, **settings: Any) -> Iterator[Served]:
    """Start the server on a free loopback port and stop it, by its id, at the end. `settings` as JSON knows them."""
    write_script(folder)
    engine = open_engine(_settings(folder, 1))
    add_local_accounts(engine)
    port = free_port()
    try:
        command = [sys.executable, "-m", "tests.served", str(folder), str(port), json.dumps(settings)]
        with server_process(command, port, folder) as url:
            yield Served(url, folder, engine)
    finally:
        engine.dispose()


def add_local_accounts(engine: Engine) -> None:
    """Add an account of each role, all with PASSWORD."""
    now = datetime.now(UTC)
    # Cost 4 instead of 12: the tests sign in often.
    quick = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    for name, role in ROLES.items():
        account_rows.add_account(
            engine, Account(name, quick, role, disabled=False, created_at=now, password_changed_at=now), entry()
        )


@contextmanager
def server_process(
    command: list[str], port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run the server until the end of the block and yield its address; its output goes to output.txt in `folder`."""
    url, output = f"http://127.0.0.1:{port}", folder / "output.txt"
    with output.open("w") as file:
        process = WarmProcess(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(url, process, output)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def write_script(folder: Path) -> Path:
    """Write dashboard.py with a folder pages/ beside it, which Streamlit would serve by itself, and return its path."""
    (folder / "pages").mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (folder / "pages" / f"{name}.py").write_text(text)
    script = folder / "dashboard.py"
    script.write_text(DASHBOARD)
    return script


def free_port() -> int:
    """A port below those that the system gives to whoever connects: who waits for one of those may meet himself."""
    while True:
        port = random.SystemRandom().randint(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_until_ready(url: str, process: subprocess.Popen[str], output: Path) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            if requests.get(f"{url}/health", timeout=20).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.02)
    raise RuntimeError(f"The server did not start:\n{output.read_text()}")


def _settings(folder: Path, port: int, **others: Any) -> Settings:
    own: dict[str, Any] = {
        "data_dir": folder / "data",
        "profiles_dir": folder / "profiles",
        "log_dir": folder / "logs",
        "demo": "off",
        "refresh_minutes": 0,
        "sessions_per_account": 1_000,  # many tests share a server
        "port": port,
    }
    return Settings(**own | others)


if __name__ == "__main__":
    from web import tab, uvicorn_internals
    from web.asgi_app import build_app
    from web.server import Server, run

    tab.REDIRECT_SECONDS, uvicorn_internals.CLOSE_SECONDS = (
        0.2,
        0.2,
    )  # a browser needs 1 and 2
    target = Path(sys.argv[1])
    server = Server(_settings(target, int(sys.argv[2]), **json.loads(sys.argv[3])))
    sys.exit(run(build_app(target / "dashboard.py", server, ADDRESSES), server))
