"""Microsoft Graph for one profile: requests with retries, pages, batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from core.graph.errors import BadAnswer, GraphError, Unreachable, error_for
from core.graph.http import Http, wait_seconds
from core.graph.tokens import Credentials, TokenSource
from core.problems import Problem

ATTEMPTS = 5
MAX_WAIT = 120.0  # seconds; a tenant that asks for more is given up for this refresh
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
        return wait_seconds({name.title(): value for name, value in self.headers.items()}, attempt)


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
        return self._send("GET", path, params=params, headers=headers)

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
        while url:
            page = self.get(url, params, headers)
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise self._unreadable(path)
            yield page
            # The link carries the query already; sending it again would double it.
            url, params = page.get("@odata.nextLink"), None

    def batch(self, requests_: Sequence[BatchRequest]) -> list[BatchAnswer]:
        """The answers to at most 20 requests, in their order.

        Single requests are not repeated here: whoever planned them knows what a repetition would do.
        A batch whose answer is lost gives answers with status 0. Raises what `get` raises when the
        batch as a whole was refused.
        """
        body = {"requests": [_batch_entry(index, request) for index, request in enumerate(requests_)]}
        try:
            found = self._send("POST", "/$batch", body=body)
        except (Unreachable, BadAnswer) as error:
            if error.status and error.status < 500:
                raise
            return [BatchAnswer(0) for _ in requests_]
        by_id = {str(answer.get("id")): answer for answer in found.get("responses", [])}
        answers = [by_id.get(str(index), {}) for index in range(len(requests_))]
        return [BatchAnswer(int(a.get("status", 0)), a.get("body"), a.get("headers") or {}) for a in answers]

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        url, what = self._url(path), _resource(path)
        retry = RETRY_READS if method == "GET" else RETRY_ALWAYS
        fresh_token = False
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                answer = self._once(method, url, params, headers, body)
            except requests.RequestException as error:
                if method != "GET" or last:
                    raise Unreachable(
                        Problem("graph.unreachable", {"tenant": self.name, "what": what}, type(error).__name__)
                    ) from error
                self._http.sleep(wait_seconds({}, attempt))
                continue
            if answer.ok:
                try:
                    return answer.json() if answer.content else None
                except requests.JSONDecodeError as error:
                    if method != "GET" or last:
                        raise self._unreadable(what) from error
                    continue
            if answer.status_code == 401 and not fresh_token:
                fresh_token = True
                self._tokens.forget(self._credentials)
                continue
            failure = error_for(
                answer.status_code,
                _json(answer),
                what=what,
                name=self.name,
                request_id=answer.headers.get("request-id", ""),
            )
            if answer.status_code not in retry or last:
                raise failure
            self._wait(wait_seconds(answer.headers, attempt), failure)
        raise AssertionError("unreachable")

    def _once(self, method: str, url: str, params: Any, headers: Any, body: Any) -> requests.Response:
        token = self._tokens.token(self._credentials)
        all_headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "client-request-id": str(uuid4()),
            **(headers or {}),
        }
        return self._http.request(method, url, params=params, json=body, headers=all_headers)

    def _wait(self, seconds: float, failure: GraphError) -> None:
        if seconds > MAX_WAIT:
            raise failure
        self._http.sleep(seconds)

    def _url(self, path: str) -> str:
        if not path.startswith("https://"):
            return self._base + path
        if urlsplit(path).netloc != self._host:
            # A link to another host would carry our token there.
            raise self._unreadable("nextLink")
        return path

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


def _resource(path: str) -> str:
    """A short word for what was asked, without ids: "subscribedSkus", "items"."""
    last = urlsplit(path).path.rstrip("/").split("/")
    words = [word for word in last if word and not any(sign in word for sign in "-,:0123456789")]
    return words[-1] if words else "Graph"


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except json.JSONDecodeError:
        return None
