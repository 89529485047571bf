"""Read the lists through the cache: after the first whole read only changes are requested."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.cache.item_rows import (
    ListMark,
    StoredItem,
    forget_list,
    list_mark,
    save_list_changes,
    save_whole_list,
    stored_items,
)
from core.clock import elapsed
from core.graph import BadAnswer, Conflict, NotFound
from core.interned import interned
from core.problems import Problem
from core.sharepoint.list_columns import LIST_NAMES, ListError
from core.sharepoint.lists import Changes, Item, Lists, SharePointList, doubtful, short_hash

log = logging.getLogger(__name__)

WHOLE_EVERY = timedelta(hours=20)  # about once a day, in case a change was missed
REFUSED = (BadAnswer, Conflict, NotFound)  # the request is refused, for example 410 for a link that is too old


class ListCache:
    """Reads `lists` for one refresh, which began at `now`; has no items in memory itself."""

    def __init__(self, engine: Engine, lists: Lists, now: datetime) -> None:
        self._engine, self._lists, self._now = engine, lists, now
        self._verified: set[str] = set()

    def items(self, of: SharePointList) -> list[Item]:
        """Return every item of the list as it is now, by number, without test items; they are stored first.

        Columns with problems are read each time, to notice when they are corrected.
        Raises GraphError, ListError, DatabaseError.
        """
        if of.ours.problems:
            self._lists.read_columns_again(of)
        mark = list_mark(self._engine, of.kind)
        if mark is None or not self._bring_up_to_date(of, mark):
            items = self._read_whole(of)
        else:
            items = [_item(of, stored) for stored in stored_items(self._engine, of.kind)]
        return sorted(of.without_trials(items), key=lambda item: item.number)

    def check_columns(self, of: SharePointList) -> None:
        """Check before a write that the columns still exist; a read of changes does not show that.

        A list that was read whole in this refresh has been checked. With other types of columns the list is read whole
        the next time. Raises GraphError, ListError.
        """
        if of.kind in self._verified:
            return
        columns_before = of.columns
        try:
            changed = self._lists.read_columns_again(of)
        except ListError:
            forget_list(self._engine, of.kind)
            raise
        renamed = [name for word, name in columns_before.items() if of.columns.get(word, name) != name]
        if changed and renamed:
            raise ListError(Problem("sharepoint.column_missing", {"list": LIST_NAMES[of.kind], "field": renamed[0]}))
        self._verified.add(of.kind)

    def _bring_up_to_date(self, of: SharePointList, mark: ListMark) -> bool:
        """Store what has changed since the last read; return False if the whole list must be read."""
        changes = self._changes(of, mark)
        if changes is None:
            return False
        if changes.items or changes.deleted or changes.link != mark.delta_link:
            new = replace(mark, delta_link=changes.link)
            save_list_changes(self._engine, new, _stored(changes.items), changes.deleted)
        return True

    def _changes(self, of: SharePointList, mark: ListMark) -> Changes | None:
        age = elapsed(mark.whole_read_at, self._now)
        if not mark.delta_link or mark.read_with != _read_with(of) or age >= WHOLE_EVERY:
            return None
        try:
            changes = self._lists.changes(of, mark.delta_link)
        except REFUSED as error:
            log.info("%s is read whole: %s", LIST_NAMES[of.kind], error)
            return None
        if doubtful(of, changes.items) and self._lists.read_columns_again(of):
            return None
        return changes

    def _read_whole(self, of: SharePointList) -> list[Item]:
        whole = self._everything(of)
        mark = ListMark(of.kind, _read_with(of), whole.link, self._now)
        save_whole_list(self._engine, mark, _stored(whole.items))
        self._verified.add(of.kind)
        return whole.items

    def _everything(self, of: SharePointList) -> Changes:
        """Return all items with a link to later changes, without a link if SharePoint refuses delta queries."""
        try:
            whole = self._lists.changes(of)
            if doubtful(of, whole.items) and self._lists.read_columns_again(of):
                whole = self._lists.changes(of)
        except REFUSED as error:
            log.info("%s is read without a link to its changes: %s", LIST_NAMES[of.kind], error)
            whole = Changes(self._lists.items(of))
        return whole


def _read_with(of: SharePointList) -> str:
    """Return a hash of list, columns and types; if it changes, the stored items are invalid."""
    columns = {word: [column.name, column.kind] for word, column in of.ours.by_word.items()}
    return f"{of.key}.{short_hash(json.dumps(columns, sort_keys=True))}"


def _stored(items: Iterable[Item]) -> Iterator[StoredItem]:
    return (StoredItem(item.item_id, item.etag, item.modified, item.fields) for item in items)


def _item(of: SharePointList, stored: StoredItem) -> Item:
    """Return the item, with strings that items share in memory."""
    fields = {word: interned(stored.fields[word]) for word in of.ours.by_word if word in stored.fields}
    return Item(stored.item_id, stored.etag, stored.modified, fields)
