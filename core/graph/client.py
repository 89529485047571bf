"""Client of Microsoft Graph for one profile: requests with retries, pages, batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from core import metrics
from core.graph.access_tokens import Credentials, TokenSource
from core.graph.batch import BatchAnswer, BatchRequest, batch_answers, batch_entry
from core.graph.connection_problems import foreign_answer, from_graph, is_page, may_pass, no_answer
from core.graph.errors import BadAnswer, GraphError, Intercepted, Throttled, Unreachable, error_for, error_of
from core.graph.http import Http, json_of, wait_seconds
from core.graph.retry import repeat
from core.problems import Problem

ATTEMPTS = 5
RETRY_ALWAYS = {429}  # refused before anything was done
RETRY_READS = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, which may be sent several times; `what` is a word for its resource."""

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
    """A usable answer: its JSON (None for an empty body) and headers."""

    body: Any
    headers: Mapping[str, str]


class GraphClient:
    """A client of Graph with the credentials of one profile. Raises the errors of core/graph/errors.py."""

    def __init__(self, credentials: Credentials, graph_url: str, tokens: TokenSource, http: Http) -> None:
        self.name = credentials.name
        self._credentials = credentials
        self._base = f"{graph_url}/v1.0"
        self._host = urlsplit(graph_url).netloc
        self._tokens = tokens
        self._http = http

    def get(self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON body of GET `path` ("/subscribedSkus", or a full link from Graph)."""
        return self._send("GET", path, params=params, headers=headers).body

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON body of the answer to POST `path`; it is repeated only if Graph has done nothing (429)."""
        return self._send("POST", path, body=body).body

    def rows(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield every row of a collection, page by page."""
        for page in self.pages(path, params, headers):
            yield from page["value"]

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield every page of a collection; each has a list `value`, the last one may have a delta link."""
        url: str | None = path
        read_urls: set[str] = set()
        while url:
            read_urls.add(url)
            page = self.get(url, params, headers)
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise self._unreadable(path)
            yield page
            # The link contains the query already.
            url, params = page.get("@odata.nextLink"), None
            if url is not None and (not isinstance(url, str) or url in read_urls):
                raise self._unreadable("nextLink")

    def batch(self, requests_: Sequence[BatchRequest], *, once: bool = False) -> list[BatchAnswer]:
        """Return the answers to at most 20 requests, in their order; each has the headers of the whole batch, too.

        Single requests are not repeated here: the caller decides. If the answer to the batch is lost, all answers have
        status 0. With `once` a throttled batch is not repeated either: each request gets that answer. Raises what `get`
        raises if the whole batch was refused.
        """
        body = {"requests": [batch_entry(index, request) for index, request in enumerate(requests_)]}
        try:
            batch_answer = self._send("POST", "/$batch", body=body, attempts=1 if once else ATTEMPTS)
        except (Unreachable, BadAnswer) as error:
            if error.status and error.status < 500:
                raise
            return [BatchAnswer(0) for _ in requests_]
        except Throttled as error:
            if not once or not error.status:
                raise
            return [BatchAnswer(error.status, headers=error.headers) for _ in requests_]
        answers = batch_answers(batch_answer.body, batch_answer.headers, len(requests_))
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
        """Return the answer of one attempt; `again_after` of an error says whether the call may be repeated."""
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
            # It is unknown whether the request was carried out: status 0, as without an answer.
            unreadable = self._intercepted(call, answer, 0) if is_page(answer) else self._unreadable(call.what)
            unreadable.again_after = 0.0 if call.changes_nothing else None
            raise unreadable from error

    def _answer(self, call: _Call) -> requests.Response:
        """Return the answer; a token that Graph refuses is replaced once."""
        answer = self._send_once(call)
        if answer.status_code == 401:
            self._tokens.forget(self._credentials)
            answer = self._send_once(call)
        return answer

    def _send_once(self, call: _Call) -> requests.Response:
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
            # The token contains the permissions: a consent given now is in the next token only.
            self._tokens.forget(self._credentials)
        if answer.status_code in (RETRY_READS if call.changes_nothing else RETRY_ALWAYS):
            failure.again_after = wait_seconds(answer.headers, attempt)
        return failure

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base + path
        if not path.startswith("https://") or urlsplit(path).netloc.lower() != self._host:
            # Our token must not be sent to another host.
            raise self._unreadable("nextLink")
        return path

    def _intercepted(self, call: _Call, answer: requests.Response, status: int) -> Intercepted:
        route = self._http.route(call.url)
        return Intercepted(foreign_answer(answer, route, tenant=self.name, what=call.what), status)

    def _unreadable(self, what: str) -> BadAnswer:
        return BadAnswer(Problem("graph.unreadable", {"tenant": self.name, "what": _resource(what)}))


def _resource(path: str) -> str:
    """Return a short word for the resource of a path, without ids: "subscribedSkus", "items"."""
    last = urlsplit(path).path.rstrip("/").split("/")
    words = [word for word in last if word and not any(sign in word for sign in "-,:0123456789")]
    return words[-1] if words else "Graph"
