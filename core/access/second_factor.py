"""The second factor of local accounts: codes of an authenticator app (TOTP), and recovery codes if the app is lost.

Attempts are limited by the same lock-out as passwords, under their own keys. Every code is valid once.

SecondFactorError     it cannot be set up, checked or removed; `problem` has the reason
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
WINDOW = (-1, 0, 1)  # steps around the present one: clocks differ, and typing takes time
RECOVERY_CODES = 10
RECOVERY_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without similar characters
RECOVERY_LENGTH = 24  # 118 bits; ASVS 5.0 asks for 112 bits with a fast hash


class SecondFactorError(ProblemError):
    """The second factor cannot be set up or removed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The secret for the authenticator app: to scan (`svg`, black on white) or to type (`secret`)."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    svg: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """`since`: the time the second factor was set up, None without one; `codes_left`: unused recovery codes."""

    since: datetime | None
    codes_left: int


def failures_key(name: str, device: str = "") -> str:
    """Return the key under which wrong codes are counted: per known device, else per account.

    Not per network: whoever types a code has the password already. Attempts elsewhere do not lock out a known device.
    """
    return f"{name}|code device {device}" if device else f"{name}|code"


def state(engine: Engine, name: str) -> State:
    """Return the state of the local account `name`. Raises SecondFactorError if there is none."""
    account = _local(engine, name)
    return State(account.totp_confirmed_at, second_factor_rows.codes_left(engine, name))


def begin(engine: Engine, actor: Actor, password: str, now: datetime) -> Setup:
    """Return a new secret for the actor's own account; it becomes valid with `confirm`.

    Raises SecondFactorError if the account has a second factor already or signs in with Microsoft, or if there is no
    key for the encryption; WrongPassword, NotAllowed.
    """
    actor.need(Action.OWN_ACCOUNT)
    account = _local(engine, actor.name)
    prove_password(engine, actor.name, password, now, address=actor.address)
    secret = pyotp.random_base32()
    try:
        stored = second_factor_rows.keep_secret(engine, account.name, lambda: seal(engine, TOTP, account.name, secret))
    except SecretError as error:
        raise _unreadable(error) from error
    if not stored:
        raise SecondFactorError(Problem("factor.there"))
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.shown, issuer_name=ISSUER)
    return Setup(secret, uri, _qr_code(uri))


def confirm(engine: Engine, actor: Actor, code: str, now: datetime) -> list[str]:
    """Switch the second factor on if `code` is right for the secret of `begin`; return the recovery codes.

    They are stored as hashes, so they can be shown only now.

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
    """Remove the second factor: one's own with a code, that of another account with Action.ACCOUNTS.

    Raises SecondFactorError (wrong code, too many attempts, no second factor), NotAllowed.
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
    """Return True if `code` is right, and use it up: a code of the app around `now`, or an unused recovery code.

    The caller counts the attempt. Raises SecondFactorError if the secret cannot be decrypted and `code` is no
    recovery code.
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
    """Return the account's TOTP secret. Raises SecondFactorError if no key decrypts it."""
    try:
        return unseal(engine, TOTP, account.name, account.totp_secret)
    except SecretError as error:
        raise _unreadable(error) from error


def _unreadable(error: SecretError) -> SecondFactorError:
    """Log the operator's problem, which names files, and return the one for the person."""
    log.error("second factor: %s", error)
    return SecondFactorError(Problem("factor.unreadable"))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that `code` belongs to, None if it is wrong; takes the same time in both cases."""
    typed = "".join(code.split())
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(now.timestamp()) // STEP_SECONDS
    matching = None
    for step in (present + offset for offset in WINDOW):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode("utf-8", "replace")):
            matching = step
    return matching


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
    """Return the SHA-256 of a recovery code, without case, blanks and dashes; 118 random bits need no slow hash.

    Shorter codes of an earlier version are hashed in the same way.
    """
    signs = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(signs.encode()).hexdigest()


def _qr_code(uri: str) -> str:
    """Return an SVG element with a white background, so that cameras read it on a dark page, too."""
    svg: str = segno.make_qr(uri, error="m").svg_inline(scale=5, dark="#000", light="#fff")
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)  # without it no <img> shows it
