"""Parse the values of settings; each parser returns the value or raises SettingFault."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from core import texts
from core.encryption import parse_key
from core.logs import syslog
from core.name_key import guid_key
from core.setting_faults import SettingFault

KEEP = re.compile(r"[1-9]\d{0,4}[hdwm]")


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = kind(raw)
        except ValueError:
            value = kind(-1)
        if not least <= value <= most:  # also refuses NaN
            raise SettingFault("number", raw, least=f"{least:g}", most=f"{most:g}")
        return value

    return parse


def one_of(*allowed: str, upper: bool = False) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        value = raw.upper() if upper else raw.lower()
        if value not in allowed:
            raise SettingFault("one_of", raw, allowed=", ".join(allowed))
        return value

    return parse


def guid(raw: str) -> str:
    if not guid_key(raw):
        raise SettingFault("guid", raw)
    return guid_key(raw)


def language_code(raw: str) -> str:
    return one_of(*texts.languages())(raw)


def collector_url(raw: str) -> str:
    """Return the address of a collector of traces, which may speak http on the own network."""
    try:
        parts = urlsplit(raw)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise SettingFault("collector_url", raw)
    return raw.rstrip("/")


def https_url(raw: str) -> str:
    try:
        parts = urlsplit(raw)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingFault("https_url", raw)
    return f"https://{parts.netloc.lower()}"


def database_url(raw: str) -> str:
    try:
        supported = make_url(raw).get_backend_name() in ("sqlite", "postgresql")
    except (ArgumentError, ValueError):
        supported = False
    if not supported:
        raise SettingFault("database_url")  # without the value, which may contain a password
    return raw


def time_zone(raw: str) -> str:
    if raw not in available_timezones():
        raise SettingFault("time_zone", raw)
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
            raise SettingFault("network", entry) from None
        networks.append(str(network if "/" in entry else network.network_address))
    return tuple(networks)


def syslog_address(raw: str) -> str:
    try:
        return str(syslog.parse(raw))
    except ValueError:
        raise SettingFault("syslog") from None


def secret_keys(raw: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(parse_key(key) for key in raw.split(",") if key.strip()))
    except ValueError:
        raise SettingFault("secret_key") from None


def backup_recipients(raw: str) -> tuple[str, ...]:
    """Return the public keys of age; only a machine with backups loads its library."""
    from pyrage import RecipientError, x25519

    keys = tuple(dict.fromkeys(key.strip() for key in raw.split(",") if key.strip()))
    try:
        for key in keys:
            x25519.Recipient.from_str(key)
    except RecipientError:
        raise SettingFault("backup_recipient") from None  # without the value: it may be the private key
    return keys


def backup_keep(raw: str) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in raw.split(",") if entry.strip())
    if not entries or not all(KEEP.fullmatch(entry) for entry in entries):
        raise SettingFault("backup_keep", raw)
    return entries


def yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("true", "false"):
        raise SettingFault("one_of", raw, allowed="true, false")
    return raw.lower() == "true"
