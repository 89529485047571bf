"""Statistics of PostgreSQL: after a first refresh the licences of some tenants are found by index at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, insert, select

from core.cache.database import open_database
from core.cache.planner_statistics import FEW, renew_statistics
from core.cache.readings import stored_licenses
from core.cache.schema import licenses, tenants
from tests.postgres import new_database

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
PRODUCTS = 10


@pytest.fixture
def server(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    """A database of its own: one that was emptied keeps its statistics."""
    with new_database(postgres_url, postgres_template) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


def store(engine: Engine, first: int, count: int) -> list[str]:
    """Store tenants with PRODUCTS licences each, and let the server count them at once; return their ids."""
    ids = [f"tenant-{number:06}" for number in range(first, first + count)]
    units = {"enabled": 5, "consumed": 3, "warning": 0, "suspended": 0, "locked_out": 0, "present": True}
    named = {"sku_part_number": "SPB", "applies_to": "User", "capability_status": "Enabled", "first_seen_at": NOW}
    with engine.begin() as connection:
        known = [{"tenant_id": one, "slug": one, "name": one, "former_names": []} for one in ids]
        connection.execute(insert(tenants), known)
        rows = [{"tenant_id": one, "sku_id": f"sku-{sku}"} | units | named for one in ids for sku in range(PRODUCTS)]
        connection.execute(insert(licenses), rows)
        connection.execute(select(func.pg_stat_force_next_flush()))
    return ids


def looks_at_all_rows(engine: Engine, tenant_ids: list[str]) -> bool:
    """Return True if PostgreSQL answers `stored_licenses` of these tenants from the whole table."""
    before = _whole_looks(engine)
    assert len(stored_licenses(engine, tenant_ids)) == len(tenant_ids)
    return _whole_looks(engine) > before


def _whole_looks(engine: Engine) -> int:
    with engine.begin() as connection:
        connection.execute(select(func.pg_stat_force_next_flush()))
    with engine.begin() as connection:
        return int(connection.exec_driver_sql("SELECT pg_stat_get_numscans('licenses'::regclass)").scalar_one())


def test_a_table_that_has_grown_is_read_by_index(server: Engine) -> None:
    some = store(server, 0, 600)[:25]
    grown = looks_at_all_rows(server, some)

    assert renew_statistics(server) == ["licenses"]
    assert (grown, looks_at_all_rows(server, some)) == (True, False)


def test_statistics_are_renewed_only_after_much_has_changed(server: Engine) -> None:
    store(server, 0, FEW // PRODUCTS)
    few = renew_statistics(server)
    store(server, FEW, 600)
    renew_statistics(server)
    store(server, FEW * 10, 10)

    assert (few, renew_statistics(server)) == ([], [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_needs_none(database: Engine) -> None:
    assert renew_statistics(database) == []
