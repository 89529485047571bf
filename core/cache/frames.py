"""Build the frames of licences, tenants and history; all sessions share them and must not write into them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

import pandas as pd
from sqlalchemy import Engine, func, select

from core.cache.event_rows import told_shortages
from core.cache.history_rows import DAY_COLUMNS, days_of_license
from core.cache.level_rows import Level, level_of, levels_in
from core.cache.lists_read import SharePointStatus, sharepoint_status
from core.cache.readings import trial_skus
from core.cache.rule_rows import rules_at
from core.cache.schema import alarms, licenses, subscriptions, tenants
from core.cache.sql import transaction
from core.licenses.judge import judge
from core.licenses.skus import Catalogue
from core.name_key import sort_key

LICENSE_COLUMNS = [
    "tenant_id", "tenant", "sku_id", "sku_part_number", "product_de", "product_en", "kind", "kind_reason",
    "enabled", "consumed", "warning", "suspended", "locked_out", "free", "utilisation", "state", "shortage",
    "short_since", "first_seen_at", "renews_at", "alarm", "alarm_at", "read_at", "failing",
    "alarms", "threshold", "warn_level", "hidden", "rule", "rule_level", "rule_reason",
]  # fmt: skip
TENANT_COLUMNS = [
    "tenant_id", "tenant", "slug", "listed", "missing_since", "enabled", "monitored", "cert_expires", "cert_days",
    "last_read_at", "last_attempt_at", "failing_since", "problem", "subscriptions_read_at", "subscriptions_problem",
    "level", "level_name", "refresh_minutes", "licenses", "shortages", "waiting", "unanswered",
]  # fmt: skip


def licenses_frame(
    engine: Engine, catalogue: Catalogue, *, now: datetime, flow_timeout: timedelta, zone: tzinfo = UTC
) -> pd.DataFrame:
    """Return every licence of every tenant that has a profile and is enabled, worst first.

    Columns: LICENSE_COLUMNS. Units are seats, `utilisation` is consumed / enabled (NaN when enabled
    is 0), times are aware UTC. `alarm` is "" without a shortage, else one of "no_sharepoint",
    "not_monitored", "pending" (the next refresh sets the trigger), "waiting" (trigger set),
    "unanswered" (trigger set for longer than `flow_timeout`), "told"; `alarm_at` is its time.
    Kind, state, shortage and the columns from `alarms` to `rule_reason` come from core.licenses.judge; the last day of
    a rule ends in `zone`.
    """
    status = sharepoint_status(engine)
    trial = trial_skus(engine)
    alarm_of = _alarms(engine)
    told = {} if status.configured else told_shortages(engine)
    renewals = _renewals(engine, now)
    rules = rules_at(engine, now, zone)
    product_of = cache(catalogue.product)  # thousands of rows, dozens of products
    rows = []
    for row in _stored_rows(engine):
        key = (row.tenant_id, row.sku_id)
        product = product_of(row.sku_id, row.sku_part_number)
        judged = judge(row, catalogue, rules, tenant_id=row.tenant_id, is_trial=key in trial, present=row.present)
        alarm, alarm_at = "", None
        if judged.shortage:
            alarm, alarm_at = _alarm_state(status, row.monitored, alarm_of.get(key), now, flow_timeout)
            if alarm == "no_sharepoint" and key in told:  # by a message of our own
                alarm, alarm_at = "told", told[key]
        rows.append((
            row.tenant_id, row.name, row.sku_id, row.sku_part_number, product.name_de, product.name_en,
            judged.kind, judged.kind_reason,
            row.enabled, row.consumed, row.warning, row.suspended, row.locked_out, row.enabled - row.consumed,
            row.consumed / row.enabled if row.enabled else float("nan"),
            judged.state, judged.shortage,
            _since(row.short_since, alarm, alarm_at) if judged.shortage else None, row.first_seen_at, renewals.get(key),
            alarm, alarm_at,
            row.last_read_at, row.problem is not None,
            judged.alarms, judged.threshold, judged.warn_level, judged.hidden,
            judged.decided_by, judged.level, judged.reason,
        ))  # fmt: skip
    return _worst_first(_typed(pd.DataFrame(rows, columns=LICENSE_COLUMNS)))


def _stored_rows(engine: Engine) -> Sequence[Any]:
    """Return the licences of the enabled tenants with a profile, each with columns of its tenant."""
    joined = select(licenses, tenants.c.name, tenants.c.monitored, tenants.c.last_read_at, tenants.c.problem).join(
        tenants
    )
    with transaction(engine) as connection:
        return connection.execute(joined.where(tenants.c.has_profile, tenants.c.enabled)).all()


def _since(short_since: datetime | None, alarm: str, alarm_at: datetime | None) -> datetime | None:
    """Return the start of the shortage: the time of the message if that is earlier than our own first reading."""
    if alarm == "told" and alarm_at and short_since:
        return min(short_since, alarm_at)
    return short_since


STATE_RANK = {"over": 0, "short": 1, "suspended": 2, "grace": 3, "low": 4, "ok": 5, "gone": 7}
UNUSED = 6  # suspended without a holder


def _worst_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame sorted: shortages first, then by state.

    Over-assigned licences are sorted by missing seats, other shortages by their start, all others by utilisation.
    """
    rank = frame["state"].map(STATE_RANK).astype("int64")
    rank = rank.mask((frame["state"] == "suspended") & (frame["consumed"] == 0), UNUSED) + 10 * ~frame["shortage"]
    missing = frame["free"].where(frame["state"] == "over", 0)
    keys = {
        "rank": rank,
        "missing": missing,
        "since": frame["short_since"],
        "unused": (-frame["utilisation"]).mask(frame["shortage"], 0),
        "tenant": frame["tenant"].map(cache(sort_key)),
        "sku_part_number": frame["sku_part_number"],
    }
    order = pd.DataFrame(keys).sort_values(list(keys), na_position="last").index
    return frame.loc[order].reset_index(drop=True)


def _alarm_state(
    status: SharePointStatus, monitored: bool, alarm: Any, now: datetime, flow_timeout: timedelta
) -> tuple[str, datetime | None]:
    if not status.configured:
        return "no_sharepoint", None
    if alarm is not None and alarm.told_at:
        return "told", alarm.told_at
    if not monitored:
        return "not_monitored", None
    if alarm is None or not alarm.triggered_at:
        return "pending", None
    late = alarm.retriggered or now - alarm.triggered_at > flow_timeout
    return ("unanswered" if late else "waiting"), alarm.triggered_at


def _alarms(engine: Engine) -> dict[tuple[str, str], Any]:
    with transaction(engine) as connection:
        return {(row.tenant_id, row.sku_id): row for row in connection.execute(select(alarms))}


def _renewals(engine: Engine, now: datetime) -> dict[tuple[str, str], datetime]:
    """Return (tenant id, SKU id) -> the next time at which one of its subscriptions changes its status."""
    dates = subscriptions.c.next_lifecycle_at
    query = select(subscriptions.c.tenant_id, subscriptions.c.sku_id, func.min(dates).label("next"))
    query = query.where(dates > now).group_by(subscriptions.c.tenant_id, subscriptions.c.sku_id)
    with transaction(engine) as connection:
        return {(row.tenant_id, row.sku_id): row.next for row in connection.execute(query)}


def tenants_frame(engine: Engine, licenses_: pd.DataFrame, *, now: datetime) -> pd.DataFrame:
    """Return one row per tenant with a profile, by name; columns: TENANT_COLUMNS.

    `problem` and `subscriptions_problem` hold `Problem.to_json()` or NaN; `cert_days` are whole
    days until the end of the certificate file itself (negative: ended). The counts come from `licenses_`.
    `refresh_minutes` is the interval of the level, NaN for that of the setting.
    """
    with transaction(engine) as connection:
        levels = levels_in(connection)
        tenant_rows = connection.execute(select(tenants).where(tenants.c.has_profile)).all()
    rows = [
        _tenant_row(row, level_of(row, levels), now) for row in sorted(tenant_rows, key=lambda row: sort_key(row.name))
    ]
    frame = pd.DataFrame(rows, columns=["tenant_id", *TENANT_COLUMNS[1:-4]])
    frame = frame.join(_counts_by_tenant(licenses_), on="tenant_id").reindex(columns=TENANT_COLUMNS)
    numbers = TENANT_COLUMNS[-4:]
    frame[numbers] = frame[numbers].fillna(0)
    return _typed(frame, enabled="bool")


def _tenant_row(row: Any, level: Level, now: datetime) -> dict[str, Any]:
    return {
        **row._mapping,
        "tenant": row.name,
        "cert_days": (row.cert_expires - now).days if row.cert_expires else None,
        "level": level.key,
        "level_name": level.name,
        "refresh_minutes": level.refresh_minutes,
    }


def _counts_by_tenant(licenses_: pd.DataFrame) -> pd.DataFrame:
    """Return the number of licences, shortages and open alarms of each tenant, by tenant id."""
    alarm = licenses_["alarm"]
    counted = pd.DataFrame(
        {
            "licenses": 1,
            "shortages": licenses_["shortage"].astype("int64"),
            "waiting": alarm.isin(["waiting", "pending"]).astype("int64"),
            "unanswered": (alarm == "unanswered").astype("int64"),
        },
        index=licenses_.index,
    )
    return counted.groupby(licenses_["tenant_id"]).sum()


# Types of the columns that are neither a time nor text.
TYPES: dict[str, Any] = {
    **dict.fromkeys(("enabled", "consumed", "warning", "suspended", "locked_out", "free", "total"), "int64"),
    **dict.fromkeys(("licenses", "shortages", "waiting", "unanswered", "threshold", "warn_level"), "int64"),
    **dict.fromkeys(("shortage", "failing", "listed", "monitored", "is_trial", "alarms", "hidden"), "bool"),
    **dict.fromkeys(("utilisation", "cert_days", "refresh_minutes"), "float64"),  # NaN for a missing value
    "day": "object",
}


def _typed(frame: pd.DataFrame, **others: str) -> pd.DataFrame:
    """Return the frame with the type of each column set, also when the frame is empty and pandas cannot infer it."""
    types = TYPES | others
    for name in frame.columns:
        if name.endswith(("_at", "_since", "_expires")):
            frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
        else:
            frame[name] = frame[name].astype(types.get(name, "str"))
    return frame


def history_frame(engine: Engine, tenant_id: str, sku_id: str, since: date) -> pd.DataFrame:
    """Return the daily figures of one licence since `since`, oldest first; the columns are DAY_COLUMNS."""
    return _typed(pd.DataFrame(days_of_license(engine, tenant_id, sku_id, since), columns=list(DAY_COLUMNS)))


def subscriptions_frame(engine: Engine, tenant_id: str) -> pd.DataFrame:
    """Return the subscriptions of one tenant, the next to change its status first; columns as in the table."""
    columns = ["sku_id", "sku_part_number", "status", "total", "is_trial", "created_at", "next_lifecycle_at"]
    query = select(*(subscriptions.c[name] for name in columns)).where(subscriptions.c.tenant_id == tenant_id)
    with transaction(engine) as connection:
        rows = connection.execute(query.order_by(subscriptions.c.next_lifecycle_at.nulls_last())).all()
    return _typed(pd.DataFrame(rows, columns=columns))


def utc_now() -> datetime:
    return datetime.now(UTC)
