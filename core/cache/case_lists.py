"""Lists of cases for pages and programs: filtered, sorted, one page at a time; without tenants that leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select
from sqlalchemy import case as sql_case

from core.bounds import search_words, visible
from core.cache.case_rows import COLUMNS, Case
from core.cache.schema import cases, tenants
from core.cache.sql import transaction
from core.cache.tenant_rows import HIDDEN
from core.name_key import sort_key

Sort = Literal["due", "opened", "changed", "priority", "number"]
SORTS: tuple[Sort, ...] = ("due", "opened", "changed", "priority", "number")
NUMBER = (func.substr(cases.c.number, 1, 4), func.length(cases.c.number), cases.c.number)  # 9999 comes before 10000
RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}
WAITS_FOR_A_DAY = "await_day"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are wanted; empty fields match all.

    `owner`: an account, "" for cases of nobody, None for all; `overdue_at`: open cases whose next step was due by then;
    all `words` must be in number, product, owner, note or the name of the tenant, as `core.name_key.sort_key` compares
    them; `skus_by_word`: folded word -> ids of the products in whose name it is, which the database does not know.
    """

    states: Sequence[str] = ()
    tenant_ids: Sequence[str] = ()
    sku_ids: Sequence[str] = ()
    priorities: Sequence[str] = ()
    owner: str | None = None
    is_open: bool | None = None
    overdue_at: datetime | None = None
    bundle_id: str = ""
    words: str = ""
    skus_by_word: Mapping[str, Collection[str]] = field(default_factory=dict)


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
    # The ids first: to sort whole rows takes several times as long.
    query = select(*COLUMNS, cases.c.next_action, cases.c.due_at, tenants.c.name).join(tenants)
    with transaction(engine) as connection:
        where = _where(connection, wanted)
        page = _joined(select(cases.c.case_id), wanted).where(where).order_by(*_order(sort, descending=descending))
        total = connection.execute(_joined(select(func.count()), wanted).where(where)).scalar_one()
        case_ids = list(connection.execute(page.limit(limit).offset(offset)).scalars())
        rows = connection.execute(query.where(cases.c.case_id.in_(case_ids)))
        by_id = {row.case_id: ListedCase(Case(*row[:-3]), *row[-3:]) for row in rows}
    return [by_id[case_id] for case_id in case_ids], int(total)


def count_by_state(engine: Engine, wanted: CaseFilter) -> Mapping[str, int]:
    """Return state -> number of the cases that match."""
    query = _joined(select(cases.c.state, func.count()), wanted).group_by(cases.c.state)
    with transaction(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query.where(_where(connection, wanted)))}


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


def _where(connection: Connection, wanted: CaseFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        column.in_([visible(value) for value in values])
        for column, values in (
            (cases.c.state, wanted.states), (cases.c.tenant_id, wanted.tenant_ids), (cases.c.sku_id, wanted.sku_ids),
            (cases.c.priority, wanted.priorities),
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
    words = search_words(visible(wanted.words))
    accented = _accented_names(connection) if words else {}
    conditions += [_with_word(word, wanted, accented) for word in words]
    return and_(True, *conditions)


def _with_word(word: str, wanted: CaseFilter, accented: Mapping[str, str]) -> ColumnElement[bool]:
    """Return the condition that the word is in a case; `accented`: what `_accented_names` returns."""
    key = sort_key(word)
    named = [tenant_id for tenant_id, name in accented.items() if key in name]
    places = (cases.c.number, cases.c.sku_part_number, cases.c.owner_name, cases.c.note, tenants.c.name)
    return or_(
        *(place.icontains(spelling, autoescape=True) for place in places for spelling in dict.fromkeys((word, key))),
        cases.c.tenant_id.in_(named),
        cases.c.sku_id.in_(wanted.skus_by_word.get(key, ())),
    )


def _accented_names(connection: Connection) -> dict[str, str]:
    """Return the folded name of each tenant whose name the database cannot fold: it knows the letters A to Z alone."""
    names = connection.execute(select(tenants.c.tenant_id, tenants.c.name))
    return {row.tenant_id: sort_key(row.name) for row in names if not row.name.isascii()}
