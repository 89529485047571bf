"""The timeline of a tenant: what happened to each of its products, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core import runtime
from core.cache.database import DatabaseError
from core.cache.event_rows import LicenseEvent, events_of
from core.cache.frame_index import Positions
from core.licenses.skus import product_language
from ui import format as fmt
from ui.frame.view import View
from ui.license_events import event_chip, event_time, event_words, free_words, license_of_row, row_id
from ui.license_panel import open_license
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.tables.frame_rows import moment
from ui.tables.html_table import Kind, Row, show_first_rows, titled_columns
from ui.tenant.tenant_header import Tenant
from ui.texts import text

KINDS: dict[str, Kind] = {"event": "chip", "product": "open", "at": "time", "free": "number"}
FIRST, MOST = 5, 500


def timeline(snapshot: Snapshot, tenant: Tenant, rows: Positions, view: View) -> None:
    """Show the newest events of the licences in `rows`; a click on a product opens its licence."""
    st.header(text("timeline.title"), anchor=False)
    try:
        events = events_of(runtime.current().engine, tenant.tenant_id, most=MOST)
    except DatabaseError as error:
        problem_box(error.problem)
        return
    licenses = snapshot.licenses.iloc[rows]
    names = dict(zip(licenses["sku_id"], licenses[f"product_{product_language(view.language)}"], strict=True))
    events = [event for event in events if event.sku_id in names]
    if events:
        _show(events, names, tenant, view)
    begins = [start for start in (snapshot.recorded_since, moment(licenses["first_seen_at"].min())) if start]
    if begins:
        since = fmt.moment(max(begins), view.language, view.zone)
        st.caption(text("timeline.since" if events else "timeline.none", since=since))


def _show(events: Sequence[LicenseEvent], names: Mapping[str, str], tenant: Tenant, view: View) -> None:
    def first_rows(count: int) -> list[Row]:
        return [_row(event, names[event.sku_id], view) for event in events[:count]]

    name = text("timeline.of", tenant=tenant.name)
    columns = titled_columns(KINDS)
    event = show_first_rows(f"timeline_{tenant.slug}", name, columns, first_rows, total=len(events), most=FIRST)
    if event is not None and event.what == "open":
        open_license(license_of_row(event.row))


def _row(event: LicenseEvent, product: str, view: View) -> Row:
    lang, at = view.language, event_time(event, view)
    door = {"text": product, "label": f"{product}, {event_words(event, lang)}, {at}"}  # a name stands in several rows
    cells = [event_chip(event, lang), door, at, free_words(event, lang)]
    return Row(row_id(event), cells)
