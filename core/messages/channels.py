"""Set up channels, try them, and send messages again that were given up. Every change is in the audit.

ChannelFaults   a channel has faults, each with its field; nothing was changed
ChannelError    it cannot be changed: somebody else has changed or removed it
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from uuid import uuid4

from sqlalchemy import Engine

from core.audit import Entry, append, record
from core.cache import channel_rows, message_rows
from core.cache.channel_rows import Channel, ChannelChanged, NameTaken, all_channels, find_channel
from core.cache.message_rows import Message, OutboxState
from core.cache.secret_rows import CHANNEL
from core.cache.sql import transaction
from core.messages.channel_rules import cleaned_name, faults_of, is_address, shown_config
from core.messages.delivery import DeliveryError, Network
from core.messages.outbox import GIVE_UP_AFTER
from core.messages.sessions import open_session
from core.messages.webhook_session import new_key
from core.messages.wording import subject_and_body
from core.problems import Problem, ProblemError, ProblemsError
from core.roles import Action, Actor
from core.secrets.stored_secrets import SecretError, seal
from core.settings import Settings

log = logging.getLogger(__name__)

MOST_SHOWN = 500  # messages of a list


class ChannelFaults(ProblemsError):
    """The channel has faults; `by_field` has the problem of each field."""

    def __init__(self, by_field: Mapping[str, Problem]) -> None:
        super().__init__(list(by_field.values()))
        self.by_field = dict(by_field)


class ChannelError(ProblemError):
    """The channel cannot be changed or tried."""


def channels_of(engine: Engine, actor: Actor) -> list[Channel]:
    """Return the channels by name. Raises NotAllowed, DatabaseError."""
    actor.need(Action.CHANNELS)
    return all_channels(engine)


def keep(
    engine: Engine, actor: Actor, channel: Channel, secret: Mapping[str, str] | None, now: datetime, zone: tzinfo
) -> tuple[Channel, str]:
    """Add a channel (its id is ""), or change the one with its id and version; return it, and a key made for it or "".

    `secret`: password, url, key; None keeps the stored one. Raises NotAllowed, ChannelFaults, ChannelError,
    SecretError, DatabaseError.
    """
    actor.need(Action.CHANNELS)
    added = not channel.channel_id
    secret = {name: value.strip() for name, value in (secret or {}).items()} if secret is not None or added else None
    made = ""
    if channel.kind == "webhook" and secret is not None and not secret.get("key"):
        made = new_key()
        secret = {**secret, "key": made}
    channel = _cleaned(channel)
    if faults := dict(reversed(list(faults_of(channel, secret)))):
        raise ChannelFaults(faults)
    if secret is not None:
        channel = replace(channel, config=shown_config(channel.kind, channel.config, secret))
    stored = _store(engine, actor, channel, secret, now, zone)
    log.info("%s saved the channel %s", actor.shown, stored.name)
    return stored, made


def _cleaned(channel: Channel) -> Channel:
    recipients = {one.strip().casefold(): one.strip() for one in channel.recipients if one.strip()}
    routes = tuple(dict.fromkeys(channel.routes))
    return replace(channel, name=cleaned_name(channel.name), recipients=tuple(recipients.values()), routes=routes)


def _store(
    engine: Engine, actor: Actor, channel: Channel, secret: Mapping[str, str] | None, now: datetime, zone: tzinfo
) -> Channel:  # fmt: skip
    added = not channel.channel_id
    if added:
        channel = replace(channel, channel_id=uuid4().hex, version=1)
    local = now.astimezone(zone)
    if channel.digest_day is None and local.hour * 60 + local.minute >= channel.digest_at:
        channel = replace(channel, digest_day=local.date())  # the first digest comes at its time tomorrow

    def sealed() -> str:
        return seal(engine, CHANNEL, channel.channel_id, json.dumps(dict(secret or {})))

    try:
        if added:
            channel_rows.add_channel(engine, channel, sealed, Entry(actor, "channel.added", channel.name), now)
            return channel
        entry = Entry(actor, "channel.changed", channel.name)
        channel_rows.change_channel(engine, channel, None if secret is None else sealed, entry, now)
    except NameTaken:
        raise ChannelFaults({"name": Problem("channel.name_taken", {"name": channel.name})}) from None
    except ChannelChanged:
        raise _changed(channel) from None
    return replace(channel, version=channel.version + 1)


def switch(engine: Engine, actor: Actor, channel: Channel, now: datetime, *, active: bool) -> None:
    """Switch the channel on or off. Raises NotAllowed, ChannelError, DatabaseError."""
    actor.need(Action.CHANNELS)
    entry = Entry(actor, "channel.changed", channel.name)
    try:
        channel_rows.change_channel(engine, replace(channel, active=active), None, entry, now)
    except ChannelChanged:
        raise _changed(channel) from None


def remove(engine: Engine, actor: Actor, channel: Channel, now: datetime) -> int:
    """Remove the channel; return how many messages that waited for it are given up.

    Raises NotAllowed, ChannelError, DatabaseError.
    """
    actor.need(Action.CHANNELS)
    entry = Entry(actor, "channel.removed", channel.name)
    try:
        return channel_rows.delete_channel(engine, channel, Problem("message.channel_gone"), entry, now)
    except ChannelChanged:
        raise _changed(channel) from None


def send_test(
    engine: Engine, actor: Actor, channel: Channel, settings: Settings, now: datetime, recipient: str = ""
) -> Problem | None:
    """Send a test message at once; return why it was not accepted, None if it was.

    `recipient`: for a mail server, "" for the first one of the channel. Raises NotAllowed, ChannelError, DatabaseError.
    """
    actor.need(Action.CHANNELS)
    stored = find_channel(engine, channel.channel_id)
    if stored is None:
        raise _changed(channel)
    channel = stored
    to = "" if channel.kind != "smtp" else recipient.strip() or next(iter(channel.recipients), "")
    if channel.kind == "smtp" and not is_address(to):
        raise ChannelError(Problem("channel.test_recipient"))
    subject, body = subject_and_body("test", channel.language, {"channel": channel.name})
    key = f"test:{uuid4().hex}"
    message = Message(
        uuid4().hex, key, "test", None, channel.channel_id, to, channel.language, subject, body, now, now, now
    )
    fault: Problem | None = None
    try:
        session = open_session(engine, channel, Network(settings.ca_bundle, settings.proxies))
        try:
            session.send(message, body)
        finally:
            session.close()
    except (DeliveryError, SecretError) as error:
        fault = error.problem
    result, reason = ("failed", fault.code) if fault else ("done", "")
    record(engine, actor, "channel.tested", channel.name, result=result, reason=reason, at=now)
    return fault


def outbox(
    engine: Engine, actor: Actor, state: str = "", *, limit: int = MOST_SHOWN
) -> tuple[list[Message], OutboxState]:
    """Return the newest messages in `state` ("": any), and what waits and was given up. Raises NotAllowed."""
    actor.need(Action.CHANNELS)
    return message_rows.list_messages(engine, state, limit=limit), message_rows.outbox_state(engine)


def send_again(engine: Engine, actor: Actor, message_ids: Collection[str], now: datetime) -> int:
    """Let messages that wait or were given up be sent at once; return how many. Raises NotAllowed, DatabaseError."""
    actor.need(Action.CHANNELS)
    with transaction(engine) as connection:
        count = message_rows.send_again(connection, message_ids, now, now + GIVE_UP_AFTER)
        if count:
            append(connection, Entry(actor, "message.sent_again", "", None, {"messages": sorted(message_ids)}), now)
    return count


def _changed(channel: Channel) -> ChannelError:
    return ChannelError(Problem("channel.changed_meanwhile", {"name": channel.name}))
