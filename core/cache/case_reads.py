"""What is read of the cases once for each of their versions, and shared by all who ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from core.cache.case_rows import CASES_VERSION
from core.cache.sql import document

Found = TypeVar("Found")


@dataclass
class _Kept(Generic[Found]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    found: tuple[Hashable, Found] | None = None


class ReadOnce(Generic[Found]):
    """Keeps for each engine what was read last, until a case has changed. Not to be written to."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Engine, _Kept[Found]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, engine: Engine, read: Callable[[], Found], key: Hashable = ()) -> Found:
        """Return what `read` returns, or has returned for this version and `key`. Raises DatabaseError."""
        kept = self._of(engine)
        with kept.lock:
            version = document(engine, CASES_VERSION, 0), key  # before the rows, so that a newer event is read again
            if kept.found is None or kept.found[0] != version:
                kept.found = version, read()
            return kept.found[1]

    def last(self, engine: Engine, otherwise: Found) -> Found:
        """Return what was read last, for when the database cannot be read."""
        found = self._of(engine).found
        return otherwise if found is None else found[1]

    def _of(self, engine: Engine) -> _Kept[Found]:
        with self._lock:
            return self._kept.setdefault(engine, _Kept())
