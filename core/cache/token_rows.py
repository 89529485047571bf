"""Table of API tokens; it has the hash of each secret, not the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, Select, case, insert, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, api_tokens
from core.cache.sql import transaction
from core.clock import TOLERANCE

State = Literal["valid", "expired", "revoked"]
PUBLIC = [column for column in api_tokens.c if column is not api_tokens.c.token_hash]


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. `token_id` may be shown and stored: it opens nothing.

    `created_by` is the account that made it, `creator` its name for people; `creator_role` and `creator_disabled` are
    its present values, which limit the token.
    """

    token_id: str
    name: str
    role: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    creator: str
    creator_role: str
    creator_disabled: bool

    def state(self, now: datetime) -> State:
        """Return the state at `now`. A disabled creator revokes the token; one made in the future has expired."""
        if self.revoked_at is not None or self.creator_disabled:
            return "revoked"
        return "valid" if self.created_at <= now + TOLERANCE and now < self.expires_at else "expired"

    @property
    def target(self) -> str:
        """Return the name of the token in the audit; the part in brackets is the actor of its calls."""
        return f"{self.name} (token:{self.token_id})"


def add_token(engine: Engine, row: Mapping[str, Any], entry: Entry) -> Token | None:
    """Store and return a new token; return None if its creator is unknown or disabled."""
    creator = accounts.c.name == row["created_by"]
    with transaction(engine) as connection:
        # Changes nothing, but takes the write lock: the account cannot be disabled before the token is stored.
        connection.execute(update(accounts).where(creator).values(name=accounts.c.name))
        if connection.execute(select(accounts.c.name).where(creator, accounts.c.disabled.is_(False))).first() is None:
            return None
        connection.execute(insert(api_tokens).values(**row))
        added = connection.execute(_tokens().where(api_tokens.c.token_id == row["token_id"])).mappings().one()
        token = Token(**added)
        append(connection, _about(entry, token).changed(None, _in_audit(token)), token.created_at)
    return token


def revoke_token(engine: Engine, token_id: str, entry: Entry, at: datetime) -> bool:
    """Revoke a token; return False if it is unknown or revoked already."""
    this = api_tokens.c.token_id == token_id
    ending = update(api_tokens).where(this, api_tokens.c.revoked_at.is_(None)).values(revoked_at=at)
    with transaction(engine) as connection:
        ended = connection.execute(ending)
        if not ended.rowcount:
            return False
        token = Token(**connection.execute(_tokens().where(this)).mappings().one())
        append(connection, _about(entry, token).changed(_in_audit(token), None), at)
    return True


def all_tokens(engine: Engine) -> list[Token]:
    """Return every token, also those that have ended, the newest first."""
    query = _tokens().order_by(api_tokens.c.created_at.desc(), api_tokens.c.token_id)
    with transaction(engine) as connection:
        return [Token(**row) for row in connection.execute(query).mappings()]


def find_token(engine: Engine, token_hash: str) -> Token | None:
    """Return the token with this hash, also if it has ended."""
    with transaction(engine) as connection:
        row = connection.execute(_tokens().where(api_tokens.c.token_hash == token_hash)).mappings().first()
    return Token(**row) if row else None


def touch_token(engine: Engine, token_id: str, at: datetime, *, every: timedelta) -> None:
    """Store `at` as the time of the last use, unless the stored one is less than `every` ago."""
    used = api_tokens.c.last_used_at
    due = or_(used.is_(None), used <= at - every, used > at + TOLERANCE)  # the last: the clock was set back
    with transaction(engine) as connection:
        connection.execute(update(api_tokens).where(api_tokens.c.token_id == token_id, due).values(last_used_at=at))


def _tokens() -> Select[Any]:
    return select(
        *PUBLIC,
        case((accounts.c.display_name != "", accounts.c.display_name), else_=accounts.c.name).label("creator"),
        accounts.c.role.label("creator_role"),
        accounts.c.disabled.label("creator_disabled"),
    ).join(accounts, accounts.c.name == api_tokens.c.created_by)


def _about(entry: Entry, token: Token) -> Entry:
    return Entry(entry.actor, entry.action, token.target)


def _in_audit(token: Token) -> dict[str, Any]:
    return {"name": token.name, "role": token.role, "expires_at": token.expires_at.isoformat()}
