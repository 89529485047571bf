"""The four clocks of a case, computed from its events, what is agreed with the tenant, and a calendar. Pure functions.

first reaction   from the opening until somebody takes, comments or asks; never pauses
own work         while the case waits for the licence desk; pauses in asked, ordered and postponed
customer         from a question until its answer
supplier         from an order until its delivery

Nothing of them is stored while a case is open, so another level or calendar moves its times and keeps its pauses. What
has ended keeps what it was judged by, in the data of its last event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from core.bounds import clipped, parse_time
from core.cache.case_rows import CaseEvent
from core.cases.spans import ORDER_CHANGES, Span, spans_of, working_seconds
from core.tenants.working_time import Calendar, NoWorkingTime, add_business, business_seconds

State = Literal["idle", "running", "paused", "overdue", "met", "missed"]
REACTIONS = ("taken", "given", "commented", "asked", "consent_given", "postponed", "closed", "quantity_changed")
ANSWER_WITHIN = timedelta(days=14)  # as long as the link to the page of the consent is valid
DELIVERY_WITHIN = timedelta(days=7)  # if nobody has noted when the distributor delivers
LONGEST_WAIT = timedelta(days=3 * 366)
HOUR = 3600.0


class Clock(NamedTuple):
    """One clock.

    due_at              when it is due; None if it has not begun, or pauses
    done_at             when it has ended; None if it has not
    remaining_seconds   of working time until it is due, negative afterwards; None if it has not begun
    state               idle (not begun), running, paused, overdue; met or missed when it has ended
    """

    due_at: datetime | None = None
    done_at: datetime | None = None
    remaining_seconds: int | None = None
    state: State = "idle"


class Clocks(NamedTuple):
    """The clocks of a case."""

    first_reaction: Clock = Clock()
    own_work: Clock = Clock()
    customer: Clock = Clock()
    supplier: Clock = Clock()


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed about a case: hours of working time by priority, the calendar they count in, who must consent."""

    reaction_hours: Mapping[str, float]
    solution_hours: Mapping[str, float]
    calendar: Calendar = field(default_factory=Calendar)
    level: str = "standard"
    level_version: int = 1
    calendar_key: str = "standard"
    calendar_version: int = 1
    level_name: str = "Standard"
    needs_consent: bool = True


def clocks_of(events: Sequence[CaseEvent], terms: Terms, now: datetime) -> Clocks:
    """Return the clocks of a case; those of one that has ended are the ones it was judged by."""
    judged = events[-1].data.get("judged") or _last_judged(events)
    if judged:
        return _from_json(judged["clocks"])
    return computed_clocks(spans_of(events), terms, now)


def computed_clocks(spans: Sequence[Span], terms: Terms, now: datetime) -> Clocks:
    """Return the clocks by these terms, also of a case that has ended."""
    return Clocks(
        _first_reaction(spans, terms, now),
        _own_work(spans, terms, now),
        _waiting(spans, "customer", terms, now),
        _waiting(spans, "supplier", terms, now),
    )


def _first_reaction(spans: Sequence[Span], terms: Terms, now: datetime) -> Clock:
    start, opening = spans[0].start, spans[0].events[0]
    steps = [step for span in spans for step in span.steps]
    ahead = opening.kind == "opened" and opening.data.get("cause") == "ahead"  # by somebody who is on it
    reaction = steps[0] if ahead else next((step for step in steps if is_reaction(step[0])), None)
    priority = (reaction or steps[-1])[1].priority
    due = _due(terms.calendar, start, terms.reaction_hours[priority] * HOUR)
    if reaction:
        return _judged(due, max(reaction[0].at, start), terms.calendar)
    if spans[-1].waits == "ended":
        return _judged(due, spans[-1].start, terms.calendar)
    return _running(due, terms.calendar, now)


def is_reaction(event: CaseEvent) -> bool:
    """Return True if the event shows that somebody of the licence desk is on the case."""
    return event.kind in REACTIONS and event.data.get("by") != "customer"


def _own_work(spans: Sequence[Span], terms: Terms, now: datetime) -> Clock:
    """Return the clock of what the licence desk does itself: its time is used up by its own spans alone."""
    allowed = terms.solution_hours[spans[-1].case.priority] * HOUR
    used, due = 0.0, None
    mine = [span for span in spans if span.waits == "own"]
    newest = mine[-1] if spans[-1].waits in ("own", "ended") else None  # which decides, if it is not over before
    for span in mine:
        seconds = span.seconds(terms.calendar, now)
        if due is None and (used + seconds >= allowed or span is newest):
            due = _due(terms.calendar, span.start, max(0.0, allowed - used))
        used += seconds
    remaining, last = round(allowed - used), spans[-1]
    if last.waits == "ended":
        return Clock(due, last.start, remaining, "met" if used <= allowed else "missed")
    if used > allowed:
        return Clock(due, None, remaining, "overdue")
    return Clock(due, None, remaining, "running") if last.waits == "own" else Clock(None, None, remaining, "paused")


def _waiting(spans: Sequence[Span], waits: str, terms: Terms, now: datetime) -> Clock:
    """Return the clock of the newest time in which the case waited for somebody else.

    An order goes on while the case is postponed: the spans on both sides are one time.
    """
    places = [place for place, span in enumerate(spans) if span.waits == waits]
    if not places:
        return Clock()
    first = last = places[-1]
    while waits == "supplier" and spans[first].events[0].kind == "returned":
        first -= 2  # the span before it was postponed
    due = _expected(spans[first:], waits, terms.calendar)
    resting = waits == "supplier" and last == len(spans) - 2 and spans[-1].waits == "postponed"
    if spans[last].end is None or resting:
        return _running(due, terms.calendar, now)
    return _judged(due, spans[last].end or spans[last].start, terms.calendar)


def _expected(spans: Sequence[Span], waits: str, calendar: Calendar) -> datetime:
    """Return when an answer or a delivery is expected: as the newest event says, else after the usual time."""
    begun = spans[0].events[0]
    kinds, name = (ORDER_CHANGES, "expected_at") if waits == "supplier" else (("asked",), "expires_at")
    said = [event.data[name] for span in spans for event in span.events if event.kind in kinds and event.data.get(name)]
    expected = end_of_day(said[-1], calendar) if said else None
    if expected and expected - begun.at > LONGEST_WAIT:
        expected = None  # nobody means that
    return expected or begun.at + (DELIVERY_WITHIN if waits == "supplier" else ANSWER_WITHIN)


def end_of_day(text: Any, calendar: Calendar) -> datetime | None:
    """Return a time as it is given, and the end of a day in the zone of the calendar; None if it is neither."""
    if (moment := parse_time(text)) is not None:
        return moment
    try:
        following = date.fromisoformat(text) + timedelta(days=1)
        return clipped(datetime.combine(following, time(), ZoneInfo(calendar.zone))).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _due(calendar: Calendar, start: datetime, seconds: float) -> datetime | None:
    try:
        return add_business(calendar, start, seconds)
    except NoWorkingTime:
        return None


def _running(due: datetime | None, calendar: Calendar, now: datetime) -> Clock:
    if due is None:
        return Clock(state="running")
    remaining = round(business_seconds(calendar, now, due))
    return Clock(due, None, remaining, "running" if now <= due else "overdue")


def _judged(due: datetime | None, done: datetime, calendar: Calendar) -> Clock:
    if due is None:
        return Clock(None, done, None, "met")
    return Clock(due, done, round(business_seconds(calendar, done, due)), "met" if done <= due else "missed")


def judgement(events: Sequence[CaseEvent], terms: Terms, now: datetime) -> dict[str, Any]:
    """Return what a case that ends now is judged by, for the data of its last event; `events` with that event."""
    spans = spans_of(events)
    return {
        "level": terms.level,
        "level_version": terms.level_version,
        "calendar": terms.calendar_key,
        "calendar_version": terms.calendar_version,
        "priority": spans[-1].case.priority,
        "clocks": {name: _to_json(clock) for name, clock in computed_clocks(spans, terms, now)._asdict().items()},
        "seconds": {"reaction": _reaction_seconds(spans, terms), **working_seconds(spans, terms.calendar, now)},
    }


def _reaction_seconds(spans: Sequence[Span], terms: Terms) -> float | None:
    """Return the working time until the first reaction; None if nobody reacted to the shortage."""
    start, opening = spans[0].start, spans[0].events[0]
    events = [event for span in spans for event in span.events if is_reaction(event)]
    if not events or opening.data.get("cause") == "ahead":  # who opens one is on it
        return None
    return max(0.0, business_seconds(terms.calendar, start, max(events[0].at, start)))


def _last_judged(events: Sequence[CaseEvent]) -> Any:
    """Return what an ended case was judged by, if other events came since; None if it is open."""
    for event in reversed(events):
        if event.kind in ("opened", "reopened"):
            return None
        if event.data.get("judged"):
            return event.data["judged"]
    return None


def _to_json(clock: Clock) -> dict[str, Any]:
    return {
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
        "done_at": clock.done_at.isoformat() if clock.done_at else None,
        "remaining_seconds": clock.remaining_seconds,
        "state": clock.state,
    }


def _from_json(stored: Mapping[str, Any]) -> Clocks:
    return Clocks(**{
        name: Clock(parse_time(one["due_at"]), parse_time(one["done_at"]), one["remaining_seconds"], one["state"])
        for name, one in stored.items()
    })  # fmt: skip
