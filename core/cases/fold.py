"""Fold the events of a case into what it is now. Pure functions; an event that the table does not allow raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from core.bounds import parse_time
from core.cache.case_rows import Case, CaseEvent
from core.cases.transitions import ENDED, WITH_ORDER, Transition, transition


class NotPossible(ValueError):
    """The table of transitions does not allow the event in the state of the case."""


def fold(events: Iterable[CaseEvent]) -> Case:
    """Return the case that these events make, the first of them `opened`. Raises NotPossible."""
    case: Case | None = None
    for event in events:
        case = after(case, event)
    if case is None:
        raise NotPossible("no event")
    return case


def after(case: Case | None, event: CaseEvent) -> Case:
    """Return the case after `event`; None before the first one. Raises NotPossible."""
    if case is None:
        return _opened(event)
    row = transition(event.kind, case.state, case.resumes)
    if row is None or event.case_id != case.case_id or event.seq != case.version + 1:
        raise NotPossible(f"{event.kind} {event.seq} in {case.state} {case.version}")
    changes = _units(event.data) if "free" in event.data else {}
    changes |= FIELDS[event.kind](case, event) if event.kind in FIELDS else {}
    changed = replace(case, version=event.seq, changed_at=event.at, **changes)
    return _moved(changed, _end_of(row, changed, event), event)


def _opened(event: CaseEvent) -> Case:
    if event.kind != "opened" or event.seq != 1:
        raise NotPossible(f"{event.kind} {event.seq} before it is opened")
    data = event.data
    return Case(
        case_id=event.case_id,
        number=data["number"],
        tenant_id=data["tenant_id"],
        sku_id=data["sku_id"],
        sku_part_number=data["sku_part_number"],
        cause=data["cause"],
        state="open",
        priority=data["priority"],
        quantity=data["quantity"],
        waiting=data.get("waiting", 0),
        wanted_at=_day(data.get("wanted_at")),
        note=data.get("note", ""),
        follows=data.get("follows", ""),
        opened_at=event.at,
        changed_at=event.at,
        state_since=event.at,
        **_units(data),
    )


def _units(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "enabled": data["enabled"],
        "free": data["free"],
        "missing": data["missing"],
        "stage": data["stage"],
        "short_since": parse_time(data.get("short_since")),
    }


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if text else None


def _end_of(row: Transition, case: Case, event: CaseEvent) -> str:
    """Return the state after the event; `case` has its other fields already."""
    end = {"same": case.state, "resumed": case.resumes or "open"}.get(row.end, row.end)
    return "partly_delivered" if end == "ordered" and case.delivered else end


def _moved(case: Case, state: str, event: CaseEvent) -> Case:
    """Return the case in `state`, with what follows from that."""
    if state == case.state:
        return case
    changes: dict[str, Any] = {"state": state, "state_since": event.at}
    if case.state == "postponed":
        changes |= {"postponed_until": None, "resumes": ""}
    if state == "postponed":
        changes |= {"postponed_until": _day(event.data["until"]), "resumes": case.state}
    if state in ENDED:
        changes |= {"closed_at": case.closed_at or event.at, "outcome": _outcome(case, state, event)}
        changes |= {"ordered": case.delivered, "good_since": None}
    elif case.closed_at is not None:
        changes |= {"closed_at": None, "outcome": "", "good_since": None}
    return replace(case, **changes)


def _outcome(case: Case, state: str, event: CaseEvent) -> str:
    """Return how the case has ended; what has ended it first counts."""
    return case.outcome or str(event.data.get("outcome") or ("closed" if state == "closed" else state))


def _seen(case: Case, event: CaseEvent) -> dict[str, Any]:
    """Return the changes by a reading; `short` says that the shortage lasts, `delivered` counts all seats so far."""
    was_short = case.missing > 0 or case.good_since is not None
    good_since = case.good_since or event.at if was_short and not event.data["short"] else None
    delivered = event.data.get("delivered", case.delivered)
    return {"good_since": good_since, "delivered": delivered}


def _reopened(case: Case, event: CaseEvent) -> dict[str, Any]:
    return {"quantity": event.data.get("quantity", case.quantity), "ordered": 0, "delivered": 0}


def _quantity(case: Case, event: CaseEvent) -> dict[str, Any]:
    """Return the changes by a new quantity; a postponed case that was asked or approved comes back as open."""
    asks_anew = case.state == "postponed" and case.resumes in ("asked", "approved")
    waiting = event.data.get("waiting", case.waiting)
    return {"quantity": event.data["quantity"], "waiting": waiting} | ({"resumes": "open"} if asks_anew else {})


def _cancelled(case: Case, event: CaseEvent) -> dict[str, Any]:
    return {"ordered": case.delivered} if case.state in WITH_ORDER else {}


# What an event changes beside the state.
FIELDS: dict[str, Callable[[Case, CaseEvent], dict[str, Any]]] = {
    "taken": lambda case, event: {
        "owner": event.data["owner"], "owner_name": event.data.get("owner_name") or event.data["owner"]
    },
    "given": lambda case, event: {
        "owner": event.data.get("owner", ""), "owner_name": event.data.get("owner_name") or event.data.get("owner", "")
    },
    "bundled": lambda case, event: {"bundle_id": event.data.get("bundle_id", "")},
    "priority_changed": lambda case, event: {
        "priority": event.data["priority"], "priority_set": not event.data.get("by_rule", False)
    },
    "quantity_changed": _quantity,
    "asked": lambda case, event: {"quantity": event.data["quantity"]},
    "consent_given": lambda case, event: {"quantity": event.data["quantity"]},
    "ordered": lambda case, event: {"ordered": case.ordered + event.data["quantity"]},
    "returned": _cancelled,
    "units_seen": _seen,
    "delivered": lambda case, event: {"delivered": event.data.get("delivered", max(case.delivered, case.ordered))},
    "reopened": _reopened,
}  # fmt: skip
