"""A table of real HTML, as a Streamlit component: its rows are read by screen readers, its names are buttons.

Streamlit's own table is a picture (canvas) that takes the mouse wheel, speaks English and does not tell how it is
sorted. The component is `ui/component/html_table.js`; what it is sent and what it answers is described here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import streamlit as st

from ui import format as fmt
from ui.frame import language
from ui.own_components import show_component
from ui.texts import text

FIRST_ROWS, MORE_ROWS = 50, 100

Kind = Literal["text", "number", "time", "word", "chip", "bar", "code", "open", "switch", "case"]
OPENING: tuple[Kind, ...] = ("open", "chip", "case")  # in which a click opens something
Direction = Literal["ascending", "descending", "none"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `sort` is how the rows are sorted by it, "none" if they could be, None if they cannot."""

    id: str
    title: str
    kind: Kind = "text"
    sort: Direction | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a text for each column, or a mapping with `text` and `sub`, `title`, `tone`, `share`, `chips` or `label`.

    `label` is what a screen reader says for a name that stands in several rows; it begins with the name.
    `chips` are mappings with `text`, `tone` and, if a click on it opens something, a `label`.
    A switch is a mapping with `text` (its accessible name), `on` and `disabled`.
    A case has a door (`text`, `label`), a button (`act`, `actLabel`: what it does, and to whom), or both.
    """

    id: str
    cells: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did: `open` a cell, `act` by its button, `switch` it, `sort` by a column, show `more`.

    `row` is the id of a row and not its position, because rows move before a click on them arrives.
    """

    what: Literal["open", "act", "sort", "more", "switch"]
    row: str = ""
    column: str = ""
    on: bool = False  # what the switch is to be


def titled_columns(
    kinds: Mapping[str, Kind],
    language: str | None = None,
    *,
    titles: Mapping[str, str] = MappingProxyType({}),
    sorts: Mapping[str, Direction] = MappingProxyType({}),
) -> list[Column]:
    """Return a column for each name in `kinds`, under the text `column.<name>`, or that of another name in `titles`."""
    return [
        Column(name, text(f"column.{titles.get(name, name)}", language), kind, sorts.get(name))
        for name, kind in kinds.items()
    ]


def show_table(
    key: str, name: str, columns: Sequence[Column], rows: Sequence[Row], *, total: int, edition: int = 0
) -> Event | None:
    """Show the rows, the first of `total`, and return what somebody has just done with them.

    `name` is read out by screen readers. If there are more rows, a line below says so and has a button for them.
    A switch that was clicked is busy until the table differs: another `edition` is drawn anew even if equal.
    """
    lang = language.current()
    is_part = len(rows) < total
    counts = {"shown": fmt.number(len(rows), lang), "total": fmt.number(total, lang)}
    described = {
        "name": name, "columns": [asdict(column) for column in columns],
        "rows": [{"id": row.id, "cells": row.cells} for row in rows],
        "total": total, "edition": edition, "shown": text("table.part", lang, **counts) if is_part else "",
        "more": text("table.more", lang) if is_part else "",
    }  # fmt: skip
    events = ("open", "act", "sort", "more", "switch")
    answer = show_component(
        "html_table", '<div class="lt-root"></div>', key=key, description=described, events=events, css=True
    )
    event = _event(answer, {column.id: column.kind for column in columns})
    if event is not None and event.row and event.row not in {row.id for row in rows}:
        st.info(text("table.row_gone", lang), icon=":material/info:")
        return None
    return event


def show_first_rows(
    key: str,
    name: str,
    columns: Sequence[Column],
    first_rows: Callable[[int], Sequence[Row]],
    *,
    total: int,
    most: int = FIRST_ROWS,
    edition: int = 0,
) -> Event | None:
    """Show at most `most` rows, and more after each click on the button below; return any other event.

    `first_rows` returns as many rows as it is asked for, so that only the rows that are shown are made.
    """
    count = rows_shown(key, most)
    event = show_table(key, name, columns, first_rows(count), total=total, edition=edition)
    if event is not None and event.what == "more":
        st.session_state[f"_shown_{key}"] = count + MORE_ROWS
        st.rerun()
    return event


def rows_shown(key: str, most: int = FIRST_ROWS) -> int:
    """Return how many rows `show_first_rows` shows, for a table whose rows the database gives page by page."""
    return int(st.session_state.get(f"_shown_{key}", most))


def show_whole_table(key: str, name: str, columns: Sequence[Column], rows: Sequence[Row]) -> str | None:
    """Show the first of the rows and a button for more; return the id of the row whose name was clicked."""
    event = show_first_rows(key, name, columns, lambda count: rows[:count], total=len(rows))
    return event.row if event is not None and event.what == "open" else None


def _event(answer: Any, columns: dict[str, Kind]) -> Event | None:
    """Return the event in the answer; None for what no table of ours can have sent."""
    match answer.open, answer.act, answer.switch, answer.sort, answer.more:
        case {"row": str(row), "column": str(column)}, _, _, _, _ if columns.get(column) in OPENING:
            return Event("open", row, column)
        case _, {"row": str(row), "column": str(column)}, _, _, _ if columns.get(column) == "case":
            return Event("act", row, column)
        case _, _, {"row": str(row), "column": str(column), "on": bool(on)}, _, _ if columns.get(column) == "switch":
            return Event("switch", row, column, on)
        case _, _, _, str(column), _ if column in columns:
            return Event("sort", column=column)
        case _, _, _, _, int(shown) if shown > 0:
            return Event("more")
    return None
