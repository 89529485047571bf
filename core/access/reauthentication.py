"""Whoever changes how an account signs in, or ends sessions, proves who they are once more: a tab is not enough."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.access import lockout, password_spray
from core.access.passwords import check_password
from core.cache import account_rows
from core.name_key import name_key
from core.problems import Problem, ProblemError


class WrongPassword(ProblemError):
    """The account's password is another one, or a wrong one was typed too often."""


class WrongName(ProblemError):
    """Typed was not the name of whom it concerns."""


def has_password(engine: Engine, name: str) -> bool:
    """Return False for an account that signs in elsewhere: what it could prove here is no password."""
    account = account_rows.find_account(engine, name)
    return account is not None and account.provider == "local"


def prove_password(engine: Engine, name: str, password: str, now: datetime, *, address: str = "") -> None:
    """Of the account `name`; nothing for one that signs in elsewhere and has no password here. Raises WrongPassword."""
    account = account_rows.find_account(engine, name)
    if account is None or account.provider != "local":
        return
    key = f"{name}|own"
    if wait := lockout.count_attempt(engine, key, now):
        raise WrongPassword(Problem("access.password_wait", {"seconds": str(wait)}))
    if not check_password(password, account.password_hash):
        password_spray.note_failure(engine, address, name, now)
        raise WrongPassword(Problem("access.password_wrong"))
    lockout.forget(engine, key)


def confirm(engine: Engine, name: str, proof: str, concerned: str, now: datetime, *, address: str = "") -> None:
    """Let the account `name` confirm what it does to `concerned`: with its password, or that name if it has none here.

    Raises WrongPassword, WrongName.
    """
    if has_password(engine, name):
        prove_password(engine, name, proof, now, address=address)
    elif name_key(proof) != name_key(concerned):
        raise WrongName(Problem("access.name_wrong", {"name": concerned}))
