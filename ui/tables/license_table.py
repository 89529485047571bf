"""The licence table of a page: its rows, how it is shown, and its downloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
import streamlit as st

from core import runtime
from core.audit import note_export
from core.cache.frame_index import Positions
from core.cache.open_cases import OpenCases, open_cases
from core.roles import Action
from ui import format as fmt
from ui.cases.case_change import take_now
from ui.cases.chosen_case import begin_case, open_case
from ui.frame import language
from ui.frame.identity import current_user
from ui.frame.view import current_view
from ui.license_panel import open_license
from ui.row_dialog import open_dialog
from ui.snapshots import Snapshot
from ui.tables import license_columns, license_rows
from ui.tables.download_buttons import downloads
from ui.tables.html_table import FIRST_ROWS, Event, Row, show_first_rows
from ui.tables.license_filters import DESCENDING, ORDER_OF_COLUMN, PAGE, Filters, is_filtered, params_of, reset
from ui.tables.sort_codes import sort_directions
from ui.tables.table_export import TableExport, export_of
from ui.texts import text
from ui.unreadable_tenant import UnreadableTenant
from ui.views.view_menu import view_menu

ALL = ("state", "tenant", "product", "enabled", "consumed", "free", "utilisation", "renews_at", "short_since",
       "alarm", "alarm_at", "sku_part_number", "kind", "sku_id")  # fmt: skip
OF_TENANT = tuple(name for name in ALL if name != "tenant")


def table_of(snapshot: Snapshot, rows: Positions | None = None, names: tuple[str, ...] = ALL) -> pa.Table:
    """Return these rows of the licence table in this order (None: all), with a column for the rule if any decided."""
    whole = license_columns.license_table(snapshot, language.current(), runtime.current().settings.time_zone)
    chosen = (whole if rows is None else whole.take(pa.array(rows))).select(
        _with_rule(names) if snapshot.index.ruled else list(names)
    )
    return with_cases(chosen, snapshot, rows, open_cases(runtime.current().engine))


def with_cases(table: pa.Table, snapshot: Snapshot, rows: Positions | None, cases: OpenCases) -> pa.Table:
    """Return the table with what is under way and who waits, if there is a case in any of its rows."""
    positions = {snapshot.index.position_of(f"{key[0]}/{key[1]}"): case for key, case in cases.items()}
    order = range(table.num_rows) if rows is None else rows.tolist()
    found = [positions.get(position) for position in order]
    if any(found):
        for name in ("under_way", "waiting"):
            numbers = [getattr(case, name) if case else 0 for case in found]
            table = table.append_column(name, pa.array(numbers, pa.int64()))
        numbers_of = [case.number if case else "" for case in found]
        table = table.append_column("case", pa.array(numbers_of, pa.string()))
    return table


def _with_rule(names: tuple[str, ...]) -> list[str]:
    place = names.index("sku_part_number") if "sku_part_number" in names else len(names)
    return [*names[:place], "rule", *names[place:]]


def show_licenses(
    snapshot: Snapshot,
    positions: Positions,
    names: Sequence[str],
    key: str,
    name: str,
    *,
    most: int = FIRST_ROWS,
    sort: str | None = None,
) -> Event | None:
    """Show these licences with the cells `names` under the accessible `name`; return what somebody did with them.

    A click on the name of a tenant or product opens the panel of the licence, one on the chip of an unreadable tenant
    says why, one on a case its page. `sort`: the order of the rows if a click on a title may change it.
    """
    if not len(positions):
        return None
    view = current_view()
    sorts = sort_directions(sort, ORDER_OF_COLUMN, DESCENDING) if sort else None
    columns = license_rows.license_columns(names, view.language, sorts)

    cases = open_cases(runtime.current().engine)
    may_work = current_user().may(Action.CASES)

    def first_rows(count: int) -> list[Row]:
        return license_rows.license_rows(snapshot, positions[:count], names, view, cases, may_work=may_work)

    event = show_first_rows(key, name, columns, first_rows, total=len(positions), most=most)
    if event is not None and event.what == "open" and event.column == "state":
        open_dialog(UnreadableTenant(snapshot.index.slug_of(event.row)))
    elif event is not None and event.column == "case":
        use_case(event, snapshot, cases)
    elif event is not None and event.what == "open":
        open_license(event.row)
    return event


def use_case(event: Event, snapshot: Snapshot, cases: OpenCases) -> None:
    """Open the case of a row, take it, or open the form for a new one, as the reader has clicked."""
    tenant_id, _, sku_id = event.row.partition("/")
    case = cases.get((tenant_id, sku_id))
    if event.what == "act" and case is None:
        begin_case(snapshot.index.slug_of(event.row), sku_id)
    if case is None:
        st.rerun()  # it has ended meanwhile, which the row shows now
    if event.what == "open":
        open_case(case.number)
    take_now(case.number, tell=False)
    st.rerun()


def table_downloads(label: str, make_table: Callable[[], pa.Table], file: str) -> None:
    """Show the buttons that download a table, which is made after a click."""
    user, lang = current_user(), language.current()

    def export() -> TableExport:
        table = make_table()
        note_export(runtime.current().engine, user, file, table.num_rows)
        return export_of(table, lang)

    downloads(text(label), file, file, export)


def section(
    title: str,
    rows: int,
    make_table: Callable[[], pa.Table],
    file: str,
    beside: Callable[[], None] = lambda: None,
) -> None:
    """Show a heading, what stands `beside` it, and the downloads of the table of `rows` rows below it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, width="content", anchor=False)
        beside()
        st.space("stretch")
        if rows:
            table_downloads("csv.table", make_table, file)


def count_and_downloads(snapshot: Snapshot, positions: Positions, filters: Filters) -> None:
    """Show how many rows match, the button that clears the filters, and the downloads."""
    lang, total = language.current(), len(snapshot.licenses)
    with st.container(horizontal=True, vertical_alignment="center", key="tools"):
        counts = {"shown": fmt.number(len(positions), lang), "total": fmt.number(total, lang)}
        hidden = snapshot.index.count("hidden")
        left_out = f" · {text('table.hidden', count=fmt.number(hidden, lang))}" if hidden else ""
        st.markdown(text("table.count", **counts) + left_out, width="content")
        if is_filtered(filters):
            st.button(text("filter.reset"), key="filter_reset", on_click=reset, icon=":material/filter_alt_off:")
        view_menu(PAGE, params_of(filters))
        st.space("stretch")
        table_downloads("csv.view", partial(table_of, snapshot, positions), "lizenzen-ansicht")
        table_downloads("csv.all", partial(table_of, snapshot), "lizenzen")
    if not len(positions):
        st.info(text("table.no_match" if total else "table.nothing_read"), icon=":material/info:")
