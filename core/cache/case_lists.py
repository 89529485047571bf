"""Lists of cases for pages and programs: filtered, sorted, one page at a time; without tenants that leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select
from sqlalchemy import case as sql_case

from core.bounds import search_words, visible
from core.cache.case_rows import COLUMNS, Case
from core.cache.schema import cases, tenants
from core.cache.sql import transaction
from core.cache.tenant_rows import HIDDEN

Sort = Literal["due", "opened", "changed", "priority", "number"]
SORTS: tuple[Sort, ...] = ("due", "opened", "changed", "priority", "number")
NUMBER = (func.substr(cases.c.number, 1, 4), func.length(cases.c.number), cases.c.number)  # 9999 comes before 10000
RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}
WAITS_FOR_A_DAY = "await_day"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are wanted; empty fields match all.

    `owner`: an account, "" for cases of nobody, None for all; `overdue_at`: open cases whose next step was due by then;
    all `words` must be in number, product, note or the name of the tenant.
    """

    states: Sequence[str] = ()
    tenant_ids: Sequence[str] = ()
    sku_ids: Sequence[str] = ()
    owner: str | None = None
    is_open: bool | None = None
    overdue_at: datetime | None = None
    bundle_id: str = ""
    words: str = ""


class ListedCase(NamedTuple):
    """A case in a list, with its next step (`core.cases.next_step`) and the name of its tenant."""

    case: Case
    next_action: str
    due_at: datetime | None
    tenant: str


def case_page(
    engine: Engine, wanted: CaseFilter, *, sort: Sort = "due", descending: bool = False, limit: int, offset: int = 0
) -> tuple[list[ListedCase], int]:
    """Return at most `limit` cases after `offset`, and the number of all that match; those due first come first."""
    where = _where(wanted)
    # The ids first: to sort whole rows takes several times as long.
    page = _joined(select(cases.c.case_id), wanted).where(where).order_by(*_order(sort, descending=descending))
    query = select(*COLUMNS, cases.c.next_action, cases.c.due_at, tenants.c.name).join(tenants)
    with transaction(engine) as connection:
        total = connection.execute(_joined(select(func.count()), wanted).where(where)).scalar_one()
        case_ids = list(connection.execute(page.limit(limit).offset(offset)).scalars())
        rows = connection.execute(query.where(cases.c.case_id.in_(case_ids)))
        by_id = {row.case_id: ListedCase(Case(*row[:-3]), *row[-3:]) for row in rows}
    return [by_id[case_id] for case_id in case_ids], int(total)


def count_by_state(engine: Engine, wanted: CaseFilter) -> Mapping[str, int]:
    """Return state -> number of the cases that match."""
    query = _joined(select(cases.c.state, func.count()), wanted).where(_where(wanted)).group_by(cases.c.state)
    with transaction(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _joined(query: Select[Any], wanted: CaseFilter) -> Select[Any]:
    """Return the query with the tenants if the filter looks at their names."""
    return query.select_from(cases.join(tenants) if wanted.words else cases)


def _order(sort: Sort, *, descending: bool) -> list[ColumnElement[Any]]:
    """Return what to sort by; the number decides between equals, so that pages do not overlap."""
    column: ColumnElement[Any] = {
        "due": cases.c.due_at,
        "opened": cases.c.opened_at,
        "changed": cases.c.changed_at,
        "priority": sql_case(RANK, value=cases.c.priority, else_=len(RANK)),
        "number": NUMBER[0],
    }[sort]
    first = column.desc() if descending else column.asc()
    return [
        first.nulls_last() if sort == "due" else first,  # the others are never empty, and have an index so
        *(place.desc() if descending else place for place in NUMBER),
    ]


def _where(wanted: CaseFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        column.in_([visible(value) for value in values])
        for column, values in (
            (cases.c.state, wanted.states), (cases.c.tenant_id, wanted.tenant_ids), (cases.c.sku_id, wanted.sku_ids)
        )
        if values
    ]  # fmt: skip
    conditions.append(cases.c.tenant_id.not_in(HIDDEN))
    if wanted.owner is not None:
        conditions.append(cases.c.owner == visible(wanted.owner))
    if wanted.is_open is not None:
        conditions.append(cases.c.closed_at.is_(None) if wanted.is_open else cases.c.closed_at.is_not(None))
    if wanted.overdue_at is not None:
        late = cases.c.closed_at.is_(None) & (cases.c.next_action != WAITS_FOR_A_DAY)
        conditions.append(late & (cases.c.due_at < wanted.overdue_at))
    if wanted.bundle_id:
        conditions.append(cases.c.bundle_id == visible(wanted.bundle_id))
    for word in search_words(visible(wanted.words)):
        places = (cases.c.number, cases.c.sku_part_number, cases.c.note, tenants.c.name)
        conditions.append(or_(*(place.icontains(word, autoescape=True) for place in places)))
    return and_(True, *conditions)
