"""The panel of one licence: its figures, what decided, who knows, its days, and what one can do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core import runtime
from core.cache.event_rows import events_of
from core.cache.frames import history_frame
from core.cache.open_cases import OpenCase, open_cases
from core.graph.admin_center import admin_center_url
from core.licenses.skus import product_language
from core.roles import Action
from ui import format as fmt
from ui.cases.case_cells import case_summary
from ui.cases.case_words import seats_words
from ui.cases.chosen_case import NEW, NUMBER
from ui.escaping import plain
from ui.frame import navigation, url, visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import refresh_button
from ui.frame.identity import current_user
from ui.frame.view import View, current_view
from ui.license_events import event_lines
from ui.row_dialog import figures
from ui.snapshots import Snapshot
from ui.tables.copy_link import copy_link
from ui.tables.license_columns import rule_words, state_words
from ui.tables.license_rows import alarm_words
from ui.tenant.history_chart import first_day, show_chart
from ui.tenant.tenant_header import last_error
from ui.texts import text
from ui.unreadable_tenant import find_tenant

_OPEN = "_open_license"
CHART_PIXELS, EVENTS = 200, 3


def open_license(license_id: str) -> None:
    """Open the panel of this licence from this run on."""
    st.session_state[_OPEN] = license_id


def license_panel(snapshot: Snapshot) -> None:
    """Show the panel of the open licence, or of the one that the address names; Escape and its cross close it."""
    if visit.entered():
        open_license(st.query_params.get(url.OPEN_LICENSE, ""))
    license_id = st.session_state.get(_OPEN, "")
    position = snapshot.index.position_of(license_id) if license_id else None
    if position is None:
        _close()
        return
    st.query_params[url.OPEN_LICENSE] = license_id
    (record,) = snapshot.index.records(np.array([position]))
    title = f"{record[f'product_{product_language(current_view().language)}']} · {record['tenant']}"
    st.dialog(plain(title), width="medium", on_dismiss=_close)(_panel)(snapshot, position, record)


def _close() -> None:
    st.session_state.pop(_OPEN, None)
    st.query_params.pop(url.OPEN_LICENSE, None)


def _panel(snapshot: Snapshot, position: int, record: Mapping[str, Any]) -> None:
    view = current_view()
    case = open_cases(runtime.current().engine).get((record["tenant_id"], record["sku_id"]))
    with fenced("panel.figures"):
        tenant = find_tenant(snapshot, snapshot.index.slug(position))
        if tenant is not None:
            last_error(tenant, view)
        figures(_values(snapshot, position, record, case, view))
    with fenced("panel.actions"):
        _actions(snapshot.index.slug(position), record, case)
    with fenced("timeline.title"):
        _events(record, view)
    with fenced("history.title"):
        _days(record, view)


def _values(
    snapshot: Snapshot, position: int, record: Mapping[str, Any], case: OpenCase | None, view: View
) -> dict[str, str | None]:
    """Return what is known about the licence and its open case, by column."""
    lang, since, renews_at = view.language, record["short_since"], record["renews_at"]
    states = ", ".join(state_words(mark, lang) for mark in snapshot.index.marks_of(position))
    return {
        "state": states,
        "enabled": fmt.number(record["enabled"], lang),
        "consumed": fmt.number(record["consumed"], lang),
        "free": _free(record, case, lang),
        "warning": fmt.number(record["warning"], lang) if record["warning"] else "",
        "suspended": fmt.number(record["suspended"], lang) if record["suspended"] else "",
        "short_since": since and f"{fmt.moment(since, lang, view.zone)} ({fmt.ago(since, view.now, lang)})",
        "alarm": alarm_words(record, view),
        "case": case and f"{case.number} · {case_summary(case, view)}",
        "renews_at": renews_at and fmt.day(renews_at.astimezone(view.zone), lang),
        "rule": rule_words(record, lang),
        "kind": text(f"kind.{record['kind']}", lang),
        "sku_part_number": record["sku_part_number"],
        "read_at": record["read_at"] and fmt.moment(record["read_at"], lang, view.zone),
    }


def _free(record: Mapping[str, Any], case: OpenCase | None, lang: str) -> str:
    """Return "0, 5 unterwegs, 2 warten"."""
    seats = seats_words(case.under_way, case.waiting, lang) if case else ""
    return f"{fmt.number(record['free'], lang)}{', ' if seats else ''}{seats}"


def _case_link(slug: str, record: Mapping[str, Any], case: OpenCase | None) -> None:
    """Show the link to the open case of the licence, or to the form for a new one to roles that may open one."""
    if case is not None:
        navigation.link(navigation.CASE, text("case.name", number=case.number), **{NUMBER: case.number})
    elif current_user().may(Action.CASES):
        navigation.link(navigation.CASES, text("case.do.open"), **{NEW: f"{slug}/{record['sku_id']}"})


def _events(record: Mapping[str, Any], view: View) -> None:
    events = events_of(runtime.current().engine, record["tenant_id"], record["sku_id"], most=EVENTS)
    if events:
        with st.container(key="panel_events"):
            st.markdown(event_lines(events, view))


def _days(record: Mapping[str, Any], view: View) -> None:
    days = history_frame(runtime.current().engine, record["tenant_id"], record["sku_id"], first_day(view))
    if len(days) > 1:
        product = record[f"product_{product_language(view.language)}"]
        show_chart("panel_history", days, product, record["tenant"], view.language, height=CHART_PIXELS)


def _rule_link(slug: str, record: Mapping[str, Any]) -> None:
    """Show the link to the exception of the licence: the form for roles that may change one."""
    label = text("rule.add" if current_user().may(Action.RULES) else "panel.rule")
    navigation.link(navigation.RULES, label, **{url.RULE_TENANT: slug, url.RULE_PRODUCT: record["sku_id"]})


def _actions(slug: str, record: Mapping[str, Any], case: OpenCase | None) -> None:
    center = admin_center_url(runtime.current().settings.login_url, record["tenant_id"])
    with st.container(horizontal=True, key="panel_actions", vertical_alignment="center"):
        refresh_button([record["tenant_id"]], label="refresh.one", place="panel")
        _case_link(slug, record, case)
        navigation.link(navigation.TENANT, text("panel.tenant"), tenant=slug)
        _rule_link(slug, record)
        st.link_button(text("panel.admin_center"), center, type="tertiary")
        copy_link("panel_link")
