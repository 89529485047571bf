"""Queries for what needs attention: vanished licences, unanswered alarms, faulty and removed profiles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, and_, bindparam, exists, func, or_, select

from core.cache.history_rows import SAME_LICENSE
from core.cache.schema import (
    alarms,
    history,
    leavings,
    license_numbers,
    licenses,
    profile_faults,
    subscriptions,
    tenants,
)
from core.cache.sql import transaction
from core.problems import Problem

_READ = and_(tenants.c.has_profile, tenants.c.enabled)
_LEAVES = exists().where(leavings.c.tenant_id == tenants.c.tenant_id)
_WITHOUT_PROFILE = and_(tenants.c.has_profile.is_(False), tenants.c.enabled, tenants.c.monitored, ~_LEAVES)
_REMOVED = (
    select(tenants.c.name, tenants.c.last_attempt_at)
    .where(_WITHOUT_PROFILE, tenants.c.last_attempt_at > bindparam("since"))
    .order_by(tenants.c.name)
)


@dataclass(frozen=True, slots=True)
class GoneLicense:
    """A licence that Graph no longer lists; `day` is the last day with holders, with its `enabled` and `consumed`."""

    tenant_id: str
    tenant: str
    slug: str
    sku_id: str
    sku_part_number: str
    applies_to: str
    is_trial: bool
    day: date
    enabled: int
    consumed: int


def gone_licenses(engine: Engine, first_day: date) -> list[GoneLicense]:
    """Return the licences that had holders on `first_day` or later and are no longer listed, by tenant."""
    purchase = and_(subscriptions.c.tenant_id == licenses.c.tenant_id, subscriptions.c.sku_id == licenses.c.sku_id)
    only_trials = and_(exists().where(purchase), ~exists().where(purchase, ~subscriptions.c.is_trial))
    query = (
        select(
            licenses.c.tenant_id,
            tenants.c.name.label("tenant"),
            tenants.c.slug,
            licenses.c.sku_id,
            licenses.c.sku_part_number,
            licenses.c.applies_to,
            only_trials.label("is_trial"),
            history.c.day,
            history.c.enabled,
            history.c.consumed,
        )
        .select_from(licenses.join(tenants).join(license_numbers, SAME_LICENSE).join(history))
        .where(_READ, licenses.c.present.is_(False), history.c.day >= first_day, history.c.consumed > 0)
        .order_by(tenants.c.name, licenses.c.sku_part_number, history.c.day)
    )
    with transaction(engine) as connection:
        rows = [GoneLicense(**row) for row in connection.execute(query).mappings()]
    return list({(gone.tenant_id, gone.sku_id): gone for gone in rows}.values())  # the last day of each


def unanswered_alarms(engine: Engine, before: datetime) -> int:
    """Return the number of unanswered triggers of present shortages that were set before `before`, or repeated."""
    same = and_(licenses.c.tenant_id == alarms.c.tenant_id, licenses.c.sku_id == alarms.c.sku_id)
    query = (
        select(func.count())
        .select_from(alarms.join(tenants).join(licenses, same))
        .where(
            _READ,
            tenants.c.monitored,
            licenses.c.short_since.is_not(None),
            alarms.c.told_at.is_(None),
            alarms.c.triggered_at.is_not(None),
            or_(alarms.c.retriggered > 0, alarms.c.triggered_at < before),
        )
    )
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())


def broken_profiles(engine: Engine) -> dict[str, list[Problem]]:
    """Return profile file -> its problems, as of the last refresh."""
    with transaction(engine) as connection:
        rows = connection.execute(select(profile_faults).order_by(profile_faults.c.file)).all()
    return {row.file: [Problem.from_json(text) for text in row.problems] for row in rows}


def removed_profiles(engine: Engine, since: datetime) -> dict[str, datetime]:
    """Return tenant -> last attempt to read it, of monitored tenants whose profile was removed.

    Only tenants with an attempt after `since`.
    """
    with transaction(engine) as connection:
        return {row.name: row.last_attempt_at for row in connection.execute(_REMOVED, {"since": since})}
