"""The table of cases, and its files: rows come from the database page by page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import streamlit as st
from sqlalchemy import Engine

from core import runtime
from core.cache.case_lists import CaseFilter, ListedCase, Sort, case_page
from core.cache.case_read_rows import unread_cases
from core.cache.case_rows import Case
from ui import format as fmt
from ui.cases import case_words
from ui.cases.case_words import listed_step
from ui.cases.chosen_case import open_case
from ui.frame import language
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.html_table import FIRST_ROWS, Direction, Event, Kind, Row, rows_shown, show_first_rows, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {
    "case": "open", "tenant": "open", "quantity": "number", "state": "chip", "priority": "chip", "owner": "text",
    "next_step": "word", "open_since": "time", "product": "open",
}  # fmt: skip
ALL = tuple(name for name in KINDS if name != "product")
OF_TENANT = ("case", "product", *ALL[2:])
TITLES = {"tenant": "customer_and_product"}
MOST_IN_FILE = 200_000


def show_cases(
    key: str, name: str, wanted: CaseFilter, snapshot: Snapshot, view: View, account: str, *,
    sort: Sort = "due", descending: bool = False, columns: Sequence[str] = ALL, most: int = FIRST_ROWS,
) -> Event | None:  # fmt: skip
    """Show the first of the matching cases; a click on a name opens the page of the case. Return any other event."""
    page = first_page(key, wanted, sort=sort, descending=descending, most=most)
    return show_page(key, name, page, snapshot, view, account, columns=columns, most=most)


class CasePage(NamedTuple):
    """The first of the matching cases, and the number of all."""

    listed: Sequence[ListedCase]
    total: int


def first_page(
    key: str, wanted: CaseFilter, *, sort: Sort = "due", descending: bool = False, most: int = FIRST_ROWS
) -> CasePage:
    """Return as many cases as the table `key` shows."""
    engine, limit = runtime.current().engine, rows_shown(key, most)
    return CasePage(*case_page(engine, wanted, sort=sort, descending=descending, limit=limit))


def show_page(
    key: str, name: str, page: CasePage, snapshot: Snapshot, view: View, account: str, *,
    columns: Sequence[str] = ALL, sorts: dict[str, Direction] | None = None, most: int = FIRST_ROWS,
) -> Event | None:  # fmt: skip
    """Show these cases; a click on a name opens the page of the case. Return any other event."""
    listed, total = page
    if not total:
        st.info(text("cases.none"), icon=":material/info:")
        return None
    unread = unread_cases(runtime.current().engine, account, [one.case.case_id for one in listed])
    kinds = {column: KINDS[column] for column in columns}
    rows = case_rows(listed, unread, snapshot, view, columns)
    event = show_first_rows(
        key, name, titled_columns(kinds, titles=TITLES, sorts=sorts or {}), lambda count: rows[:count], total=total,
        most=most,
    )  # fmt: skip
    if event is not None and event.what == "open":
        open_case(event.row)
    return event


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table before it is in words: a case, the name of its product, and if it is new to the reader."""

    listed: ListedCase
    product: str
    unread: bool

    @property
    def case(self) -> Case:
        return self.listed.case


def case_rows(
    listed: Sequence[ListedCase], unread: Collection[str], snapshot: Snapshot, view: View, columns: Sequence[str]
) -> list[Row]:
    """Return the rows of the table; the id of a row is the number of its case."""
    lines = [Line(one, snapshot.product_name(one.case, view.language), one.case.case_id in unread) for one in listed]
    return [Row(line.case.number, [CELLS[name](line, view) for name in columns]) for line in lines]


def _number(line: Line, view: View) -> Any:
    number, new = line.case.number, text("cases.unread", view.language)
    return {"text": number, "label": f"{number}, {new}", "sub": new} if line.unread else {"text": number}


def _tenant(line: Line, view: View) -> Any:
    tenant = line.listed.tenant
    return {"text": tenant, "sub": line.product, "label": f"{tenant}, {line.product}, {line.case.number}"}


def _product(line: Line, view: View) -> Any:
    return {"text": line.product, "label": f"{line.product}, {line.case.number}"}


def _quantity(line: Line, view: View) -> Any:
    seats = case_words.seats_words(line.case.under_way, line.case.waiting, view.language)
    return {"text": fmt.number(line.case.quantity, view.language), "sub": seats}


def _state(line: Line, view: View) -> Any:
    return {"chips": [case_words.state_chip(line.case, view.language)]}


def _priority(line: Line, view: View) -> Any:
    tone = case_words.PRIORITY_TONES.get(line.case.priority, "quiet")
    return {"chips": [{"text": case_words.priority_word(line.case.priority, view.language), "tone": tone}]}


def _owner(line: Line, view: View) -> Any:
    return case_words.owner_words(line.case, view.language)


def _next_step(line: Line, view: View) -> Any:
    return case_words.step_cell(listed_step(line.listed, view.now), view)


def _since(line: Line, view: View) -> Any:
    opened_at = line.case.opened_at
    return {
        "text": fmt.since(opened_at, view.now, view.language),
        "title": fmt.moment(opened_at, view.language, view.zone),
    }


CELLS: dict[str, Callable[[Line, View], Any]] = {
    "case": _number, "tenant": _tenant, "product": _product, "quantity": _quantity, "state": _state,
    "priority": _priority, "owner": _owner, "next_step": _next_step, "open_since": _since,
}  # fmt: skip


def cases_export(engine: Engine, wanted: CaseFilter, snapshot: Snapshot, now: datetime, sort: Sort) -> pa.Table:
    """Return the matching cases as a table for a file."""
    lang = language.current()
    listed, _ = case_page(engine, wanted, sort=sort, limit=MOST_IN_FILE)
    cases = [one.case for one in listed]
    steps = [listed_step(one, now) for one in listed]
    times = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "case": [case.number for case in cases],
            "tenant": [one.tenant for one in listed],
            "product": [snapshot.product_name(case, lang) for case in cases],
            "state": [case_words.state_of_case(case.state, lang) for case in cases],
            "priority": [case_words.priority_word(case.priority, lang) for case in cases],
            "owner": [case.owner_name for case in cases],
            **{
                name: pa.array([getattr(case, name) for case in cases], pa.int64())
                for name in ("quantity", "waiting", "ordered", "delivered", "free", "missing")
            },
            "next_step": ["" if step.action == "none" else text(f"case.step.{step.action}", lang) for step in steps],
            "due_at": pa.array([step.due_at for step in steps], times),
            "opened_at": pa.array([case.opened_at for case in cases], times),
            "closed_at": pa.array([case.closed_at for case in cases], times),
            "wanted_at": pa.array([case.wanted_at for case in cases], pa.date32()),
            "case_note": [case.note for case in cases],
            "sku_part_number": [case.sku_part_number for case in cases],
        }
    )
