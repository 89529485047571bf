"""Tables of the daily units of each licence: written by a refresh, read for charts and the API."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, delete, exists, func, select, update

from core.cache.schema import history, license_numbers, licenses
from core.cache.sql import insert_missing, of_tenants, share_before, transaction, upsert

UNITS = ("enabled", "consumed", "warning", "suspended")
DAY_COLUMNS = ("day", *UNITS)
AT_MOST = timedelta(days=31)
# The join of `licenses` and `license_numbers`.
SAME_LICENSE = and_(licenses.c.tenant_id == license_numbers.c.tenant_id, licenses.c.sku_id == license_numbers.c.sku_id)
LicenseKey = tuple[str, str]  # tenant id, SKU id


class NumberedLicense(NamedTuple):
    """A row of `license_numbers` without its key."""

    license_number: int
    last_day: date


def history_keys(engine: Engine, day: date, tenant_ids: Collection[str] | None = None) -> set[LicenseKey]:
    """Return the (tenant id, SKU id) with a history row for `day`, if none is later; of `tenant_ids` alone if given."""
    keys = select(license_numbers.c.tenant_id, license_numbers.c.sku_id).where(license_numbers.c.last_day == day)
    keys = of_tenants(keys, license_numbers, tenant_ids)
    with transaction(engine) as connection:
        return {(row.tenant_id, row.sku_id) for row in connection.execute(keys)}


def write_day(connection: Connection, day: date, units: Mapping[LicenseKey, Mapping[str, Any]]) -> None:
    """Write the UNITS of licences for `day`, in place of those that are stored for this day."""
    if not units:
        return
    numbered = _numbered(connection, {tenant_id for tenant_id, _ in units})
    if new := [key for key in units if key not in numbered]:
        rows = [{"tenant_id": tenant_id, "sku_id": sku_id, "last_day": day} for tenant_id, sku_id in new]
        insert_missing(connection, license_numbers, rows)
        numbered = _numbered(connection, {tenant_id for tenant_id, _ in units})
    upsert(
        connection,
        history,
        [
            {"license_number": numbered[key].license_number, "day": day, **{name: row[name] for name in UNITS}}
            for key, row in units.items()
        ],
    )
    behind = [{"number": numbered[key].license_number} for key in units if numbered[key].last_day != day]
    if behind:
        row_of_number = license_numbers.c.license_number == bindparam("number")
        connection.execute(update(license_numbers).where(row_of_number).values(last_day=day), behind)


def _numbered(connection: Connection, tenant_ids: Iterable[str]) -> dict[LicenseKey, NumberedLicense]:
    rows = connection.execute(select(license_numbers).where(license_numbers.c.tenant_id.in_(sorted(tenant_ids))))
    return {(row.tenant_id, row.sku_id): NumberedLicense(row.license_number, row.last_day) for row in rows}


def days_of_license(engine: Engine, tenant_id: str, sku_id: str, since: date) -> list[dict[str, Any]]:
    """Return the days of one licence since `since`, oldest first; the keys of each are DAY_COLUMNS."""
    query = (
        select(*(history.c[name] for name in DAY_COLUMNS))
        .join(license_numbers)
        .where(license_numbers.c.tenant_id == tenant_id, license_numbers.c.sku_id == sku_id, history.c.day >= since)
        .order_by(history.c.day)
    )
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True)
class SkuDays:
    """The daily figures of one SKU, oldest first; the keys of each day are DAY_COLUMNS."""

    sku_id: str
    sku_part_number: str
    days: Sequence[dict[str, Any]]


def history_page(
    engine: Engine, tenant_id: str, since: date, *, limit: int, offset: int = 0
) -> tuple[list[SkuDays], int]:
    """Return the days since `since` of at most `limit` SKUs after `offset`, by part number, and the number of SKUs."""
    numbers = license_numbers.c
    sku_part_number = func.coalesce(licenses.c.sku_part_number, "").label("sku_part_number")
    with_days = (numbers.tenant_id == tenant_id) & (numbers.last_day >= since)
    skus = select(numbers.license_number, numbers.sku_id, sku_part_number)
    skus = skus.select_from(license_numbers.outerjoin(licenses, SAME_LICENSE)).where(with_days)
    page = skus.order_by(sku_part_number, numbers.sku_id).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count()).select_from(license_numbers).where(with_days)).scalar_one()
        chosen = connection.execute(page).all()
        days = select(history).where(history.c.license_number.in_([row.license_number for row in chosen]))
        days_of_number: dict[int, list[dict[str, Any]]] = {row.license_number: [] for row in chosen}
        for day in connection.execute(days.where(history.c.day >= since).order_by(history.c.day)).mappings():
            days_of_number[day["license_number"]].append({name: day[name] for name in DAY_COLUMNS})
    return [SkuDays(row.sku_id, row.sku_part_number, days_of_number[row.license_number]) for row in chosen], int(total)


def delete_gone_licenses(connection: Connection, before: date) -> int:
    """Delete the licences that were last listed before `before`, but not their days; return how many."""
    went = exists().where(SAME_LICENSE, license_numbers.c.last_day < before)
    return connection.execute(delete(licenses).where(licenses.c.present.is_(False), went)).rowcount


def delete_days(connection: Connection, before: date) -> int:
    """Delete the days before `before`, and the numbers of forgotten licences that have none left; return how many days.

    A licence in `licenses` keeps its number, whose last day says how long it has been gone. At most AT_MOST of the
    oldest days are deleted at once, so that a wrong clock does not empty the tables.
    """
    first_of_license = select(func.min(history.c.day)).where(
        history.c.license_number == license_numbers.c.license_number
    )
    before = share_before(connection, first_of_license.scalar_subquery(), before, AT_MOST) or before
    # By number and day, the order of the table: an index by day alone would be half as large as the table.
    old = delete(history).where(history.c.license_number == bindparam("number"), history.c.day < before)
    numbers = connection.execute(select(license_numbers.c.license_number)).scalars().all()
    deleted = sum(connection.execute(old, {"number": number}).rowcount for number in numbers)
    forgotten = ~exists().where(SAME_LICENSE)
    connection.execute(delete(license_numbers).where(license_numbers.c.last_day < before, forgotten))
    return deleted
