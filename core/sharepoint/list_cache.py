"""The lists as last read, kept in the cache: once read whole, only what has changed since is asked for."""

from __future__ import annotations

import hashlib
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
from core.interned import once
from core.problems import Problem
from core.sharepoint.list_columns import LIST_NAMES, ListError
from core.sharepoint.lists import Changes, Item, Lists, SharePointList, doubtful

log = logging.getLogger(__name__)

WHOLE_EVERY = timedelta(hours=20)  # about once a day, should a change ever have been kept from us
REFUSED = (BadAnswer, Conflict, NotFound)  # says no to the question, not to us: 410 for a link that is too old


class ListCache:
    """What one refresh, begun at `now`, reads of `lists`. Holds no items itself."""

    def __init__(self, engine: Engine, lists: Lists, now: datetime) -> None:
        self._engine, self._lists, self._now = engine, lists, now
        self._sure: set[str] = set()

    def items(self, of: SharePointList) -> list[Item]:
        """Every item of the list as SharePoint has it now, by number; they are stored before anybody rests on them.

        Columns with something wrong are looked up each time, to find out when they are put right.
        Raises GraphError, ListError, DatabaseError.
        """
        if of.ours.problems:
            self._lists.look_up_again(of)
        mark = list_mark(self._engine, of.kind)
        if mark is None or not self._bring_up_to_date(of, mark):
            items = self._read_whole(of)
        else:
            items = [_item(of, stored) for stored in stored_items(self._engine, of.kind)]
        return sorted(items, key=lambda item: item.number)

    def make_sure(self, of: SharePointList) -> None:
        """Before something is written: are the columns still there? What has not changed does not show it.

        A list that this refresh has read whole has shown its columns. Other types hold from here on; the
        list is then read whole the next time. Raises GraphError, ListError.
        """
        if of.kind in self._sure:
            return
        known = of.columns
        try:
            others = self._lists.look_up_again(of)
        except ListError:
            forget_list(self._engine, of.kind)
            raise
        renamed = [name for word, name in known.items() if of.columns.get(word, name) != name]
        if others and renamed:
            raise ListError(Problem("sharepoint.column_missing", {"list": LIST_NAMES[of.kind], "field": renamed[0]}))
        self._sure.add(of.kind)

    def _bring_up_to_date(self, of: SharePointList, mark: ListMark) -> bool:
        """Take over what has changed since the last time; False when only the whole list can tell."""
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
        if doubtful(of, changes.items) and self._lists.look_up_again(of):
            return None
        return changes

    def _read_whole(self, of: SharePointList) -> list[Item]:
        found = self._everything(of)
        mark = ListMark(of.kind, _read_with(of), found.link, self._now)
        save_whole_list(self._engine, mark, _stored(found.items))
        self._sure.add(of.kind)
        return found.items

    def _everything(self, of: SharePointList) -> Changes:
        """All items with a link to what comes after, without one where SharePoint refuses to count changes."""
        try:
            found = self._lists.changes(of)
            if doubtful(of, found.items) and self._lists.look_up_again(of):
                found = self._lists.changes(of)
        except REFUSED as error:
            log.info("%s is read without a link to its changes: %s", LIST_NAMES[of.kind], error)
            found = Changes(self._lists.items(of))
        return found


def _read_with(of: SharePointList) -> str:
    """A short name of list, columns and types: with another of them the stored items are worth nothing."""
    columns = {word: [column.name, column.kind] for word, column in of.ours.by_word.items()}
    return f"{_short(of.path)}.{_short(json.dumps(columns, sort_keys=True))}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:31]


def _stored(items: Iterable[Item]) -> Iterator[StoredItem]:
    return (StoredItem(item.item_id, item.etag, item.modified, item.fields) for item in items)


def _item(of: SharePointList, stored: StoredItem) -> Item:
    """The item, with names and words that items share: those of its own are most of what it weighs."""
    fields = {word: once(stored.fields[word]) for word in of.ours.by_word if word in stored.fields}
    return Item(stored.item_id, stored.etag, stored.modified, fields)
