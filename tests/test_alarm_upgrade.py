"""Alarms of the version that kept them by part number become alarms of SKU ids, and nobody is told again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean as Bool
from sqlalchemy import Connection, Engine, bindparam, text

from core.cache.event_rows import events_of, recorded_since
from core.cache.lists_read import Alarm, stored_alarms
from core.cache.schema import UtcTime
from tests.earlier_versions import migrations_up_to, opened

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(hours=2), NOW + timedelta(hours=2)
TENANT = "11111111-0000-0000-0000-000000000001"


def insert(connection: Connection, table: str, **values: Any) -> None:
    typed = [bindparam(name, type_=UtcTime()) for name, value in values.items() if isinstance(value, datetime)]
    typed += [bindparam(name, type_=Bool()) for name, value in values.items() if isinstance(value, bool)]
    statement = f"insert into {table} ({', '.join(values)}) values ({', '.join(f':{name}' for name in values)})"
    connection.execute(text(statement).bindparams(*typed), values)


def license_row(connection: Connection, sku_id: str, part: str, short_since: datetime | None = None) -> None:
    units = {"enabled": 5, "consumed": 5, "warning": 0, "suspended": 0, "locked_out": 0}
    names = {"tenant_id": TENANT, "sku_id": sku_id, "sku_part_number": part}
    words = {"applies_to": "User", "capability_status": "Enabled", "present": True}
    insert(connection, "licenses", **names, **words, **units, first_seen_at=BEFORE, short_since=short_since)


def fill(engine: Engine) -> None:
    """Store a tenant with five licences and four alarms as the earlier version did."""
    with engine.begin() as connection:
        flags = {"has_profile": True, "listed": True, "enabled": True, "monitored": True}
        insert(connection, "tenants", tenant_id=TENANT, slug="a", name="A", former_names="[]", **flags)
        license_row(connection, "sku-1", "SPB", NOW)
        license_row(connection, "sku-2", "TEAMS", AFTER)
        license_row(connection, "sku-3", "Teams ", BEFORE)
        license_row(connection, "sku-4", "teams", NOW)
        license_row(connection, "sku-5", "", NOW)
        known = {"tenant_id": TENANT, "retriggered": 0}
        insert(connection, "alarms", sku_part_number="SPB", item_id="1", triggered_at=NOW, short_since=NOW, **known)
        insert(connection, "alarms", sku_part_number="TEAMS", item_id="2", told_at=NOW, short_since=BEFORE, **known)
        insert(connection, "alarms", sku_part_number="sku-5", item_id="3", told_at=NOW, short_since=NOW, **known)
        insert(connection, "alarms", sku_part_number="FORMER", item_id="4", told_at=NOW, short_since=NOW, **known)


def test_alarms_of_part_numbers_are_taken_over_by_their_sku_ids(empty_url: str, tmp_path: Path) -> None:
    with opened(empty_url, migrations_up_to("0004", tmp_path / "earlier")) as engine:
        fill(engine)

    with opened(empty_url) as engine:
        alarms = {sku_id: alarm for (_, sku_id), alarm in stored_alarms(engine).items()}

    assert alarms == {
        "sku-1": Alarm(TENANT, "sku-1", "1", triggered_at=NOW, short_since=NOW),
        "sku-2": Alarm(TENANT, "sku-2"),  # its shortage began after the message, so nobody knows of it
        "sku-3": Alarm(TENANT, "sku-3", "2", told_at=NOW, short_since=BEFORE),
        "sku-4": Alarm(TENANT, "sku-4", told_at=NOW, short_since=NOW),
        "sku-5": Alarm(TENANT, "sku-5", "3", told_at=NOW, short_since=NOW),
    }


def test_known_shortages_and_messages_begin_the_record_of_events(empty_url: str, tmp_path: Path) -> None:
    with opened(empty_url, migrations_up_to("0004", tmp_path / "earlier")) as engine:
        fill(engine)

    with opened(empty_url) as engine:
        events = events_of(engine, TENANT, most=99)
        since = recorded_since(engine)

    assert since is not None
    assert since <= datetime.now(UTC)
    assert [(event.sku_id, event.what, event.at) for event in events if event.sku_id in ("sku-1", "sku-3")] == [
        ("sku-3", "told", NOW),
        ("sku-1", "short", NOW),
        ("sku-3", "short", BEFORE),
    ]
    assert {event.before for event in events} == {None}
