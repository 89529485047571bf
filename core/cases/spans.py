"""The time of a case in spans, from its events: what it waited for, and when. Pure functions, no clock.

Clocks (`core.cases.clocks`) and figures rest on these spans: together they are the whole time from the opening on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.cache.case_rows import Case, CaseEvent
from core.cases.fold import after
from core.cases.transitions import WITH_ORDER
from core.tenants.working_time import Calendar, business_seconds

Waits = Literal["own", "customer", "supplier", "postponed", "ended"]
WAITS: tuple[Waits, ...] = ("own", "customer", "supplier", "postponed")
ORDER_CHANGES = ("ordered", "order_confirmed")


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a case waited for one thing; `end` is None while it lasts.

    `steps` are the events in it, the one that began it first, each with the case after it.
    """

    waits: Waits
    start: datetime
    end: datetime | None
    steps: Sequence[tuple[CaseEvent, Case]]

    @property
    def events(self) -> list[CaseEvent]:
        return [event for event, _ in self.steps]

    @property
    def case(self) -> Case:
        """Return the case as the span ended."""
        return self.steps[-1][1]

    def seconds(self, calendar: Calendar, now: datetime) -> float:
        """Return the working time in the span until now."""
        return max(0.0, business_seconds(calendar, self.start, self.end or max(now, self.start)))


def waits_for(case: Case) -> Waits:
    """Return what the case waits for; one that is postponed rests, whatever it waited for before."""
    if not case.is_open:
        return "ended"
    if case.state == "postponed":
        return "postponed"
    return "customer" if case.state == "asked" else "supplier" if case.state in WITH_ORDER else "own"


def spans_of(events: Iterable[CaseEvent]) -> list[Span]:
    """Return the spans of a case since it was opened, or opened again, the last time.

    A question that is asked anew begins a span of its own. A clock that was set back makes no time run backwards.
    """
    begun: list[tuple[Waits, datetime, list[tuple[CaseEvent, Case]]]] = []
    for event, case in in_order(events):
        at = max(event.at, begun[-1][1]) if begun else event.at
        if event.kind in ("opened", "reopened"):
            begun = [("own", at, [(event, case)])]
        elif waits_for(case) == begun[-1][0] and event.kind != "asked":
            begun[-1][2].append((event, case))
        else:
            begun.append((waits_for(case), at, [(event, case)]))
    ends = [*(start for _, start, _ in begun[1:]), None]
    return [Span(waits, start, end, steps) for (waits, start, steps), end in zip(begun, ends, strict=True)]


def in_order(events: Iterable[CaseEvent]) -> Iterator[tuple[CaseEvent, Case]]:
    """Yield each event with the case after it."""
    case: Case | None = None
    for event in events:
        case = after(case, event)
        yield event, case


def working_seconds(spans: Sequence[Span], calendar: Calendar, now: datetime) -> dict[Waits, float]:
    """Return the working time of a case by what it waited for; the sum is that from its opening to its end, or now."""
    return {waits: sum(span.seconds(calendar, now) for span in spans if span.waits == waits) for waits in WAITS}
