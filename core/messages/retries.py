"""When a message is tried again, and when it is given up. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.cache.message_rows import Message

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60, 120, 240))
LEAST_ATTEMPTS = 5  # also if the clock has jumped, or nothing was sent for days


def pause_after(attempts: int) -> timedelta:
    """Return how long a message waits after its attempt with this number, counted from 1."""
    return PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]


def is_given_up(message: Message, now: datetime) -> bool:
    """Return True if the message, whose attempt has just failed, is not tried again."""
    return now >= message.give_up_at and message.attempts >= LEAST_ATTEMPTS
