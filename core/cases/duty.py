"""What cases need once a minute: postponed ones return on their day, and lists show what is due by today's levels."""

from __future__ import annotations

import logging
from datetime import datetime, tzinfo

from sqlalchemy import Engine

from core.cache.case_duties import (
    due_back,
    mark_of_terms,
    near_cases,
    open_cases_after,
    save_mark,
    save_steps,
    something_is_due,
    stored_mark,
)
from core.cache.case_rows import events_in, lock_cases
from core.cache.sql import transaction
from core.cases.demand import MEDIUM, SOON
from core.cases.product_events import PRODUCT
from core.cases.storing import step_of
from core.cases.terms import terms_in
from core.cases.writing import write

log = logging.getLogger(__name__)


def tend_cases(engine: Engine, zone: tzinfo, now: datetime) -> int:
    """Do what is due; return how many cases have changed. Raises DatabaseError."""
    today = now.astimezone(zone).date()
    count = 0
    if something_is_due(engine, today, today + SOON):
        with transaction(engine) as connection:
            lock_cases(connection)
            for case in due_back(connection, today):
                write(connection, case, "returned", {}, PRODUCT, now, who="product")
                count += 1
            for case in near_cases(connection, today + SOON):
                data = {"priority": MEDIUM, "by_rule": True}
                write(connection, case, "priority_changed", data, PRODUCT, now, who="product")
                count += 1
        log.info("%d cases have come back or become urgent", count)
    return count + renew_steps(engine, now)


def renew_steps(engine: Engine, now: datetime) -> int:
    """Compute the next steps of all open cases again if levels or calendars have changed; return how many moved."""
    mark, moved, last = mark_of_terms(engine), 0, ""
    if mark == stored_mark(engine):
        return 0
    while True:
        with transaction(engine) as connection:
            lock_cases(connection)
            stored = open_cases_after(connection, last)
            if not stored:
                save_mark(connection, mark)
                break
            book = terms_in(connection, {case.tenant_id for case, _ in stored})
            history = events_in(connection, [case.case_id for case, _ in stored])
            steps = {
                case.case_id: step
                for case, before in stored
                if (step := step_of(case, history[case.case_id], book.of(case.tenant_id))) != before
            }
            save_steps(connection, steps)
        moved, last = moved + len(steps), stored[-1][0].case_id
    if moved:
        log.info("levels or calendars have changed: %d cases are due at another time", moved)
    return moved
