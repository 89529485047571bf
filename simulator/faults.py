"""Faults on demand: for chosen requests, or random ones from a seed for all requests."""

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
    """What goes wrong with the requests that `match`: text in, or a pattern for, "METHOD /path" (`/v1.0` optional).

    Kinds: `pass` only calls `before`; `status` answers with it and does not carry out the request; `reset` closes the
    connection; `hang` closes it after `delay` seconds (None: when the client gives up); `truncate` sends half of the
    JSON; `cut` announces the full length and closes half-way; `lost_answer` carries out the request, then closes;
    `expired_token` makes the token invalid; `slow` waits `delay` seconds, then carries out the request.
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
        """Return True if the fault applies to this request; a request that matches is counted in `seen`."""
        if self.sub_response is not sub_response or not self._matches(text) or not self._is_of(tenant_id):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def reply(self) -> Reply:
        """Return the answer of kind "status": a page of HTML for 502 and 504, as from a gateway, else JSON."""
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
        own_id = getattr(self.tenant, "tenant_id", self.tenant)
        return own_id is None or own_id == tenant_id


class Faults:
    """The faults in use; may be called from any thread. `struck`: (request, kind) of each fault that applied."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._faults: list[Fault] = []
        self._draws: Iterator[Fault | None] | None = None
        self.struck: list[tuple[str, str]] = []

    def add(self, fault: Fault) -> Fault:
        """Use the fault from now on, with its counters at 0."""
        with self._lock:
            fault.hits = fault.seen = 0
            self._faults.append(fault)
            return fault

    def clear(self) -> None:
        """Remove all faults, random ones included."""
        with self._lock:
            self._faults.clear()
            self._draws = None

    def random(
        self, seed: int | str | None, rate: float = 0.05, kinds: Sequence[str] = RANDOM_KINDS, *, delay: float = 0.02
    ) -> None:
        """Apply random faults to the share `rate` of all requests and sub-requests; seed None switches them off.

        `delay` (seconds) is that of slow and hang.
        """
        with self._lock:
            self._draws = None if seed is None else _draws(random.Random(seed), rate, list(kinds), delay)

    def strike(self, method: str, path: str, tenant_id: str, *, sub_response: bool = False) -> Fault | None:
        """Return the fault for this request, or None."""
        if not self._faults and self._draws is None:
            return None
        text = f"{method} {path}"
        with self._lock:
            # Every fault counts the request, so that `after` of a later one includes requests that an earlier one took.
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
