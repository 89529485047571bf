"""Table of the events of licences: a new stage, a message; each with its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, Select, delete, func, select

from core.cache.schema import documents, license_events, licenses
from core.cache.sql import insert_missing, save_document, share_before, transaction
from core.licenses.judge import SHORT_STAGES, Stage

What = Stage | Literal["told", "taken_over"]
RECORDED_SINCE = "license_events_since"  # the document with the time from which on all events are stored
AT_MOST = timedelta(days=7)  # of events are deleted at once, so that a wrong clock does not empty the table


@dataclass(frozen=True, slots=True)
class LicenseEvent:
    """An event of one licence: it reached the stage `what`, or its shortage was reported.

    what            "told": the flow has informed the support team; "taken_over": counts as reported without a message
    before          the stage until then; None for messages, and if it is unknown
    enabled, consumed   the units that were read, None for messages
    """

    tenant_id: str
    sku_id: str
    at: datetime
    what: What
    before: Stage | None = None
    enabled: int | None = None
    consumed: int | None = None

    @property
    def license_id(self) -> str:
        """Return the id of the licence, as in `core.cache.license_index`."""
        return f"{self.tenant_id}/{self.sku_id}"

    @property
    def begins_shortage(self) -> bool:
        return self.what in SHORT_STAGES and self.before not in SHORT_STAGES

    @property
    def ends_shortage(self) -> bool:
        return self.before in SHORT_STAGES and self.what not in SHORT_STAGES


def add_events(connection: Connection, events: Iterable[LicenseEvent]) -> None:
    """Add events; one that is stored already is left out."""
    insert_missing(connection, license_events, [asdict(event) for event in events])


def events_since(engine: Engine, since: datetime) -> list[LicenseEvent]:
    """Return the events of all licences from `since` on, the newest first."""
    return _events(engine, select(license_events).where(license_events.c.at >= since))


def events_of(engine: Engine, tenant_id: str, sku_id: str = "", *, most: int) -> list[LicenseEvent]:
    """Return the newest `most` events of a tenant, or of one licence, the newest first."""
    query = select(license_events).where(license_events.c.tenant_id == tenant_id)
    if sku_id:
        query = query.where(license_events.c.sku_id == sku_id)
    return _events(engine, query.limit(most))


def _events(engine: Engine, query: Select[tuple[object, ...]]) -> list[LicenseEvent]:
    columns = license_events.c  # at the same time the message comes after the shortage, as in the alphabet
    with transaction(engine) as connection:
        rows = connection.execute(query.order_by(columns.at.desc(), columns.what.desc(), columns.sku_id)).mappings()
        return [LicenseEvent(**row) for row in rows]


def told_shortages(engine: Engine) -> dict[tuple[str, str], datetime]:
    """Return (tenant id, SKU id) -> the time at which the present shortage was told, of those that were."""
    columns = license_events.c
    same = (columns.tenant_id == licenses.c.tenant_id) & (columns.sku_id == licenses.c.sku_id)
    query = (
        select(columns.tenant_id, columns.sku_id, func.min(columns.at))
        .join(licenses, same & (columns.at >= licenses.c.short_since))
        .where(columns.what == "told")
        .group_by(columns.tenant_id, columns.sku_id)
    )
    with transaction(engine) as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def recorded_since(engine: Engine) -> datetime | None:
    """Return the time from which on every event is stored, None if it is unknown."""
    with transaction(engine) as connection:
        return _recorded_since(connection)


def _recorded_since(connection: Connection) -> datetime | None:
    stored = connection.execute(select(documents.c.value).where(documents.c.key == RECORDED_SINCE)).scalar()
    return datetime.fromisoformat(stored) if stored else None


def begin_record(connection: Connection, at: datetime) -> None:
    """Store that from `at` on every event is stored."""
    save_document(connection, RECORDED_SINCE, at.isoformat())


def prune_events(engine: Engine, days: int, now: datetime) -> int:
    """Delete events older than `days` (0: none), the oldest first; return how many."""
    if not days:
        return 0
    with transaction(engine) as connection:
        before = share_before(connection, license_events.c.at, now - timedelta(days=days), AT_MOST)
        if before is None:
            return 0
        deleted = connection.execute(delete(license_events).where(license_events.c.at < before)).rowcount
        if (since := _recorded_since(connection)) and since < before:
            begin_record(connection, before)
        return deleted
