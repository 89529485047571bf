"""How a case went that ends: from the judgement in its last event, for `case_results`. A pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.cache.case_result_rows import CaseResult
from core.cache.case_rows import CaseEvent


def result_of(events: Sequence[CaseEvent]) -> CaseResult | None:
    """Return the result of the case with these events, None if none of them has ended it."""
    ending = next((event for event in reversed(events) if event.data.get("judged")), None)
    if ending is None:
        return None
    judged: Mapping[str, Any] = ending.data["judged"]
    clocks, seconds = judged["clocks"], judged["seconds"]
    reaction = seconds["reaction"]
    orders = [event for event in events if event.kind == "ordered"]
    return CaseResult(
        case_id=ending.case_id,
        level=judged["level"],
        level_version=judged["level_version"],
        calendar=judged["calendar"],
        calendar_version=judged["calendar_version"],
        distributor=str(orders[-1].data.get("distributor") or "") if orders else "",
        reaction_seconds=None if reaction is None else round(reaction),
        lead_seconds=round(sum(value for name, value in seconds.items() if name != "reaction")),
        customer_seconds=round(seconds["customer"]),
        reaction_kept=None if _is_ahead(events) else _kept(clocks["first_reaction"]),
        work_kept=_kept(clocks["own_work"]),
        delivery_kept=_kept(clocks["supplier"]),
        stars=next((event.data["stars"] for event in reversed(events) if event.kind == "rated"), None),
    )


def _is_ahead(events: Sequence[CaseEvent]) -> bool:
    return events[0].data.get("cause") == "ahead"


def _kept(clock: Mapping[str, Any]) -> bool | None:
    """Return True if the clock was met, False if it was missed, None if it never ran."""
    return {"met": True, "missed": False}.get(clock["state"])
