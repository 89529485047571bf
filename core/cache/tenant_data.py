"""Find, count and remove the rows of one tenant in any table, by a description of how they are found.

The descriptions of all tables are in `core/tenants/data.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, false, func, select, true, update

from core.cache.mentions import GONE, TenantKeys
from core.cache.schema import metadata, tenants
from core.cache.sql import transaction
from core.name_key import guid_key, name_key

PAGE = 500  # rows of a large table in memory at a time


@dataclass(frozen=True, slots=True)
class ByColumn:
    """Rows whose `column` is the tenant id, or the short name if `key` says so."""

    column: str = "tenant_id"
    key: str = "tenant_id"


@dataclass(frozen=True, slots=True)
class Through:
    """Rows whose `column` is also that of a row in `parent` with this tenant id.

    `goes_along`: the database lets nobody delete them but with their row in `parent`, which takes them along.
    """

    column: str
    parent: str
    goes_along: bool = False


@dataclass(frozen=True, slots=True)
class ByName:
    """Rows whose `column` is a name of the tenant, or whose JSON `column` has it in one of `fields`."""

    column: str
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Mentioning:
    """Rows that mention the tenant in one of `columns`, texts or JSON documents, perhaps beside others.

    `only`: the keys of the rows that are looked at; none: all.
    """

    columns: Sequence[str]
    only: Sequence[str] = ()


Finder = ByColumn | Through | ByName | Mentioning


def keys_of(connection: Connection, wanted: str) -> TenantKeys | None:
    """Return the keys of the tenant with this id, short name or name; None if there is none."""
    rows = connection.execute(select(tenants.c.tenant_id, tenants.c.slug, tenants.c.name, tenants.c.former_names)).all()
    tests = (
        lambda row: row.tenant_id == guid_key(wanted),
        lambda row: row.slug == wanted,
        lambda row: name_key(row.name) == name_key(wanted),
    )
    mine = next((row for test in tests for row in rows if test(row)), None)
    if mine is None:
        return None
    return _keys(mine, [row for row in rows if row.tenant_id != mine.tenant_id])


def _keys(mine: Any, others: Sequence[Any]) -> TenantKeys:
    present = {name_key(row.name) for row in others}
    ever = present | {name_key(name) for row in others for name in row.former_names}
    names = [name for name in (mine.name,) if name_key(name) not in present]
    names += [name for name in reversed(mine.former_names) if name_key(name) not in ever]
    slug = "" if mine.slug in {row.slug for row in others} else mine.slug
    words = {word for row in others for word in (row.tenant_id, row.slug, row.name, *row.former_names)}
    return TenantKeys(mine.tenant_id, slug, mine.name, tuple(names), words - {slug, *names})


def rows_of(connection: Connection, table_name: str, finder: Finder, keys: TenantKeys) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the tenant in the order of their keys, without all of them in memory."""
    table = metadata.tables[table_name]
    query = select(table).where(_condition(finder, table, keys)).order_by(*table.primary_key)
    for row in connection.execute(query.execution_options(yield_per=PAGE)).mappings():
        values = dict(row)
        if _belongs(values, finder, keys):
            yield values


def count_rows(connection: Connection, table_name: str, finder: Finder, keys: TenantKeys) -> int:
    """Return how many rows of the table are the tenant's."""
    table = metadata.tables[table_name]
    if isinstance(finder, (ByColumn, Through)):
        query = select(func.count()).select_from(table).where(_condition(finder, table, keys))
        return int(connection.execute(query).scalar_one())
    return sum(1 for _ in rows_of(connection, table_name, finder, keys))


def delete_rows(connection: Connection, table_name: str, finder: Finder, keys: TenantKeys) -> int:
    """Delete the rows of the tenant; return how many."""
    table = metadata.tables[table_name]
    if isinstance(finder, Through) and finder.goes_along:
        return count_rows(connection, table_name, finder, keys)
    if isinstance(finder, (ByColumn, Through)):
        return connection.execute(delete(table).where(_condition(finder, table, keys))).rowcount
    found = [_identity(table, row) for row in rows_of(connection, table_name, finder, keys)]
    for identity in found:
        connection.execute(delete(table).where(identity))
    return len(found)


def anonymise_rows(connection: Connection, table_name: str, finder: Mentioning, keys: TenantKeys) -> int:
    """Remove the mentions of the tenant from the rows that have some; return how many."""
    table = metadata.tables[table_name]
    found = list(rows_of(connection, table_name, finder, keys))
    for row in found:
        values = {name: _without(row[name], keys) for name in finder.columns}
        connection.execute(update(table).where(_identity(table, row)).values(**values))
    return len(found)


def _without(value: Any, keys: TenantKeys) -> Any:
    """Return the value without the tenant; a list does not become empty, which might mean all tenants."""
    left = keys.removed_from(value)
    return [GONE] if value and left == [] else left


def _condition(finder: Finder, table: Table, keys: TenantKeys) -> ColumnElement[bool]:
    """Return what the database can compare itself; the rest is looked at row by row."""
    if isinstance(finder, ByColumn):
        wanted = keys.tenant_id if finder.key == "tenant_id" else keys.slug
        return table.c[finder.column] == wanted if wanted else false()
    if isinstance(finder, Through):
        parent = metadata.tables[finder.parent]
        of_tenant = select(parent.c[finder.column]).where(parent.c.tenant_id == keys.tenant_id)
        return table.c[finder.column].in_(of_tenant)
    if isinstance(finder, Mentioning) and finder.only:
        (key,) = table.primary_key
        return key.in_(finder.only)
    return true()


def _belongs(row: Mapping[str, Any], finder: Finder, keys: TenantKeys) -> bool:
    if isinstance(finder, Mentioning):
        return any(keys.is_in(row[name]) for name in finder.columns)
    if isinstance(finder, ByName):
        value = row[finder.column]
        texts = [value.get(name) for name in finder.fields] if isinstance(value, dict) else [value]
        return any(isinstance(text, str) and name_key(text) in keys.name_keys for text in texts)
    return True


def _identity(table: Table, row: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(column == row[column.name] for column in table.primary_key))


def find_keys(engine: Engine, wanted: str) -> TenantKeys | None:
    """Return the keys of the tenant with this id, short name or name; None if there is none."""
    with transaction(engine) as connection:
        return keys_of(connection, wanted)
