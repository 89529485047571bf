"""What a server's database does that a file does not: it cuts connections, detects deadlocks, runs out of places."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, NullPool, create_engine, select, text

from core.cache.database import DatabaseError, open_database
from core.cache.schema import accounts, documents
from core.cache.sql import document, lock_for_writing, save_document, transaction
from tests.postgres import new_database


@pytest.fixture
def engine(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    """A database of a server with all tables."""
    with new_database(postgres_url, postgres_template) as url:
        opened = open_database(url)
        yield opened
        opened.dispose()


def execute(engine: Engine, statement: str) -> None:
    with create_engine(engine.url, poolclass=NullPool).begin() as connection:
        connection.execute(text(statement))


def cut_connections(engine: Engine) -> None:
    """What a restart of the server does to all who are connected."""
    execute(
        engine,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def save(engine: Engine, value: int) -> None:
    with transaction(engine) as connection:
        save_document(connection, "x", value)


def test_a_connection_that_was_cut_while_idle_is_replaced_unnoticed(engine: Engine) -> None:
    save(engine, 1)

    cut_connections(engine)

    assert document(engine, "x") == 1


def test_a_transaction_that_is_cut_is_told_and_leaves_nothing_and_the_next_one_succeeds(engine: Engine) -> None:
    save(engine, 1)

    def write_until_it_is_cut() -> None:
        with transaction(engine) as connection:
            save_document(connection, "x", 2)
            cut_connections(engine)
            connection.execute(select(documents))

    with pytest.raises(DatabaseError) as error:
        write_until_it_is_cut()

    assert error.value.problem.code == "database.unreachable"
    assert document(engine, "x") == 1
    save(engine, 3)
    assert document(engine, "x") == 3


def test_of_two_that_wait_for_each_other_one_is_told_and_the_other_succeeds(engine: Engine) -> None:
    both_hold_one = threading.Barrier(2)

    def lock_in_turn(order: tuple[str, str]) -> str:
        tables = {"accounts": accounts, "documents": documents}
        try:
            with transaction(engine) as connection:
                lock_for_writing(connection, tables[order[0]])
                both_hold_one.wait(20)
                lock_for_writing(connection, tables[order[1]])
        except DatabaseError as error:
            return error.problem.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lock_in_turn, [("accounts", "documents"), ("documents", "accounts")]))

    assert sorted(ends) == ["database.busy", "done"]


def test_a_process_that_has_no_connection_left_says_so(engine: Engine) -> None:
    small = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)

    with transaction(small), pytest.raises(DatabaseError) as error, transaction(small):
        pass

    assert error.value.problem.code == "database.overloaded"
    small.dispose()


def test_a_server_without_a_free_place_is_told(engine: Engine) -> None:
    execute(engine, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    crowded = engine.url.set(username="crowded").render_as_string(hide_password=False)

    with pytest.raises(DatabaseError) as error:
        open_database(crowded)
    execute(engine, "DROP ROLE crowded")

    assert error.value.problem.code == "database.overloaded"
