"""How fast SharePoint may be written: its answers lower the pace at once, a setting can cap it.

Costs are resource units, of which an app has so many a minute:
https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from requests.structures import CaseInsensitiveDict

from core.graph import BatchAnswer, Http
from core.graph.http import wait_seconds

UNITS = 2  # what creating, changing or deleting an item costs
BUSY = (429, 503, 504)
MAX_WAIT = 300.0  # seconds; what SharePoint asks for beyond this is left to the next refresh
LONGEST = 3600.0  # seconds; a longer wait is asked for anew
LISTEN_EVERY = 1.0  # seconds; how soon a batch that waits notices that it is to give way


@dataclass(frozen=True, slots=True)
class ThrottleHint:
    """What an answer asks for: nobody sends for `stop` seconds; `left` units have to last for `reset` seconds.

    `left` is None while SharePoint says nothing, which it does below 80 % of the limit.
    """

    stop: float = 0.0
    left: int | None = None
    reset: float = 0.0


def throttle_hint(status: int, headers: Mapping[str, str], attempt: int = 0) -> ThrottleHint:
    """Go on, slow down or stop, from one answer; without Retry-After a stop doubles at each `attempt` (from 0)."""
    known = CaseInsensitiveDict(headers)
    if status in BUSY:
        return ThrottleHint(stop=min(wait_seconds(known, attempt), LONGEST))
    try:
        left, reset = int(known["RateLimit-Remaining"]), float(known["RateLimit-Reset"])
    except (KeyError, TypeError, ValueError):
        return ThrottleHint()
    return ThrottleHint(left=max(0, left), reset=min(reset, LONGEST)) if reset > 0 else ThrottleHint()


def strictest(found: Sequence[ThrottleHint]) -> ThrottleHint:
    """What holds for all: the longest stop, the fewest units left."""
    slow = min(
        (each for each in found if each.left is not None), key=lambda each: each.left or 0, default=ThrottleHint()
    )
    return ThrottleHint(max((each.stop for each in found), default=0.0), slow.left, slow.reset)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send `units`; `since` is the moment it was given."""

    units: int
    since: float


class Pace:
    """One for all batches of a site, from any thread: each takes its permit, and tells what was answered.

    `units_per_minute` is the cap of the setting, 0 for none. `clock` counts seconds and never goes back.
    """

    def __init__(self, http: Http, units_per_minute: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._clock = http, clock
        self._seconds_a_unit = 60 / units_per_minute if units_per_minute else 0.0
        self._lock = threading.Lock()
        self._next = self._stop_until = self._reset_at = self._slow_since = float("-inf")
        self._left: int | None = None
        self._flying = 0  # units under way, which the last answer may not have counted

    def permit(self, units: int, give_way: Callable[[], bool] = lambda: False) -> Permit | None:
        """Wait until `units` may be sent; None when that takes too long or something else goes first.

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
        """Heed the answers to what `permit` allowed; none when nothing came back."""
        found = strictest([throttle_hint(answer.status, answer.headers, attempt) for answer in answers])
        with self._lock:
            now = self._clock()
            self._flying -= permit.units
            if found.stop:
                self._stop_until = max(self._stop_until, now + found.stop)
                self._left = None
            elif found.left is not None:
                self._slow_down(found.left - self._flying, now, found.reset)
            elif answers and permit.since > self._slow_since:
                self._left = None  # a new minute has begun

    def _reserve(self, units: int) -> float | None:
        """The moment from which `units` may be sent; None when SharePoint holds us for longer than MAX_WAIT."""
        with self._lock:
            now, unit = self._clock(), self._seconds_a_unit
            held = self._stop_until  # by SharePoint, not by our own cap
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
            left = min(left, self._left)  # an older answer, overtaken by a newer one, knows of more
        else:
            self._slow_since = now
        self._left, self._reset_at = max(0, left), now + reset

    def _sleep(self, seconds: float, give_way: Callable[[], bool]) -> bool:
        """Each second is slept once, whatever the clock says then. False when something else goes first."""
        while not give_way():
            piece = min(LISTEN_EVERY, max(0.0, seconds))
            self._http.sleep(piece)  # also of nothing: this is where a run that is stopped ends
            seconds -= piece
            if seconds <= 0:
                return True
        return False
