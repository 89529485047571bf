"""Write the changes of a plan: batches with If-Match, as fast as SharePoint allows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core import tracing
from core.graph import BatchAnswer, BatchRequest, GraphClient, GraphError, error_for
from core.graph.batch import BATCH_SIZE
from core.sharepoint.lists import Item, SharePointList
from core.sharepoint.pace import UNITS, Pace
from core.sharepoint.plan import Change
from core.sharepoint.refused_rows import Refusals
from core.workers import Workers

log = logging.getLogger(__name__)

ATTEMPTS = 6  # of a batch of which SharePoint accepts nothing
PARALLEL_BATCHES = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one change.

    `stale`: the item changed since it was read, or the answer was lost; read and plan again. `left`: not sent, because
    the push gave way.
    """

    change: Change
    result: Literal["done", "stale", "failed", "left"]
    item: Item | None = None


class Writer:
    """Writes changes of one list, as many batches at a time as `workers` has threads.

    SharePoint's waiting times apply to all batches of its `pace`. When `give_way` returns True no further batch is
    started. `refused` has what SharePoint refuses; of such a change only the values of the alarm are sent again.
    """

    def __init__(
        self,
        client: GraphClient,
        target: SharePointList,
        pace: Pace,
        workers: Workers,
        give_way: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._list = target
        self._pace = pace
        self._workers = workers
        self._give_way = give_way
        self.refused = Refusals(target.kind, client.name)

    def apply(self, changes: Sequence[Change], progress: Callable[[int], None] = lambda done: None) -> list[Outcome]:
        """Write the changes, alarms first, and return their outcomes; `progress` gets the number of sent ones.

        Alarms have their own batches: beside other changes they would wait for a free worker or for units.
        """
        alarms = [change for change in changes if change.sets_trigger]
        others = [change for change in changes if not change.sets_trigger]
        outcomes: list[Outcome] = []
        through = 0
        for step in (alarms, others):
            pieces = [step[start : start + BATCH_SIZE] for start in range(0, len(step), BATCH_SIZE)]
            for of_piece in self._workers.map(self._apply_piece, pieces):
                outcomes += of_piece
                through += sum(outcome.result != "left" for outcome in of_piece)
                progress(through)
        return outcomes

    def _apply_piece(self, piece: Sequence[Change]) -> list[Outcome]:
        """Write at most one batch of changes; throttled ones are sent again after the wait."""
        piece = list(piece)
        nothing_left = [index for index in range(len(piece)) if not self._reduce(piece, index)]
        outcomes = {index: Outcome(piece[index], "failed") for index in nothing_left}
        attempt = 0
        while attempt < ATTEMPTS and len(outcomes) < len(piece):
            before = len(outcomes)
            if not self._send(piece, outcomes, attempt):
                break
            attempt = 0 if len(outcomes) > before else attempt + 1
        rest: Literal["left", "failed"] = "left" if self._give_way() else "failed"
        return [outcomes.get(index) or Outcome(change, rest) for index, change in enumerate(piece)]

    def _reduce(self, piece: list[Change], index: int) -> bool:
        """Reduce a change to what SharePoint may accept; return False if that is nothing."""
        part = self.refused.part(piece[index])
        piece[index] = part or piece[index]
        return part is not None

    def _send(self, piece: list[Change], outcomes: dict[int, Outcome], attempt: int) -> bool:
        """Send the changes without an outcome once and store the outcomes; return False if nothing may be sent now."""
        left = [index for index in range(len(piece)) if index not in outcomes]
        permit = self._pace.permit(UNITS * len(left), self._give_way)
        if permit is None:
            return False
        answers: list[BatchAnswer] = []
        try:
            with tracing.span("sharepoint.batch", changes=len(left), attempt=attempt):
                answers = self._client.batch([self._request(piece[index]) for index in left], once=True)
        except GraphError as error:
            log.warning("writing %d items: %s", len(left), error)
            outcomes.update({index: Outcome(piece[index], "failed") for index in left})
        finally:
            self._pace.answered(permit, answers, attempt)
        for index, answer in zip(left, answers, strict=False):
            if self.refused.note(piece[index], answer):
                self._reduce(piece, index)
            elif not _may_be_repeated(piece[index], answer):
                outcomes[index] = self._outcome(piece[index], answer)
        return True

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
        """Return the item after the change; the answer to an update does not always have the new eTag."""
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
    """Return True if the change may be sent again.

    429 was not carried out. A new item with 503 may exist, so the list is read first.
    """
    return answer.status == 429 or (answer.status in (503, 504) and change.item is not None and bool(change.item.etag))
