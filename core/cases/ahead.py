"""Open a case ahead of time, for seats that will be needed: "10 new teachers from 1 August"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from core.bounds import LONGEST_NAME, bounded_text, visible
from core.cache.audit_rows import Entry, append
from core.cache.case_rows import (
    Case,
    CaseEvent,
    last_number,
    lock_cases,
    newest_cases_of,
    part_number_of,
    stored_units,
)
from core.cache.sql import Transaction, transaction
from core.cache.tenant_rows import tenant_rows
from core.cases.changes import bounded_note, need_quantity, need_waiting
from core.cases.demand import priority_ahead
from core.cases.storing import Change, store
from core.cases.writing import LONGEST_ACCOUNT, CaseRefused
from core.name_key import guid_key
from core.problems import Problem
from core.roles import Action, Actor

LONGEST_AHEAD = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class AheadRequest:
    """What a person asks for: seats of a product for a tenant on a day, with a note for whoever works on it."""

    tenant_id: str
    sku_id: str
    quantity: int
    wanted_at: date
    note: str = ""
    waiting: int = 0


def open_ahead(engine: Engine, actor: Actor, request: AheadRequest, now: datetime, zone: tzinfo) -> Case:
    """Open a case for the request and return it. Raises NotAllowed, CaseRefused, DatabaseError."""
    actor.need(Action.CASES)
    request = replace(request, tenant_id=_id(request.tenant_id), sku_id=_id(request.sku_id))
    today = now.astimezone(zone).date()
    data = _checked(engine, request, today)
    with transaction(engine) as connection:
        lock_cases(connection)
        newest = newest_cases_of(connection, [(request.tenant_id, request.sku_id)])
        before = next(iter(newest.values()), None)
        if before is not None and before.is_open:
            raise CaseRefused(Problem("case.open_already", {"number": before.number}))
        last = last_number(connection, today.year) + 1
        data |= {"number": f"{today.year}-{last:04d}", **_licence(connection, request)}
        data |= {"follows": before.case_id, "follows_number": before.number} if before else {}
        event = CaseEvent(
            uuid4().hex, 1, now, bounded_text(actor.name, LONGEST_ACCOUNT), "opened", data,
            bounded_text(actor.shown, LONGEST_NAME),
        )  # fmt: skip
        (case,) = store(connection, [Change(None, [event])], (today.year, last))
        append(connection, Entry(actor, "case.opened", case.number, None, data), now)
    return case


def _id(text: str) -> str:
    """Return an id as it is stored, however it is spelled; not all of them are GUIDs."""
    return guid_key(text) or visible(text)


def _checked(engine: Engine, request: AheadRequest, today: date) -> dict[str, Any]:
    """Return the data of the event as far as the request has it. Raises CaseRefused for a wrong value."""
    if not today <= request.wanted_at <= today + LONGEST_AHEAD:
        params = {"day": request.wanted_at.isoformat(), "today": today.isoformat()}
        raise CaseRefused(Problem("case.wanted_at", params))
    if request.tenant_id not in tenant_rows(engine, [request.tenant_id]):
        raise CaseRefused(Problem("case.tenant_unknown", {"tenant": request.tenant_id[:60]}))
    return {
        "tenant_id": request.tenant_id,
        "sku_id": request.sku_id,
        "cause": "ahead",
        "priority": priority_ahead(request.wanted_at, today, request.waiting),
        "quantity": need_quantity(request.quantity),
        "waiting": need_waiting(request.waiting),
        "wanted_at": request.wanted_at.isoformat(),
        "note": bounded_note(request.note),
    }


def _licence(connection: Transaction, request: AheadRequest) -> dict[str, Any]:
    """Return part number and units of the product, as last read; the customer need not have it yet."""
    row = stored_units(connection, request.tenant_id, request.sku_id)
    sku_part_number = row["sku_part_number"] if row else part_number_of(connection, request.sku_id)
    if sku_part_number is None:
        raise CaseRefused(Problem("case.product_unknown", {"product": request.sku_id[:60]}))
    enabled, consumed = (row["enabled"], row["consumed"]) if row else (0, 0)
    since = row["short_since"] if row else None
    return {
        "sku_part_number": sku_part_number,
        "enabled": enabled,
        "consumed": consumed,
        "free": enabled - consumed,
        "missing": 0,
        "stage": (row["stage"] if row else None) or "ok",
        "short_since": since.isoformat() if since else None,
    }
