"""A run as a refresh begins it, for tests that look at runs and need no refresh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from core.cache.run_rows import begin_next, join_or_wait, waiting_run


def start_run(engine: Engine, source: str, requested_by: str, scope: Sequence[str], at: datetime) -> str:
    """Ask for a run that joins no other, begin it, and return its id; a run that was running is closed."""
    join_or_wait(engine, waiting_run(source, requested_by, scope, at), lambda _run, _wanted: False)
    run = begin_next(engine, at)
    assert run is not None
    return run.run_id
