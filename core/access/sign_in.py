"""Signing in: a local account with its password and second factor, or what Microsoft says. All end in a session.

Every session that starts, and every sign-in that is refused, is in the audit. A refusal tells the outside the same in
words and time whether the account exists; the audit knows why, but never the name that was typed for no account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from core import audit
from core.access import lockout, password_spray, passwords, second_factor, sign_in_budget
from core.access.microsoft_claims import Granted, Refusal
from core.access.second_factor import SecondFactorError
from core.access.sessions import note_revocation, start_session
from core.access.sign_in_budget import Charge, Standing
from core.bounds import visible
from core.cache import account_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Entry
from core.roles import Actor

LONGEST_ACCOUNT = 100  # as in core.cache.schema
NO_KEY = "no key"  # why a code cannot be checked
LOCAL, ENTRA = "local", "entra"  # who says that it is them: we ourselves, or Microsoft


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a sign-in comes from."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A sign-in that failed; why is nobody's business. `wait` seconds long no further attempt is looked at.

    With `unreadable` codes of the app cannot be checked, and recovery codes alone open.
    """

    wait: int = 0
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right and the code of the second factor is still to come. Opens nothing by itself."""

    account: Account
    failures: str  # the key under which the attempt counts as failed until the code is right, too
    device: str = ""  # the known device that has shown the password
    charge: Charge = field(default_factory=Charge)  # what it has spent until then


def account_key(name: str) -> str:
    """The name of a local account as it is stored."""
    return visible(name.strip().lower())


def standing_of(engine: Engine, name: str, *, now: datetime, address: str, cookie: str) -> Standing:
    """How a sign-in as `name` stands before it is looked at; `cookie` is what the browser holds of known devices."""
    return sign_in_budget.standing_of(engine, _typed(name), address, cookie, now)


def _typed(name: str) -> str:
    """What was typed, as the name of an account; of no account if it is too long for one."""
    return account_key(name)[:LONGEST_ACCOUNT]


def _counted(engine: Engine, key: str, standing: Standing | None, now: datetime, *, password: bool = True) -> Charge:
    """Count an attempt before it is looked at, under `key` and in the budgets."""
    charge = sign_in_budget.spend(engine, standing, now, password=password) if standing else Charge()
    if charge.wait:
        password_spray.note_failure(engine, standing.address if standing else "", "", now, early=True)
    elif wait := lockout.count_attempt(engine, key, now):
        sign_in_budget.give_back(engine, charge, now)
        return Charge(wait)
    return charge


def sign_in(
    engine: Engine,
    name: str,
    password: str,
    *,
    now: datetime,
    address: str = "",
    user_agent: str = "",
    admins_only: bool = False,
    standing: Standing | None = None,
    most_sessions: int = 0,
    check: Callable[[str, str | None], bool] = passwords.check_password,
) -> str | Refused | CodeNeeded:
    """The token of a new session, the question for a code, or a refusal that is the same for every reason.

    Failures count per account and address, so nobody can lock somebody else out from afar. `admins_only` refuses
    local accounts with a lesser role. `standing` is what `standing_of` has said about this attempt; without one it
    spends no budget.
    """
    name, visitor = _typed(name), Visitor(address, user_agent)
    device = standing.device if standing else ""
    key = lockout.key_of(name, address, device)
    charge = _counted(engine, key, standing, now)
    if charge.wait:
        return Refused(charge.wait)
    account = account_rows.find_account(engine, name)
    right = check(password, account.password_hash if account else None)
    why = _why_not(account, right, admins_only)
    if account is None or why:
        _note_refusal(engine, account, why, visitor, now)
        password_spray.note_failure(engine, address, name, now)
        return Refused(lockout.wait_after(engine, key, now))
    if account.totp_confirmed_at:
        # Who stops here knows the password and lacks the device: worth a row of its own.
        audit.record(engine, _actor(account, visitor), "session.code_asked", account.name, at=now)
        return CodeNeeded(account, key, device, charge)
    lockout.forget(engine, key)
    sign_in_budget.give_back(engine, charge, now)
    return _open(engine, account, visitor, now, most_sessions) or Refused()


def sign_in_with_code(
    engine: Engine, half: CodeNeeded, code: str, *, now: datetime, address: str = "", user_agent: str = "",
    standing: Standing | None = None, most_sessions: int = 0,
) -> str | Refused:  # fmt: skip
    """The second step: the token of a new session.

    Wrong codes of strangers count per account, wherever they come from; a known device has its own count.
    """
    key = second_factor.failures_key(half.account.name, half.device)
    visitor = Visitor(address, user_agent)
    charge = _counted(engine, key, standing, now, password=False)
    if charge.wait:
        return Refused(charge.wait)
    account = account_rows.find_account(engine, half.account.name)
    changed = account is None or _decides(account) != _decides(half.account)
    why = "changed meanwhile" if account is None or changed else _wrong(engine, account, code, visitor, now)
    if account is None or why:
        _note_refusal(engine, account, why, visitor, now)
        password_spray.note_failure(engine, address, half.account.name, now)
        return Refused(lockout.wait_after(engine, key, now), unreadable=why == NO_KEY)
    lockout.forget(engine, key)
    lockout.forget(engine, half.failures)
    for spent in (charge, half.charge):
        sign_in_budget.give_back(engine, spent, now)
    return _open(engine, account, visitor, now, most_sessions) or Refused()


def _wrong(engine: Engine, account: Account, code: str, visitor: Visitor, now: datetime) -> str:
    """What is wrong with `code`, for the audit; "" if it is right."""
    try:
        return "" if second_factor.check(engine, account, code, now, _actor(account, visitor)) else "code"
    except SecondFactorError:
        return NO_KEY


def sign_in_with_microsoft(
    engine: Engine, found: Granted | Refusal, *, now: datetime, address: str = "", user_agent: str = "",
    most_sessions: int = 0,
) -> str | Refusal:  # fmt: skip
    """The token of a new session; the account is made at the first sign-in and follows Entra at every other.

    A role that is another one, or none any more, ends the older sessions and the tokens of the account.
    """
    visitor = Visitor(address, user_agent)
    if isinstance(found, Refusal):
        actor = Actor(found.account, "", "sign-in", found.shown, address)
        audit.record(engine, actor, "session.refused", found.account, result="refused", reason=found.why, at=now)
        if found.why == "role":
            _take_role(engine, found, actor, now)
        return found
    account = _follow(engine, found, visitor, now)
    if account.disabled:
        _note_refusal(engine, account, "disabled", visitor, now)
        return Refusal("disabled", found.account, found.shown)
    return _open(engine, account, visitor, now, most_sessions) or Refusal("disabled", found.account, found.shown)


def _follow(engine: Engine, found: Granted, visitor: Visitor, now: datetime) -> Account:
    """The account of `found`, with name and role as Entra has them today."""
    new = Account(found.account, "", found.role, False, now, now, provider=ENTRA, display_name=found.shown)
    actor = _actor(new, visitor)
    known = account_rows.find_account(engine, found.account)
    if known is None:
        account_rows.add_account(engine, new, Entry(actor, "account.added", found.account))
    elif known.role != found.role:
        entry = Entry(actor, "account.role", found.account)
        account_rows.change_account(engine, found.account, now, entry, role=found.role, display_name=found.shown)
        note_revocation()
    elif known.display_name != found.shown:
        account_rows.rename_account(engine, found.account, found.shown)
    return account_rows.find_account(engine, found.account) or new


def _take_role(engine: Engine, found: Refusal, actor: Actor, now: datetime) -> None:
    """Entra gives this person no role any more: what was opened with the former one ends."""
    known = account_rows.find_account(engine, found.account)
    if known is not None and known.role:
        account_rows.change_account(engine, known.name, now, Entry(actor, "account.role", known.name), role="")
        note_revocation()


def _why_not(account: Account | None, right: bool, admins_only: bool) -> str:
    """For the audit; "" lets the account in."""
    if account is None:
        return "unknown account"
    if account.provider != LOCAL:
        return "not local"
    if not right:
        return "password"
    if account.disabled:
        return "disabled"
    return "not admin" if admins_only and account.role != "admin" else ""


def _decides(account: Account) -> tuple[object, ...]:
    """What must not have changed between the password and the code."""
    return account.password_hash, account.role, account.disabled, account.totp_confirmed_at


def _actor(account: Account, visitor: Visitor) -> Actor:
    return Actor(account.name, account.role, "sign-in", account.shown, visitor.address)


def _note_refusal(engine: Engine, account: Account | None, why: str, visitor: Visitor, now: datetime) -> None:
    actor = _actor(account, visitor) if account else Actor("", "", "sign-in", address=visitor.address)
    audit.record(engine, actor, "session.refused", actor.name, result="refused", reason=why, at=now)


def _open(engine: Engine, account: Account, visitor: Visitor, now: datetime, most: int) -> str:
    """The token of a new session; "" if the account was changed while it signed in."""
    entry = Entry(_actor(account, visitor), "session.started", account.name)
    token = start_session(
        engine, account.name, now, address=visitor.address, user_agent=visitor.user_agent, entry=entry, seen=account,
        most=most,
    )  # fmt: skip
    if not token:
        _note_refusal(engine, account, "changed meanwhile", visitor, now)
    return token
