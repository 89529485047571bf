"""Tables of the items of the SharePoint lists as last read, and of their delta links."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from core.cache.schema import list_items, list_marks, tenants
from core.cache.sql import transaction, upsert

CHUNK = 1000  # items in one statement, so that a long list is not in memory twice

_MARK = select(list_marks).where(list_marks.c.kind == bindparam("this_kind"))
_ITEMS = select(list_items.c.item_id, list_items.c.etag, list_items.c.modified, list_items.c.fields).where(
    list_items.c.kind == bindparam("this_kind")
)


class StoredItem(NamedTuple):
    """An item as last read; the keys of `fields` are our own names of the columns."""

    item_id: str
    etag: str
    modified: datetime | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListMark:
    """The state of the last read: `delta_link` gives later changes, "" if the whole list must be read.

    `read_with` identifies the list and columns of the items (key of the list, dot, hash of the columns);
    `whole_read_at` is the time of the last whole read.
    """

    kind: str
    read_with: str
    delta_link: str
    whole_read_at: datetime

    @property
    def list_key(self) -> str:
        """Return the key of the list; "" for a value of an earlier version, which has none."""
        list_key, dot, _ = self.read_with.partition(".")
        return list_key if dot else ""


def list_mark(engine: Engine, kind: str) -> ListMark | None:
    with transaction(engine) as connection:
        row = connection.execute(_MARK, {"this_kind": kind}).mappings().first()
    return ListMark(**row) if row is not None else None


def stored_items(engine: Engine, kind: str) -> Iterator[StoredItem]:
    """Yield every item of the list, in no order."""
    with transaction(engine) as connection:
        for row in connection.execute(_ITEMS, {"this_kind": kind}):
            yield StoredItem(*row)


def save_whole_list(engine: Engine, mark: ListMark, items: Iterable[StoredItem]) -> None:
    """Replace all items of the list; forget the item ids of tenants if it is another tenant list than before."""
    with transaction(engine) as connection:
        before = connection.execute(_MARK, {"this_kind": mark.kind}).mappings().first()
        if mark.kind == "tenant" and before and ListMark(**before).list_key not in ("", mark.list_key):
            connection.execute(update(tenants).values(list_item_id=None))
        connection.execute(delete(list_items).where(list_items.c.kind == mark.kind))
        _save(connection, mark, items)


def save_list_changes(engine: Engine, mark: ListMark, changed: Iterable[StoredItem], deleted: Collection[str]) -> None:
    """Store changed and deleted items together with the new delta link, in one transaction."""
    with transaction(engine) as connection:
        if deleted:
            statement = delete(list_items).where(
                list_items.c.kind == mark.kind, list_items.c.item_id == bindparam("deleted")
            )
            connection.execute(statement, [{"deleted": item_id} for item_id in deleted])
        _save(connection, mark, changed)


def forget_list(engine: Engine, kind: str) -> None:
    """Delete the delta link, so that the next refresh reads the whole list."""
    with transaction(engine) as connection:
        connection.execute(update(list_marks).where(list_marks.c.kind == kind).values(delta_link=""))


def _save(connection: Connection, mark: ListMark, items: Iterable[StoredItem]) -> None:
    rows: Iterator[dict[str, Any]] = ({"kind": mark.kind, **item._asdict()} for item in items)
    while piece := list(islice(rows, CHUNK)):
        upsert(connection, list_items, piece)
    upsert(connection, list_marks, [asdict(mark)])
