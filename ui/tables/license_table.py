"""The licence table of a page: its rows, how it is shown, and its downloads."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import streamlit as st

from core import runtime
from core.audit import note_export
from core.cache.frame_index import Positions
from ui import format as fmt
from ui.frame import language
from ui.frame.identity import current_user
from ui.snapshots import Snapshot
from ui.tables import license_columns
from ui.tables.download_buttons import downloads
from ui.tables.license_filters import Filters, is_filtered, reset
from ui.tables.selection import chosen_row, selectable
from ui.tables.table_export import TableExport, export_of
from ui.texts import text

ALL = ("state", "tenant", "product", "enabled", "consumed", "free", "utilisation", "renews_at", "short_since",
       "sku_part_number", "kind", "sku_id")  # fmt: skip
OF_TENANT = tuple(name for name in ALL if name != "tenant")
ROW_PIXELS, HEADER_PIXELS = 35, 37


def table_of(snapshot: Snapshot, rows: Positions | None = None, names: tuple[str, ...] = ALL) -> pa.Table:
    """Return these rows of the licence table in this order (None: all), with a column for the rule if any decided."""
    whole = license_columns.license_table(snapshot, language.current(), runtime.current().settings.time_zone)
    return (whole if rows is None else whole.take(pa.array(rows))).select(
        _with_rule(names) if snapshot.index.ruled else list(names)
    )


def _with_rule(names: tuple[str, ...]) -> list[str]:
    place = names.index("sku_part_number") if "sku_part_number" in names else len(names)
    return [*names[:place], "rule", *names[place:]]


def show_licenses(table: pa.Table, ids: Sequence[str], key: str, name: str, *, most_rows: int = 15) -> int | None:
    """Show the table under the accessible `name`; return the chosen row, None for none. `ids` has one id per row."""
    if not table.num_rows:
        return None  # the empty grid would say so in English
    zone = runtime.current().settings.time_zone
    shown = st.dataframe(
        table,
        **selectable(key, ids),
        alt=name,
        hide_index=True,
        column_config=license_columns.column_config(language.current(), zone),
        height=HEADER_PIXELS + ROW_PIXELS * min(table.num_rows, most_rows),
        placeholder="",
    )
    return chosen_row(key, ids, shown)


def table_downloads(label: str, table: pa.Table, file: str) -> None:
    """Show the buttons that download exactly this table; the files are made after a click."""
    user = current_user()
    lang = language.current()

    def export() -> TableExport:
        note_export(runtime.current().engine, user, file, table.num_rows)
        return export_of(table, lang)

    downloads(text(label), file, file, export)


def section(title: str, table: pa.Table, file: str) -> None:
    """Show a heading, and beside it the downloads of the table below it."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(title, width="content")
        if table.num_rows:
            table_downloads("csv.table", table, file)


def count_and_downloads(snapshot: Snapshot, shown: pa.Table, filters: Filters) -> None:
    """Show how many rows match, the button that clears the filters, and the downloads."""
    lang, total = language.current(), len(snapshot.licenses)
    with st.container(horizontal=True, vertical_alignment="center", key="tools"):
        counts = {"shown": fmt.number(shown.num_rows, lang), "total": fmt.number(total, lang)}
        hint = f" · :gray[{text('table.hint')}]" if shown.num_rows else ""
        hidden = snapshot.index.count("hidden")
        left_out = f" · {text('table.hidden', count=fmt.number(hidden, lang))}" if hidden else ""
        st.markdown(text("table.count", **counts) + left_out + hint, width="content")
        if is_filtered(filters):
            st.button(text("filter.reset"), key="filter_reset", on_click=reset, icon=":material/filter_alt_off:")
        st.space("stretch")
        table_downloads("csv.view", shown, "lizenzen-ansicht")
        table_downloads("csv.all", table_of(snapshot), "lizenzen")
    if not shown.num_rows:
        st.info(text("table.no_match" if total else "table.nothing_read"), icon=":material/info:")
