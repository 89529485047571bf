"""Table of the pieces in which several processes read the tenants of one refresh."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, case, delete, func, insert, select, text, update

from core.cache import lease_rows
from core.cache.lease_rows import Term
from core.cache.schema import run_chunks, runs
from core.cache.sql import transaction

UNREAD = 0  # the chunk of the tenants that are not read
LEASE = "chunk:"
# Rows that another process is claiming at this moment are passed over, not waited for. In the order of the index over
# the rows that are left, and each lease looked up alone: so a claim costs the same whatever the number of pieces.
_FREE = (
    "SELECT c.run_id, c.chunk, c.tenants FROM run_chunks c"
    " WHERE c.run_id = (SELECT r.run_id FROM runs r WHERE r.state = 'running' AND r.finished_at IS NULL"
    " AND EXISTS (SELECT 1 FROM run_chunks p WHERE p.run_id = r.run_id AND p.done_at IS NULL) LIMIT 1)"
    " AND c.done_at IS NULL{which} AND COALESCE((SELECT l.until FROM leases l"
    " WHERE l.name = :lease || c.run_id || '.' || c.chunk) < clock_timestamp(), true)"
    " ORDER BY c.chunk LIMIT :most FOR UPDATE OF c SKIP LOCKED"
)
COLUMNS = run_chunks.c.run_id, run_chunks.c.chunk, run_chunks.c.tenants
FREE = text(_FREE.format(which="")).columns(*COLUMNS)
FREE_OF_THESE = text(_FREE.format(which=" AND c.chunk = ANY(CAST(:these AS integer[]))")).columns(*COLUMNS)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a run: the ids of its tenants."""

    run_id: str
    number: int
    tenants: Sequence[str]

    @property
    def lease(self) -> str:
        """Return the name of the lease of who reads it."""
        return f"{LEASE}{self.run_id}.{self.number}"


@dataclass(frozen=True, slots=True)
class ClaimedChunk:
    """A piece that this process may read during `term`, for which it asked at `asked_at` (monotonic seconds)."""

    chunk: Chunk
    term: Term
    asked_at: float


@dataclass(frozen=True, slots=True)
class Chunks:
    """How far the pieces of a run are: `planned` is False until there are any, `left` are not done."""

    planned: bool
    left: int


def add_chunks(
    connection: Connection,
    run_id: str,
    pieces: Sequence[Sequence[str]],
    unread: Any,
    requests: int,
    at: datetime,
) -> None:
    """Store the tenant ids of each piece, the part of the tenants that are not read, and the requests so far."""
    rows = [_row(run_id, number, piece) for number, piece in enumerate(pieces, UNREAD + 1)]
    first = _row(run_id, UNREAD, []) | {"part": unread, "requests": requests, "done_at": at}
    connection.execute(insert(run_chunks), [first, *rows])
    total = sum(map(len, pieces))
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(step="tenants", done=0, total=total))


def _row(run_id: str, number: int, tenants: Sequence[str]) -> dict[str, Any]:
    return {"run_id": run_id, "chunk": number, "tenants": list(tenants), "part": None, "requests": 0, "done_at": None}


def chunks_of(engine: Engine, run_id: str) -> Chunks:
    """Return how far the pieces of the run are."""
    left = func.sum(case((run_chunks.c.done_at.is_(None), 1), else_=0))
    with transaction(engine) as connection:
        row = connection.execute(select(func.count(), left).where(run_chunks.c.run_id == run_id)).one()
    return Chunks(bool(row[0]), int(row[1] or 0))


def run_in_pieces(engine: Engine) -> str | None:
    """Return the id of the run under way that is read in pieces; None if there is none."""
    query = select(run_chunks.c.run_id).join(runs, runs.c.run_id == run_chunks.c.run_id)
    with transaction(engine) as connection:
        run_id: str | None = connection.execute(query.where(runs.c.state == "running").limit(1)).scalar()
    return run_id


def pieces_of(engine: Engine, run_id: str) -> list[Chunk]:
    """Return the pieces of a run that hold tenants."""
    query = select(run_chunks.c.run_id, run_chunks.c.chunk, run_chunks.c.tenants)
    with transaction(engine) as connection:
        rows = connection.execute(query.where(run_chunks.c.run_id == run_id, run_chunks.c.chunk != UNREAD)).all()
    return [Chunk(*row) for row in rows]


def claim_chunk(engine: Engine, owner: str, first: Sequence[int] = ()) -> ClaimedChunk | None:
    """Return a piece that nobody reads, now leased by `owner`, of the numbers `first` if possible; None for none."""
    asked_at = time.monotonic()
    with transaction(engine) as connection:
        wanted = {"lease": LEASE, "most": 1}
        rows = connection.execute(FREE_OF_THESE, wanted | {"these": list(first)}).all() if first else []
        for row in rows or connection.execute(FREE, wanted).all():
            chunk = Chunk(*row)
            if (term := lease_rows.take(connection, chunk.lease, owner)) is not None:
                return ClaimedChunk(chunk, term, asked_at)
    return None


def free_chunks(engine: Engine, most: int) -> int:
    """Return how many pieces nobody reads, at most `most`."""
    with transaction(engine) as connection:
        return len(connection.execute(FREE, {"lease": LEASE, "most": most}).all())


def finish_chunk(connection: Connection, chunk: Chunk, part: Any, requests: int, at: datetime) -> bool:
    """Store what the piece adds to the summary; return True if it was the last one of its run.

    The row of the run is locked first, so of two pieces that end at once one knows itself to be the last.
    """
    row = select(runs.c.run_id).where(runs.c.run_id == chunk.run_id)
    connection.execute(row.with_for_update())
    mine = update(run_chunks).where(run_chunks.c.run_id == chunk.run_id, run_chunks.c.chunk == chunk.number)
    connection.execute(mine.values(part=part, requests=requests, done_at=at))
    done = runs.c.done + len(chunk.tenants)
    connection.execute(update(runs).where(runs.c.run_id == chunk.run_id).values(done=done))
    lease_rows.forget(connection, [chunk.lease])
    left = select(run_chunks.c.chunk).where(run_chunks.c.run_id == chunk.run_id, run_chunks.c.done_at.is_(None))
    return connection.execute(left.limit(1)).first() is None


def stored_parts(engine: Engine, run_id: str) -> tuple[list[Any], int]:
    """Return the parts of the run in the order of its pieces, those that are not read at the end; and all requests."""
    with transaction(engine) as connection:
        rows = connection.execute(select(run_chunks).where(run_chunks.c.run_id == run_id)).all()
    rows = sorted(rows, key=lambda row: (row.chunk == UNREAD, row.chunk))
    return [row.part for row in rows], sum(row.requests for row in rows)


def forget_chunks(connection: Connection) -> None:
    """Delete the pieces of runs that have ended, with their leases."""
    ended = select(run_chunks.c.run_id, run_chunks.c.chunk, run_chunks.c.tenants).join(
        runs, runs.c.run_id == run_chunks.c.run_id
    )
    rows = connection.execute(ended.where(runs.c.finished_at.is_not(None))).all()
    lease_rows.forget(connection, [Chunk(*row).lease for row in rows])
    connection.execute(delete(run_chunks).where(run_chunks.c.run_id.in_({row.run_id for row in rows})))
