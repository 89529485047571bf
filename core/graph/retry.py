"""Try again where it makes sense: as often as allowed, after the time that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.graph.errors import GraphError

MAX_WAIT = 120.0  # seconds; a tenant that asks for more is given up for this refresh

T = TypeVar("T")


def repeat(call: Callable[[int], T], attempts: int, sleep: Callable[[float], None]) -> T:
    """The result of `call(0)`, or of `call(1)` and so on as long as its GraphError may be tried again."""
    attempt = 0
    while True:
        try:
            return call(attempt)
        except GraphError as error:
            # Whoever gets this error must not start over: all that made sense was tried here.
            wait, error.again_after = error.again_after, None
            attempt += 1
            if wait is None or wait > MAX_WAIT or attempt >= attempts:
                raise
            sleep(wait)
