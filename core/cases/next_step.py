"""The next step of a case: what is to be done, and until when. Pure functions; pages, API and messages show the same.

take             nobody is on it: until the first reaction is due
ask              the customer is to be asked: until the own work is due
await_answer     the customer has been asked: until the answer is due; then call_customer
order            the customer has agreed: until the own work is due
await_delivery   it is ordered: until the delivery is due; then call_distributor
await_day        it is postponed: until its day begins
none             it has ended
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from core.cache.case_rows import Case
from core.cases.clocks import Clocks
from core.tenants.working_time import Calendar

Step = Literal[
    "take", "ask", "await_answer", "call_customer", "order", "await_delivery", "call_distributor", "await_day", "none"
]
LATE: dict[str, Step] = {"await_answer": "call_customer", "await_delivery": "call_distributor"}


class NextStep(NamedTuple):
    """What is to be done next, and when it is due; None if nothing is."""

    action: str
    due_at: datetime | None = None

    def at(self, now: datetime) -> NextStep:
        """Return the step as it is now: who keeps us waiting too long is called."""
        return self._replace(action=LATE.get(self.action, self.action)) if self.overdue(now) else self

    def overdue(self, now: datetime) -> bool:
        return self.due_at is not None and self.action != "await_day" and self.due_at < now


def next_step(case: Case, clocks: Clocks, calendar: Calendar) -> NextStep:
    """Return the next step of a case; `NextStep.at` says what it is at a time."""
    steps: dict[str, NextStep] = {
        "open": NextStep("ask", clocks.own_work.due_at) if case.owner else _take(clocks),
        "asked": NextStep("await_answer", clocks.customer.due_at),
        "approved": NextStep("order", clocks.own_work.due_at),
        "ordered": NextStep("await_delivery", clocks.supplier.due_at),
        "partly_delivered": NextStep("await_delivery", clocks.supplier.due_at),
        "postponed": NextStep("await_day", beginning_of(case, calendar)),
    }
    return steps.get(case.state, NextStep("none"))


def _take(clocks: Clocks) -> NextStep:
    """Return the step of a case that nobody has: at once if somebody has reacted already, and given it back."""
    reaction, own_work = clocks.first_reaction, clocks.own_work
    dues = [clock.due_at for clock in (reaction, own_work) if clock.due_at and clock.done_at is None]
    return NextStep("take", min(dues, default=None))


def beginning_of(case: Case, calendar: Calendar) -> datetime | None:
    """Return the beginning of the day on which a postponed case returns."""
    if case.postponed_until is None:
        return None
    return datetime.combine(case.postponed_until, time(), ZoneInfo(calendar.zone)).astimezone(UTC)
