"""The door to the outbox: write a message in the transaction of what causes it. The background sends it.

    queue(connection, Draft(kind="consent", key=f"consent:{consent_id}:1", channel_id=..., recipient=..., ...), now)
    queue_to_desk(connection, NEWS, "answered", f"answered:{consent_id}", texts, now, tenant_id=...)

`texts(language)` returns (subject, body). A key says what may exist once: a second message with the same key, channel
and recipient is not written. Nothing here waits for a network, and nothing fails because of a channel.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from core.bounds import bounded_text
from core.cache import message_rows
from core.cache.channel_rows import Channel, channels_in
from core.cache.message_rows import Message
from core.cache.secret_rows import MESSAGE
from core.cache.sql import Transaction
from core.messages.routes import MAIL
from core.secrets.stored_secrets import seal

GIVE_UP_AFTER = timedelta(days=2)
LONGEST_SUBJECT, LONGEST_BODY = 250, 100_000  # characters
ABOUT_MANY = ("digest",)  # kinds that name many tenants: their text goes once it is sent
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Texts = Callable[[str], tuple[str, str]]  # language -> subject, body


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A message for one recipient of one channel.

    kind         alarm, first_reading, digest, test, consent, order, ...: 20 letters
    key          what may exist once for channel and recipient
    recipient    an address of e-mail, "" for a channel that has none
    tenant_id    the tenant that it is about, "" for none or many; it goes with the tenant
    data         the same for programs: what a webhook gets, and nobody else
    secrets      mark in the body -> what stands there, such as a link with a token: encrypted until it is sent
    message_id   what others see (Message-ID, webhook-id), such as the key of an order; made from the key if it is ""
    """

    kind: str
    key: str
    channel_id: str
    recipient: str
    language: str
    subject: str
    body: str
    tenant_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    reply_to: str = ""
    attachments: Sequence[Attachment] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    message_id: str = ""

    @property
    def dedup_key(self) -> str:
        return f"{self.key}:{self.channel_id}:{self.recipient}"


def queue(connection: Transaction, draft: Draft, now: datetime) -> bool:
    """Write the message into the outbox; return False if it is there already. Raises SecretError."""
    message_id = draft.message_id or sha256(draft.dedup_key.encode("utf-8", "replace")).hexdigest()[:32]
    secret = ""
    if draft.secrets:
        message_rows.lock_messages(connection)
        secret = seal(connection.engine, MESSAGE, message_id, json.dumps(dict(draft.secrets)))
    message = Message(
        message_id=message_id,
        dedup_key=draft.dedup_key,
        kind=draft.kind,
        tenant_id=draft.tenant_id or None,
        channel_id=draft.channel_id,
        recipient=draft.recipient,
        language=draft.language,
        subject=bounded_text(draft.subject, LONGEST_SUBJECT),
        body=_CONTROL.sub("", draft.body.replace("\r\n", "\n"))[:LONGEST_BODY],
        created_at=now,
        not_before=now,
        give_up_at=now + GIVE_UP_AFTER,
        secret=secret,
        data=dict(draft.data),
        reply_to=draft.reply_to,
        attachments=[[one.name, one.media_type, b64encode(one.content).decode()] for one in draft.attachments],
    )
    return message_rows.add_message(connection, message)


def queue_to_desk(
    connection: Transaction,
    route: str,
    kind: str,
    key: str,
    texts: Texts,
    now: datetime,
    *,
    tenant_id: str = "",
    recipients: Collection[str] = (),
    data: Mapping[str, Any] | None = None,
    channels: Sequence[Channel] | None = None,
) -> int:
    """Write one message for each channel of the route and each of its recipients; return how many are new.

    `recipients` are more addresses for channels that send mails: those of the tenant's level. `channels` are those of
    the database, if the caller has read them.
    """
    new = 0
    for channel in channels_for(connection, route) if channels is None else channels:
        subject, body = texts(channel.language)
        for recipient in recipients_of(channel, recipients):
            draft = Draft(
                kind, key, channel.channel_id, recipient, channel.language, subject, body, tenant_id, data or {}
            )
            new += queue(connection, draft, now)
    return new


def channels_for(connection: Transaction, route: str) -> list[Channel]:
    """Return the active channels of the route, by name."""
    return [channel for channel in channels_in(connection) if channel.active and route in channel.routes]


def mail_channel(connection: Transaction) -> Channel | None:
    """Return the channel that sends mails to customers and distributors; None if there is none."""
    return next((channel for channel in channels_for(connection, MAIL) if channel.kind == "smtp"), None)


def recipients_of(channel: Channel, more: Collection[str] = ()) -> list[str]:
    """Return to whom a message of the channel goes, each address once; [""] for a channel without addresses."""
    if channel.kind != "smtp":
        return [""]
    return list({address.casefold(): address for address in (*channel.recipients, *more)}.values())
