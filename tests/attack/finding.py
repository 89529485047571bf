"""What an attack has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tests.attack.stage import Product

QUIET_LOG = 200_000  # bytes that an attack may leave in log and console


@dataclass(frozen=True, slots=True)
class Finding:
    """`held` says whether the product withstood; `measured` is the line that is printed."""

    held: bool
    measured: str


@dataclass(frozen=True, slots=True)
class Logged:
    """How much is in the log and on the console."""

    size: int
    tracebacks: int
    longest: int  # bytes of the longest line

    @classmethod
    def of(cls, target: Product) -> Self:
        text = target.logs()
        return cls(len(text), text.count(b"Traceback"), max(map(len, text.splitlines()), default=0))


def quiet(target: Product, before: Logged, held: bool, measured: str) -> Finding:
    """The finding; it holds only if the log was left readable, too: no traceback, no long line, little growth."""
    now = Logged.of(target)
    grown, tracebacks = now.size - before.size, now.tracebacks - before.tracebacks
    calm = tracebacks == 0 and grown < QUIET_LOG and now.longest < 16_384
    log = f"log +{grown / 1000:.1f} kB" + (f", {tracebacks} tracebacks" if tracebacks else "")
    return Finding(held and calm, f"{measured}; {log}")
