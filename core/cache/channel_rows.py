"""Table of the channels that messages go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from core.cache.audit_rows import Entry, append
from core.cache.message_rows import fail_waiting
from core.cache.schema import channels, messages
from core.cache.sql import lock_for_writing, transaction
from core.name_key import name_key, sort_key
from core.problems import Problem

URGENT = "urgent"  # the route of alarms


@dataclass(frozen=True, slots=True)
class Channel:
    """A place that messages go to.

    `kind` is smtp, apprise or webhook; `config` is of the kind and holds nothing secret, `secret` is encrypted.
    `routes` say what goes there (core.messages.routes), `recipients` are addresses of e-mail. `digest_at` are minutes
    since midnight, `digest_day` is the last day about whose digest is decided. `version` counts the changes.
    """

    channel_id: str
    name: str
    kind: str
    config: Mapping[str, Any]
    secret: str = field(default="", repr=False)
    routes: Sequence[str] = ()
    recipients: Sequence[str] = ()
    language: str = "de"
    digest_at: int = 420
    digest_day: date | None = None
    active: bool = True
    version: int = 1


_COLUMNS = [channels.c[one.name] for one in fields(Channel)]


class ChannelChanged(Exception):
    """The channel was changed or removed by somebody else since it was read; nothing was changed."""


class NameTaken(Exception):
    """Another channel has this name; nothing was changed."""


def all_channels(engine: Engine) -> list[Channel]:
    """Return the channels by name."""
    with transaction(engine) as connection:
        return channels_in(connection)


def channels_in(connection: Connection) -> list[Channel]:
    """Return the channels by name, in a transaction that is open."""
    found = [Channel(*row) for row in connection.execute(select(*_COLUMNS))]
    return sorted(found, key=lambda channel: sort_key(channel.name))


def has_route(engine: Engine, route: str) -> bool:
    """Return True if an active channel gets what goes this way."""
    return any(channel.active and route in channel.routes for channel in all_channels(engine))


def find_channel(engine: Engine, channel_id: str) -> Channel | None:
    with transaction(engine) as connection:
        row = connection.execute(select(*_COLUMNS).where(channels.c.channel_id == channel_id)).first()
    return Channel(*row) if row else None


def document_of(channel: Channel) -> dict[str, Any]:
    """Return what the audit may show of a channel: everything but what is secret."""
    hidden = ("secret", "digest_day")
    return {name: value for name, value in asdict(channel).items() if name not in hidden}


def add_channel(engine: Engine, channel: Channel, sealed: Callable[[], str], entry: Entry, at: datetime) -> None:
    """Store a new channel; `sealed` returns its encrypted secret, called under the write lock. Raises NameTaken."""
    with transaction(engine) as connection:
        lock_for_writing(connection, channels)
        _need_free_name(connection, channel)
        connection.execute(insert(channels).values(_values(replace(channel, secret=sealed()))))
        append(connection, entry.changed(None, document_of(channel)), at)


def change_channel(
    engine: Engine, channel: Channel, sealed: Callable[[], str] | None, entry: Entry, at: datetime
) -> None:  # fmt: skip
    """Store the channel in the place of that with its id and version.

    `sealed` returns another secret, encrypted; None keeps the stored one. Raises ChannelChanged, NameTaken.
    """
    with transaction(engine) as connection:
        lock_for_writing(connection, channels)
        before = _need_unchanged(connection, channel)
        _need_free_name(connection, channel)
        secret = before.secret if sealed is None else sealed()
        decided = max(filter(None, (before.digest_day, channel.digest_day)), default=None)
        values = _values(replace(channel, secret=secret, version=channel.version + 1, digest_day=decided))
        connection.execute(update(channels).where(channels.c.channel_id == channel.channel_id).values(values))
        after = document_of(channel) | {"version": channel.version + 1}
        append(
            connection, entry.changed(document_of(before), after | ({} if sealed is None else {"secret": "***"})), at
        )


def delete_channel(engine: Engine, channel: Channel, why: Problem, entry: Entry, at: datetime) -> int:
    """Remove the channel and give up what waits for it, for the reason `why`; return how many messages those are.

    Raises ChannelChanged.
    """
    with transaction(engine) as connection:
        lock_for_writing(connection, channels)
        before = _need_unchanged(connection, channel)
        connection.execute(delete(channels).where(channels.c.channel_id == channel.channel_id))
        given_up = fail_waiting(connection, messages.c.channel_id == channel.channel_id, why)
        append(connection, entry.changed(document_of(before), None), at)
    return given_up


def decide_digest(connection: Connection, channel: Channel, day: date) -> bool:
    """Note that the digest of `day` is decided about; return False if another process has done so."""
    undecided = channels.c.digest_day.is_(None) | (channels.c.digest_day < day)
    change = update(channels).where(channels.c.channel_id == channel.channel_id, undecided)
    return connection.execute(change.values(digest_day=day)).rowcount == 1


def _need_unchanged(connection: Connection, channel: Channel) -> Channel:
    row = connection.execute(select(*_COLUMNS).where(channels.c.channel_id == channel.channel_id)).first()
    if row is None or row.version != channel.version:
        raise ChannelChanged
    return Channel(*row)


def _need_free_name(connection: Connection, channel: Channel) -> None:
    others = channels.c.channel_id != channel.channel_id
    query = select(channels.c.channel_id).where(channels.c.name_key == name_key(channel.name), others)
    if connection.execute(query).first():
        raise NameTaken


def _values(channel: Channel) -> dict[str, Any]:
    lists = {"routes": list(channel.routes), "recipients": list(channel.recipients), "config": dict(channel.config)}
    return asdict(channel) | lists | {"name_key": name_key(channel.name)}
