"""The audit: what is in it, that nobody changes it unseen, and how old rows leave it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from core import audit
from core.access import accounts
from core.access.sessions import end_for, open_sessions
from core.audit import Search, find, verify
from core.cache.audit_rows import AuditRow, Entry, append
from core.cache.database import open_database
from core.cache.schema import audit as table
from core.licenses.alarm_rules import Rule
from core.roles import NotAllowed
from core.tenants import tenant_rules
from tests.actors import ADMIN, SUPPORT, VIEWER

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TENANT, SKU = "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"
PASSWORD = "Ein-gutes-Passwort-7"


def rows(engine: Engine, **search: Any) -> list[AuditRow]:
    return find(engine, ADMIN, Search(**search), limit=100)[0]


def test_a_change_says_who_what_before_after_and_from_where(database: Engine) -> None:
    tenant_rules.keep(database, Rule(TENANT, SKU, "Reserve", "anna", NOW, threshold=2), ADMIN)
    tenant_rules.keep(database, Rule(TENANT, SKU, "Reserve", "anna", NOW, threshold=3), ADMIN)
    tenant_rules.end(database, (TENANT, SKU), ADMIN)

    ended, changed, new = rows(database)

    assert [row.action for row in (new, changed, ended)] == ["rule.set", "rule.set", "rule.ended"]
    assert (new.actor, new.role, new.source, new.request_id) == ("chefin", "admin", "page", ADMIN.request_id)
    assert new.before == ""
    assert '"threshold": 2' in changed.before
    assert '"threshold": 3' in changed.after
    assert (ended.before, ended.after) == (changed.after, "")
    assert TENANT in ended.target


def test_an_account_is_recorded_without_its_secrets(database: Engine) -> None:
    accounts.add(database, ADMIN, "anna", PASSWORD, "support", NOW)
    accounts.passwd(database, ADMIN, "anna", PASSWORD + "x", NOW)
    accounts.set_role(database, ADMIN, "anna", "viewer", NOW)
    accounts.disable(database, ADMIN, "anna", NOW)

    found = rows(database)

    assert [row.action for row in found] == [
        "account.disabled", "account.role", "account.password", "account.added",
    ]  # fmt: skip
    assert '"role": "viewer"' in found[1].after
    assert not any(secret in str(found) for secret in (PASSWORD, "$2b$"))


@pytest.mark.parametrize("actor", [VIEWER, SUPPORT], ids=lambda actor: actor.role)
@pytest.mark.parametrize(
    "action",
    [
        lambda engine, actor: tenant_rules.keep(engine, Rule(TENANT, SKU, "x", "x", NOW, threshold=1), actor),
        lambda engine, actor: tenant_rules.end(engine, (TENANT, SKU), actor),
        lambda engine, actor: tenant_rules.import_(engine, '{"version": 1, "rules": []}', actor),
        lambda engine, actor: accounts.add(engine, actor, "neu", PASSWORD),
        lambda engine, actor: accounts.passwd(engine, actor, "anderer", PASSWORD),
        lambda engine, actor: accounts.disable(engine, actor, "anderer"),
        lambda engine, actor: accounts.enable(engine, actor, "anderer"),
        lambda engine, actor: accounts.set_role(engine, actor, "anderer", "admin"),
        lambda engine, actor: open_sessions(engine, actor, NOW),
        lambda engine, actor: open_sessions(engine, actor, NOW, account="anderer"),
        lambda engine, actor: end_for(engine, actor, NOW, account="anderer", proof=PASSWORD),
        lambda engine, actor: audit.find(engine, actor, Search(), limit=1),
        audit.names_in_use,
        audit.verify,
        lambda engine, actor: audit.export(engine, actor, Search()),
    ],
    ids=[
        "rule",
        "end",
        "import",
        "add",
        "passwd",
        "disable",
        "enable",
        "role",
        "sessions",
        "sessions-of",
        "end-sessions",
        "audit",
        "audit-names",
        "audit-verify",
        "audit-export",
    ],
)
def test_who_may_not_changes_nothing(database: Engine, actor: Any, action: Callable[..., Any]) -> None:
    with pytest.raises(NotAllowed):
        action(database, actor)

    assert rows(database) == []


def test_an_export_is_recorded(database: Engine) -> None:
    audit.note_export(database, VIEWER, "lizenzen", 12)

    (row,) = rows(database)
    assert (row.action, row.target, row.after) == ("export", "lizenzen", '{"rows": 12}')


def test_the_audit_itself_is_exported_as_it_was_found(database: Engine) -> None:
    fill(database, 7)

    found = list(audit.export(database, ADMIN, Search(words="thing", until=NOW + timedelta(minutes=5))))

    assert [row.target for row in found] == [f"thing {number}" for number in (4, 3, 2, 1, 0)]
    newest = rows(database)[0]
    assert (newest.action, newest.target, newest.after) == ("export", "audit", '{"rows": 5}')


def fill(engine: Engine, count: int, *, start: datetime = NOW, step: timedelta = timedelta(minutes=1)) -> None:
    for number in range(count):
        audit.record(engine, ADMIN, "test", f"thing {number}", after={"number": number}, at=start + number * step)


def test_an_untouched_chain_is_whole(database: Engine) -> None:
    fill(database, 5)

    verification = verify(database, ADMIN)

    assert (verification.rows, verification.broken_at) == (5, None)
    assert verification.head == rows(database)[0].hash


def test_the_database_itself_refuses_to_change_or_take_a_row(database: Engine) -> None:
    fill(database, 2)

    for statement in (update(table).values(actor="other"), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(statement)

    assert verify(database, ADMIN).rows == 2


def tamper(engine: Engine, statement: str, **values: Any) -> None:
    """As somebody who owns the database file can."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement), values)


@settings(max_examples=20, deadline=None)
@given(number=st.integers(1, 6), what=st.sampled_from(["actor", "after", "result", "previous", "gone"]))
def test_whatever_is_changed_is_found_at_its_row(number: int, what: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/x.db")
        fill(engine, 6)

        if what == "gone":
            tamper(engine, "DELETE FROM audit WHERE seq = :seq", seq=number)
        else:
            tamper(engine, f"UPDATE audit SET {what} = 'x' WHERE seq = :seq", seq=number)

        # Of the last row nobody can tell that it is gone, but from a hash that was noted elsewhere.
        assert verify(engine, ADMIN).broken_at == (None if (what, number) == ("gone", 6) else number)
        engine.dispose()


def test_retention_takes_the_oldest_bit_by_bit_and_leaves_a_whole_chain(database: Engine) -> None:
    fill(database, 10, start=NOW - timedelta(days=9), step=timedelta(days=1))

    assert [audit.prune(database, 5, NOW) for _ in range(3)] == [2, 1, 1]

    verification = verify(database, ADMIN)
    newest = rows(database)[0]
    assert (verification.rows, verification.broken_at) == (9, None)
    assert (newest.action, newest.actor, newest.after) == ("audit.pruned", "schedule", '{"last": 4, "rows": 1}')
    assert audit.prune(database, 5, NOW) == 0
    assert audit.prune(database, 0, NOW + timedelta(days=999)) == 0


DAYS, A_DAY, CHANGES = 100, timedelta(days=1), 4
FAR_AHEAD = NOW + timedelta(days=400)


@pytest.fixture
def history(database: Engine) -> Engine:
    """So many changes a day for as long as they are kept, the newest at NOW."""
    rows, entry = CHANGES * DAYS, Entry(ADMIN, "test")
    with database.begin() as connection:
        for number in range(rows):
            append(connection, entry, NOW - (rows - 1 - number) * A_DAY / CHANGES)
    return database


def test_a_clock_far_ahead_at_a_start_takes_nothing(history: Engine) -> None:
    assert audit.prune(history, DAYS, FAR_AHEAD) == 0
    assert verify(history, ADMIN).rows == CHANGES * DAYS


@pytest.mark.parametrize("written", [1, CHANGES])
def test_what_was_written_by_the_wrong_clock_does_not_make_everything_else_old(history: Engine, written: int) -> None:
    for _ in range(written):
        audit.record(history, ADMIN, "test", at=FAR_AHEAD)

    gone = [audit.prune(history, DAYS, FAR_AHEAD + start * A_DAY) for start in range(3)]
    gone += [audit.prune(history, DAYS, NOW + A_DAY / 24)]

    assert gone == [0, 0, 0, 0]


def test_a_clock_that_stays_wrong_takes_no_more_than_the_share_of_a_day_at_a_time(history: Engine) -> None:
    for _ in range(5 * CHANGES):
        audit.record(history, ADMIN, "test", at=FAR_AHEAD)

    gone = [audit.prune(history, DAYS, FAR_AHEAD + start * A_DAY) for start in range(3)]

    assert 0 < max(gone) <= CHANGES + 1
    assert verify(history, ADMIN).broken_at is None


def test_day_by_day_as_much_goes_as_comes(history: Engine) -> None:
    kept = []
    for day in range(1, 6):
        for change in range(CHANGES):
            audit.record(history, ADMIN, "test", at=NOW + (day - 1) * A_DAY + change * A_DAY / CHANGES)
        audit.prune(history, DAYS, NOW + day * A_DAY)
        kept.append(verify(history, ADMIN).rows)

    assert max(kept) <= (CHANGES + 1) * (DAYS + 2)
    assert min(kept) >= CHANGES * DAYS


def test_a_row_from_the_future_does_not_hold_up_what_is_old(database: Engine) -> None:
    fill(database, 3, start=NOW - timedelta(days=9), step=timedelta(hours=1))
    audit.record(database, ADMIN, "test", "by a wrong clock", at=FAR_AHEAD)
    fill(database, 3, start=NOW - timedelta(days=8), step=timedelta(hours=1))
    fill(database, 12, start=NOW - timedelta(hours=12), step=timedelta(hours=1))

    while audit.prune(database, 5, NOW):
        pass

    assert {row.at for row in rows(database)} & {FAR_AHEAD, NOW - timedelta(days=9)} == set()
    assert sum(row.action == "test" for row in rows(database)) == 12


def test_a_setting_made_smaller_takes_effect_bit_by_bit(history: Engine) -> None:
    counts = [audit.prune(history, 10, NOW) for _ in range(5)]

    assert min(counts) > 5 * CHANGES
    assert verify(history, ADMIN).broken_at is None


def test_side_by_side_nobody_takes_the_number_of_another(database: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: audit.record(database, ADMIN, "test", str(number), at=NOW), range(40)))

    assert verify(database, ADMIN).rows == 40
    assert {row.target for row in rows(database)} == {str(number) for number in range(40)}


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ({}, 3),
        ({"words": "ise SCHOOL"}, 1),
        ({"words": "100%"}, 1),
        ({"words": "nowhere"}, 0),
        ({"actions": ["b"]}, 1),
        ({"actors": ["anna"]}, 1),
        ({"results": ["failed"]}, 1),
        ({"since": NOW + timedelta(minutes=1)}, 2),
        ({"until": NOW + timedelta(minutes=1)}, 1),
    ],
)
def test_rows_are_found(database: Engine, search: dict[str, Any], count: int) -> None:
    audit.record(database, ADMIN, "a", "ISE School", at=NOW)
    audit.record(database, SUPPORT, "b", "Muster AG", after={"share": "100%"}, at=NOW + timedelta(minutes=1))
    audit.record(database, ADMIN, "c", "x", result="failed", reason="away", at=NOW + timedelta(minutes=2))

    found, total = find(database, ADMIN, Search(**search), limit=100)

    assert (len(found), total) == (count, count)
