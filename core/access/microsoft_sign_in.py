"""Sign in with Microsoft: keep the account up to date with Entra, and start a session.

The audit has every session that starts and every sign-in that is refused.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core import audit
from core.access.microsoft_claims import MicrosoftAccount, MicrosoftRefusal
from core.access.sessions import note_revocation
from core.access.sign_in import Visitor, actor_of, begin_session, note_refusal
from core.cache import account_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Entry
from core.roles import Actor

ENTRA = "entra"  # provider of these accounts


def sign_in_with_microsoft(
    engine: Engine, signed_in: MicrosoftAccount | MicrosoftRefusal, *, now: datetime, address: str = "",
    user_agent: str = "", most_sessions: int = 0,
) -> str | MicrosoftRefusal:  # fmt: skip
    """Return the token of a new session, or the refusal.

    The account is added at the first sign-in; later ones take over name and role from Entra. Another role, or none,
    ends the older sessions and the API tokens of the account.
    """
    visitor = Visitor(address, user_agent)
    if isinstance(signed_in, MicrosoftRefusal):
        actor = Actor(signed_in.account, "", "sign-in", signed_in.shown, address)
        audit.record(
            engine, actor, "session.refused", signed_in.account, result="refused", reason=signed_in.reason, at=now
        )
        if signed_in.reason == "role":
            _remove_role(engine, signed_in, actor, now)
        return signed_in
    account = _entra_account(engine, signed_in, visitor, now)
    if account.disabled:
        note_refusal(engine, account, "disabled", visitor, now)
        return MicrosoftRefusal("disabled", signed_in.account, signed_in.shown)
    return begin_session(engine, account, visitor, now, most_sessions) or MicrosoftRefusal(
        "disabled", signed_in.account, signed_in.shown
    )


def _entra_account(engine: Engine, entra: MicrosoftAccount, visitor: Visitor, now: datetime) -> Account:
    """Return the stored account of `entra`, with the present name and role of Entra; add it at the first sign-in."""
    new = Account(entra.account, "", entra.role, False, now, now, provider=ENTRA, display_name=entra.shown)
    actor = actor_of(new, visitor)
    stored = account_rows.find_account(engine, entra.account)
    if stored is None:
        account_rows.add_account(engine, new, Entry(actor, "account.added", entra.account))
    elif stored.role != entra.role:
        entry = Entry(actor, "account.role", entra.account)
        account_rows.change_account(engine, entra.account, now, entry, role=entra.role, display_name=entra.shown)
        note_revocation()
    elif stored.display_name != entra.shown:
        account_rows.rename_account(engine, entra.account, entra.shown)
    return account_rows.find_account(engine, entra.account) or new


def _remove_role(engine: Engine, refusal: MicrosoftRefusal, actor: Actor, now: datetime) -> None:
    """Remove the role of an account that has none in Entra any more, which ends its sessions and tokens."""
    stored = account_rows.find_account(engine, refusal.account)
    if stored is not None and stored.role:
        account_rows.change_account(engine, stored.name, now, Entry(actor, "account.role", stored.name), role="")
        note_revocation()
