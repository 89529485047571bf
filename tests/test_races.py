"""Two at the same moment: what was looked at before a change still holds when the change is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text

from core.access import accounts as access
from core.access import sessions
from core.cache import account_rows, second_factor_rows
from core.cache.database import open_database
from core.cache.schema import documents
from core.cache.sql import data_version, increase_version, lock_for_writing, transaction
from core.roles import Actor
from tests.actors import ADMIN, actor, entry
from tests.postgres import new_database

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
PASSWORD = "Birke-Nachthemd-27x"


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call returns, or the error that it raises, when all begin at once."""
    start = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        start.wait(30)
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def new_account(engine: Engine, name: str, role: str = "admin") -> None:
    account_rows.add_account(engine, account_rows.Account(name, "hash", role, False, NOW, NOW), entry())


REMOVALS = [
    pytest.param(lambda engine, actor, name: access.disable(engine, actor, name, NOW), id="disable"),
    pytest.param(lambda engine, actor, name: access.set_role(engine, actor, name, "viewer", NOW), id="another-role"),
]


@pytest.mark.parametrize("remove", REMOVALS)
def test_admins_who_remove_each_other_leave_one(database: Engine, remove: Callable[[Engine, Actor, str], None]) -> None:
    for turn in range(6):
        names = [f"admin-{turn}-{number}" for number in range(4)]
        for name in names:
            new_account(database, name)
        for account in access.list_accounts(database, ADMIN):
            if account.is_admin and account.name not in names:
                remove(database, ADMIN, account.name)

        removals = [partial(remove, database, actor(names[number - 1], "admin"), names[number]) for number in range(4)]
        told = together(removals)

        left = [account.name for account in access.list_accounts(database, ADMIN) if account.is_admin]
        refused = [error.codes for error in told if isinstance(error, access.AccessError)]
        assert len(left) == 1
        assert refused == [["account.last_admin"]]
        assert told.count(None) == 3


def test_who_reads_before_writing_is_alone_with_the_table(database: Engine) -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with transaction(database) as connection:
            lock_for_writing(connection, documents)
            inside.set()
            order.append("first")
            assert connection.execute(text("SELECT count(*) FROM documents WHERE key = 'version'")).scalar() == 0

    def second() -> None:
        inside.wait(20)
        with transaction(database) as connection:
            increase_version(connection)
            order.append("second")

    assert together([first, second]) == [None, None]
    assert order == ["first", "second"]


def test_no_step_of_the_version_is_lost_not_even_the_first(database: Engine) -> None:
    def count() -> None:
        with transaction(database) as connection:
            increase_version(connection)

    for _ in range(3):
        with transaction(database) as connection:
            connection.execute(delete(documents))

        assert together([count] * 8) == [None] * 8
        assert data_version(database) == 8


def test_a_code_of_the_second_factor_opens_for_one(database: Engine) -> None:
    new_account(database, "anna")
    second_factor_rows.keep_secret(database, "anna", lambda: "SECRET")
    assert second_factor_rows.confirm(database, "anna", "SECRET", 1000, ["recovery"], NOW, entry())

    steps = together([lambda: second_factor_rows.use_step(database, "anna", 1001)] * 6)
    codes = together([lambda: second_factor_rows.use_recovery_code(database, "anna", "recovery", NOW, entry())] * 6)

    assert (sorted(steps), sorted(codes)) == ([False] * 5 + [True], [False] * 5 + [True])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda engine: access.passwd(engine, ADMIN, "anna", PASSWORD, NOW.replace(hour=9)), id="password"),
        pytest.param(lambda engine: access.disable(engine, ADMIN, "anna", NOW), id="disabled"),
        pytest.param(lambda engine: access.set_role(engine, ADMIN, "anna", "viewer", NOW), id="role"),
    ],
)
def test_no_session_begins_with_what_was_true_before_a_change(
    database: Engine, change: Callable[[Engine], None]
) -> None:
    new_account(database, "anna", "support")
    seen = account_rows.find_account(database, "anna")  # its password was right

    change(database)

    now = account_rows.find_account(database, "anna")
    assert sessions.start_session(database, "anna", NOW, checked=seen) == ""
    assert bool(sessions.start_session(database, "anna", NOW, checked=now)) is not now.disabled


def test_of_many_first_starts_one_makes_the_first_account(database: Engine) -> None:
    made = together([lambda: access.create_first_admin(database, NOW)] * 4)

    assert sum(isinstance(password, str) for password in made) == 1
    assert made.count(None) == 3


@pytest.fixture
def empty_server(postgres_url: str) -> Iterator[str]:
    """The URL of a database of PostgreSQL in which nothing is."""
    with new_database(postgres_url) as url:
        yield url


def test_machines_that_start_at_once_build_one_database(empty_server: str) -> None:
    engines = together([lambda: open_database(empty_server)] * 4)

    assert [data_version(engine) for engine in engines] == [0] * 4
    for engine in engines:
        engine.dispose()
