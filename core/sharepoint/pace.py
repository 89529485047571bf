"""Limit the speed of writes to SharePoint, by its answers and a setting.

Requests cost resource units, of which an app has a limited number per minute:
https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from requests.structures import CaseInsensitiveDict

from core.graph import BatchAnswer, BatchRequest, GraphClient, Http
from core.graph.http import wait_seconds

UNITS = 2  # what creating, changing or deleting an item costs
BUSY = (429, 503, 504)
MAX_WAIT = 300.0  # seconds; with a longer wait the rest is left to the next refresh
LONGEST = 3600.0  # seconds; a longer wait is cut, the next answer gives a new one
LISTEN_EVERY = 1.0  # seconds; a waiting batch checks `give_way` this often


@dataclass(frozen=True, slots=True)
class ThrottleHint:
    """The limits in an answer: send nothing for `stop` seconds; `left` units are available for `reset` seconds.

    `left` is None without a limit: SharePoint sends it only above 80 % of the limit.
    """

    stop: float = 0.0
    left: int | None = None
    reset: float = 0.0


def throttle_hint(status: int, headers: Mapping[str, str], attempt: int = 0) -> ThrottleHint:
    """Return the limits in an answer; without Retry-After a stop doubles at each `attempt` (from 0)."""
    names = CaseInsensitiveDict(headers)
    if status in BUSY:
        return ThrottleHint(stop=min(wait_seconds(names, attempt), LONGEST))
    try:
        left, reset = int(names["RateLimit-Remaining"]), float(names["RateLimit-Reset"])
    except (KeyError, TypeError, ValueError):
        return ThrottleHint()
    return ThrottleHint(left=max(0, left), reset=min(reset, LONGEST)) if reset > 0 else ThrottleHint()


def strictest(hints: Sequence[ThrottleHint]) -> ThrottleHint:
    """Return the strictest limits: the longest stop, the fewest units left."""
    slow = min(
        (each for each in hints if each.left is not None), key=lambda each: each.left or 0, default=ThrottleHint()
    )
    return ThrottleHint(max((each.stop for each in hints), default=0.0), slow.left, slow.reset)


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit to send `units`; `since` is the time at which it was given."""

    units: int
    since: float


class Pace:
    """Limits all batches of a site; safe for any thread. Each batch takes a permit and passes its answers on.

    `units_per_minute` is the limit of the setting, 0 for none. `clock` is monotonic, in seconds.
    """

    def __init__(self, http: Http, units_per_minute: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._clock = http, clock
        self._seconds_a_unit = 60 / units_per_minute if units_per_minute else 0.0
        self._lock = threading.Lock()
        self._next = self._stop_until = self._reset_at = self._slow_since = float("-inf")
        self._left: int | None = None
        self._flying = 0  # units sent without an answer yet

    def permit(self, units: int, give_way: Callable[[], bool] = lambda: False) -> Permit | None:
        """Wait until `units` may be sent and return the permit; None if the wait is too long or the push gives way.

        Raises what `http.sleep` raises to end a run.
        """
        while (at := self._reserve(units)) is not None:
            if not self._sleep(at - self._clock(), give_way):
                return None
            with self._lock:
                if self._stop_until <= at:
                    self._flying += units
                    return Permit(units, self._clock())
        return None

    def answered(self, permit: Permit, answers: Sequence[BatchAnswer], attempt: int = 0) -> None:
        """Adapt the limits to the answers of a batch, an empty sequence if there was none."""
        hint = strictest([throttle_hint(answer.status, answer.headers, attempt) for answer in answers])
        with self._lock:
            now = self._clock()
            self._flying -= permit.units
            if hint.stop:
                self._stop_until = max(self._stop_until, now + hint.stop)
                self._left = None
            elif hint.left is not None:
                self._slow_down(hint.left - self._flying, now, hint.reset)
            elif answers and permit.since > self._slow_since:
                self._left = None  # a new minute has begun

    def send(self, client: GraphClient, requests: Sequence[BatchRequest]) -> list[BatchAnswer]:
        """Send a few writes at once, and let later permits wait for them. Raises GraphError."""
        units, answers = UNITS * len(requests), list[BatchAnswer]()
        with self._lock:
            now = self._clock()
            self._next = max(now, self._next) + units * self._seconds_a_unit
            if self._left is not None:
                self._left = max(0, self._left - units)
            self._flying += units
        try:
            answers = client.batch(requests)
        finally:
            self.answered(Permit(units, now), answers)
        return answers

    def _reserve(self, units: int) -> float | None:
        """Return the time from which `units` may be sent; None if SharePoint's wait is longer than MAX_WAIT."""
        with self._lock:
            now, unit = self._clock(), self._seconds_a_unit
            held = self._stop_until  # by SharePoint, not by the setting
            at = max(now, held, self._next)
            if self._left is not None and at < self._reset_at:
                if units > self._left:
                    held = at = self._reset_at
                else:
                    unit = max(unit, (self._reset_at - at) / self._left)
                    self._left -= units
            if held - now > MAX_WAIT:
                return None
            self._next = at + units * unit
            return at

    def _slow_down(self, left: int, now: float, reset: float) -> None:
        if self._left is not None and now < self._reset_at:
            left = min(left, self._left)  # an older answer that arrives later has more units
        else:
            self._slow_since = now
        self._left, self._reset_at = max(0, left), now + reset

    def _sleep(self, seconds: float, give_way: Callable[[], bool]) -> bool:
        """Sleep for `seconds` in pieces; return False if the push gives way."""
        while not give_way():
            piece = min(LISTEN_EVERY, max(0.0, seconds))
            self._http.sleep(piece)  # also for 0 seconds: `sleep` raises if the run is stopped
            seconds -= piece
            if seconds <= 0:
                return True
        return False
