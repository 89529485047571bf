"""A lease that this process holds: renewed in the background, and never believed for longer than it lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from core import metrics
from core.cache import lease_rows
from core.cache.database import DatabaseError
from core.cache.lease_rows import SECONDS, Term
from core.cache.sql import fenced, transaction
from core.problems import Problem, ProblemError

log = logging.getLogger(__name__)


class LeaseLost(ProblemError):
    """Another process may do now what the lease allowed."""


class Lease:
    """The term that this process has; safe for any thread.

    A process that was frozen wakes up in the belief that nothing has happened. So the time of the lease is counted from
    before the request that renewed it, by a clock that goes on while the process does not.
    """

    def __init__(self, engine: Engine, term: Term, asked_at: float) -> None:
        self._engine, self.term = engine, term
        self._ends_at = asked_at + SECONDS
        self._lost = False

    def held(self) -> bool:
        """Renew the lease and return True; False if it is lost."""
        self.renew()
        return self.lasts()

    def lasts(self) -> bool:
        """Return True if the lease has not ended as far as this process knows; asks nobody."""
        return not self._lost and time.monotonic() < self._ends_at

    def renew(self) -> None:
        """Extend the lease. If the database cannot be asked it ends by itself."""
        asked_at = time.monotonic()
        try:
            with self._engine.begin() as connection:
                if not lease_rows.renew(connection, self.term):
                    self._lose()
        except Exception as error:  # noqa: BLE001 - of whatever kind, the lease just ends sooner
            log.warning("the lease %s cannot be renewed: %s", self.term.name, type(error).__name__)
        else:
            self._ends_at = max(self._ends_at, asked_at + SECONDS)

    def check(self, connection: Connection) -> None:
        """Raise LeaseLost if another term has begun; else none begins before this transaction ends."""
        if not lease_rows.holds(connection, self.term):
            self._lose()
            raise LeaseLost(Problem("refresh.lock_lost"))

    def _lose(self) -> None:
        if not self._lost:
            metrics.lease_lost()
        self._lost = True

    def release(self) -> None:
        """End the lease; if the database cannot be asked it ends by itself."""
        try:
            with transaction(self._engine) as connection:
                lease_rows.release(connection, self.term)
        except DatabaseError as error:
            log.warning("the lease %s cannot be released: %s", self.term.name, error)


def take_lease(engine: Engine, name: str, owner: str) -> Lease | None:
    """Return the lease `name`, None if somebody has it. Raises DatabaseError."""
    asked_at = time.monotonic()
    with transaction(engine) as connection:
        term = lease_rows.take(connection, name, owner)
    return None if term is None else Lease(engine, term, asked_at)


@contextmanager
def renewed(lease: Lease) -> Iterator[Lease]:
    """Renew the lease during the block and release it at the end."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(SECONDS / 3):
            lease.renew()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        lease.release()


@contextmanager
def kept(lease: Lease) -> Iterator[Lease]:
    """Renew the lease during the block, whose transactions it fences, and release it at the end."""
    with renewed(lease), fenced(lease.check):
        yield lease
