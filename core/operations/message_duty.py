"""The sender of the outbox, as every process in the background has it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from core.cache.lists_read import sharepoint_status
from core.cache.message_rows import Message
from core.cache.sql import Transaction
from core.cases.alarms import KIND
from core.cases.delivered_alarms import note_told
from core.messages.sender import Sender
from core.refresh.services import Services


def message_sender(services: Services) -> Sender:
    """Return the sender of this process, which is still to be started."""
    on_sent = partial(note_delivery, services.engine)
    return Sender(services.engine, services.settings, on_sent=on_sent, now=services.now)


def note_delivery(engine: Engine, connection: Transaction, message: Message, at: datetime) -> None:
    """Note in its case that a shortage was told, unless the flow of SharePoint does that."""
    if message.kind == KIND and not sharepoint_status(engine).configured:
        note_told(connection, dict(message.data), at)
