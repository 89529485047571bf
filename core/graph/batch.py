"""Requests and answers of a Graph $batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from requests.structures import CaseInsensitiveDict

from core.graph.http import wait_seconds

BATCH_SIZE = 20  # Graph's limit


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a `$batch`; `path` as for `GraphClient.get`."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one request of a batch; `status` 0 means that it is unknown whether it was carried out."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def wait(self, attempt: int) -> float:
        """Return the seconds to wait before the next attempt."""
        # The case of header names varies within a batch.
        return wait_seconds(CaseInsensitiveDict(self.headers), attempt)


def chunks(requests_: Sequence[BatchRequest]) -> Iterable[Sequence[BatchRequest]]:
    """Return the requests in pieces of at most one batch."""
    return (requests_[start : start + BATCH_SIZE] for start in range(0, len(requests_), BATCH_SIZE))


def batch_entry(index: int, request: BatchRequest) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": str(index), "method": request.method, "url": request.path, "headers": {}}
    if request.body is not None:
        entry["body"] = request.body
        entry["headers"]["Content-Type"] = "application/json"
    if request.if_match:
        entry["headers"]["If-Match"] = request.if_match
    return entry


def batch_answers(body: Any, headers: Mapping[str, str], count: int) -> list[BatchAnswer]:
    """Return the answers in the order of their requests; a missing or unreadable one gets status 0."""
    responses = body.get("responses") if isinstance(body, Mapping) else None
    rows = responses if isinstance(responses, list) else ()
    by_id = {str(answer.get("id")): answer for answer in rows if isinstance(answer, Mapping)}
    answers = [by_id.get(str(index), {}) for index in range(count)]
    return [
        BatchAnswer(
            _status(answer.get("status")),
            answer.get("body"),
            CaseInsensitiveDict({**headers, **_headers(answer.get("headers"))}),
        )
        for answer in answers
    ]


def _headers(value: Any) -> dict[str, str]:
    return {name: str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def _status(value: Any) -> int:
    """Return the status of an answer in a batch; 0 (unknown) if it is no number of three digits."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0
