"""Store what a refresh has read: tenants, their licences, daily history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypedDict, cast

from sqlalchemy import Connection, Engine, bindparam, case, delete, insert, select, update

from core.cache.event_rows import LicenseEvent, add_events
from core.cache.history_rows import LicenseKey, write_day
from core.cache.schema import licenses, subscriptions, tenants
from core.cache.sql import of_tenants, transaction
from core.interned import interned
from core.licenses.judge import SHORT_STAGES, Stage
from core.licenses.units import License
from core.problems import Problem

LICENSE_COLUMNS = tuple(str(column.name) for column in licenses.columns)
LICENSE_FIELDS = tuple(field.name for field in fields(License))

_READ_AT = (
    update(tenants)
    .where(tenants.c.tenant_id == bindparam("tenant"))
    .values(last_read_at=bindparam("at"), last_attempt_at=bindparam("at"), failing_since=None, problem=None)
)


class StoredLicense(TypedDict):
    """A row of the `licenses` table."""

    tenant_id: str
    sku_id: str
    sku_part_number: str
    applies_to: str
    capability_status: str
    enabled: int
    consumed: int
    warning: int
    suspended: int
    locked_out: int
    present: bool
    first_seen_at: datetime
    short_since: datetime | None
    stage: Stage | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One read of a tenant.

    `stages`: SKU id -> stage, of those that are not "ok". `refused`: the SKU ids with rows that cannot be understood,
    "" for a row without a SKU id; `problem` is set then.
    """

    tenant_id: str
    licenses: Sequence[License]
    stages: Mapping[str, Stage]
    read_at: datetime
    refused: Collection[str] = ()
    problem: Problem | None = None


def stored_licenses(
    engine: Engine, tenant_ids: Collection[str] | None = None
) -> dict[str, dict[str, StoredLicense]]:  # fmt: skip
    """Return tenant id -> SKU id -> row of every licence; of those of `tenant_ids` alone if it is given."""
    rows_of_tenant: dict[str, dict[str, StoredLicense]] = {}
    query = of_tenants(select(*(licenses.c[name] for name in LICENSE_COLUMNS)), licenses, tenant_ids)
    with transaction(engine) as connection:
        for values in connection.execute(query):
            row = cast(StoredLicense, dict(zip(LICENSE_COLUMNS, map(interned, values), strict=True)))
            rows_of_tenant.setdefault(row["tenant_id"], {})[row["sku_id"]] = row
    return rows_of_tenant


def rows_of(reading: Reading, before: Mapping[str, StoredLicense]) -> dict[str, StoredLicense]:
    """Return the licence rows of a tenant after `reading`; `before` are its stored rows.

    A SKU that is no longer listed stays with `present` False and no units; `short_since` is kept while the shortage
    lasts. A SKU whose row cannot be understood keeps its stored row, and so does every missing SKU if some row has no
    SKU id: unknown is not gone.
    """
    rows: dict[str, StoredLicense] = {}
    for license_ in reading.licenses:
        old = before.get(license_.sku_id)
        since = (old["short_since"] if old else None) or reading.read_at
        stage = reading.stages.get(license_.sku_id, "ok")
        rows[license_.sku_id] = StoredLicense(
            tenant_id=reading.tenant_id,
            present=True,
            first_seen_at=old["first_seen_at"] if old else reading.read_at,
            short_since=since if stage in SHORT_STAGES else None,
            stage=stage,
            **{name: getattr(license_, name) for name in LICENSE_FIELDS},  # type: ignore[typeddict-item]
        )
    for sku_id, old in before.items():
        if sku_id in rows:
            continue
        if sku_id in reading.refused or "" in reading.refused:
            rows[sku_id] = old
        else:
            none = {"enabled": 0, "consumed": 0, "warning": 0, "suspended": 0, "locked_out": 0}
            gone = {"present": False, "short_since": None, "stage": "gone"}
            rows[sku_id] = StoredLicense(**{**old, **none, **gone})  # type: ignore[typeddict-item]
    return rows


def stage_events(
    reading: Reading, before: Mapping[str, StoredLicense], rows: Mapping[str, StoredLicense]
) -> list[LicenseEvent]:
    """Return an event for each licence whose stage the reading has changed.

    The first reading of a tenant changes nothing. A row without a stage is from before there were any: then it was
    neither short nor gone, and its first stage is an event only if it is one of these.
    """
    events = []
    for sku_id, row in rows.items() if before else ():
        old = before.get(sku_id)
        was, now = old["stage"] if old else "ok", row["stage"]
        if now is not None and now != was and (was or now not in ("ok", "low")):
            units = row["enabled"], row["consumed"]
            events.append(LicenseEvent(reading.tenant_id, sku_id, reading.read_at, now, was, *units))
    return events


# What else happens in the transaction of readings; the last is tenant id -> SKU id -> row after them.
Follow = Callable[[Connection, Sequence[Reading], Mapping[str, Mapping[str, StoredLicense]]], None]


def save_readings(
    engine: Engine,
    readings: Sequence[Reading],
    before: Mapping[str, Mapping[str, StoredLicense]],
    written_today: Collection[LicenseKey],
    day: date,
    follow: Follow | None = None,
) -> dict[str, dict[str, StoredLicense]]:
    """Store readings in one transaction and return the new rows: tenant id -> SKU id -> row.

    Tenants without a change are not written again. `written_today` has the (tenant id, SKU id) with a history row for
    `day`; `follow` writes what else follows from the readings, in the same transaction.
    """
    now: dict[str, dict[str, StoredLicense]] = {}
    changed: list[str] = []
    units: dict[LicenseKey, StoredLicense] = {}
    events: list[LicenseEvent] = []
    for reading in readings:
        old = before.get(reading.tenant_id, {})
        rows = rows_of(reading, old)
        if rows != old:
            changed.append(reading.tenant_id)
            events += stage_events(reading, old, rows)
        else:
            rows = dict(old)  # usually nothing has changed: keep one copy in memory
        now[reading.tenant_id] = rows
        units |= _units_to_keep(reading, old, rows, written_today)
    with transaction(engine) as connection:
        _replace_licenses(connection, changed, now)
        add_events(connection, events)
        write_day(connection, day, units)
        _mark_read(connection, [reading for reading in readings if reading.problem is None])
        _mark_partly_read(connection, [reading for reading in readings if reading.problem is not None])
        if follow is not None:
            follow(connection, readings, now)
    return now


def _units_to_keep(
    reading: Reading,
    old: Mapping[str, StoredLicense],
    rows: Mapping[str, StoredLicense],
    written_today: Collection[LicenseKey],
) -> dict[LicenseKey, StoredLicense]:
    """Return the licences whose units of today are new or changed by the reading.

    One that is no longer listed has no units after the day on which it went; one that keeps its stored row because its
    new one cannot be understood was not read today.
    """
    listed = {license_.sku_id for license_ in reading.licenses}
    return {
        (reading.tenant_id, sku_id): row
        for sku_id, row in rows.items()
        if row != old.get(sku_id) or (row["present"] and (reading.tenant_id, sku_id) not in written_today)
        if not reading.refused or sku_id in listed
    }


def _replace_licenses(
    connection: Connection, changed: Sequence[str], now: Mapping[str, Mapping[str, StoredLicense]]
) -> None:
    if changed:
        connection.execute(delete(licenses).where(licenses.c.tenant_id.in_(changed)))
        rows = [row for tenant_id in changed for row in now[tenant_id].values()]
        if rows:
            connection.execute(insert(licenses), rows)


def _mark_read(connection: Connection, readings: Sequence[Reading]) -> None:
    """Store the time of readings without a problem."""
    if readings:
        marks = [{"tenant": reading.tenant_id, "at": reading.read_at} for reading in readings]
        connection.execute(_READ_AT, marks)


def _mark_partly_read(connection: Connection, readings: Sequence[Reading]) -> None:
    """Store time and problem of readings with rows that cannot be understood."""
    if readings:
        statement = update(tenants).where(tenants.c.tenant_id == bindparam("tenant"))
        statement = statement.values(
            last_read_at=bindparam("at"),
            last_attempt_at=bindparam("at"),
            failing_since=_failing_since(bindparam("at", type_=tenants.c.failing_since.type)),
            problem=bindparam("why"),
        )
        marks = [
            {"tenant": reading.tenant_id, "at": reading.read_at, "why": reading.problem and reading.problem.to_json()}
            for reading in readings
        ]
        connection.execute(statement, marks)


def save_failures(engine: Engine, problems: Mapping[str, Problem], at: datetime) -> None:
    """Store why tenants could not be read (tenant id -> problem); their rows and `last_read_at` stay."""
    if not problems:
        return
    statement = update(tenants).where(tenants.c.tenant_id == bindparam("tenant"))
    statement = statement.values(
        last_attempt_at=at,
        failing_since=_failing_since(at),
        problem=bindparam("why"),
    )
    rows = [{"tenant": tenant_id, "why": problem.to_json()} for tenant_id, problem in problems.items()]
    with transaction(engine) as connection:
        connection.execute(statement, rows)


def _failing_since(at: Any) -> Any:
    """Return the stored time, or `at` if there is none or it lies in the future because the clock was set back."""
    return case((tenants.c.failing_since <= at, tenants.c.failing_since), else_=at)


def trial_skus(engine: Engine, tenant_ids: Collection[str] | None = None) -> set[tuple[str, str]]:
    """Return the (tenant id, SKU id) with only trial subscriptions; of `tenant_ids` alone if it is given."""
    trial: set[tuple[str, str]] = set()
    bought: set[tuple[str, str]] = set()
    query = select(subscriptions.c.tenant_id, subscriptions.c.sku_id, subscriptions.c.is_trial)
    with transaction(engine) as connection:
        for row in connection.execute(of_tenants(query, subscriptions, tenant_ids)):
            (trial if row.is_trial else bought).add((row.tenant_id, row.sku_id))
    return trial - bought
