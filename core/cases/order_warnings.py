"""What a person should know before an order goes out. Pure functions over what the product has read.

Microsoft tells when a subscription is renewed, and neither that it ends then nor that fewer seats are planned: so a
renewal that is near is a question, never an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from core.cache.case_rows import Case, CaseEvent
from core.licenses.units import Subscription
from core.problems import Problem

RENEWAL_WITHIN = timedelta(days=60)
AGREED_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line of an order and what is known of its licence.

    `units`: the row of the licence as last read, None if the tenant never had it. `history`: the events of the case.
    """

    case: Case
    quantity: int
    history: Sequence[CaseEvent]
    units: Mapping[str, Any] | None = None
    subscriptions: Sequence[Subscription] = ()


def warnings_of(facts: LineFacts, now: datetime, zone: tzinfo) -> Iterator[Problem]:
    """Yield the warnings about a line."""
    params = {"number": facts.case.number, "quantity": str(facts.quantity)}
    if facts.case.under_way:
        yield Problem("order.warn.under_way", params | {"count": str(facts.case.under_way)})
    yield from _agreement(facts, params, now)
    if renewed_on := next_renewal(facts.subscriptions, now, zone):
        yield Problem("order.warn.renewal", params | {"day": f"{renewed_on:%d.%m.%Y}"})
    if facts.units and (lapsed := facts.units["warning"] + facts.units["suspended"]):
        yield Problem("order.warn.lapsed", params | {"count": str(lapsed)})
    if facts.units and facts.units["present"] and not facts.case.missing and not facts.case.waiting:
        free = facts.units["enabled"] - facts.units["consumed"]
        if free >= facts.quantity:
            yield Problem("order.warn.free", params | {"count": str(free)})


def _agreement(facts: LineFacts, params: Mapping[str, str], now: datetime) -> Iterator[Problem]:
    """Yield what the customer has agreed to differently, or long ago."""
    given = next((event for event in reversed(facts.history) if event.kind == "consent_given"), None)
    if given is None:
        return
    agreed, wanted = given.data["quantity"], facts.quantity + facts.case.ordered
    if wanted > agreed:
        yield Problem("order.warn.more_than_agreed", {**params, "agreed": str(agreed), "wanted": str(wanted)})
    if now - given.at > AGREED_WITHIN:
        yield Problem("order.warn.old_agreement", {**params, "days": str((now - given.at).days)})


def next_renewal(subscriptions: Sequence[Subscription], now: datetime, zone: tzinfo) -> date | None:
    """Return the day on which the next paid subscription is renewed; None if that is far or unknown."""
    days = [
        one.next_lifecycle_at
        for one in subscriptions
        if one.next_lifecycle_at and not one.is_trial and one.status.casefold() == "enabled"
    ]
    near = [day for day in days if now <= day <= now + RENEWAL_WITHIN]
    return min(near).astimezone(zone).date() if near else None
