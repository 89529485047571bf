"""The sender of the outbox, as every process in the background has it."""

from __future__ import annotations

from core.messages.sender import Sender
from core.refresh.services import Services


def message_sender(services: Services) -> Sender:
    """Return the sender of this process, which is still to be started."""
    return Sender(services.engine, services.settings, now=services.now)
