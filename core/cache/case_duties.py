"""What becomes due in the cases by the mere passing of time, or because levels and calendars have changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, or_, select, update

from core.cache.case_rows import AT_A_TIME, CASES_VERSION, COLUMNS, Case, StoredStep
from core.cache.schema import calendars, cases, levels, tenants
from core.cache.sql import document, increase_version, save_document, transaction
from core.cache.tenant_rows import HIDDEN

OPEN = cases.c.closed_at.is_(None)
SHOWN = cases.c.tenant_id.not_in(HIDDEN)  # a tenant that leaves rests; its cases follow at once if it stays
STEPS_BY = "case_steps_by"  # the document with the mark of what the stored steps were computed by
_SET = update(cases).where(cases.c.case_id == bindparam("of_case"))


def _back(today: date) -> Any:
    return SHOWN & (cases.c.state == "postponed") & (cases.c.postponed_until <= today)


def _near(until: date) -> Any:
    return SHOWN & OPEN & cases.c.priority_set.is_(False) & (cases.c.priority == "low") & (cases.c.wanted_at <= until)


def something_is_due(engine: Engine, today: date, until: date) -> bool:
    """Return True if a postponed case returns today, or a day for which a case was opened is not after `until`."""
    with transaction(engine) as connection:
        return connection.execute(select(cases.c.case_id).where(or_(_back(today), _near(until)))).first() is not None


def due_back(connection: Connection, today: date) -> list[Case]:
    """Return the postponed cases whose day has come, locked against other writers."""
    return _cases(connection, select(*COLUMNS).where(_back(today)))


def near_cases(connection: Connection, until: date) -> list[Case]:
    """Return the cases of low priority, by the rule, whose day is not after `until`, locked against other writers."""
    return _cases(connection, select(*COLUMNS).where(_near(until)))


def _cases(connection: Connection, query: Select[Any]) -> list[Case]:
    return [Case(*row) for row in connection.execute(query.order_by(cases.c.case_id).with_for_update())]


def mark_of_terms(engine: Engine) -> str:
    """Return what is another with every change of a level, a calendar or the level of a tenant."""
    queries = (
        select(levels.c.key, levels.c.version, levels.c.calendar).order_by(levels.c.key),
        select(calendars.c.key, calendars.c.version).order_by(calendars.c.key),
        select(tenants.c.tenant_id, tenants.c.level).order_by(tenants.c.tenant_id),
    )
    with transaction(engine) as connection:
        rows = [[tuple(row) for row in connection.execute(query)] for query in queries]
    return sha256(repr(rows).encode()).hexdigest()


def stored_mark(engine: Engine) -> str:
    """Return the mark by which the stored steps were computed, "" for none."""
    return str(document(engine, STEPS_BY, ""))


def save_mark(connection: Connection, mark: str) -> None:
    save_document(connection, STEPS_BY, mark)


def open_cases_after(connection: Connection, case_id: str) -> list[tuple[Case, StoredStep]]:
    """Return the next AT_A_TIME open cases after the id `case_id`, each with its stored step."""
    query = select(*COLUMNS, cases.c.next_action, cases.c.due_at).where(OPEN, cases.c.case_id > case_id)
    rows = connection.execute(query.order_by(cases.c.case_id).limit(AT_A_TIME))
    return [(Case(*row[:-2]), StoredStep(*row[-2:])) for row in rows]


def save_steps(connection: Connection, steps: Mapping[str, StoredStep]) -> None:
    """Store the next steps of cases: case id -> step."""
    if steps:
        values: Collection[dict[str, Any]] = [{"of_case": case_id, **step._asdict()} for case_id, step in steps.items()]
        connection.execute(_SET, list(values))
        increase_version(connection, CASES_VERSION)
