"""The outbox: messages that wait, were sent, or were given up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, or_, select, true, update

from core.cache.schema import channels, messages
from core.cache.sql import insert_new, lock_for_writing, share_before, transaction
from core.problems import Problem

WAITING, SENT, FAILED = "waiting", "sent", "failed"
AT_MOST = timedelta(days=7)  # of old messages that are deleted at once


@dataclass(frozen=True, slots=True)
class Message:
    """A message for one recipient of one channel; each field is described at its column in core.cache.schema."""

    message_id: str
    dedup_key: str
    kind: str
    tenant_id: str | None
    channel_id: str
    recipient: str
    language: str
    subject: str
    body: str
    created_at: datetime
    not_before: datetime
    give_up_at: datetime
    secret: str = field(default="", repr=False)
    data: Mapping[str, Any] = field(default_factory=dict)
    reply_to: str = ""
    attachments: Sequence[Sequence[str]] = ()
    attempts: int = 0
    sent_at: datetime | None = None
    state: str = WAITING
    error: str | None = None

    @property
    def problem(self) -> Problem | None:
        """Return why the last attempt failed; None if it did not."""
        return Problem.from_json(self.error) if self.error else None


_COLUMNS = [messages.c[one.name] for one in fields(Message)]
_WAITS = messages.c.state == WAITING


def add_message(connection: Connection, message: Message) -> bool:
    """Store a message in the transaction of what causes it; return False if its key exists already."""
    return insert_new(connection, messages, asdict(message))


def lock_messages(connection: Connection) -> None:
    """Keep all others from writing messages until this transaction ends, so that no keys are rotated in it."""
    lock_for_writing(connection, messages)


def due_channels(engine: Engine, now: datetime) -> list[str]:
    """Return the ids of the active channels with a message that is due."""
    due = and_(_WAITS, messages.c.not_before <= now)
    exists = select(messages.c.message_id).where(due, messages.c.channel_id == channels.c.channel_id).exists()
    with transaction(engine) as connection:
        return list(connection.execute(select(channels.c.channel_id).where(channels.c.active, exists)).scalars())


def claim_next(
    engine: Engine, channel_id: str, now: datetime, pause_after: Callable[[int], timedelta],
    check: Callable[[Connection], None],
) -> Message | None:  # fmt: skip
    """Return the next due message of the channel as one attempt more, None if there is none.

    Until `pause_after(attempts)` is over nobody else takes it: a crash in between delays it and does not double it.
    `check` may raise, which leaves everything as it was.
    """
    due = and_(_WAITS, messages.c.channel_id == channel_id, messages.c.not_before <= now)
    query = select(*_COLUMNS).where(due).order_by(messages.c.not_before, messages.c.created_at).limit(1)
    with transaction(engine) as connection:
        check(connection)
        row = connection.execute(query.with_for_update()).first()
        if row is None:
            return None
        attempts = row.attempts + 1
        claimed = {"attempts": attempts, "not_before": now + pause_after(attempts)}
        connection.execute(update(messages).where(messages.c.message_id == row.message_id).values(claimed))
        return Message(**(dict(row._mapping) | claimed))


def mark_sent(
    engine: Engine, message: Message, at: datetime, *, keep_body: bool, also: Callable[[Connection], None] | None = None
) -> None:  # fmt: skip
    """Note that the channel has accepted the message; what was secret goes, and the text unless it is to be kept.

    `also` writes in the same transaction, first.
    """
    gone = {} if keep_body else {"body": "", "data": {}, "attachments": []}
    values = {"state": SENT, "sent_at": at, "error": None, "secret": ""} | gone
    with transaction(engine) as connection:
        if also is not None:
            also(connection)
        _mark_in(connection, message, values)


def mark_later(engine: Engine, message: Message, problem: Problem) -> None:
    """Note why the attempt failed; the message waits for the next one."""
    _mark(engine, message, {"error": problem.to_json()})


def mark_failed(engine: Engine, message: Message, problem: Problem) -> None:
    """Give the message up, with the reason."""
    _mark(engine, message, {"state": FAILED, "error": problem.to_json()})


def _mark(engine: Engine, message: Message, values: Mapping[str, Any]) -> None:
    with transaction(engine) as connection:
        _mark_in(connection, message, values)


def _mark_in(connection: Connection, message: Message, values: Mapping[str, Any]) -> None:
    """Change the message, unless somebody has claimed it since or acted on it."""
    same = messages.c.message_id == message.message_id, messages.c.attempts == message.attempts, _WAITS
    connection.execute(update(messages).where(*same).values(values))


def fail_waiting(connection: Connection, which: ColumnElement[bool], why: Problem) -> int:
    """Give up the waiting messages of this condition; return how many."""
    change = update(messages).where(_WAITS, which).values(state=FAILED, error=why.to_json())
    return connection.execute(change).rowcount


def fail_unsendable(engine: Engine, now: datetime, *, off: Problem, gone: Problem) -> int:
    """Give up what waits too long for a channel that is switched off, or whose channel is gone; return how many."""
    exists = select(channels.c.channel_id).where(channels.c.channel_id == messages.c.channel_id)
    too_old = and_(exists.where(~channels.c.active).exists(), messages.c.give_up_at <= now)
    orphaned = ~exists.exists()
    with transaction(engine) as connection:
        if connection.execute(select(true()).where(_WAITS, or_(too_old, orphaned)).limit(1)).first() is None:
            return 0
        return fail_waiting(connection, orphaned, gone) + fail_waiting(connection, too_old, off)


def send_again(connection: Connection, message_ids: Collection[str], now: datetime, give_up_at: datetime) -> int:
    """Let these messages, given up or waiting, be sent at once; return how many there were."""
    unsent = messages.c.message_id.in_(list(message_ids)), messages.c.state.in_((WAITING, FAILED))
    values = {"state": WAITING, "attempts": 0, "not_before": now, "give_up_at": give_up_at}
    return connection.execute(update(messages).where(*unsent).values(values)).rowcount


def stored_message(engine: Engine, message_id: str) -> Message | None:
    with transaction(engine) as connection:
        row = connection.execute(select(*_COLUMNS).where(messages.c.message_id == message_id)).first()
    return Message(*row) if row else None


def list_messages(engine: Engine, state: str = "", *, limit: int, channel_id: str = "") -> list[Message]:
    """Return the newest messages in `state` ("": any) of the channel ("": any)."""
    query = select(*_COLUMNS).order_by(messages.c.created_at.desc(), messages.c.message_id).limit(limit)
    if state:
        query = query.where(messages.c.state == state)
    if channel_id:
        query = query.where(messages.c.channel_id == channel_id)
    with transaction(engine) as connection:
        return [Message(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How many messages wait and were given up; `oldest` is the creation of the oldest that waits.

    `tried` counts those that wait although an attempt has failed, `newest_error` is the newest such problem.
    """

    waiting: int = 0
    failed: int = 0
    tried: int = 0
    oldest: datetime | None = None
    newest_error: str | None = None


def outbox_state(engine: Engine) -> OutboxState:
    """Return what waits and what was given up."""
    with transaction(engine) as connection:
        return outbox_state_in(connection)


def outbox_state_in(connection: Connection) -> OutboxState:
    """Return the same as `outbox_state`, in a transaction that is open."""
    waiting = connection.execute(
        select(func.count(), func.min(messages.c.created_at), func.count(messages.c.error)).where(_WAITS)
    ).one()
    failed = connection.execute(select(func.count()).where(messages.c.state == FAILED)).scalar_one()
    error = None
    if failed or waiting[2]:
        query = select(messages.c.error).where(messages.c.state.in_((WAITING, FAILED)), messages.c.error.is_not(None))
        error = connection.execute(query.order_by(messages.c.not_before.desc()).limit(1)).scalar()
    return OutboxState(waiting[0], failed, waiting[2], waiting[1], error)


def prune_messages(connection: Connection, before: datetime) -> int:
    """Delete messages that were sent or given up and are older than `before`; of them at most AT_MOST at once."""
    old = share_before(connection, messages.c.created_at, before, AT_MOST)
    if old is None:
        return 0
    return connection.execute(delete(messages).where(messages.c.created_at < old, ~_WAITS)).rowcount
