"""The daily digest to the licence desk: open cases, the worst first; nothing when there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from sqlalchemy import Engine

from core.cache.catalogue import load_catalogue
from core.cache.channel_rows import Channel, all_channels, decide_digest
from core.cache.desk_queries import DigestCase, digest_cases
from core.cache.sql import Transaction, transaction
from core.cases.demand import PRIORITIES
from core.cases.desk_news import ProductName
from core.cases.next_step import NextStep
from core.messages.outbox import queue_to_desk
from core.messages.routes import DIGEST
from core.messages.wording import moment, number, one_line
from core.texts import plural, text

KIND = "digest"
MOST_LINES = 100
NEVER = datetime.max.replace(tzinfo=UTC)


def write_digests(engine: Engine, zone: tzinfo, now: datetime) -> int:
    """Write today's digests whose time has come; return how many messages are new. Raises DatabaseError."""
    due = [channel for channel in all_channels(engine) if is_due(channel, zone, now)]
    if not due:
        return 0
    catalogue, _ = load_catalogue(engine)

    def product(sku_id: str, sku_part_number: str, language: str) -> str:
        return catalogue.product(sku_id, sku_part_number).name(language)

    with transaction(engine) as connection:
        return sum(_write(connection, channel, zone, now, product) for channel in due)


def is_due(channel: Channel, zone: tzinfo, now: datetime) -> bool:
    """Return True if the digest of today is to be written for the channel."""
    local = now.astimezone(zone)
    if not channel.active or DIGEST not in channel.routes or local.hour * 60 + local.minute < channel.digest_at:
        return False
    return channel.digest_day is None or channel.digest_day < local.date()


def _write(connection: Transaction, channel: Channel, zone: tzinfo, now: datetime, product: ProductName) -> int:
    today = now.astimezone(zone).date()
    if not decide_digest(connection, channel, today):
        return 0
    rows = worst_first(digest_cases(connection), now)
    if not rows:
        return 0
    key = f"{KIND}:{today.isoformat()}"
    data = {"open": len(rows), "overdue": sum(is_overdue(row, now) for row in rows)}
    return queue_to_desk(
        connection, DIGEST, KIND, key, lambda language: digest_texts(rows, product, language, zone, now), now,
        data=data, channels=[channel],
    )  # fmt: skip


def is_overdue(row: DigestCase, now: datetime) -> bool:
    """Return True if the next step of the case is late."""
    return NextStep(row.next_action, row.due_at).overdue(now)


def worst_first(rows: Sequence[DigestCase], now: datetime) -> list[DigestCase]:
    """Return the cases in the order in which they need somebody: late ones, then by priority, then by due time."""
    return sorted(
        rows,
        key=lambda row: (
            not is_overdue(row, now),
            PRIORITIES.index(row.case.priority) if row.case.priority in PRIORITIES else len(PRIORITIES),
            row.due_at or NEVER,
            row.case.number,
        ),
    )


def digest_texts(
    rows: Sequence[DigestCase], product: ProductName, language: str, zone: tzinfo, now: datetime
) -> tuple[str, str]:  # fmt: skip
    """Return subject and body of the digest."""
    overdue = sum(is_overdue(row, now) for row in rows)
    count, late = number(len(rows), language), number(overdue, language)
    subject = plural("message.digest.subject", len(rows), language, count=count)
    if overdue:
        subject = text("message.digest.subject_late", language, subject=subject, late=late)
    lines = [_lines(row, product, language, zone, now) for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(text("message.digest.more", language, count=number(len(rows) - MOST_LINES, language)))
    return subject, "\n\n".join([f"{subject}.", *lines]) + "\n"


def _lines(row: DigestCase, product: ProductName, language: str, zone: tzinfo, now: datetime) -> str:
    """Return what the digest says about one case."""
    case, step = row.case, NextStep(row.next_action, row.due_at).at(now)
    values = {
        "tenant": one_line(row.tenant),
        "product": one_line(product(case.sku_id, case.sku_part_number, language)),
        "number": case.number,
        "priority": text(f"level.priority.{case.priority}", language),
        "units": text(
            "message.units", language, free=number(case.free, language), under_way=number(case.under_way, language),
            waiting=number(case.waiting, language),
        ),
        "owner": one_line(case.owner_name) or text("message.digest.nobody", language),
        "step": text(f"message.step.{step.action or 'none'}", language),
        "due": moment(row.due_at, language, zone) if row.due_at else "–",
    }  # fmt: skip
    return text("message.digest.late_case" if is_overdue(row, now) else "message.digest.case", language, **values)
