"""Sign in with password and second factor, and start a session.

The audit has every session that starts and every sign-in that is refused. A refusal has the same words and takes the
same time whether or not the account exists. The audit has the reason, but never a typed name that is no account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from core import audit
from core.access import lockout, password_spray, passwords, second_factor, sign_in_budget
from core.access.second_factor import SecondFactorError
from core.access.sessions import start_session
from core.access.sign_in_budget import Charge, SignInAttempt
from core.bounds import visible
from core.cache import account_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Entry
from core.roles import Actor

LONGEST_ACCOUNT = 100  # as in core.cache.schema
NO_KEY = "no key"  # the reason if the secret of the second factor cannot be decrypted
LOCAL = "local"  # provider of accounts with a password


@dataclass(frozen=True, slots=True)
class Visitor:
    """The address and browser of a sign-in."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """A sign-in that failed, without the reason; for `wait` seconds no further attempt is checked.

    `unreadable`: codes of the app cannot be checked, only recovery codes.
    """

    wait: int = 0
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right, and the code of the second factor is needed. Opens nothing by itself."""

    account: Account
    lockout_key: str  # of the password, which counts as failed until the code is right
    device: str = ""  # the known device that the password came from
    charge: Charge = field(default_factory=Charge)  # what the password has spent


def account_key(name: str) -> str:
    """Return the name of a local account in the form in which it is stored."""
    return visible(name.strip().lower())


def attempt_of(engine: Engine, name: str, *, now: datetime, address: str, cookie: str) -> SignInAttempt:
    """Return the attempt to sign in as `name`, before it is checked; `cookie` is that of known devices."""
    return sign_in_budget.attempt_of(engine, _typed_name(name), address, cookie, now)


def _typed_name(name: str) -> str:
    """Return the typed name as an account key, cut to the longest one."""
    return account_key(name)[:LONGEST_ACCOUNT]


def _count_attempt(
    engine: Engine, key: str, attempt: SignInAttempt | None, now: datetime, *, password: bool = True
) -> Charge:
    """Count an attempt before it is checked, under `key` of the lock-out and in the budgets."""
    charge = sign_in_budget.spend(engine, attempt, now, password=password) if attempt else Charge()
    if charge.wait:
        password_spray.note_failure(engine, attempt.address if attempt else "", "", now, early=True)
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
    attempt: SignInAttempt | None = None,
    most_sessions: int = 0,
    check: Callable[[str, str | None], bool] = passwords.check_password,
) -> str | SignInRefused | CodeNeeded:
    """Return the token of a new session, CodeNeeded, or a refusal that is the same for every reason.

    Failures are counted per account and network, so nobody elsewhere can lock the owner out. `admins_only` refuses
    local accounts with another role. `attempt` comes from `attempt_of`; without it no budget is spent.
    """
    name, visitor = _typed_name(name), Visitor(address, user_agent)
    device = attempt.device if attempt else ""
    key = lockout.key_of(name, address, device)
    charge = _count_attempt(engine, key, attempt, now)
    if charge.wait:
        return SignInRefused(charge.wait)
    account = account_rows.find_account(engine, name)
    right = check(password, account.password_hash if account else None)
    reason = _refusal_reason(account, right, admins_only)
    if account is None or reason:
        return _refuse(engine, account, name, reason, key, visitor, now)
    if account.totp_confirmed_at:
        # A row of its own: somebody may have the password without the device.
        audit.record(engine, actor_of(account, visitor), "session.code_asked", account.name, at=now)
        return CodeNeeded(account, key, device, charge)
    lockout.forget(engine, key)
    sign_in_budget.give_back(engine, charge, now)
    return begin_session(engine, account, visitor, now, most_sessions) or SignInRefused()


def sign_in_with_code(
    engine: Engine, first_step: CodeNeeded, code: str, *, now: datetime, address: str = "", user_agent: str = "",
    attempt: SignInAttempt | None = None, most_sessions: int = 0,
) -> str | SignInRefused:  # fmt: skip
    """Return the token of a new session if `code` is right, which is the second step after `first_step`.

    Wrong codes are counted per known device, else per account.
    """
    key = second_factor.failures_key(first_step.account.name, first_step.device)
    visitor = Visitor(address, user_agent)
    charge = _count_attempt(engine, key, attempt, now, password=False)
    if charge.wait:
        return SignInRefused(charge.wait)
    account = account_rows.find_account(engine, first_step.account.name)
    changed = account is None or _state_of(account) != _state_of(first_step.account)
    reason = "changed meanwhile" if account is None or changed else _code_fault(engine, account, code, visitor, now)
    if account is None or reason:
        return _refuse(engine, account, first_step.account.name, reason, key, visitor, now)
    lockout.forget(engine, key)
    lockout.forget(engine, first_step.lockout_key)
    for spent in (charge, first_step.charge):
        sign_in_budget.give_back(engine, spent, now)
    return begin_session(engine, account, visitor, now, most_sessions) or SignInRefused()


def _refuse(
    engine: Engine, account: Account | None, name: str, reason: str, key: str, visitor: Visitor, now: datetime
) -> SignInRefused:
    """Write the refusal into the audit, count it, and return it with the wait for the lock-out key `key`."""
    note_refusal(engine, account, reason, visitor, now)
    password_spray.note_failure(engine, visitor.address, name, now)
    return SignInRefused(lockout.wait_after(engine, key, now), unreadable=reason == NO_KEY)


def _code_fault(engine: Engine, account: Account, code: str, visitor: Visitor, now: datetime) -> str:
    """Return the reason why `code` is refused, for the audit; "" if it is right."""
    try:
        return "" if second_factor.check(engine, account, code, now, actor_of(account, visitor)) else "code"
    except SecondFactorError:
        return NO_KEY


def _refusal_reason(account: Account | None, right: bool, admins_only: bool) -> str:
    """Return the reason for a refusal, for the audit; "" lets the account in."""
    if account is None:
        return "unknown account"
    if account.provider != LOCAL:
        return "not local"
    if not right:
        return "password"
    if account.disabled:
        return "disabled"
    return "not admin" if admins_only and account.role != "admin" else ""


def _state_of(account: Account) -> tuple[object, ...]:
    """Return the values that must be the same when the password and when the code is checked."""
    return account.password_hash, account.role, account.disabled, account.totp_confirmed_at


def actor_of(account: Account, visitor: Visitor) -> Actor:
    """Return the actor of a sign-in to this account."""
    return Actor(account.name, account.role, "sign-in", account.shown, visitor.address)


def note_refusal(engine: Engine, account: Account | None, reason: str, visitor: Visitor, now: datetime) -> None:
    """Write into the audit that a sign-in was refused; `account` is None for an unknown name."""
    actor = actor_of(account, visitor) if account else Actor("", "", "sign-in", address=visitor.address)
    audit.record(engine, actor, "session.refused", actor.name, result="refused", reason=reason, at=now)


def begin_session(engine: Engine, account: Account, visitor: Visitor, now: datetime, most: int) -> str:
    """Start a session and return its token, "" if the account was changed during the sign-in."""
    entry = Entry(actor_of(account, visitor), "session.started", account.name)
    token = start_session(
        engine, account.name, now, address=visitor.address, user_agent=visitor.user_agent, entry=entry, checked=account,
        most=most,
    )  # fmt: skip
    if not token:
        note_refusal(engine, account, "changed meanwhile", visitor, now)
    return token
