"""Faults on demand: named ones for single requests, seeded random ones over everything."""

import email.utils
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from .replies import GraphError, Reply, dumps

KINDS = ("pass", "status", "reset", "hang", "truncate", "cut", "lost_answer", "expired_token", "slow")
RANDOM_KINDS = ("status", "reset", "truncate", "lost_answer", "expired_token", "slow")
CODES = {
    400: "invalidRequest",
    401: "InvalidAuthenticationToken",
    403: "accessDenied",
    404: "itemNotFound",
    409: "resourceModified",
    410: "resyncRequired",
    412: "resourceModified",
    429: "TooManyRequests",
    500: "generalException",
    503: "serviceNotAvailable",
}
GATEWAY_PAGE = (
    b"<html><head><title>Bad Gateway</title></head><body><h2>Our services aren't available</h2></body></html>"
)


@dataclass(eq=False)
class Fault:
    """`match` is text in, or a pattern found in, "METHOD /path" (with or without `/v1.0`).

    pass: only `before`. status: answer it without carrying it out. reset: close the connection instead.
    hang: `delay` seconds (None: until the client gives up), then close. truncate: half of the JSON.
    cut: full length announced, closed half-way. lost_answer: carried out, then closed.
    expired_token: the token is worth nothing from now on. slow: wait `delay`, then carry out.
    """

    match: str | re.Pattern[str]
    kind: str = "pass"
    status: int = 429
    retry_after: str | None = None
    times: int | None = 1
    tenant: Any = None
    after: int = 0
    sub_response: bool = False
    body: dict[str, Any] | None = None
    delay: float | None = None
    before: Callable[[], object] | None = None
    hits: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}, known are {', '.join(KINDS)}")

    def strikes(self, text: str, tenant_id: str, *, sub_response: bool) -> bool:
        """Whether this request is hit; counts it when it matches."""
        if self.sub_response is not sub_response or not self._matches(text) or not self._is_of(tenant_id):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def reply(self) -> Reply:
        """The answer of kind "status". Gateways answer with a page of HTML, the services with JSON."""
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        if self.body is not None:
            return Reply(self.status, dumps(self.body), headers)
        if self.status in (502, 504):
            return Reply(self.status, GATEWAY_PAGE, headers, "text/html")
        code = CODES.get(self.status, "UnknownError")
        return GraphError(self.status, code, "Please retry again later.", headers).reply()

    def _matches(self, text: str) -> bool:
        short = text.replace(" /v1.0/", " /", 1)
        if isinstance(self.match, re.Pattern):
            return bool(self.match.search(text) or self.match.search(short))
        if self.match in text or self.match in short:
            return True
        return bool(re.search(self.match, text) or re.search(self.match, short))

    def _is_of(self, tenant_id: str) -> bool:
        wanted = getattr(self.tenant, "tenant_id", self.tenant)
        return wanted is None or wanted == tenant_id


class Faults:
    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._faults: list[Fault] = []
        self._draws: Iterator[Fault | None] | None = None
        self.struck: list[tuple[str, str]] = []

    def add(self, fault: Fault) -> Fault:
        """From now on; a fault that was used before starts afresh."""
        with self._lock:
            fault.hits = fault.seen = 0
            self._faults.append(fault)
            return fault

    def clear(self) -> None:
        """No faults any more, random ones included."""
        with self._lock:
            self._faults.clear()
            self._draws = None

    def random(
        self, seed: int | str | None, rate: float = 0.05, kinds: Sequence[str] = RANDOM_KINDS, *, delay: float = 0.02
    ) -> None:
        """Hit this share of all requests and sub-requests; seed None switches it off. `delay` is for slow and hang."""
        with self._lock:
            self._draws = None if seed is None else _draws(random.Random(seed), rate, list(kinds), delay)

    def strike(self, method: str, path: str, tenant_id: str, *, sub_response: bool = False) -> Fault | None:
        """The fault that hits this request, if any. `struck` keeps what random faults hit, to explain a campaign."""
        if not self._faults and self._draws is None:
            return None
        text = f"{method} {path}"
        with self._lock:
            # All of them look, so that `after` of a later one counts requests that an earlier one hit.
            struck = [f for f in list(self._faults) if f.strikes(text, tenant_id, sub_response=sub_response)]
            fault = struck[0] if struck else next(self._draws) if self._draws else None
            if fault is not None:
                self.struck.append((text, fault.kind))
            return fault


def _draws(draw: random.Random, rate: float, kinds: list[str], delay: float) -> Iterator[Fault | None]:
    while True:
        if draw.random() >= rate:
            yield None
            continue
        kind = draw.choice(kinds)
        status = draw.choice([429, 429, 500, 502, 503, 504])
        wait = draw.choice(["0", "0.02", None, "date"])
        wait = email.utils.formatdate(time.time(), usegmt=True) if wait == "date" else wait
        yield Fault("", kind, status, retry_after=wait if status in (429, 503) else None, delay=delay)
