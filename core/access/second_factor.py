"""The second factor of local accounts: codes of an authenticator app (TOTP), and recovery codes for its loss.

Every code is counted by the same lock-out as a password, under a key of its own, and opens once.

SecondFactorError     it cannot be set up or removed; `problem` says why
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
import segno
from sqlalchemy import Engine

from core.access import lockout
from core.access.reauthentication import prove_password
from core.cache import account_rows, second_factor_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Entry
from core.cache.secret_rows import TOTP
from core.problems import Problem, ProblemError
from core.roles import Action, Actor
from core.secrets.stored_secrets import SecretError, seal, unseal

log = logging.getLogger(__name__)

ISSUER = "Lizenztool"
STEP_SECONDS = 30
WINDOW = (-1, 0, 1)  # steps: clocks differ a little, and typing takes its time
RECOVERY_CODES = 10
RECOVERY_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without those that look alike
RECOVERY_LENGTH = 24  # 118 bits; ASVS 5.0 asks for 112 where the hash is a quick one


class SecondFactorError(ProblemError):
    """The second factor cannot be set up or removed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the authenticator app needs: to be scanned (`svg`, black on white) or typed (`secret`)."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    svg: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """Since when an account has a second factor (None: it has none), and how many recovery codes are unused."""

    since: datetime | None
    codes_left: int


def failures_key(name: str, device: str = "") -> str:
    """Return the key that wrong codes count under.

    Of strangers per account, wherever they come from: whoever tries them has the password already. A known device
    has its own, so that nobody elsewhere locks the owner out.
    """
    return f"{name}|code device {device}" if device else f"{name}|code"


def state(engine: Engine, name: str) -> State:
    """The state of the account `name`. Raises SecondFactorError for an unknown one."""
    account = _local(engine, name)
    return State(account.totp_confirmed_at, second_factor_rows.codes_left(engine, name))


def begin(engine: Engine, actor: Actor, password: str, now: datetime) -> Setup:
    """A new secret for the actor's own account, whose password it takes; it counts from `confirm` on.

    Raises SecondFactorError when there is a second factor already, the account signs in elsewhere or there is no key to
    encrypt it with, WrongPassword, NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    account = _local(engine, actor.name)
    prove_password(engine, actor.name, password, now, address=actor.address)
    secret = pyotp.random_base32()
    try:
        kept = second_factor_rows.keep_secret(engine, account.name, lambda: seal(engine, TOTP, account.name, secret))
    except SecretError as error:
        raise _unreadable(error) from error
    if not kept:
        raise SecondFactorError(Problem("factor.there"))
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.shown, issuer_name=ISSUER)
    return Setup(secret, uri, _qr_code(uri))


def confirm(engine: Engine, actor: Actor, code: str, now: datetime) -> list[str]:
    """Switch on what `begin` has made, once the app shows the right code; the recovery codes, shown only now.

    Raises SecondFactorError (wrong code, too many attempts, nothing begun), NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    account = _local(engine, actor.name)
    if not account.totp_secret or account.totp_confirmed_at:
        raise SecondFactorError(Problem("factor.not_begun"))
    _count(engine, account, now)
    step = _step_of(_secret(engine, account), code, now)
    if step is None:
        raise SecondFactorError(Problem("factor.wrong_code"))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    hashes = {_hash(one) for one in codes}
    entry = Entry(actor, "account.second_factor_on", account.name)
    if not second_factor_rows.confirm(engine, account.name, account.totp_secret, step, hashes, now, entry):
        raise SecondFactorError(Problem("factor.not_begun"))
    lockout.forget(engine, failures_key(account.name))
    return codes


def remove(engine: Engine, actor: Actor, name: str, now: datetime, *, code: str = "") -> None:
    """Take the second factor away: one's own with a code, somebody else's with Action.ACCOUNTS and without.

    Raises SecondFactorError (wrong code, too many attempts, none there), NotAllowed.
    """
    own = actor.name == name and actor.source == "page"
    actor.need(Action.OWN_ACCOUNT if own else Action.ACCOUNTS)
    account = _local(engine, name)
    if own and account.totp_confirmed_at:
        _count(engine, account, now)
        if not check(engine, account, code, now, actor):
            raise SecondFactorError(Problem("factor.wrong_code"))
    if not second_factor_rows.remove(engine, name, now, Entry(actor, "account.second_factor_off", name)):
        raise SecondFactorError(Problem("factor.none", {"name": account.shown}))
    lockout.forget(engine, failures_key(name))


def check(engine: Engine, account: Account, code: str, now: datetime, actor: Actor) -> bool:
    """Whether `code` is right: of the app within a step of now, or an unused recovery code. Used up if so.

    Counting the attempt is the caller's. Raises SecondFactorError if the key of the secret is missing and `code` is no
    recovery code either.
    """
    unreadable, step = None, None
    try:
        step = _step_of(_secret(engine, account), code, now)
    except SecondFactorError as error:
        unreadable = error
    if step is not None:
        return second_factor_rows.use_step(engine, account.name, step)
    entry = Entry(actor, "account.recovery_code_used", account.name)
    used = second_factor_rows.use_recovery_code(engine, account.name, _hash(code), now, entry)
    if unreadable and not used:
        raise unreadable
    return used


def _secret(engine: Engine, account: Account) -> str:
    """Return the secret of the account's app. Raises SecondFactorError if no key decrypts it."""
    try:
        return unseal(engine, TOTP, account.name, account.totp_secret)
    except SecretError as error:
        raise _unreadable(error) from error


def _unreadable(error: SecretError) -> SecondFactorError:
    """The problem for the person; that of the operator, which names files, is for the log."""
    log.error("second factor: %s", error)
    return SecondFactorError(Problem("factor.unreadable"))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, None when it is of no step near `now`. Takes as long either way."""
    typed = "".join(code.split())
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in (present + offset for offset in WINDOW):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode("utf-8", "replace")):
            found = step
    return found


def _local(engine: Engine, name: str) -> Account:
    account = account_rows.find_account(engine, name)
    if account is None or account.provider != "local":
        raise SecondFactorError(Problem("factor.not_local", {"name": account.shown if account else name}))
    return account


def _count(engine: Engine, account: Account, now: datetime) -> None:
    if wait := lockout.count_attempt(engine, failures_key(account.name), now):
        raise SecondFactorError(Problem("factor.wait", {"seconds": str(wait)}))


def _recovery_code() -> str:
    signs = "".join(secrets.choice(RECOVERY_SIGNS) for _ in range(RECOVERY_LENGTH))
    return "-".join(signs[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4))


def _hash(code: str) -> str:
    """SHA-256: 118 random bits need no slow hash. Case, blanks and dashes do not matter.

    Shorter codes that an older version has made open as before.
    """
    signs = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(signs.encode()).hexdigest()


def _qr_code(uri: str) -> str:
    """An SVG element with a white ground of its own, so that cameras read it on a dark page, too."""
    return segno.make_qr(uri, error="m").svg_inline(scale=5, dark="#000", light="#fff")
