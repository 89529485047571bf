"""Microsoft Graph for one profile: requests with retries, pages, batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from requests.structures import CaseInsensitiveDict

from core import metrics
from core.graph.access_tokens import Credentials, TokenSource
from core.graph.errors import BadAnswer, GraphError, Intercepted, Throttled, Unreachable, error_for, error_of
from core.graph.http import Http, json_of, wait_seconds
from core.graph.retry import repeat
from core.graph.trouble import foreign_answer, from_graph, is_page, may_pass, no_answer
from core.problems import Problem

ATTEMPTS = 5
BATCH_SIZE = 20  # Graph's limit
RETRY_ALWAYS = {429}  # refused before anything was done
RETRY_READS = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a `$batch`; `path` as for `GraphClient.get`."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one request of a batch; `status` 0 means that nobody knows whether it was carried out."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def wait(self, attempt: int) -> float:
        """Seconds that this answer asks us to wait."""
        # Inside a batch the case of header names varies.
        return wait_seconds(CaseInsensitiveDict(self.headers), attempt)


@dataclass(frozen=True, slots=True)
class _Call:
    """One request to be sent, perhaps several times; `what` is a word for its resource."""

    method: str
    url: str
    what: str
    params: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    body: Any

    @property
    def changes_nothing(self) -> bool:
        return self.method == "GET"


class _Answer(NamedTuple):
    """A usable answer: its JSON, None when it has none."""

    body: Any
    headers: Mapping[str, str]


class GraphClient:
    """Graph as one profile's application sees it. Errors: the tree in core/graph/errors.py."""

    def __init__(self, credentials: Credentials, graph_url: str, tokens: TokenSource, http: Http) -> None:
        self.name = credentials.name
        self._credentials = credentials
        self._base = f"{graph_url}/v1.0"
        self._host = urlsplit(graph_url).netloc
        self._tokens = tokens
        self._http = http

    def get(self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON body of GET `path` ("/subscribedSkus", or a full link that Graph gave us)."""
        return self._send("GET", path, params=params, headers=headers).body

    def rows(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a collection, page after page."""
        for page in self.pages(path, params, headers):
            yield from page["value"]

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every page of a collection; each has a list `value`, the last one may have a delta link."""
        url: str | None = path
        seen: set[str] = set()
        while url:
            seen.add(url)
            page = self.get(url, params, headers)
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise self._unreadable(path)
            yield page
            # The link carries the query already; sending it again would double it.
            url, params = page.get("@odata.nextLink"), None
            if url is not None and (not isinstance(url, str) or url in seen):
                raise self._unreadable("nextLink")

    def batch(self, requests_: Sequence[BatchRequest], *, once: bool = False) -> list[BatchAnswer]:
        """The answers to at most 20 requests, in their order; each has the headers of the whole batch, too.

        Single requests are not repeated here: whoever planned them knows what a repetition would do.
        A batch whose answer is lost gives answers with status 0. With `once` a batch that is throttled
        as a whole is not repeated either: each of its requests gets that answer. Raises what `get`
        raises when the batch as a whole was refused.
        """
        body = {"requests": [_batch_entry(index, request) for index, request in enumerate(requests_)]}
        try:
            found = self._send("POST", "/$batch", body=body, attempts=1 if once else ATTEMPTS)
        except (Unreachable, BadAnswer) as error:
            if error.status and error.status < 500:
                raise
            return [BatchAnswer(0) for _ in requests_]
        except Throttled as error:
            if not once or not error.status:
                raise
            return [BatchAnswer(error.status, headers=error.headers) for _ in requests_]
        answers = _batch_answers(found, len(requests_))
        metrics.throttled(sum(answer.status == 429 for answer in answers))
        return answers

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        attempts: int = ATTEMPTS,
    ) -> _Answer:
        call = _Call(method, self._url(path), _resource(path), params, headers, body)
        return repeat(lambda attempt: self._attempt(call, attempt), attempts, self._http.sleep)

    def _attempt(self, call: _Call, attempt: int) -> _Answer:
        """One answer; errors say whether the call may be repeated."""
        try:
            answer = self._answer(call)
        except requests.RequestException as error:
            problem = no_answer(error, self._http.route(call.url), tenant=self.name, what=call.what)
            lost = Unreachable(problem)
            lost.again_after = wait_seconds({}, attempt) if call.changes_nothing and may_pass(problem) else None
            raise lost from error
        if not 200 <= answer.status_code < 300:
            raise self._failure(call, answer, attempt)
        try:
            return _Answer(answer.json() if answer.content else None, answer.headers)
        except (ValueError, RecursionError) as error:  # no JSON, or a number or a depth that Python refuses
            # Nobody knows what became of the request: status 0, as when no answer came.
            unreadable = self._intercepted(call, answer, 0) if is_page(answer) else self._unreadable(call.what)
            unreadable.again_after = 0.0 if call.changes_nothing else None
            raise unreadable from error

    def _answer(self, call: _Call) -> requests.Response:
        """One answer; a token that Graph refuses is replaced once."""
        answer = self._once(call)
        if answer.status_code == 401:
            self._tokens.forget(self._credentials)
            answer = self._once(call)
        return answer

    def _once(self, call: _Call) -> requests.Response:
        token = self._tokens.token(self._credentials)
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "client-request-id": str(uuid4()),
            **(call.headers or {}),
        }
        return self._http.request(call.method, call.url, params=call.params, json=call.body, headers=headers)

    def _failure(self, call: _Call, answer: requests.Response, attempt: int) -> GraphError:
        request_id, body = answer.headers.get("request-id", ""), json_of(answer)
        if answer.status_code not in RETRY_READS and not from_graph(answer.headers, error_of(body)[0]):
            return self._intercepted(call, answer, answer.status_code)
        failure = error_for(answer.status_code, body, what=call.what, name=self.name, request_id=request_id)
        failure.headers = answer.headers
        if answer.status_code == 403:
            # The rights are inside the token: consent that is given now shows in the next one only.
            self._tokens.forget(self._credentials)
        if answer.status_code in (RETRY_READS if call.changes_nothing else RETRY_ALWAYS):
            failure.again_after = wait_seconds(answer.headers, attempt)
        return failure

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base + path
        if not path.startswith("https://") or urlsplit(path).netloc.lower() != self._host:
            # A link to another host would carry our token there.
            raise self._unreadable("nextLink")
        return path

    def _intercepted(self, call: _Call, answer: requests.Response, status: int) -> Intercepted:
        route = self._http.route(call.url)
        return Intercepted(foreign_answer(answer, route, tenant=self.name, what=call.what), status)

    def _unreadable(self, what: str) -> BadAnswer:
        return BadAnswer(Problem("graph.unreadable", {"tenant": self.name, "what": _resource(what)}))


def chunks(requests_: Sequence[BatchRequest]) -> Iterable[Sequence[BatchRequest]]:
    """Cut into pieces that one batch may hold."""
    return (requests_[start : start + BATCH_SIZE] for start in range(0, len(requests_), BATCH_SIZE))


def _batch_entry(index: int, request: BatchRequest) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": str(index), "method": request.method, "url": request.path, "headers": {}}
    if request.body is not None:
        entry["body"] = request.body
        entry["headers"]["Content-Type"] = "application/json"
    if request.if_match:
        entry["headers"]["If-Match"] = request.if_match
    return entry


def _batch_answers(whole: _Answer, wanted: int) -> list[BatchAnswer]:
    """The answers in the order of their requests; one that is missing or unreadable is an unknown one."""
    found = whole.body.get("responses") if isinstance(whole.body, Mapping) else None
    each = found if isinstance(found, list) else ()
    by_id = {str(answer.get("id")): answer for answer in each if isinstance(answer, Mapping)}
    answers = [by_id.get(str(index), {}) for index in range(wanted)]
    return [
        BatchAnswer(
            _status(answer.get("status")),
            answer.get("body"),
            CaseInsensitiveDict({**whole.headers, **_headers(answer.get("headers"))}),
        )
        for answer in answers
    ]


def _headers(found: Any) -> dict[str, str]:
    return {name: str(value) for name, value in found.items()} if isinstance(found, Mapping) else {}


def _status(value: Any) -> int:
    """The status of an answer in a batch; 0, nobody knows, for what is no number."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0


def _resource(path: str) -> str:
    """A short word for what was asked, without ids: "subscribedSkus", "items"."""
    last = urlsplit(path).path.rstrip("/").split("/")
    words = [word for word in last if word and not any(sign in word for sign in "-,:0123456789")]
    return words[-1] if words else "Graph"
