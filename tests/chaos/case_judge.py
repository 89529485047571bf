"""Judge the shortage cases by the database alone: none is missing, none doubled, none open without a reason.

The rules hold after every refresh, however it ended:

- no licence has two open cases, and the numbers of a year have no gaps;
- what a tenant that was read is short of has an open case, if the tenant is monitored (nobody closes cases here);
- an open case whose licence is not short has seen its first good reading, and no second one, unless seats are ordered;
- a second case of a licence comes more than a week after the end of the one before, and names it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.cast import read_only, readings

TWO_OPEN = """select tenant_id, sku_id, count(*) from cases where closed_at is null
    group by tenant_id, sku_id having count(*) > 1"""
NUMBERS = "select substr(number, 1, 4), count(*), max(cast(substr(number, 6) as integer)) from cases group by 1"
NO_CASE = """select t.slug, l.sku_id, l.stage from licenses l join tenants t using (tenant_id)
    where l.stage in ('short', 'over') and t.monitored and not exists (select 1 from cases c
        where c.tenant_id = l.tenant_id and c.sku_id = l.sku_id and c.closed_at is null)"""
NO_REASON = """select c.number, l.stage, c.good_since, t.last_read_at from cases c join tenants t using (tenant_id)
    left join licenses l on l.tenant_id = c.tenant_id and l.sku_id = c.sku_id
    where c.closed_at is null and c.ordered <= c.delivered and coalesce(l.stage, '') not in ('short', 'over')
    and (c.good_since is null or c.good_since != t.last_read_at)"""
AGAIN = """select b.number, a.closed_at, b.opened_at, b.follows = a.case_id from cases a join cases b
    on a.tenant_id = b.tenant_id and a.sku_id = b.sku_id and a.number < b.number"""


def wrong_cases(file: Path, before: dict[str, str]) -> list[str]:
    """What is wrong with the cases after a refresh; `before`: slug -> last good reading until then."""
    if not file.exists() or not read_only(file, "select 1 from sqlite_master where name = 'cases'"):
        return []
    read = {slug for slug, at in readings(file).items() if before.get(slug) != at}
    return [
        *judged(partial(read_only, file), read),
        *(f"open without a reason: {row}" for row in read_only(file, NO_REASON)),
        *(f"a second case too early: {row}" for row in read_only(file, AGAIN) if _too_early(*row)),
    ]


def judged(ask: Callable[[str], Sequence[Any]], read: Collection[str]) -> list[str]:
    """What is wrong by questions that both databases understand; `read` are the tenants that were just read."""
    return [
        *(f"two open cases: {row}" for row in ask(TWO_OPEN)),
        *(f"numbers with gaps: {row}" for row in ask(NUMBERS) if row[1] != row[2]),
        *(f"a shortage without a case: {row}" for row in ask(NO_CASE) if row[0] in read),
    ]


def _too_early(_number: str, closed_at: str | None, opened_at: str, names_it: int) -> bool:
    if closed_at is None or not names_it:
        return True
    week = timedelta(days=7)
    return datetime.fromisoformat(opened_at) - datetime.fromisoformat(closed_at) <= week
