"""Repeat calls to Microsoft after the time that the answer requires."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.graph.errors import GraphError

MAX_WAIT = 120.0  # seconds; with a longer wait the tenant fails in this refresh

T = TypeVar("T")


def repeat(call: Callable[[int], T], attempts: int, sleep: Callable[[float], None]) -> T:
    """Return the result of `call(0)`; after a GraphError with `again_after` try `call(1)` and so on."""
    attempt = 0
    while True:
        try:
            return call(attempt)
        except GraphError as error:
            # Reset: the caller of this function must not repeat the call again.
            wait, error.again_after = error.again_after, None
            attempt += 1
            if wait is None or wait > MAX_WAIT or attempt >= attempts:
                raise
            sleep(wait)
