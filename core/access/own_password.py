"""Change the password of one's own account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.access import accounts
from core.access.reauthentication import prove_password
from core.roles import Action, Actor


def change_password(engine: Engine, actor: Actor, current: str, new: str, now: datetime) -> None:
    """Set a new password for the actor's own account and end all its sessions.

    Raises WrongPassword, AccessError (the new password breaks a rule, or the account signs in with Microsoft),
    NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    prove_password(engine, actor.name, current, now, address=actor.address)
    if new == current:
        raise accounts.AccessError(["password.same"])
    accounts.passwd(engine, actor, actor.name, new, now)
