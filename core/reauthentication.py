"""Whoever changes how an account signs in shows once more that they know its password; an open tab is not enough."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core import lockout, spray
from core.cache import accounts
from core.passwords import check_password
from core.problems import Problem, ProblemError


class WrongPassword(ProblemError):
    """The account's password is another one, or a wrong one was typed too often."""


def prove_password(engine: Engine, name: str, password: str, now: datetime, *, address: str = "") -> None:
    """Of the account `name`; nothing for one that signs in elsewhere and has no password here. Raises WrongPassword."""
    account = accounts.find_account(engine, name)
    if account is None or account.provider != "local":
        return
    key = f"{name}|own"
    if wait := lockout.count_attempt(engine, key, now):
        raise WrongPassword(Problem("access.password_wait", {"seconds": str(wait)}))
    if not check_password(password, account.password_hash):
        spray.note_failure(engine, address, name, now)
        raise WrongPassword(Problem("access.password_wrong"))
    lockout.forget(engine, key)
