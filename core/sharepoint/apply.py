"""Carry out a plan: batches with If-Match, as fast as SharePoint takes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.graph import BatchAnswer, BatchRequest, GraphClient, GraphError, Http, error_for
from core.graph.client import BATCH_SIZE
from core.sharepoint.lists import Item, SharePointList
from core.sharepoint.plan import Change
from core.workers import Workers

log = logging.getLogger(__name__)

ATTEMPTS = 6
MAX_WAIT = 300.0  # seconds; what SharePoint asks for beyond this is left to the next refresh
PARALLEL_BATCHES = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended. `stale`: the list is not what the plan rested on, or nobody knows; read and plan again."""

    change: Change
    result: Literal["done", "stale", "failed"]
    item: Item | None = None


class Writer:
    """Writes changes of one list. SharePoint's waits hold for all batches at once."""

    def __init__(self, client: GraphClient, target: SharePointList, http: Http) -> None:
        self._client = client
        self._list = target
        self._http = http
        self._gate = threading.Lock()

    def apply(self, changes: Sequence[Change], progress: Callable[[int], None] = lambda done: None) -> list[Outcome]:
        """The outcome of every change, in their order; `progress` hears how many are through."""
        pieces = [changes[start : start + BATCH_SIZE] for start in range(0, len(changes), BATCH_SIZE)]
        outcomes: list[Outcome] = []
        workers = Workers(PARALLEL_BATCHES, "sharepoint")
        try:
            for found in workers.map(self._apply_piece, pieces):
                outcomes += found
                progress(len(outcomes))
        finally:
            workers.close()
        return outcomes

    def _apply_piece(self, piece: Sequence[Change]) -> list[Outcome]:
        """At most one batch of changes; what SharePoint throttles is sent again after the longest wait it asks for."""
        outcomes: dict[int, Outcome] = {}
        for attempt in range(ATTEMPTS):
            left = [index for index in range(len(piece)) if index not in outcomes]
            if not left:
                break
            wait = self._send([piece[index] for index in left], left, outcomes, attempt)
            if wait > MAX_WAIT:
                break
            if wait:
                self._pause(wait)
        return [outcomes.get(index) or Outcome(change, "failed") for index, change in enumerate(piece)]

    def _send(
        self, changes: Sequence[Change], left: Sequence[int], outcomes: dict[int, Outcome], attempt: int
    ) -> float:
        """Send once; note what is decided in `outcomes`, give back how long to wait for the rest."""
        self._wait_with_the_others()
        try:
            answers = self._client.batch([self._request(change) for change in changes])
        except GraphError as error:
            log.warning("writing %d items: %s", len(changes), error)
            outcomes.update({i: Outcome(change, "failed") for i, change in zip(left, changes, strict=True)})
            return 0.0
        wait = 0.0
        for index, change, answer in zip(left, changes, answers, strict=True):
            if _may_be_repeated(change, answer):
                wait = max(wait, answer.wait(attempt))
            else:
                outcomes[index] = self._outcome(change, answer)
        return wait

    def _pause(self, seconds: float) -> None:
        with self._gate:
            self._http.sleep(seconds)

    def _wait_with_the_others(self) -> None:
        """What SharePoint asks of one batch holds for all of them."""
        with self._gate:
            pass

    def _request(self, change: Change) -> BatchRequest:
        path = f"{self._list.path}/items"
        if change.item is None:
            return BatchRequest("POST", path, {"fields": self._list.body(change.values)})
        path += f"/{change.item.item_id}"
        if change.delete:
            return BatchRequest("DELETE", path, if_match=change.item.etag)
        return BatchRequest("PATCH", f"{path}/fields", self._list.body(change.values), change.item.etag)

    def _outcome(self, change: Change, answer: BatchAnswer) -> Outcome:
        if answer.ok:
            return Outcome(change, "done", self._written(change, answer.body))
        if change.delete and answer.status in (404, 410):
            return Outcome(change, "done")
        if answer.status in (0, 404, 409, 410, 412) or answer.status >= 500:
            return Outcome(change, "stale")
        error = error_for(answer.status, answer.body, what="items", name=self._client.name)
        log.warning("writing an item: %s [%s]", error, error.problem.detail)
        return Outcome(change, "failed")

    def _written(self, change: Change, body: Any) -> Item | None:
        """The item as it is now; the answer to an update does not always tell the new eTag."""
        if change.delete:
            return None
        if change.item is None:
            item = self._list.item(body) if isinstance(body, dict) and "id" in body else None
            if item is not None:
                item.fields = {**change.values, **item.fields}
            return item
        etag = body.get("@odata.etag", "") if isinstance(body, dict) else ""
        return Item(change.item.item_id, etag, change.item.modified, {**change.item.fields, **change.values})


def _may_be_repeated(change: Change, answer: BatchAnswer) -> bool:
    """429 was not carried out. 503 of a new item may have been, so it is looked up before it comes twice."""
    return answer.status == 429 or (answer.status in (503, 504) and change.item is not None and bool(change.item.etag))
