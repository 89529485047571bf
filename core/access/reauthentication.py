"""Ask for the password again before changes of sign-in data and before sessions are ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.access import lockout, password_spray
from core.access.passwords import check_password
from core.cache import account_rows
from core.name_key import name_key
from core.problems import Problem, ProblemError


class WrongPassword(ProblemError):
    """The password is wrong, or wrong ones were typed too often."""


class WrongName(ProblemError):
    """The typed name is not that of the account to be changed."""


def has_password(engine: Engine, name: str) -> bool:
    """Return True for a local account; one that signs in with Microsoft has no password here."""
    account = account_rows.find_account(engine, name)
    return account is not None and account.provider == "local"


def prove_password(engine: Engine, name: str, password: str, now: datetime, *, address: str = "") -> None:
    """Raise WrongPassword if it is not the password of the local account `name`; do nothing for other accounts."""
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


def confirm(engine: Engine, name: str, proof: str, target: str, now: datetime, *, address: str = "") -> None:
    """Check the confirmation `proof` that the account `name` has typed, for a change of the account `target`.

    Raises WrongPassword if `name` is a local account and `proof` is not its password; WrongName if it is another one
    and `proof` is not the name of `target`.
    """
    if has_password(engine, name):
        prove_password(engine, name, proof, now, address=address)
    elif name_key(proof) != name_key(target):
        raise WrongName(Problem("access.name_wrong", {"name": target}))
