"""The items of the SharePoint lists as last read, and where each list was left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from core.cache.schema import alarms, list_items, list_marks, tenants
from core.cache.sql import transaction, upsert

CHUNK = 1000  # items in one statement: a list may be longer than should be in memory twice


class StoredItem(NamedTuple):
    """One item as SharePoint last told it; `fields` is keyed by our own column words."""

    item_id: str
    etag: str
    modified: datetime | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListMark:
    """Where a list was left: `delta_link` leads to what comes after ("" when there is no way but the whole list).

    `read_with` says which list and columns the items are of, `whole_read_at` when they were last read whole.
    """

    kind: str
    read_with: str
    delta_link: str
    whole_read_at: datetime


def list_mark(engine: Engine, kind: str) -> ListMark | None:
    with transaction(engine) as connection:
        row = connection.execute(select(list_marks).where(list_marks.c.kind == kind)).mappings().first()
    return ListMark(**row) if row is not None else None


def stored_items(engine: Engine, kind: str) -> Iterator[StoredItem]:
    """Every item of the list, one after the other, in no order."""
    columns = (list_items.c.item_id, list_items.c.etag, list_items.c.modified, list_items.c.fields)
    query = select(*columns).where(list_items.c.kind == kind)
    with transaction(engine) as connection:
        for row in connection.execute(query):
            yield StoredItem(*row)


def save_whole_list(engine: Engine, mark: ListMark, items: Iterable[StoredItem]) -> None:
    """Replace all that is known of the list; of another list the items are others, whatever their numbers."""
    with transaction(engine) as connection:
        before = connection.execute(select(list_marks.c.read_with).where(list_marks.c.kind == mark.kind)).scalar()
        if before and _is_another_list(before, mark.read_with):
            _forget_numbers(connection, mark.kind)
        connection.execute(delete(list_items).where(list_items.c.kind == mark.kind))
        _save(connection, mark, items)


def save_list_changes(engine: Engine, mark: ListMark, changed: Iterable[StoredItem], deleted: Collection[str]) -> None:
    """Take over what has changed together with the link to what comes after: both or, after a crash, neither."""
    with transaction(engine) as connection:
        if deleted:
            one = delete(list_items).where(list_items.c.kind == mark.kind, list_items.c.item_id == bindparam("gone"))
            connection.execute(one, [{"gone": item_id} for item_id in deleted])
        _save(connection, mark, changed)


def forget_list(engine: Engine, kind: str) -> None:
    """Have the list read whole the next time."""
    with transaction(engine) as connection:
        connection.execute(delete(list_marks).where(list_marks.c.kind == kind))


def _is_another_list(before: str, now: str) -> bool:
    """Compare the part of `read_with` that says which list it is; what an earlier version wrote has none."""
    list_before, known, _ = before.partition(".")
    return bool(known) and list_before != now.partition(".")[0]


def _forget_numbers(connection: Connection, kind: str) -> None:
    if kind == "license":
        connection.execute(update(alarms).values(item_id=None))
    elif kind == "tenant":
        connection.execute(update(tenants).values(list_item_id=None))


def _save(connection: Connection, mark: ListMark, items: Iterable[StoredItem]) -> None:
    rows: Iterator[dict[str, Any]] = ({"kind": mark.kind, **item._asdict()} for item in items)
    while piece := list(islice(rows, CHUNK)):
        upsert(connection, list_items, piece)
    upsert(connection, list_marks, [asdict(mark)])
