"""One's own account: a new password, for whoever knows the former one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core import access, lockout
from core.cache import accounts
from core.passwords import check_password
from core.problems import Problem, ProblemError
from core.roles import Action, Actor


class OwnPasswordError(ProblemError):
    """The former password is wrong, or was so too often."""


def change_password(engine: Engine, actor: Actor, current: str, new: str, now: datetime) -> None:
    """Set the actor's own password; all its sessions end, so that of whoever may have found one open, too.

    Raises OwnPasswordError, AccessError (the new one breaks a rule, or the account signs in elsewhere), NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    if wait := lockout.count_attempt(engine, f"{actor.name}|own", now):
        raise OwnPasswordError(Problem("access.password_wait", {"seconds": str(wait)}))
    account = accounts.find_account(engine, actor.name)
    if account is not None and account.provider == "local" and not check_password(current, account.password_hash):
        raise OwnPasswordError(Problem("access.password_wrong"))
    lockout.forget(engine, f"{actor.name}|own")
    access.passwd(engine, actor, actor.name, new, now)
