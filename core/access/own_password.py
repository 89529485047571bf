"""One's own account: a new password, for whoever knows the former one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.access import accounts
from core.access.reauthentication import prove_password
from core.roles import Action, Actor


def change_password(engine: Engine, actor: Actor, current: str, new: str, now: datetime) -> None:
    """Set the actor's own password; all its sessions end, so that of whoever may have found one open, too.

    Raises WrongPassword, AccessError (the new one breaks a rule, or the account signs in elsewhere), NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    prove_password(engine, actor.name, current, now, address=actor.address)
    if new == current:
        raise accounts.AccessError(["password.same"])
    accounts.passwd(engine, actor, actor.name, new, now)
