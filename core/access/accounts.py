"""Manage accounts: add, change and disable them, and set their passwords.

AccessError      an account cannot be added or changed; `text(language)` says why
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from core import texts
from core.access import passwords
from core.access.known_devices import remember as remember_device
from core.access.microsoft_sign_in import sign_in_with_microsoft
from core.access.password_spray import note_failure
from core.access.sessions import (
    EndedSession,
    Session,
    Sessions,
    end_session,
    note_revocation,
    session_id,
    session_of,
    sign_out,
)
from core.access.sign_in import (
    LOCAL,
    CodeNeeded,
    SignInRefused,
    account_key,
    attempt_of,
    sign_in,
    sign_in_with_code,
)
from core.access.sign_in_budget import SignInAttempt, wait_of_network
from core.cache import account_rows, sign_in_failure_rows
from core.cache.account_rows import Account, LastAdmin
from core.cache.audit_rows import Entry
from core.roles import ROLES, Action, Actor

__all__ = [
    "ROLES",
    "AccessError",
    "Account",
    "CodeNeeded",
    "EndedSession",
    "Session",
    "Sessions",
    "SignInAttempt",
    "SignInRefused",
    "account_key",
    "add",
    "attempt_of",
    "create_first_admin",
    "disable",
    "enable",
    "end_session",
    "list_accounts",
    "note_failure",
    "passwd",
    "remember_device",
    "session_id",
    "session_of",
    "set_role",
    "sign_in",
    "sign_in_with_code",
    "sign_in_with_microsoft",
    "sign_out",
    "wait_of_network",
]

FIRST_ADMIN = "admin"


class AccessError(Exception):
    """An account cannot be added or changed; contains every reason at once, never the password."""

    def __init__(self, codes: Sequence[str], **params: str) -> None:
        super().__init__(", ".join(codes))
        self.codes = list(codes)
        self.params = params

    def text(self, language: str = "de") -> str:
        values = {"shortest": str(passwords.SHORTEST), "longest": str(passwords.LONGEST), **self.params}
        return " ".join(texts.text(code, language, **values) for code in self.codes)

    def __str__(self) -> str:
        return self.text("en")


def create_first_admin(engine: Engine, now: datetime | None = None) -> str | None:
    """Create the account `admin` on an empty database and return its password, which is stored nowhere; else None."""
    if account_rows.all_accounts(engine):
        return None
    password = passwords.random_password()
    account = _account(FIRST_ADMIN, password, "admin", now or _now())
    entry = Entry(Actor("setup", "admin", "command"), "account.added", FIRST_ADMIN)
    return password if account_rows.add_account(engine, account, entry, only_first=True) else None


def add(
    engine: Engine, actor: Actor, name: str, password: str, role: str = "support", now: datetime | None = None
) -> None:
    """Add a local account, which must choose a password of its own at the first sign-in.

    Raises AccessError with all faults, NotAllowed.
    """
    actor.need(Action.ACCOUNTS)
    name = account_key(name)
    faults = [] if passwords.name_is_valid(name) else ["account.name"]
    faults += [] if role in ROLES else ["account.role"]
    faults += passwords.password_faults(password, [name])
    if faults:
        raise AccessError(faults, name=name, role=role)
    entry = Entry(actor, "account.added", name)
    if not account_rows.add_account(engine, _account(name, password, role, now or _now()), entry):
        raise AccessError(["account.taken"], name=name)


def passwd(engine: Engine, actor: Actor, name: str, password: str, now: datetime | None = None) -> None:
    """Set a new password, end all sessions of the account and forget its failed sign-ins.

    Every role may change its own password; this session ends, too. A password that somebody else has set must be
    changed at the next sign-in. API tokens of the account stay valid. Raises AccessError, NotAllowed.
    """
    own = actor.name == account_key(name) and actor.source == "page"
    actor.need(Action.OWN_ACCOUNT if own else Action.ACCOUNTS)
    _must_be_local(engine, name)
    if faults := passwords.password_faults(password, [name]):
        raise AccessError(faults)
    at = now or _now()
    hashed = passwords.hash_password(password)
    changes = {"password_hash": hashed, "password_changed_at": at, "must_change_password": not own}
    _change(engine, actor, "account.password", name, at, **changes)
    sign_in_failure_rows.clear_failures(engine, f"{account_key(name)}|", prefix=True)


def disable(engine: Engine, actor: Actor, name: str, now: datetime | None = None) -> None:
    """Disable an account and end all its sessions and tokens at once. Raises AccessError, NotAllowed."""
    actor.need(Action.ACCOUNTS)
    _change(engine, actor, "account.disabled", name, now or _now(), disabled=True)


def enable(engine: Engine, actor: Actor, name: str, now: datetime | None = None) -> None:
    """Enable an account again; its tokens stay revoked. Raises AccessError, NotAllowed."""
    actor.need(Action.ACCOUNTS)
    _change(engine, actor, "account.enabled", name, now or _now(), disabled=False)


def set_role(engine: Engine, actor: Actor, name: str, role: str, now: datetime | None = None) -> None:
    """Change the role of a local account and end its sessions. Raises AccessError, NotAllowed."""
    actor.need(Action.ACCOUNTS)
    _must_be_local(engine, name)
    if role not in ROLES:
        raise AccessError(["account.role"], role=role)
    _change(engine, actor, "account.role", name, now or _now(), role=role)


def _must_be_local(engine: Engine, name: str) -> None:
    account = account_rows.find_account(engine, account_key(name))
    if account is not None and account.provider != LOCAL:
        raise AccessError(["account.not_local"], name=account.shown)


def list_accounts(engine: Engine, actor: Actor) -> list[Account]:
    """Return every account, by name. Raises NotAllowed."""
    actor.need(Action.ACCOUNTS)
    return account_rows.all_accounts(engine)


def _change(engine: Engine, actor: Actor, action: str, name: str, at: datetime, **changes: object) -> None:
    entry = Entry(actor, action, account_key(name))
    try:
        if not account_rows.change_account(engine, account_key(name), at, entry, **changes):
            raise AccessError(["account.unknown"], name=name)
    except LastAdmin as error:
        raise AccessError(["account.last_admin"], name=name) from error
    note_revocation()


def _account(name: str, password: str, role: str, now: datetime) -> Account:
    return Account(name, passwords.hash_password(password), role, False, now, now, must_change_password=True)


def _now() -> datetime:
    return datetime.now(UTC)
