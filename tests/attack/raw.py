"""HTTP and sockets as no browser makes them, each from an address of its own choosing on loopback."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

HOME = "127.0.0.1"  # where the honest user sits; attackers come from elsewhere in 127.0.0.0/8
ATTACKER = "127.0.66.1"
TIMEOUT = 30.0
SILENCE = 1.0  # seconds without a word, after which none is expected; the suite sets less


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes
    cookies: tuple[tuple[str, str], ...] = ()  # (name, value) of each that was set


def get(port: int, path: str, *, source: str = HOME, headers: Mapping[str, str] | None = None) -> Answer:
    """One GET. Raises OSError, HTTPException."""
    return _ask(port, "GET", path, source, headers or {}, None)


def post(
    port: int, path: str, form: Mapping[str, str], *, source: str = HOME, headers: Mapping[str, str] | None = None
) -> Answer:
    """One form, from our own page unless `headers` say otherwise. Raises OSError, HTTPException."""
    own = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
    return _ask(port, "POST", path, source, own | dict(headers or {}), urlencode(form))


def cookie(token: str, **others: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in {"lizenztool_session": token, **others}.items())}


def dial(port: int, data: bytes = b"", *, source: str = ATTACKER) -> socket.socket:
    """An open connection on which `data` were sent and nothing was read."""
    made = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
    if data:
        made.sendall(data)
    return made


def say(port: int, data: bytes, *, source: str = ATTACKER) -> bytes:
    """What the server answers to these bytes until it closes or falls silent; b"" for a reset."""
    found = b""
    with dial(port, source=source) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(SILENCE)
            while more := connection.recv(65_536):
                found += more
        except (TimeoutError, ConnectionError):
            pass
    return found


def _ask(port: int, method: str, path: str, source: str, headers: Mapping[str, str], body: str | None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT, source_address=(source, 0))
    try:
        connection.request(method, path, body, dict(headers))
        got = connection.getresponse()
        headers_of = got.getheaders()
        cookies = [value.partition(";")[0].partition("=") for name, value in headers_of if name.lower() == "set-cookie"]
        named = {name.lower(): value for name, value in headers_of}
        return Answer(got.status, named, got.read(), tuple((name, value) for name, _, value in cookies))
    finally:
        connection.close()
