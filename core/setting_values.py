"""Parse the values of settings; each parser returns the value or raises ValueError with the fault."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from core import texts
from core.encryption import parse_key
from core.logs import syslog
from core.masking import hide_secrets

LONGEST_SHOWN = 120  # characters of a faulty value


def _quoted(raw: str) -> str:
    """Return the value for a message; a text in its place if it may contain a password, also of another setting."""
    if "@" in raw or hide_secrets(raw) != raw:
        return "the value, which is not shown because it may hold a password,"
    return repr(raw if len(raw) <= LONGEST_SHOWN else f"{raw[:LONGEST_SHOWN]}…")


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = kind(raw)
        except ValueError:
            value = kind(-1)
        if not least <= value <= most:  # also refuses NaN
            raise ValueError(f"{_quoted(raw)} is not a number from {least:g} to {most:g}.")
        return value

    return parse


def one_of(*allowed: str, upper: bool = False) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        value = raw.upper() if upper else raw.lower()
        if value not in allowed:
            raise ValueError(f"{_quoted(raw)} is none of {', '.join(allowed)}.")
        return value

    return parse


def language_code(raw: str) -> str:
    return one_of(*texts.languages())(raw)


def https_url(raw: str) -> str:
    try:
        parts = urlsplit(raw)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{_quoted(raw)} is not an address of the form https://host[:port].")
    return f"https://{parts.netloc.lower()}"


def database_url(raw: str) -> str:
    try:
        supported = make_url(raw).get_backend_name() in ("sqlite", "postgresql")
    except (ArgumentError, ValueError):
        supported = False
    if not supported:
        # Without the value, which may contain a password.
        raise ValueError("not an address of the form sqlite:///file or postgresql://user:password@host/name.")
    return raw


def time_zone(raw: str) -> str:
    if raw not in available_timezones():
        raise ValueError(f"{_quoted(raw)} is no time zone; a good one is Europe/Zurich.")
    return raw


def host_names(raw: str) -> tuple[str, ...]:
    return tuple(host.strip().lower() for host in raw.split(",") if host.strip())


def ip_networks(raw: str) -> tuple[str, ...]:
    """Return the addresses and networks, each in its normal form."""
    networks = []
    for entry in host_names(raw):
        try:
            network = ip_network(entry)
        except ValueError:
            raise ValueError(
                f"{_quoted(entry)} is no address or network; a good one is 10.0.0.5 or 10.1.0.0/16."
            ) from None
        networks.append(str(network if "/" in entry else network.network_address))
    return tuple(networks)


def syslog_address(raw: str) -> str:
    return str(syslog.parse(raw))


def secret_keys(raw: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_key(key) for key in raw.split(",") if key.strip()))


def yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("true", "false"):
        raise ValueError(f"{_quoted(raw)} is none of true, false.")
    return raw.lower() == "true"
