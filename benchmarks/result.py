"""Results: measured times, and figures with their goals."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal of a figure: a ratio of base to ours (`at least`) or of ours to base (`at most`); None: no goal."""

    direction: Direction = "at most"
    bound: float | None = None

    def met(self, value: float) -> bool | None:
        if self.bound is None:
            return None
        return value >= self.bound if self.direction == "at least" else value <= self.bound

    def __str__(self) -> str:
        return "" if self.bound is None else f"{'>=' if self.direction == 'at least' else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ours[i]` and `base[i]` were measured right after each other.

    Without `base` the figure is `ours` itself. `base_name` says what the base is.
    """

    what: str
    goal: Goal
    ours: Sequence[float]
    base: Sequence[float] = ()
    base_name: str = ""
    unit: str = "s"
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Return the ratio of each pair; a machine that is busy for a while slows both values of a pair."""
        if not self.base:
            return list(self.ours)
        pairs = zip(self.ours, self.base, strict=True)
        return [base / ours if self.goal.direction == "at least" else ours / base for ours, base in pairs]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool | None:
        return self.goal.met(self.ratio)

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "goal": str(self.goal),
            "ours": list(self.ours),
            "base": list(self.base),
            "base_name": self.base_name,
            "unit": self.unit,
            "ratio": round(self.ratio, 3),
            "met": self.met,
            "note": self.note,
        }


@dataclass(slots=True)
class Times:
    """Measured seconds by name, in the order of measurement."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, name: str, call: Callable[[], Any]) -> Any:
        """Measure one call and return its result; garbage of earlier calls is collected before."""
        gc.collect()
        start = time.perf_counter()
        result = call()
        self.seconds.setdefault(name, []).append(time.perf_counter() - start)
        return result

    def alternate(self, turn: int, calls: dict[str, Callable[[], Any]]) -> None:
        """Measure each call once; the first one changes with `turn`."""
        names = list(calls)
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            self.measure(name, calls[name])

    def fastest(self, names: Sequence[str]) -> str:
        """Return the name with the smallest median, which is the floor among several clients."""
        return min(names, key=lambda name: statistics.median(self.seconds[name]))

    def __getitem__(self, name: str) -> list[float]:
        return self.seconds[name]


def spread(values: Sequence[float], unit: str) -> str:
    """Return median, least and greatest value as text: `1.23 s (1.20-1.31)`."""
    digits = 0 if max(values) >= 1000 else 1 if unit in ("KB", "ms", "MB") else 2
    median, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{median} {unit}".rstrip() + (f" ({least}-{most})" if len(values) > 1 else "")
