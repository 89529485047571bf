"""The audit as a table, page by page, and as a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from sqlalchemy import Engine

from core import audit, runtime
from core.access import accounts
from core.audit import AuditRow, Search
from core.licenses.skus import product_language
from core.roles import Actor
from ui import format as fmt
from ui.audit.audit_change import action_words, difference, origin_words, result_words, target_words, who_words
from ui.audit.audit_filters import FilterOptions, audit_filters, first_page, is_filtered, keep_in_url, page_key, reset
from ui.frame.language import Language
from ui.frame.view import View
from ui.row_dialog import dialog_subject, figures, open_dialog, show_dialog
from ui.snapshots import Snapshot
from ui.tables.download_buttons import downloads
from ui.tables.html_table import Kind, Row, show_table, titled_columns
from ui.tables.table_export import TableExport
from ui.texts import plural, text

COLUMNS = ("at", "who", "action", "target", "result", "change", "from_where", "request_id")
KINDS: dict[str, Kind] = {
    "at": "time", "who": "text", "action": "open", "target": "text", "result": "text", "change": "text",
    "from_where": "text",
}  # fmt: skip
PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class OpenRow:
    """The row that the reader has opened, as texts by column; a row of the audit never changes."""

    values: dict[str, str]


def names_of(snapshot: Snapshot, language: Language, user: Actor) -> dict[str, str]:
    """Return the name of every tenant, product and account by id, for the targets."""
    tenants, licenses = snapshot.tenants, snapshot.licenses
    product = licenses[f"product_{product_language(language)}"].astype(str)
    names = dict(zip(licenses["sku_id"].astype(str), product, strict=True))
    names |= dict(zip(tenants["tenant_id"], tenants["tenant"], strict=True))
    return names | {account.name: account.shown for account in accounts.list_accounts(runtime.current().engine, user)}


def row_values(row: AuditRow, names: Mapping[str, str], language: Language) -> tuple[Any, ...]:
    """Return the texts of one row, in the order of COLUMNS."""
    return (
        row.at,
        who_words(row.actor_name, row.source, language),
        action_words(row.action, language),
        target_words(row.target, names, language),
        result_words(row.result, row.reason, language),
        difference(row.before, row.after, language),
        origin_words(row.source, row.address, language),
        row.request_id,
    )


def show_audit(snapshot: Snapshot, user: Actor, view: View) -> None:
    """Show the filters, the number of matching rows, one page of them and the page control."""
    engine = runtime.current().engine
    search = audit_filters(FilterOptions(*audit.names_in_use(engine, user)), view)
    names = names_of(snapshot, view.language, user)
    page, rows, total = _page(engine, user, search)
    keep_in_url(search, page)
    _count_and_downloads(search, total, lambda: audit_export(audit.export(engine, user, search), names, view), view)
    if not rows:
        st.info(text("audit.none" if is_filtered(search) else "audit.empty"), icon=":material/info:")
        return
    show_rows(rows, names, view)
    last = math.ceil(total / PAGE_ROWS)
    if last > 1:
        st.pagination(last, default=min(first_page(), last), key=page_key(search))


def _page(engine: Engine, user: Actor, search: Search) -> tuple[int, list[AuditRow], int]:
    """Return number and rows of the chosen page (of the last one if that is gone), and the count of all rows."""
    page = int(st.session_state.get(page_key(search), first_page()))
    rows, total = audit.find(engine, user, search, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
    last = max(1, math.ceil(total / PAGE_ROWS))
    if page > last:
        st.session_state.pop(page_key(search), None)
        page = last
        rows, total = audit.find(engine, user, search, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
    return page, rows, total


def _count_and_downloads(search: Search, total: int, export: Callable[[], TableExport], view: View) -> None:
    """Show the number of matching rows, the button that clears the filters, and the downloads."""
    with st.container(horizontal=True, vertical_alignment="center", key="audit_tools"):
        count = fmt.number(total, view.language)
        st.markdown(plural("audit.count", total, count=count), width="content")
        if is_filtered(search):
            st.button(text("filter.reset"), key="audit_reset", on_click=reset, icon=":material/filter_alt_off:")
        st.space("stretch")
        if total:
            downloads(text("audit.csv"), "protokoll", "audit", export)


def show_rows(rows: Sequence[AuditRow], names: Mapping[str, str], view: View) -> None:
    """Show the rows of one page, and all about the one whose action was clicked."""
    columns = titled_columns(KINDS)
    values_by_id = {str(row.seq): shown_values(row, names, view) for row in rows}
    event = show_table(
        "audit", text("audit.table"), columns,
        [Row(id_, [_cell(name, values) for name in KINDS]) for id_, values in values_by_id.items()], total=len(rows),
    )  # fmt: skip
    if event is not None and event.what == "open":
        open_dialog(OpenRow(values_by_id[event.row]))
    opened = dialog_subject(OpenRow)
    if opened is not None:
        values = {name: value for name, value in opened.values.items() if name != "action"}
        show_dialog(opened.values["action"], "nav.protokoll", partial(figures, values))


def shown_values(row: AuditRow, names: Mapping[str, str], view: View) -> dict[str, str]:
    """Return the texts of one row by column, with its number."""
    values = dict(zip(COLUMNS, row_values(row, names, view.language), strict=True))
    return {"seq": fmt.number(row.seq, view.language), **values, "at": fmt.moment(row.at, view.language, view.zone)}


def _cell(name: str, values: Mapping[str, str]) -> Any:
    if name != "action":
        return values[name]
    label = ", ".join(values[part] for part in ("action", "target", "at", "seq") if values[part])
    return {"text": values[name], "label": label}


def audit_export(rows: Iterable[AuditRow], names: Mapping[str, str], view: View) -> TableExport:
    """Return the rows as shown, each with its number, as a file's content."""
    header = [text(f"column.{name}", view.language) for name in ("seq", *COLUMNS)]
    return TableExport(header, ((row.seq, *row_values(row, names, view.language)) for row in rows))
