"""The daily figures for years: small, from an older version, of licences that have gone, and deleted when old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from core.cache.database import DatabaseError
from core.cache.history_rows import days_of_license, delete_days, delete_gone_licenses, history_keys, history_page
from core.cache.readings import Reading, save_readings, stored_licenses
from core.cache.schema import history, license_numbers
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.units import License
from core.operations.retention import GONE_DAYS, prune
from core.settings import Settings
from tests.earlier_versions import migrations_up_to, opened

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
TENANT = ProfileTenant("11111111-0000-0000-0000-000000000001", "contoso", "Contoso", NOW)
SPB = License("spb", "SPB", 10, 4)
E3 = License("e3", "SPE_E3", 5, 5)


def read(engine: Engine, day: int, *licenses: License) -> None:
    """One good read on the day with this number of January 2027."""
    at = NOW.replace(day=day)
    readings = [Reading(TENANT.tenant_id, licenses, {}, at)]
    save_readings(engine, readings, stored_licenses(engine), history_keys(engine, at.date()), at.date())


def days(engine: Engine, sku_id: str) -> dict[int, int]:
    """Day of January -> used seats."""
    rows = days_of_license(engine, TENANT.tenant_id, sku_id, date.min)
    return {row["day"].day: row["consumed"] for row in rows}


def test_the_days_of_a_version_with_long_keys_are_kept(empty_url: str, tmp_path: Path) -> None:
    earlier = migrations_up_to("0010", tmp_path / "earlier")
    tenants = [f"{number:08d}-0000-0000-0000-000000000000" for number in range(45)]
    first = date(2024, 2, 20)  # over the leap day and the ends of months and years
    with opened(empty_url, earlier) as engine, engine.begin() as connection:
        for tenant in tenants:
            connection.execute(
                text(
                    "insert into tenants (tenant_id, slug, name, former_names, has_profile, listed, enabled, monitored)"
                    " values (:tenant, :tenant, :tenant, '[]', true, false, true, true)"
                ),
                {"tenant": tenant},
            )
        rows = [
            {"tenant": tenant, "sku": sku, "day": str(first + timedelta(days=30 * number)), "consumed": number}
            for tenant in (tenants[0], tenants[-1])
            for sku in ("spb", "e3")
            for number in range(40)
        ]
        day = "cast(:day as date)" if connection.dialect.name == "postgresql" else ":day"
        connection.execute(text(f"insert into history values (:tenant, :sku, {day}, 50, :consumed, 1, 2)"), rows)

    with opened(empty_url) as engine:
        for tenant in (tenants[0], tenants[-1]):
            skus, _ = history_page(engine, tenant, date.min, limit=10)

            assert [sku.sku_id for sku in skus] == ["e3", "spb"]
            for sku in skus:
                assert [(row["day"], row["consumed"]) for row in sku.days] == [
                    (first + timedelta(days=30 * number), number) for number in range(40)
                ]
                assert {(row["enabled"], row["warning"], row["suspended"]) for row in sku.days} == {(50, 1, 2)}
        assert history_keys(engine, first + timedelta(days=30 * 39)) == {
            (tenant, sku) for tenant in (tenants[0], tenants[-1]) for sku in ("spb", "e3")
        }


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"day": "gestern"}, id="a-word-as-a-day"),
        pytest.param({"day": "2026-13-45"}, id="no-such-day"),
        pytest.param({"day": "2026-03-02 10:00:00"}, id="a-time"),
        pytest.param({"day": "01.03.2026"}, id="a-german-day"),
        pytest.param({"day": "-0005-01-01"}, id="before-the-first-year"),
        pytest.param({"day": 2460000}, id="a-number-as-a-day"),
        pytest.param({"day": ""}, id="an-empty-day"),
        pytest.param({"consumed": "zehn"}, id="a-word-as-a-number"),
        pytest.param({"enabled": 2.5}, id="half-a-seat"),
        pytest.param({"suspended": b"\x00"}, id="bytes"),
        pytest.param({"tenant_id": "00000000-no-such-tenant"}, id="no-such-tenant"),
        pytest.param({"tenant_id": ""}, id="no-tenant"),
    ],
)
def test_a_day_that_somebody_has_edited_by_hand_is_left_out_of_an_upgrade_and_named_in_the_log(
    tmp_path: Path, odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    url, earlier = f"sqlite:///{tmp_path / 'lizenztool.db'}", migrations_up_to("0010", tmp_path / "earlier")
    good = {"tenant_id": TENANT.tenant_id, "sku_id": "spb", "day": "2026-03-01", "enabled": 10, "consumed": 4}
    rows = [good | {"warning": 0, "suspended": 0}]
    rows.append(rows[0] | {"day": "2026-03-02"} | odd)
    with opened(url, earlier) as engine, engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.execute(
            text(
                "insert into tenants (tenant_id, slug, name, former_names, has_profile, listed, enabled, monitored)"
                " values (:tenant, 'a', 'A', '[]', true, false, true, true)"
            ),
            {"tenant": TENANT.tenant_id},
        )
        columns = list(rows[0])
        values = ", ".join(f":{name}" for name in columns)
        connection.execute(text(f"insert into history ({', '.join(columns)}) values ({values})"), rows)
        connection.commit()

    with opened(url) as engine:
        read_days = days_of_license(engine, TENANT.tenant_id, "spb", date.min)

    assert [(row["day"], row["consumed"]) for row in read_days] == [(date(2026, 3, 1), 4)]
    (told,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert "1 rows" in told
    assert repr(next(iter(odd.values()))) in told
    assert list(tmp_path.glob("lizenztool.db.0010.*.bak"))


def test_an_upgrade_that_a_row_stops_says_so_and_changes_nothing(tmp_path: Path) -> None:
    url, earlier = f"sqlite:///{tmp_path / 'lizenztool.db'}", migrations_up_to("0010", tmp_path / "earlier")
    stopping = migrations_up_to("9999", tmp_path / "stopping")
    (stopping / "versions" / "9998_stops.py").write_text(
        "from alembic import op\nrevision, down_revision = '9998', '0010'\n"
        'def upgrade(): op.execute("insert into documents values (null, null)")\n'
    )
    for file in stopping.glob("versions/00*.py"):
        if file.name > "0011":
            file.unlink()
    with opened(url, earlier):
        pass

    with pytest.raises(DatabaseError) as raised, opened(url, stopping):
        pass

    assert raised.value.problem.code == "database.odd_rows"
    assert "NOT NULL" in str(raised.value)
    with opened(url, earlier) as engine, engine.connect() as connection:
        assert connection.scalar(text("select count(*) from documents")) is not None


def test_a_licence_that_has_gone_has_no_days_after_the_one_on_which_it_went(empty_url: str) -> None:
    with opened(empty_url) as engine:
        save_profiles(engine, [TENANT], {})
        read(engine, 1, SPB, E3)
        read(engine, 2, SPB)
        read(engine, 3, SPB)
        read(engine, 4, SPB)

        assert days(engine, "spb") == {1: 4, 2: 4, 3: 4, 4: 4}
        assert days(engine, "e3") == {1: 5, 2: 0}

        read(engine, 5, SPB, E3)  # bought again
        assert days(engine, "e3") == {1: 5, 2: 0, 5: 5}


def test_old_days_are_deleted_and_a_licence_without_days_is_forgotten(empty_url: str) -> None:
    with opened(empty_url) as engine:
        save_profiles(engine, [TENANT], {})
        for day in range(1, 10):
            read(engine, day, *([SPB, E3] if day < 4 else [SPB]))

        with engine.begin() as connection:
            assert delete_gone_licenses(connection, date(2027, 1, 7)) == 1
            assert delete_days(connection, date(2027, 1, 7)) == 6 + 4

        assert days(engine, "spb") == {7: 4, 8: 4, 9: 4}
        with engine.connect() as connection:
            assert connection.execute(select(license_numbers.c.sku_id)).scalars().all() == ["spb"]
        read(engine, 10, SPB, E3)
        assert days(engine, "e3") == {10: 5}


def test_a_licence_that_has_gone_is_deleted_after_its_time_also_when_its_days_are_kept_shorter(
    empty_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, profiles_dir=tmp_path, database_url=empty_url, history_days=30)
    with opened(empty_url) as engine:
        save_profiles(engine, [TENANT], {})
        read(engine, 1, SPB, E3)
        read(engine, 2, SPB)  # E3 has gone

        for day in range(95):
            prune(engine, settings, NOW.replace(day=3) + timedelta(days=day))
            left = set(stored_licenses(engine)[TENANT.tenant_id])
            assert left == ({"spb", "e3"} if day + 1 <= GONE_DAYS else {"spb"})

        assert days(engine, "e3") == {}
        with engine.connect() as connection:
            assert connection.execute(select(license_numbers.c.sku_id)).scalars().all() == ["spb"]


def test_days_go_with_their_tenant(empty_url: str) -> None:
    with opened(empty_url) as engine:
        save_profiles(engine, [TENANT], {})
        read(engine, 1, SPB)
        with engine.begin() as connection:
            connection.execute(text("delete from tenants"))

            assert connection.execute(select(func.count()).select_from(history)).scalar() == 0
