"""The pieces of a refresh that a process reads before others, since it read their tenants in the refresh before.

It still has their access tokens (valid for about an hour): another process would have to ask Entra for each one anew,
which takes as long as the reading itself.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from sqlalchemy import Engine

from core.cache import chunk_rows
from core.cache.chunk_rows import UNREAD, Chunk

AT_ONCE = 32  # numbers that one claim looks at


class UsualPieces:
    """The pieces of a run that this process should read first. Safe for any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._run_id = ""
        self._numbers: list[int] = []
        self._read: set[str] = set()  # ids of tenants, in the run `_run_id`

    def numbers(self) -> list[int]:
        """Return the next AT_ONCE numbers of these pieces in the run that is under way. Raises DatabaseError."""
        with self._lock:
            run_id = chunk_rows.run_in_pieces(self._engine)
            if run_id not in (None, self._run_id):
                pieces = chunk_rows.pieces_of(self._engine, run_id)
                self._numbers = usual(pieces, self._read)
                # A run of a few tenants takes nothing away from what the process has of all others.
                if len(pieces) > 1:
                    self._read = set()
                self._run_id = run_id
            return self._numbers[:AT_ONCE]

    def note(self, piece: Chunk, tried: Collection[int]) -> None:
        """Keep in mind that this process reads the piece, which was claimed with `tried` as the numbers to come first.

        Those of them before the piece, all of them if it is none of them, are read by others.
        """
        with self._lock:
            self._read.update(piece.tenants)
            last = piece.number if piece.number in tried else max(tried, default=UNREAD)
            self._numbers = [number for number in self._numbers if number > last]


def usual(pieces: Iterable[Chunk], tenants: set[str]) -> list[int]:
    """Return the numbers of the pieces of which more than half are `tenants`; a new tenant moves all that follow.

    In ascending order, in which they are claimed.
    """
    return sorted(piece.number for piece in pieces if 2 * len(tenants.intersection(piece.tenants)) > len(piece.tenants))
