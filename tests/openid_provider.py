"""A real OpenID provider in the place of Microsoft Entra ID (npm's oidc-provider), and the server that trusts it.

`python -m tests.openid_provider SCRIPT` runs the server with the settings of the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from filelock import FileLock
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import Engine

from core.access.sessions import Session, session_of
from core.cache.database import open_database
from core.profiles.auth_profiles import CALLBACK
from simulator.certificates import rsa_key, server_files, write_app_certificate
from simulator.profiles import guid
from tests.served import ADDRESSES, PASSWORD, add_local_accounts, free_port, server_process, write_script

SOURCE = Path(__file__).parent / "openid"
TENANT, OTHER_TENANT = guid("office"), guid("somebody else")
SECRET = "a secret of the app registration, long enough"
SECRET_VARIABLE = "OFFICE_CLIENT_SECRET"
BY_SECRET, BY_CERTIFICATE = guid("by secret"), guid("by certificate")
PATH = f"/{TENANT}/v2.0"  # where Entra has its provider, too
NINE_HOURS = 9 * 3600


def person(name: str, *roles: str, **claims: Any) -> dict[str, Any]:
    """The claims of somebody as Entra sends them."""
    mail = f"{name.partition(' ')[0].lower()}@contoso.example"
    always = {"tid": TENANT, "oid": guid("oid", name), "name": name, "preferred_username": mail}
    return {"claims": always | ({"roles": list(roles)} if roles else {}) | claims}


PEOPLE = {
    "vera": person("Vera Viewer", "viewer"),
    "sven": person("Sven Support", "support"),
    "ada": person("Ada Admin", "viewer", "admin"),
    "otto": person("Otto Old", "support") | {"age": NINE_HOURS},
    "nora": person("Nora Norole"),
    "dora": person("Dora Disabled", "support"),
    "gina": person(
        "Gina Groups", _claim_names={"groups": "src1"}, _claim_sources={"src1": {"endpoint": "https://graph.example"}}
    ),
    "tina": person("Tina Tenant", "admin", tid=OTHER_TENANT),
    "hans": person("Hans Halb", "admin", oid=""),
}


@dataclass
class Entrance:
    """The server, its sign-in profile, its database, and the provider beside it."""

    url: str
    provider: str
    folder: Path
    engine: Engine
    ca: Path
    command: list[str]
    environment: dict[str, str]

    @property
    def profile(self) -> dict[str, Any]:
        """A good profile, as for Microsoft itself."""
        return {"tenant_id": TENANT, "client_id": BY_SECRET, "client_secret_env": SECRET_VARIABLE}

    @property
    def file(self) -> Path:
        return self.folder / "profiles" / "auth" / "office.json"

    def write_profile(self, **changes: Any) -> None:
        """The sign-in profile after `changes`; a field set to ... is left out. It counts from the next request."""
        content = {name: value for name, value in (self.profile | changes).items() if value is not ...}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(content))


class Visitor(requests.Session):
    """A browser without a screen: keeps cookies, goes where it is sent, fills in the provider's form."""

    def __init__(self, entrance: Entrance) -> None:
        super().__init__()
        self.entrance = entrance
        self.verify = str(entrance.ca)
        self.trust_env = False

    def to_callback(self, login: str, start: str = "/login/microsoft") -> str:
        """Sign in at the provider; the address to which it sends the browser back, not yet visited."""
        for cookie in [cookie for cookie in self.cookies if cookie.domain.startswith("localhost")]:
            self.cookies.clear(cookie.domain, cookie.path, cookie.name)  # else the provider knows who it was last
        form = self.get(self.entrance.url + start)
        assert form.url.startswith(self.entrance.provider), form.text
        return self.send_form(form.url, {"login": login, "go": "in"})

    def cancel(self) -> str:
        form = self.get(f"{self.entrance.url}/login/microsoft")
        return self.send_form(form.url, {"go": "cancel"})

    def send_form(self, url: str, fields: dict[str, str]) -> str:
        answer = self.post(url, fields, allow_redirects=False)
        while answer.is_redirect:
            url = answer.headers["location"]
            if url.startswith(self.entrance.url):
                return url
            answer = self.get(url, allow_redirects=False)
        raise AssertionError(answer.text)

    def sign_in(self, login: str, start: str = "/login/microsoft") -> requests.Response:
        """All the way: the page that the server shows in the end."""
        return self.get(self.to_callback(login, start))

    def sign_in_locally(self, name: str, password: str = PASSWORD) -> requests.Response:
        return self.post(f"{self.entrance.url}/login", {"name": name, "password": password}, allow_redirects=False)

    @property
    def session(self) -> Session | None:
        """What the server makes of this browser."""
        token = self.cookies.get("lizenztool_session", "")
        return session_of(self.entrance.engine, token, datetime.now(UTC))


@contextmanager
def entrance(folder: Path, *, alone: bool = False, **settings: str) -> Iterator[Entrance]:
    """Provider and server, ended with the block; `alone` is the server without its provider."""
    port, own = free_port(), free_port()
    ca, key = server_files(folder / "tls")
    certificate = folder / "certs" / "office.pem"
    write_app_certificate(certificate, "office", rsa_key(0), 30)
    url, login_url = f"http://127.0.0.1:{own}", f"https://localhost:{port}"
    with nullcontext() if alone else _provider(folder, port, key, f"{url}{CALLBACK}"):
        environment = _environment(folder, own, ca) | {"LIZENZTOOL_LOGIN_URL": login_url} | settings
        script = write_script(folder)
        own_file = f"sqlite:///{folder / 'data' / 'lizenztool.db'}"
        engine = open_database(settings.get("LIZENZTOOL_DATABASE_URL", own_file))
        add_local_accounts(engine)
        command = [sys.executable, "-m", "tests.openid_provider", str(script)]
        found = Entrance(url, login_url + PATH, folder, engine, ca, command, environment)
        found.write_profile()
        try:
            with server_process(command, own, folder, environment):
                yield found
        finally:
            engine.dispose()


@contextmanager
def another_server(beside: Entrance) -> Iterator[str]:
    """The address of a second server with the same settings as the first, but a port of its own."""
    port, folder = free_port(), beside.folder / "second"
    folder.mkdir()
    environment = beside.environment | {"LIZENZTOOL_PORT": str(port), "LIZENZTOOL_LOG_DIR": str(folder / "logs")}
    with server_process(beside.command, port, folder, environment) as url:
        yield url


def _environment(folder: Path, port: int, ca: Path) -> dict[str, str]:
    ours = {
        "DATA_DIR": str(folder / "data"),
        "PROFILES_DIR": str(folder / "profiles"),
        "LOG_DIR": str(folder / "logs"),
        "DEMO": "off",
        "REFRESH_MINUTES": "0",
        "PORT": str(port),
    }
    (folder / "data").mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    named = {f"LIZENZTOOL_{name}": value for name, value in ours.items()}
    return {**inherited, **named, "REQUESTS_CA_BUNDLE": str(ca), SECRET_VARIABLE: SECRET}


@contextmanager
def _provider(folder: Path, port: int, key: Path, redirect_url: str) -> Iterator[None]:
    place = folder / "provider"
    place.mkdir()
    (place / "node_modules").symlink_to(_node_modules())
    shutil.copy(SOURCE / "provider.mjs", place)
    settings = place / "settings.json"
    settings.write_text(json.dumps(_provider_settings(port, key, redirect_url)))
    output = place / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["node", "provider.mjs", settings.name], cwd=place, stdin=subprocess.PIPE, stdout=file, stderr=file
        )
        try:
            _wait_for("ready", output, process)
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=20)


def _provider_settings(port: int, key: Path, redirect_url: str) -> dict[str, Any]:
    common = {
        "redirect_uris": [redirect_url],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "require_auth_time": True,
    }
    public = json.loads(RSAAlgorithm.to_jwk(rsa_key(0).public_key()))
    signing = json.loads(RSAAlgorithm.to_jwk(rsa_key(1))) | {"use": "sig", "kid": "provider"}
    by_secret = {"client_id": BY_SECRET, "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
    by_certificate = {
        "client_id": BY_CERTIFICATE,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "jwks": {"keys": [public | {"use": "sig"}]},
    }
    return {
        "port": port,
        "path": PATH,
        "key": str(key),
        "clients": [common | by_secret, common | by_certificate],
        "jwks": {"keys": [signing]},
        "people": PEOPLE,
    }


def _node_modules() -> Path:
    """What package-lock.json says, installed once per environment; the tests fail when that is not possible."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.fail(
            "The sign-in tests need node (20 or newer) and npm: apt-get install nodejs npm, then run them again."
        )
    lock = SOURCE / "package-lock.json"
    place = Path(sys.prefix, "openid", hashlib.sha256(lock.read_bytes()).hexdigest()[:12])
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / "lock"):
        if not (place / "done").exists():
            for name in ("package.json", lock.name):
                shutil.copy(SOURCE / name, place)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=170, check=False)
            if done.returncode:
                pytest.fail(f"npm could not install the provider of the sign-in tests:\n{done.stderr[-2000:]}")
            (place / "done").touch()
    return place / "node_modules"


def _wait_for(word: str, output: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while word not in output.read_text():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"The provider did not start:\n{output.read_text()}")
        time.sleep(0.05)


if __name__ == "__main__":
    from core.settings import load_settings
    from web.asgi_app import build_app
    from web.server import Server, run

    server = Server(load_settings(env_file=None))
    sys.exit(run(build_app(Path(sys.argv[1]), server, ADDRESSES), server))
