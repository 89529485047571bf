"""Mark the lists as those of this installation, and find out whether another one writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import cached_property
from uuid import uuid4

from sqlalchemy import Engine

from core.cache.owner_rows import add_turn, forget_earlier_shortages, note_foreign, own_marks
from core.cache.place import host_name, place_of
from core.graph import BatchAnswer, BatchRequest, GraphError, NotFound, error_for
from core.graph.errors import error_of
from core.problems import Problem
from core.sharepoint import Item, ListError, Lists
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.owner_mark import (
    PARAMETER,
    Mark,
    Own,
    Verdict,
    mark_of,
    marked_items,
    needs_renewal,
    present_mark,
    verdict,
)
from core.sharepoint.pace import Pace

ATTEMPTS = 3  # somebody else may mark the lists at the same moment
CONFIRM_EVERY = 60.0  # seconds of a push between two looks at the mark
CODES: dict[Verdict, str] = {"other": "sharepoint.other_owner", "copy": "sharepoint.copied_database"}
REFUSED = {400, 401, 403, 405, 422}


class NotOwner(ListError):
    """Another installation writes the lists, or somebody works with a copy of this database."""


class ListOwner:
    """The mark of the lists, as this process sees and writes it. `zone` is that of times in texts.

    One refresh at a time uses it; pages and commands may look at the same time.
    """

    def __init__(self, engine: Engine, zone: tzinfo, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._zone, self._pace, self._clock = engine, zone, pace, clock
        self._settled: set[str] = set()  # keys of the parameter lists in which this process has found its own mark
        self._item_id = ""  # of our mark
        self._confirmed_at = -CONFIRM_EVERY

    @cached_property
    def _place(self) -> str:
        return place_of(self._engine)

    def obstacle(self, lists: Lists, items: Sequence[Item]) -> Problem | None:
        """Return the problem if this process must not write the lists, None if it may; writes nothing there.

        `items` are those of the parameter list.
        """
        mark, own = present_mark(items), self._own(lists)
        code = CODES.get(verdict(mark, own))
        return self._problem(code, mark) if code and mark else None

    def claim(self, lists: Lists, items: Sequence[Item], now: datetime) -> Sequence[Problem]:
        """Mark the lists as ours before they are written, and renew the mark; return the problems with that.

        Raises NotOwner if somebody else writes them, GraphError.
        """
        for _ in range(ATTEMPTS):
            mark, own, rows = present_mark(items), self._own(lists), marked_items(items)
            found = verdict(mark, own)
            self._remove_further_marks(lists, rows, own)
            if mark is not None and found in CODES:
                note_foreign(self._engine, lists.parameters.key)
                raise NotOwner(self._problem(CODES[found], mark))
            if mark is not None and found == "ours":
                self._settle(lists, rows[0])
                if not needs_renewal(mark, own, now):
                    return []
            answer = self._write(lists, rows, self._new_mark(lists, mark, found, now))
            if answer.ok and mark is not None:
                self._settle(lists, rows[0])
                self._confirmed_at = self._clock()
                return []
            if answer.status in REFUSED and rows:
                return [self._refused(answer)]
            items = lists.items(lists.parameters)  # a new row may be the second one, a changed one is to be judged anew
            if answer.status in REFUSED and not marked_items(items):  # else a second one is refused where none may be
                return [self._refused(answer)]
        return []

    def confirm(self, lists: Lists) -> None:
        """Look at the mark once more before a write, at most once a minute. Raises NotOwner, GraphError."""
        if not self._item_id or self._clock() - self._confirmed_at < CONFIRM_EVERY:
            return
        columns = ",".join(lists.parameters.columns.values())
        path = f"{lists.parameters.path}/items/{self._item_id}"
        try:
            row = lists.client.get(path, {"$expand": f"fields($select={columns})"})
        except NotFound:  # somebody has deleted it; the next refresh marks the lists anew
            return
        if problem := self.obstacle(lists, [lists.parameters.item(row)]):
            note_foreign(self._engine, lists.parameters.key)
            raise NotOwner(problem)
        self._confirmed_at = self._clock()

    def take_over(self, lists: Lists, now: datetime) -> Mark | None:
        """Make this installation the owner whoever it was, and return the mark until then. Raises GraphError."""
        forget_earlier_shortages(self._engine)
        before: Mark | None = None
        for _ in range(ATTEMPTS):
            items = lists.items(lists.parameters)
            rows, mark = marked_items(items), present_mark(items)
            before = before or mark
            new = replace(self._new_mark(lists, None, "unmarked", now), since=now)
            answer = self._write(lists, rows, new)
            if answer.ok:
                return before
        raise self._error(lists, answer)

    def _own(self, lists: Lists) -> Own:
        key = lists.parameters.key
        marks = own_marks(self._engine, key)
        return Own(marks.installation, self._place, marks.turns, settled=key in self._settled)

    def _settle(self, lists: Lists, item: Item) -> None:
        self._settled.add(lists.parameters.key)
        self._item_id = item.item_id

    def _new_mark(self, lists: Lists, mark: Mark | None, found: Verdict, now: datetime) -> Mark:
        """Return the mark to write, and store its turn before it is written: the answer may be lost."""
        key, turn = lists.parameters.key, uuid4().hex[:8]
        if found == "restored" or own_marks(self._engine, key).foreign:
            forget_earlier_shortages(self._engine)
        adopted = mark.installation if mark is not None and found == "restored" else ""
        present = mark.turn if mark is not None and found == "ours" else ""
        installation = add_turn(self._engine, key, turn, present=present, installation=adopted)
        return Mark(installation, self._place, turn, mark.since if mark else now, now, host_name())

    def _write(self, lists: Lists, rows: Sequence[Item], mark: Mark) -> BatchAnswer:
        """Write the mark into the first of `rows`, or into a new row, and return the answer."""
        of, path = lists.parameters, f"{lists.parameters.path}/items"
        if not of.ours.takes("name", "value"):
            return BatchAnswer(400)
        if rows:
            body = of.body({"value": mark.text()})
            request = BatchRequest("PATCH", f"{path}/{rows[0].item_id}/fields", body, rows[0].etag)
        else:
            request = BatchRequest("POST", path, {"fields": of.body({"name": PARAMETER, "value": mark.text()})})
        return self._pace.send(lists.client, [request])[0]

    def _remove_further_marks(self, lists: Lists, rows: Sequence[Item], own: Own) -> None:
        """Delete rows of ours beside the one that counts, left when two installations marked the lists at once."""
        for row in rows[1:]:
            mark = mark_of(row.text("value"))
            if mark is not None and mark.turn in own.turns:
                path = f"{lists.parameters.path}/items/{row.item_id}"
                self._pace.send(lists.client, [BatchRequest("DELETE", path, if_match=row.etag)])

    def _problem(self, code: str, mark: Mark) -> Problem:
        def shown(at: datetime) -> str:
            return f"{at.astimezone(self._zone):%d.%m.%Y %H:%M}"

        values = {"host": mark.host, "installation": mark.installation, "since": shown(mark.since)}
        return Problem(code, values | {"at": shown(mark.at)})

    def _refused(self, answer: BatchAnswer) -> Problem:
        code, message = error_of(answer.body)
        said = message or code or f"HTTP {answer.status}"
        return Problem("sharepoint.mark_refused", {"list": LIST_NAMES["parameter"], "said": said})

    def _error(self, lists: Lists, answer: BatchAnswer) -> GraphError | ListError:
        if answer.status in REFUSED:
            return ListError(self._refused(answer))
        return error_for(answer.status, answer.body, what="items", name=lists.client.name)
