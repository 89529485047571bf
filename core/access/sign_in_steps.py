"""Sign-ins that have begun, kept in the database for whichever web process the browser comes back to.

A value is encrypted with a key that only the browser has, in its cookie; the database has the hash of the key. So who
reads the database can neither read a step nor go on with it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from core.access.sign_in import CodeNeeded
from core.access.sign_in_budget import Charge
from core.cache.account_rows import Account
from core.cache.sign_in_step_rows import add_step, find_step, take_step
from core.clock import elapsed
from core.encryption import KeyRing, Undecryptable, new_key, parse_key

PURPOSE = "sign-in step"


def keep_step(engine: Engine, value: str, now: datetime, lasting: timedelta) -> str:
    """Store `value` and return the key, with which alone it can be read. Raises DatabaseError."""
    key = new_key()
    add_step(engine, _hash(key), KeyRing((key,)).encrypt(PURPOSE, "", value), now, now - lasting)
    return key


def kept_step(engine: Engine, key: str, now: datetime, lasting: timedelta, *, take: bool = False) -> str | None:
    """Return the value, None if the key is unknown or older than `lasting`. With `take` the key is used up.

    Raises DatabaseError.
    """
    try:
        parse_key(key)
    except ValueError:
        return None
    found = (take_step if take else find_step)(engine, _hash(key))
    if found is None or elapsed(found[1], now) >= lasting:
        return None
    try:
        return KeyRing((key,)).decrypt(PURPOSE, "", found[0])
    except Undecryptable:
        return None


def half_to_json(half: CodeNeeded) -> str:
    """Return the first step of a local sign-in as text."""
    refunds = {key: refund.total_seconds() for key, refund in half.charge.refunds.items()}
    account = {name: _plain(value) for name, value in asdict(half.account).items()}
    return json.dumps([account, half.lockout_key, half.device, half.charge.wait, refunds])


def half_from_json(text: str) -> CodeNeeded:
    """Return the first step of a local sign-in from its text."""
    stored, lockout_key, device, wait, refunds = json.loads(text)
    values = {name: _time(name, value) for name, value in stored.items()}
    account = Account(**{field.name: values[field.name] for field in fields(Account) if field.name in values})
    charge = Charge(wait, {key: timedelta(seconds=seconds) for key, seconds in refunds.items()})
    return CodeNeeded(account, lockout_key, device, charge)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _time(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
