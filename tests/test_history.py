"""The daily figures for years: small, from an older version, of licences that have gone, and deleted when old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text

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
