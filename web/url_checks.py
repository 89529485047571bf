"""Checks of addresses: allowed host names, pages of origin, and targets that stay on this server."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

LONGEST_TARGET = 2000


class Hosts:
    """The host names under which the server may be called.

    A foreign page can let its own host name resolve to this server's address and then call the server as the "same
    origin" (DNS rebinding). That needs a name, so IP addresses (10.1.2.3, [::1]) and localhost are always allowed, a
    name only if it is the machine's own or in LIZENZTOOL_ALLOWED_HOSTS (`*.example.ch` and `*` work).
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._names = {name.lower().rstrip(".") for name in allowed} or {socket.gethostname().lower()}

    def allows(self, host: str | None) -> bool:
        name = _hostname(host)
        if name is None:
            return False
        if "*" in self._names or name == "localhost" or name in self._names or _is_address(name):
            return True
        return any(pattern.startswith("*.") and name.endswith(pattern[1:]) for pattern in self._names)


def same_origin(origin: str | None, host: str | None) -> bool:
    """Return True if `origin` is this server or is missing; foreign pages always send it."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:  # `http://[`, or letters that become delimiters of an address by normalisation
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    return _without_default_port(parts.netloc) == _without_default_port(host)


def local_path(target: str | None) -> str:
    """Return `target` if it is a path of this server, else `/`: the sign-in never redirects to another server."""
    if not target or len(target) > LONGEST_TARGET or not target.startswith("/") or target.startswith("//"):
        return "/"
    # Browsers read a backslash as a slash and drop control characters: `/\evil` and `/<tab>/evil` lead away.
    if "\\" in target or any(ord(sign) <= 32 or ord(sign) == 127 for sign in target):
        return "/"
    path = target.partition("?")[0]
    return "/" if path.rstrip("/") in ("/login", "/logout") or path.startswith("/login/") else target


def _hostname(host: str | None) -> str | None:
    try:
        parts = urlsplit(f"//{host or ''}")
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_default_port(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")
