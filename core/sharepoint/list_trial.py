"""Try in a list what the product does there at run time: read, create, change with If-Match, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from uuid import uuid4

from core.graph import BatchAnswer, BatchRequest, NotFound, error_for
from core.graph.errors import error_of
from core.problems import Problem
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.lists import Item, Lists, SharePointList
from core.sharepoint.trial_items import KEY_WORD, trial_name, trial_values

ATTEMPTS = 4  # an answer was lost, or another check of this installation has removed the item
SENT_AGAIN = 3
REFUSED_FOR_NOW = 429
FORBIDDEN = {401, 403}
UNCLEAR = {0, 404, 409, 410, 412, 500, 502, 503, 504}  # whether it was carried out, or whether the item is there

Operation = Literal["create", "change", "delete"]


class ListTrial:
    """Tries one list with a test item of the database at `place`; an item left by a killed check goes first.

    Raises GraphError if the list cannot be read.
    """

    def __init__(self, lists: Lists, of: SharePointList, place: str, sleep: Callable[[float], None]) -> None:
        self._lists, self._of, self._place, self._sleep = lists, of, place, sleep
        self._items = f"{of.path}/items"
        self._run = uuid4().hex[:8]  # in the names of the test items of this check

    def run(self) -> list[Problem]:
        """Return the problems, none if everything is allowed; nothing stays in the list unless deleting is refused."""
        for attempt in range(ATTEMPTS):
            # Those of earlier checks only once: two checks at the same time would delete each other's for ever.
            if refused := self._remove(trial_name(self._place, self._run if attempt else "")):
                return [refused]
            problems = self._attempt()
            if problems is not None:
                return problems
        self._remove(trial_name(self._place, self._run))
        return [Problem("lists.trial_unclear", {"list": LIST_NAMES[self._of.kind]})]

    def _attempt(self) -> list[Problem] | None:
        """Return the problems of one whole attempt, None if it must be begun again."""
        name = trial_name(self._place, self._run)
        values = trial_values(self._of.ours, name)
        created = self._send(BatchRequest("POST", self._items, {"fields": self._of.body(values)}))
        if not created.ok or not isinstance(created.body, dict):
            return None if created.ok or created.status in UNCLEAR else [self._problem("create", created, name)]
        item = self._of.item(created.body)
        changed = self._change(item, f"{name} 1")
        if changed is None:
            return None
        deleted = self._delete(item)
        return None if deleted is None else [*changed, *deleted]

    def _change(self, item: Item, name: str) -> list[Problem] | None:
        """Change the item with its ETag, then with the one that is no longer its ETag, which must be refused."""
        body = self._of.body({KEY_WORD[self._of.kind]: name})
        request = BatchRequest("PATCH", f"{self._items}/{item.item_id}/fields", body, item.etag)
        changed = self._send(request)
        if not changed.ok:
            return None if changed.status in UNCLEAR else [self._problem("change", changed, name)]
        again = self._send(request)
        return [Problem("lists.etag_ignored", {"list": LIST_NAMES[self._of.kind]})] if again.ok else []

    def _delete(self, item: Item) -> list[Problem] | None:
        path = f"{self._items}/{item.item_id}"
        try:
            present = self._of.item(self._lists.client.get(path, {"$expand": "fields"}))
        except NotFound:
            return None
        deleted = self._send(BatchRequest("DELETE", path, if_match=present.etag))
        if deleted.ok:
            return []
        return None if deleted.status in UNCLEAR else [self._problem("delete", deleted, self._name_of(present))]

    def _remove(self, start: str) -> Problem | None:
        """Delete the test items whose names have this start; return the problem if that is not allowed."""
        for item in self._lists.trial_items(self._of):
            if self._name_of(item).startswith(start):
                answer = self._send(BatchRequest("DELETE", f"{self._items}/{item.item_id}"))
                if answer.status in FORBIDDEN:
                    return self._problem("delete", answer, self._name_of(item))
        return None

    def _name_of(self, item: Item) -> str:
        return item.text(KEY_WORD[self._of.kind])

    def _send(self, request: BatchRequest) -> BatchAnswer:
        """Return the answer to one request, sent again while SharePoint says that it is busy."""
        for attempt in range(SENT_AGAIN):
            answer = self._lists.client.batch([request], once=True)[0]
            if answer.status != REFUSED_FOR_NOW:
                break
            self._sleep(answer.wait(attempt))
        return answer

    def _problem(self, operation: Operation, answer: BatchAnswer, name: str) -> Problem:
        code, message = error_of(answer.body)
        forbidden = answer.status in FORBIDDEN
        values = {"list": LIST_NAMES[self._of.kind], "name": name, "said": message or code or f"HTTP {answer.status}"}
        detail = error_for(answer.status, answer.body, what="items", name=self._lists.client.name).problem.detail
        return Problem(f"lists.{'may_not' if forbidden else 'cannot'}_{operation}", values, detail)
