"""The tables of real HTML in a page under test: what they show, and what a click on them sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

TABLE = "lizenztool.html_table"


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table as it is sent to the browser: `rows` are cells by the id of their column, `ids` those of the rows.

    What stands small below the words of a cell has the id of its column with ".sub".
    """

    name: str
    titles: list[str]
    ids: list[str]
    rows: list[dict[str, str]]
    total: int
    widget: str

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]


def html_tables(app: AppTest) -> list[ShownTable]:
    """Return the tables of the page in their order."""
    return [shown_table(found.proto) for found in app.get("bidi_component") if found.proto.component_name == TABLE]


def html_table(app: AppTest, name: str) -> ShownTable:
    """Return the table with this accessible name."""
    return next(table for table in html_tables(app) if table.name == name)


def click(app: AppTest, table: ShownTable, row: int, column: str) -> AppTest:
    """Click the name in this row, as the browser tells it."""
    return send(app, table, "open", {"row": table.ids[row], "column": column})


def switch(app: AppTest, table: ShownTable, row: int, column: str, *, on: bool) -> AppTest:
    """Click the switch in this row, as the browser tells it."""
    return send(app, table, "switch", {"row": table.ids[row], "column": column, "on": on})


def send(app: AppTest, table: ShownTable, event: str, value: Any) -> AppTest:
    """Run the page with an event of the table."""
    states = app._tree.get_widget_states()
    states.widgets.append(event_of(table.widget, event, value))
    return app._run(states)


def event_of(widget: str, event: str, value: Any) -> WidgetState:
    """Return what a browser sends for an event of the table with this id."""
    sent = json.dumps([{"event": event, "value": value}])
    return WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{widget}__events", json_trigger_value=sent)


def shown_table(proto: Any) -> ShownTable:
    """Return what Streamlit sends to the browser as a table."""
    table = json.loads(proto.bytes)
    columns = [column["id"] for column in table["columns"]]
    return ShownTable(
        table["name"],
        [column["title"] for column in table["columns"]],
        [row["id"] for row in table["rows"]],
        [_row(columns, row["cells"]) for row in table["rows"]],
        table["total"],
        proto.id,
    )


def _row(columns: list[str], cells: list[Any]) -> dict[str, str]:
    subs = {f"{name}.sub": cell["sub"] for name, cell in zip(columns, cells, strict=True) if "sub" in (cell or ())}
    return dict(zip(columns, map(_words, cells), strict=True)) | subs


def _words(cell: Any) -> str:
    if isinstance(cell, dict) and "on" in cell:
        return ("on" if cell["on"] else "off") + (", disabled" if cell["disabled"] else "")
    if isinstance(cell, dict) and "act" in cell:
        return f"{cell['text']} [{cell['act']}]".strip()
    if isinstance(cell, dict):
        return " ".join(chip["text"] for chip in cell["chips"]) if "chips" in cell else str(cell["text"])
    return "" if cell is None else str(cell)
