"""Devices that have signed in to an account before: a signed cookie, which opens nothing by itself.

Its key is the account's own, in the database. A new one, at a new password or when all sessions are ended, makes every
device a stranger again.
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
MOST_ACCOUNTS = 4  # that one browser is known to: a colleague's, an admin's


def device_of(engine: Engine, name: str, cookie: str, now: datetime) -> str:
    """Return the id of the device that `cookie` proves to be known to the account `name`, "" if it does not."""
    entry = _entries(cookie).get(_tag(name))
    return "" if entry is None or not _is_valid(engine, name, entry, now) else entry[0]


def remember(engine: Engine, name: str, cookie: str, now: datetime) -> str:
    """Return the cookie with this device known to the account `name`, "" for an unknown account.

    What the browser holds about other accounts stays.
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
    """Return whether a session of the account `name` came from there within the time that sessions are kept."""
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
    """Account tag -> (device, time, signature), of as many accounts as we write."""
    found = [entry.split(".") for entry in cookie.split("~", MOST_ACCOUNTS)[:MOST_ACCOUNTS] if entry.isascii()]
    return {parts[0]: (parts[1], parts[2], parts[3]) for parts in found if len(parts) == 4}


def _tag(name: str) -> str:
    """Says in the cookie which account is meant, without its name."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
