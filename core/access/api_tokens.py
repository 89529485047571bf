"""API tokens: access for programs, with a role, an end, and an account that is responsible.

TokenError   a token cannot be made; `problem` has the reason
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Engine

from core.cache import token_rows
from core.cache.audit_rows import Entry
from core.cache.database import DatabaseError
from core.cache.token_rows import Token
from core.clock import elapsed
from core.problems import Problem, ProblemError
from core.roles import ROLES, Action, Actor, new_request_id

__all__ = ["LONGEST", "LONGEST_NAME", "PREFIX", "Token", "TokenError", "actor_of", "list_tokens", "make", "revoke"]

log = logging.getLogger(__name__)

PREFIX = "lzt_"  # makes a secret recognisable in a file or a log
LONGEST = timedelta(days=366)
LONGEST_NAME = 100
LONGEST_SECRET = 100
TOUCH_AFTER = timedelta(minutes=1)  # the time of the last use is written at most this often


class TokenError(ProblemError):
    """The token cannot be made."""


def make(engine: Engine, actor: Actor, name: str, role: str, expires_at: datetime, now: datetime) -> tuple[Token, str]:
    """Return a new token and its secret, which is stored nowhere and cannot be shown again.

    `name` is the program's name for people. Raises NotAllowed, TokenError.
    """
    actor.need(Action.TOKENS)
    name = name.strip()
    _check(actor, name, role, expires_at, now)
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {
        "token_id": uuid4().hex[:12],
        "name": name,
        "token_hash": _hash(secret),
        "role": role,
        "created_by": actor.name,
        "created_at": now,
        "expires_at": expires_at,
    }
    token = token_rows.add_token(engine, row, Entry(actor, "token.made"))
    if token is None:
        raise TokenError(Problem("access.token_account", {"name": actor.shown}))
    log.info("%s made the token %s with the role %s", actor.shown, token.target, role)
    return token, secret


def _check(actor: Actor, name: str, role: str, expires_at: datetime, now: datetime) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise TokenError(Problem("access.token_name", {"most": str(LONGEST_NAME)}))
    if role not in ROLES or _lower_role(role, actor.role) != role:
        raise TokenError(Problem("access.token_role", {"role": role, "own": actor.role}))
    if not now < expires_at <= now + LONGEST:
        raise TokenError(Problem("access.token_expires", {"days": str(LONGEST.days)}))


def revoke(engine: Engine, actor: Actor, token_id: str, now: datetime) -> None:
    """Revoke a token at once; do nothing if it is revoked already. Raises NotAllowed."""
    actor.need(Action.TOKENS)
    if token_rows.revoke_token(engine, token_id, Entry(actor, "token.revoked"), now):
        log.info("%s revoked the token %s", actor.shown, token_id)


def list_tokens(engine: Engine, actor: Actor) -> list[Token]:
    """Return every token, also those that have ended, the newest first. Raises NotAllowed."""
    actor.need(Action.TOKENS)
    return token_rows.all_tokens(engine)


def actor_of(engine: Engine, secret: str, now: datetime, *, address: str = "", request_id: str = "") -> Actor | None:
    """Return the actor that calls with `secret`, None if no valid token has this secret.

    The role is at most the creator's present one. The search goes by the hash, so its time tells nothing about how
    much of a secret was guessed right. Raises DatabaseError.
    """
    if not secret.startswith(PREFIX) or len(secret) > LONGEST_SECRET:
        return None
    token = token_rows.find_token(engine, _hash(secret))
    if token is None or token.state(now) != "valid" or token.creator_role not in ROLES:
        return None
    _note_use(engine, token, now)
    role = _lower_role(token.role, token.creator_role)
    return Actor(f"token:{token.token_id}", role, "api", token.name, address, request_id=request_id or new_request_id())


def _note_use(engine: Engine, token: Token, now: datetime) -> None:
    if token.last_used_at is not None and elapsed(token.last_used_at, now) < TOUCH_AFTER:
        return
    try:
        token_rows.touch_token(engine, token.token_id, now, every=TOUCH_AFTER)
    except DatabaseError as error:  # a database that cannot be written can still be read
        log.warning("The use of the token %s cannot be noted: %s", token.target, error)


def _lower_role(first: str, second: str) -> str:
    return min(first, second, key=ROLES.index)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
