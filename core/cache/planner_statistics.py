"""The statistics by which PostgreSQL chooses between an index and a look at every row of a table."""

from __future__ import annotations

from sqlalchemy import Engine, bindparam, text

from core.cache.schema import license_numbers, licenses, subscriptions, tenants
from core.cache.sql import transaction

TABLES = tuple(table.name for table in (tenants, licenses, license_numbers, subscriptions))  # read by tenant ids
FEW = 500  # rows; of so few every one may be looked at

# The server's own duty (autovacuum) does the same, but looks once a minute; a first refresh fills a table in less.
_STALE = text(
    "SELECT relname FROM pg_stat_user_tables WHERE relname IN :names AND schemaname = current_schema()"
    " AND n_mod_since_analyze > :few + n_live_tup / 2 ORDER BY relname"
).bindparams(bindparam("names", TABLES, expanding=True), few=FEW)


def renew_statistics(engine: Engine) -> list[str]:
    """Renew the statistics of the tables that have grown by half since the last time, and return their names.

    Without them PostgreSQL reads the whole table for the licences of some tenants. Every connection then plans its
    statements anew. Tables that another process is looking at are passed over. Raises DatabaseError.
    """
    if engine.dialect.name != "postgresql":
        return []
    with transaction(engine) as connection:
        stale = list(connection.execute(_STALE).scalars())
        if stale:
            connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(stale)}")
    return stale
