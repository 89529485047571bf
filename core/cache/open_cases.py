"""The open case of every licence that has one, as tables of licences show it: read once per version of the cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select

from core.cache.case_reads import ReadOnce
from core.cache.case_rows import LicenseKey
from core.cache.database import DatabaseError
from core.cache.schema import cases
from core.cache.sql import transaction


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


_once: ReadOnce[OpenCases] = ReadOnce()


def open_cases(engine: Engine) -> OpenCases:
    """Return licence -> its open case, what was known last while the database cannot be read.

    All callers share one query for each version.
    """

    def read() -> OpenCases:
        with transaction(engine) as connection:
            return {(row[0], row[1]): OpenCase(*row[2:]) for row in connection.execute(_QUERY)}

    try:
        return _once.of(engine, read)
    except DatabaseError:
        return _once.last(engine, {})
