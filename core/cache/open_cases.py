"""The open case of every licence that has one, as tables of licences show it: read once per version of the cases."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select

from core.cache.case_rows import CASES_VERSION, LicenseKey
from core.cache.database import DatabaseError
from core.cache.schema import cases
from core.cache.sql import document, transaction


class OpenCase(NamedTuple):
    """What a row of a licence shows of its open case."""

    number: str
    state: str
    version: int
    owner: str
    owner_name: str
    waiting: int
    ordered: int
    delivered: int
    next_action: str
    due_at: datetime | None

    @property
    def under_way(self) -> int:
        return max(0, self.ordered - self.delivered)


OpenCases = Mapping[LicenseKey, OpenCase]
_COLUMNS = [cases.c[name] for name in OpenCase._fields]
_QUERY = select(cases.c.tenant_id, cases.c.sku_id, *_COLUMNS).where(cases.c.closed_at.is_(None))


@dataclass
class _Store:
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = -1
    cases: OpenCases = field(default_factory=dict)


_stores: WeakKeyDictionary[Engine, _Store] = WeakKeyDictionary()
_stores_lock = threading.Lock()


def open_cases(engine: Engine) -> OpenCases:
    """Return licence -> its open case, what was known last while the database cannot be read.

    All callers share one query for each version.
    """
    with _stores_lock:
        store = _stores.setdefault(engine, _Store())
    with store.lock:
        with suppress(DatabaseError):
            _renew(store, engine)
        return store.cases


def _renew(store: _Store, engine: Engine) -> None:
    version = int(document(engine, CASES_VERSION, 0))  # before the rows, so that a newer event is read again
    if version != store.version:
        with transaction(engine) as connection:
            rows = connection.execute(_QUERY)
            store.cases = {(row[0], row[1]): OpenCase(*row[2:]) for row in rows}
        store.version = version
