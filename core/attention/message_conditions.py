"""Conditions about messages: given up, or waiting for long. Pure functions of facts and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.attention.condition import Condition
from core.cache.message_rows import OutboxState
from core.clock import elapsed
from core.problems import Problem

SUBJECT = "messages"
WAITS_LONG = timedelta(minutes=15)  # four attempts of a message have failed by then


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """The outbox, and if anybody is told of a shortage: by a channel, or by the flow of SharePoint."""

    outbox: OutboxState = field(default_factory=OutboxState)
    somebody_is_told: bool = True


def message_conditions(facts: MessageFacts, now: datetime) -> Iterator[Condition]:
    """Yield a condition if messages were given up, and one if some wait for long."""
    outbox = facts.outbox
    cause = Problem.from_json(outbox.newest_error) if outbox.newest_error else Problem("message.not_tried")
    if outbox.failed:
        problem = Problem("message.check_failed", {"count": str(outbox.failed)})
        yield Condition("error", problem, SUBJECT, cause=cause)
    if outbox.waiting and outbox.oldest and elapsed(outbox.oldest, now) > WAITS_LONG:
        problem = Problem("message.check_waiting", {"count": str(outbox.waiting)})
        yield Condition("warning", problem, SUBJECT, cause=cause, moments={"since": outbox.oldest})
