"""What the engine of jobs needs of our database: its own tables, and the driver's connection of a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, inspect

from core.cache.sql import Transaction, transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtext('lizenztool.jobs'))"


def create_once(engine: Engine, table: str, schema: str) -> None:
    """Create the tables of `schema` (SQL) unless `table` is there. Raises DatabaseError."""
    with transaction(engine) as connection:
        connection.exec_driver_sql(LOCK)  # of several processes that start at once one creates them
        if not inspect(connection).has_table(table):
            driver_connection(connection).execute(schema)


def driver_connection(connection: Transaction) -> Any:
    """Return the connection of psycopg in which `connection` has its transaction."""
    return connection.connection.driver_connection


def connect_arguments(engine: Engine) -> dict[str, Any]:
    """Return the arguments with which psycopg connects to the same database."""
    return dict(engine.dialect.create_connect_args(engine.url)[1])
