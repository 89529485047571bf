"""What people do with a case: take it, give it away, comment, postpone, close, change its quantity, and so on.

Each function checks the role, writes one event and returns the case afterwards. `expected` is the version that the
actor has seen: the second of two who click at once gets a sentence. Raises NotAllowed, DatabaseError, and the errors of
`core.cases.writing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from core.bounds import LONGEST_NAME, bounded_text, visible
from core.cache.account_rows import find_account
from core.cache.case_rows import Case, newest_cases_of, stored_units
from core.cache.sql import Transaction, transaction
from core.cases.demand import CRITICAL, PRIORITIES
from core.cases.product_events import PRODUCT
from core.cases.writing import LONGEST_ACCOUNT, CaseRefused, need_case, need_version, write
from core.problems import Problem
from core.roles import Action, Actor, allows

LARGEST_QUANTITY = 99_999  # more is a slip of the finger
LONGEST_TEXT, LONGEST_REASON = 4_000, 500
LONGEST_PAUSE = timedelta(days=366)
MOST_IN_BUNDLE = 50


def take(engine: Engine, actor: Actor, case_id: str, now: datetime, *, expected: int | None = None) -> Case:
    """Make the actor the owner; without `expected` a case of somebody else is refused."""
    actor.need(Action.CASES)
    with transaction(engine) as connection:
        case, owner = need_case(connection, case_id), bounded_text(actor.name, LONGEST_ACCOUNT)
        if case.owner == owner and case.is_open:
            return case  # a second click of the same person
        need_version(connection, case, expected)
        if case.owner and case.is_open and expected is None:
            raise CaseRefused(Problem("case.taken_already", {"number": case.number, "name": case.owner_name}))
        data = {"owner": owner, "owner_name": bounded_text(actor.shown, LONGEST_NAME)}
        return write(connection, case, "taken", data, actor, now)


def give(
    engine: Engine, actor: Actor, case_id: str, owner: str, now: datetime, *, note: str = "",
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Make the account `owner` the owner, "" for nobody: then it is in the common queue again."""
    actor.need(Action.CASES)
    account = find_account(engine, owner) if owner else None
    if owner and (account is None or account.disabled or not allows(account.role, Action.CASES)):
        raise CaseRefused(Problem("case.owner_unknown", {"name": visible(owner)[:100]}))
    data = {
        "owner": owner,
        "owner_name": (account.display_name or owner) if account else "",
        "note": bounded_note(note),
    }
    return _change(engine, actor, case_id, "given", data, now, expected)


def comment(engine: Engine, actor: Actor, case_id: str, text: str, now: datetime) -> Case:
    """Add a comment; it changes nothing, so any version will do."""
    return _change(engine, actor, case_id, "commented", {"text": bounded_note(text)}, now, None)


def postpone(
    engine: Engine, actor: Actor, case_id: str, until: date, reason: str, now: datetime, zone: tzinfo, *,
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Let the case rest until the morning of a day, on which it returns by itself."""
    today = now.astimezone(zone).date()
    if not today < until <= today + LONGEST_PAUSE:
        raise CaseRefused(Problem("case.postponed_until", {"day": until.isoformat(), "today": today.isoformat()}))
    data = {"until": until.isoformat(), "reason": _reason(reason)}
    return _change(engine, actor, case_id, "postponed", data, now, expected)


def bring_back(
    engine: Engine, actor: Actor, case_id: str, reason: str, now: datetime, *, expected: int | None = None
) -> Case:
    """Return a postponed case to its state, a question to the customer to the owner, or an order that is cancelled."""
    return _change(engine, actor, case_id, "returned", {"reason": _reason(reason)}, now, expected)


def approve(
    engine: Engine, actor: Actor, case_id: str, quantity: int, reason: str, now: datetime, *,
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Approve an open case without asking the customer, for a reason."""
    data = {"quantity": need_quantity(quantity), "needed": False, "reason": _reason(reason)}
    return _change(engine, actor, case_id, "consent_given", data, now, expected)


def close(
    engine: Engine, actor: Actor, case_id: str, reason: str, now: datetime, *, expected: int | None = None
) -> Case:
    """Close a case short, for a reason; a shortage that lasts opens no other one unless it grows."""
    return _change(engine, actor, case_id, "closed", {"reason": _reason(reason)}, now, expected)


def reopen(
    engine: Engine, actor: Actor, case_id: str, reason: str, now: datetime, *, expected: int | None = None
) -> Case:
    """Open a case again that has ended, if its licence has no other open case."""
    return _change(engine, actor, case_id, "reopened", {"reason": _reason(reason)}, now, expected)


def set_quantity(
    engine: Engine, actor: Actor, case_id: str, quantity: int, now: datetime, *, waiting: int | None = None,
    reason: str = "", expected: int | None = None,
) -> Case:  # fmt: skip
    """Change how many seats are wanted, and how many people wait; what was asked or approved is asked anew."""
    actor.need(Action.CASES)
    data: dict[str, Any] = {"quantity": need_quantity(quantity), "reason": bounded_note(reason)}
    if waiting is not None:
        data["waiting"] = need_waiting(waiting)
    with transaction(engine) as connection:
        case = write(connection, need_case(connection, case_id, expected), "quantity_changed", data, actor, now)
        if not case.waiting or case.priority_set or case.priority == CRITICAL or not case.missing:
            return case
        urgent = {"priority": CRITICAL, "by_rule": True}  # people wait, and there is no seat
        return write(connection, case, "priority_changed", urgent, PRODUCT, now, who="product")


def set_priority(
    engine: Engine, actor: Actor, case_id: str, priority: str, now: datetime, *, reason: str = "",
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Set the priority, which no rule changes afterwards."""
    if priority not in PRIORITIES:
        raise CaseRefused(Problem("case.priority_unknown", {"priority": visible(priority)[:40]}))
    data = {"priority": priority, "reason": bounded_note(reason)}
    return _change(engine, actor, case_id, "priority_changed", data, now, expected)


def bundle(engine: Engine, actor: Actor, case_ids: Sequence[str], now: datetime) -> list[Case]:
    """Join open cases of one customer for one consent and one order; one that is joined already moves over."""
    actor.need(Action.CASES)
    wanted = sorted(set(case_ids))
    if not 2 <= len(wanted) <= MOST_IN_BUNDLE:
        raise CaseRefused(Problem("case.bundle_size", {"most": str(MOST_IN_BUNDLE)}))
    with transaction(engine) as connection:
        found = {case.case_id: case for case in (need_case(connection, case_id) for case_id in wanted)}
        joined = [found[case_id] for case_id in sorted(found)]
        if len(joined) < 2:
            raise CaseRefused(Problem("case.bundle_size", {"most": str(MOST_IN_BUNDLE)}))
        if len({case.tenant_id for case in joined}) > 1:
            raise CaseRefused(Problem("case.bundle_of_several", {"number": joined[-1].number}))
        data = {"bundle_id": uuid4().hex, "numbers": [case.number for case in joined]}
        return [write(connection, case, "bundled", data, actor, now) for case in joined]


def unbundle(engine: Engine, actor: Actor, case_id: str, now: datetime, *, expected: int | None = None) -> Case:
    """Take a case out of its bundle."""
    return _change(engine, actor, case_id, "bundled", {"bundle_id": ""}, now, expected)


def _change(
    engine: Engine, actor: Actor, case_id: str, kind: str, data: Mapping[str, Any], now: datetime, expected: int | None
) -> Case:
    actor.need(Action.CASES)
    with transaction(engine) as connection:
        case = need_case(connection, case_id, expected)
        if kind == "reopened":
            _need_no_other(connection, case)
        if kind in ("closed", "reopened"):
            data = {**units_of_case(connection, case), **data}
        return write(connection, case, kind, data, actor, now)


def units_of_case(connection: Transaction, case: Case) -> dict[str, Any]:
    """Return the units of the licence as last read, for the data of an event that ends the case; {} if unknown.

    What is missing then is what a later reading is compared with: more is a new demand.
    """
    row = stored_units(connection, *case.key)
    if row is None or not row["present"]:
        return {}
    free, since = row["enabled"] - row["consumed"], row["short_since"]
    return {
        "enabled": row["enabled"],
        "free": free,
        "missing": max(0, case.missing + case.free - free) if case.missing else 0,
        "stage": row["stage"] or "ok",
        "short_since": since.isoformat() if since else None,
    }


def _need_no_other(connection: Transaction, case: Case) -> None:
    """Raise CaseRefused if the licence of an ended case has an open one."""
    newest = newest_cases_of(connection, [case.key]).get(case.key)
    if newest is not None and newest.is_open and newest.case_id != case.case_id:
        raise CaseRefused(Problem("case.open_already", {"number": newest.number}))


def need_quantity(quantity: int) -> int:
    """Return the quantity. Raises CaseRefused unless it is a whole number from 1 to LARGEST_QUANTITY."""
    if type(quantity) is not int or not 1 <= quantity <= LARGEST_QUANTITY:
        raise CaseRefused(Problem("case.quantity", {"quantity": str(quantity)[:20], "most": f"{LARGEST_QUANTITY}"}))
    return quantity


def need_waiting(waiting: int) -> int:
    """Return how many people wait. Raises CaseRefused unless it is a whole number from 0 to LARGEST_QUANTITY."""
    if type(waiting) is not int or not 0 <= waiting <= LARGEST_QUANTITY:
        raise CaseRefused(Problem("case.waiting", {"quantity": str(waiting)[:20], "most": f"{LARGEST_QUANTITY}"}))
    return waiting


def bounded_note(text: str) -> str:
    """Return a note or comment as `bounded` does."""
    return bounded(text, LONGEST_TEXT)


def _reason(text: str) -> str:
    return bounded(text, LONGEST_REASON)


def bounded(text: str, most: int) -> str:
    """Return the text with its line breaks, as both databases can store it. Raises CaseRefused if it is too long."""
    stripped = "\n".join(visible(line.rstrip()) for line in text.splitlines()).strip()
    if len(stripped) > most:
        raise CaseRefused(Problem("case.text_too_long", {"most": str(most), "length": str(len(stripped))}))
    return stripped
