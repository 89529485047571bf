"""Cases as programs see them: the API and `cases --json` answer with the same fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from core.cache.case_lists import ListedCase
from core.cache.case_rows import Case, CaseEvent, events_in
from core.cache.sql import transaction
from core.cache.tenant_rows import tenant_rows
from core.cases.clocks import Clocks, Terms, clocks_of
from core.cases.detail import case_detail
from core.cases.next_step import NextStep, next_step
from core.cases.terms import terms_in
from core.cases.writing import CaseUnknown
from core.licenses.skus import Catalogue, product_language

# Fields of events that everybody who may look sees; what else is in them (contacts, addresses) is not shown.
EVENT_FIELDS = (
    "number", "cause", "quantity", "waiting", "wanted_at", "note", "follows_number", "what", "owner", "owner_name",
    "text", "needed", "reason", "expires_at", "expected_at", "distributor", "enabled", "free", "missing", "stage",
    "short_since", "short", "delivered", "until", "outcome", "priority", "by_rule", "numbers", "bundle_id", "stars",
    "comment",
)  # fmt: skip
JUDGED_FIELDS = ("level", "level_version", "calendar", "calendar_version", "priority")


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case at one moment, with the name of its tenant; `events` is None in lists."""

    case: Case
    tenant: str
    clocks: Clocks
    step: NextStep
    events: Sequence[CaseEvent] | None = None


def shown_cases(engine: Engine, listed: Sequence[ListedCase], now: datetime) -> list[ShownCase]:
    """Return the cases of one page of a list as they are now."""
    with transaction(engine) as connection:
        events = events_in(connection, [one.case.case_id for one in listed])
        book = terms_in(connection, {one.case.tenant_id for one in listed})
    return [_shown(one, events[one.case.case_id], book.of(one.case.tenant_id), now) for one in listed]


def shown_case(engine: Engine, case_id: str, now: datetime) -> ShownCase:
    """Return the case with this id or number, with its events. Raises CaseUnknown, also if its tenant leaves."""
    detail = case_detail(engine, case_id, now)
    tenant = tenant_rows(engine, [detail.case.tenant_id]).get(detail.case.tenant_id)
    if tenant is None:
        raise CaseUnknown(case_id)
    return ShownCase(detail.case, tenant.name, detail.clocks, detail.step, detail.events)


def _shown(listed: ListedCase, events: Sequence[CaseEvent], terms: Terms, now: datetime) -> ShownCase:
    case = listed.case
    clocks = clocks_of(events[: case.version], terms, now)  # a later event belongs to the next version of the case
    return ShownCase(case, listed.tenant, clocks, next_step(case, clocks, terms.calendar).at(now))


def case_fields(shown: ShownCase, catalogue: Catalogue, language: str) -> dict[str, Any]:
    """Return the fields of a case by their names; the product as readers of `language` know it."""
    case = shown.case
    product = catalogue.product(case.sku_id, case.sku_part_number)
    same = (
        "case_id", "number", "tenant_id", "sku_id", "state", "priority", "owner", "owner_name", "quantity", "under_way",
        "waiting", "ordered", "delivered", "free", "cause", "note", "wanted_at", "postponed_until", "opened_at",
        "changed_at", "closed_at", "outcome", "version",
    )  # fmt: skip
    return {
        **{name: getattr(case, name) for name in same},
        "tenant": shown.tenant,
        "sku_part_number": case.sku_part_number,
        "product": getattr(product, f"name_{product_language(language)}"),
        "clocks": {name: clock._asdict() for name, clock in shown.clocks._asdict().items()},
        "next": shown.step._asdict(),
        **({} if shown.events is None else {"events": [event_fields(event) for event in shown.events]}),
    }


def event_fields(event: CaseEvent) -> dict[str, Any]:
    """Return the fields of an event; those of its kind are in `data`."""
    data = {name: event.data[name] for name in EVENT_FIELDS if event.data.get(name) not in (None, "")}
    judged: Mapping[str, Any] = event.data.get("judged") or {}
    data |= {f"judged_{name}": judged[name] for name in JUDGED_FIELDS if name in judged}
    return {"seq": event.seq, "at": event.at, "kind": event.kind, "by": event.actor_name, "data": data}
