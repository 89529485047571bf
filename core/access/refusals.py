"""Write refused actions to the audit, at a bounded rate.

At most `PER_HOUR` rows an hour for one account, and for all callers without a session together; at most `PER_MINUTE`
rows a minute for one account or network. The rest is counted in one row every ten minutes. So each account, and all
strangers together, cause at most 24 * (60 + 6) = 1584 rows a day.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine

from core import audit
from core.cache.database import DatabaseError
from core.caller_networks import networks_of
from core.roles import Actor

log = logging.getLogger(__name__)

PER_HOUR, PER_MINUTE = RateLimitItemPerHour(60), RateLimitItemPerMinute(5)
COUNT_SECONDS = 600.0
ACTION = "request.refused"
STRANGERS = ""


class Refusals:
    """Writes in its own thread, so the caller does not wait for the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._writer = ThreadPoolExecutor(1, "refusals")
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._timer: threading.Timer | None = None

    def note(self, actor: Actor, target: str, reason: str) -> None:
        """Write that `actor` was refused `target`, or count it; `actor.name` is "" without a session."""
        if self._may_write(actor):
            self._submit(actor, target, reason, None)
            return
        with self._lock:
            self._counted[actor.name] += 1
            if self._timer is None:
                self._timer = threading.Timer(COUNT_SECONDS, self.write_counts)
                self._timer.daemon = True
                self._timer.start()

    def write_counts(self) -> None:
        """Write one row with the count of each account, and one for all strangers."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            counted, self._counted, self._timer = self._counted, Counter(), None
        for name, count in counted.items():
            self._submit(Actor(name, "", "page", request_id=""), "", "many", {"more": count})

    def close(self) -> None:
        """Write the counts that are left and stop; later refusals are dropped."""
        self.write_counts()
        self._writer.shutdown()

    def _may_write(self, actor: Actor) -> bool:
        if actor.name != STRANGERS:
            return self._hit(PER_MINUTE, actor.name) and self._hit(PER_HOUR, actor.name)
        # Tested first, so that no list of networks grows once the hour is used up.
        return (
            self._limiter.test(PER_HOUR, STRANGERS)
            and self._hit(PER_MINUTE, "network", networks_of(actor.address)[0])
            and self._hit(PER_HOUR, STRANGERS)
        )

    def _hit(self, limit: RateLimitItem, *key: str) -> bool:
        return self._limiter.hit(limit, *key)

    def _submit(self, actor: Actor, target: str, reason: str, after: Any) -> None:
        try:
            self._writer.submit(self._write, actor, target, reason, after, datetime.now(UTC))
        except RuntimeError:  # closed
            return

    def _write(self, actor: Actor, target: str, reason: str, after: Any, at: datetime) -> None:
        try:
            audit.record(self._engine, actor, ACTION, target, after=after, result="refused", reason=reason, at=at)
        except DatabaseError as error:
            log.warning("a refusal cannot be noted: %s", error)
