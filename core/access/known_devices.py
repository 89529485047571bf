"""Recognise devices that have signed in to an account before, by a signed cookie that opens nothing by itself.

Each account has its own key for the signature, in the database. A new password, or the end of all sessions, deletes
the key, and no device is known any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.cache import device_rows
from core.caller_networks import networks_of

LASTING = timedelta(days=180)
MOST_ACCOUNTS = 4  # in the cookie of one browser


def device_of(engine: Engine, name: str, cookie: str, now: datetime) -> str:
    """Return the id of the known device if `cookie` has a valid entry for the account `name`, else ""."""
    entry = _entries(cookie).get(_tag(name))
    return "" if entry is None or not _is_valid(engine, name, entry, now) else entry[0]


def remember(engine: Engine, name: str, cookie: str, now: datetime) -> str:
    """Return the new cookie, with an entry for the account `name`; "" if there is no such account.

    Entries of other accounts stay.
    """
    key = device_rows.key_of(engine, name) or device_rows.make_key(engine, name, secrets.token_hex(32))
    if not key:
        return ""
    device = device_of(engine, name, cookie, now) or secrets.token_hex(8)
    at = int(now.timestamp())
    others = {tag: entry for tag, entry in _entries(cookie).items() if tag != _tag(name)}
    entries = {_tag(name): (device, str(at), _signature(key, name, device, str(at))), **others}
    return "~".join(".".join((tag, *entry)) for tag, entry in list(entries.items())[:MOST_ACCOUNTS])


def is_known_network(engine: Engine, name: str, network: str) -> bool:
    """Return True if one of the stored sessions of the account `name` came from `network`."""
    return any(networks_of(address)[0] == network for address in device_rows.addresses_of(engine, name))


def _is_valid(engine: Engine, name: str, entry: tuple[str, str, str], now: datetime) -> bool:
    device, at, signature = entry
    key = device_rows.key_of(engine, name)
    if not key or not hmac.compare_digest(_signature(key, name, device, at), signature):
        return False
    return abs(int(now.timestamp()) - int(at)) < LASTING.total_seconds()


def _signature(key: str, name: str, device: str, at: str) -> str:
    return hmac.new(bytes.fromhex(key), f"{name}|{device}|{at}".encode(), hashlib.sha256).hexdigest()


def _entries(cookie: str) -> dict[str, tuple[str, str, str]]:
    """Return account tag -> (device, time, signature), of at most MOST_ACCOUNTS accounts."""
    entries = [entry.split(".") for entry in cookie.split("~", MOST_ACCOUNTS)[:MOST_ACCOUNTS] if entry.isascii()]
    return {parts[0]: (parts[1], parts[2], parts[3]) for parts in entries if len(parts) == 4}


def _tag(name: str) -> str:
    """Return what stands for the account in the cookie: a hash, not its name."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
