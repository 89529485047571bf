"""The switches Aktiv and Überwachung of every tenant: a table to edit them, a question, and the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core import runtime
from core.problems import ProblemError
from core.roles import Action
from core.tenants.tenant_switches import SwitchChange, SwitchResult, apply_switches
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.problems import problem_box, sentence
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows
from ui.tables.license_columns import CHIP_COLOURS, QUIET, moment_column
from ui.tables.selection import HEADER_PIXELS, ROW_PIXELS, bound_key
from ui.texts import plural, text

MOST_ROWS = 15
_ROUND, _RESULTS = "_switch_round", "_switch_results"
_FAILED, _UNAVAILABLE = "_switch_failed", "_switch_unavailable"
CONDITIONS = {"read": QUIET, "failing": CHIP_COLOURS["shortage"], "unread": CHIP_COLOURS["low"], "off": QUIET}
FLOW = {"none": QUIET, "waiting": CHIP_COLOURS["low"], "unanswered": CHIP_COLOURS["shortage"]}


def switch_frame(tenants: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return what the editor shows; the index is the tenant id."""
    moments = tenants["last_read_at"].dt.tz_convert(view.zone)
    columns = {
        "enabled": tenants["enabled"].astype(bool),
        "monitored": tenants["monitored"].astype(bool),
        "tenant": tenants["tenant"],
        "condition": [[text(f"condition.{_condition(row)}", view.language)] for row in rows(tenants)],
        "last_read": moments,
        "cert_days": tenants["cert_days"].astype("Int64"),
        "shortages": tenants["shortages"].astype(int),
        "flow": [_flow_chip(row, view) for row in rows(tenants)],
    }
    return pd.DataFrame(columns).set_index(pd.Index(tenants["tenant_id"], name="tenant_id"))


def may_switch() -> bool:
    return current_user().may(Action.SWITCHES)


def edit_switches(frame: pd.DataFrame, view: View) -> None:
    """Show the table, and below it the buttons for its changes."""
    if frame.empty:
        st.info(text("monitoring.none_shown"), icon=":material/info:")
        return
    edited = st.data_editor(
        frame,
        key=_editor_key(frame),
        alt=text("monitoring.table"),
        hide_index=True,
        disabled=[name for name in frame.columns if name not in ("enabled", "monitored")] if may_switch() else True,
        column_config=_config(view),
        placeholder="",
        height=HEADER_PIXELS + ROW_PIXELS * min(len(frame), MOST_ROWS),
    )
    changes = changes_between(frame, edited)
    if changes:
        unsaved_changes(changes, dict(zip(frame.index, frame["tenant"], strict=True)))


def changes_between(before: pd.DataFrame, after: pd.DataFrame) -> list[SwitchChange]:
    """Return the change of every tenant whose switches differ between two frames."""
    return [
        SwitchChange(tenant_id, seen, wanted)
        for tenant_id, seen, wanted in zip(before.index, _switch_pairs(before), _switch_pairs(after), strict=True)
        if seen != wanted
    ]


def _switch_pairs(frame: pd.DataFrame) -> list[tuple[bool, bool]]:
    return [
        (bool(enabled), bool(monitored))
        for enabled, monitored in zip(frame["enabled"], frame["monitored"], strict=True)
    ]


def change_lines(changes: Sequence[SwitchChange], names: dict[str, str]) -> list[str]:
    """Return Markdown lines: first a warning which tenants will no longer alarm, then each change."""
    silent = [c for c in changes if (c.seen[0] and c.seen[1]) and not (c.wanted[0] and c.wanted[1])]
    lines = []
    if silent:
        listed = ", ".join(plain(names[c.tenant_id]) for c in silent)
        lines += [text("switch.warning", tenants=listed), ""]
    for change in changes:
        parts = []
        for place, name in enumerate(("enabled", "monitored")):
            if change.seen[place] != change.wanted[place]:
                parts.append(text(f"switch.{name}.{'on' if change.wanted[place] else 'off'}"))
        lines.append(f"- **{plain(names[change.tenant_id])}**: {', '.join(parts)}")
    return lines


def question(changes: Sequence[SwitchChange]) -> str:
    """Return "Überwachung für 3 Tenants ausschalten?" if all changes are the same, else how many tenants change."""
    kinds = {(c.seen[0] != c.wanted[0], c.seen[1] != c.wanted[1], c.wanted) for c in changes}
    count = len(changes)
    if len({kind[:2] for kind in kinds}) == 1 and kinds:
        enabled, monitored, wanted = next(iter(kinds))
        place = 1 if monitored else 0
        if enabled != monitored and len({kind[2][place] for kind in kinds}) == 1:
            name, to = ("monitored" if place else "enabled"), ("on" if wanted[place] else "off")
            return plural(f"switch.ask.{name}.{to}", count)
    return plural("switch.ask", count)


def unsaved_changes(changes: list[SwitchChange], names: dict[str, str]) -> None:
    """Show that there are unsaved changes, with the buttons to discard them and to review and save them."""
    with st.container(horizontal=True, vertical_alignment="center", key="switch_actions"):
        st.markdown(plural("switch.pending", len(changes)))
        st.button(text("switch.discard"), key="switch_discard", on_click=_next_round)
        if st.button(text("switch.review"), key=bound_key("switch_review", *changes), type="primary"):
            st.dialog(question(changes))(_confirm)(changes, names)


def _confirm(changes: list[SwitchChange], names: dict[str, str]) -> None:
    st.markdown("\n".join(change_lines(changes, names)))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="switch_cancel"):
            st.rerun()
        save, key = text("switch.apply"), bound_key("switch_apply", *changes)
        if st.button(save, key=key, type="primary", on_click=carry_out, args=(apply_switches, changes)):
            st.rerun()


def carry_out(action: Any, what: Sequence[Any]) -> None:
    """Call `action` with `what`, and keep its results for the next run, which shows the newest switches."""
    user, services = current_user(), runtime.current().services
    if services is None:
        st.session_state[_UNAVAILABLE] = True
        return
    try:
        st.session_state[_RESULTS] = action(services, what, user)
    except ProblemError as error:
        st.session_state[_FAILED] = error.problem
    _next_round()
    visit.take_newest()


def _next_round() -> None:
    """Begin a new editor. An editor stores edits by row number, so they must not outlive its rows."""
    st.session_state[_ROUND] = round_number() + 1


def round_number() -> int:
    """Return the number in the key of every control that sets switches; with a new number they begin anew."""
    return int(st.session_state.get(_ROUND, 0))


def _editor_key(frame: pd.DataFrame) -> str:
    """Return a key that differs for other rows or other switches, because edits are stored by row number."""
    return bound_key("switches", round_number(), *zip(frame.index, _switch_pairs(frame), strict=True))


def show_results(snapshot: Snapshot) -> None:
    """Show for each tenant if its change is saved, or else why not and what is set now."""
    if st.session_state.pop(_UNAVAILABLE, False):
        st.warning(text("switch.unavailable"))
    if _FAILED in st.session_state:
        problem_box(st.session_state.pop(_FAILED))
    results: list[SwitchResult] = st.session_state.pop(_RESULTS, [])
    done = [plain(result.tenant) for result in results if result.problem is None]
    if done:
        st.success(text("switch.done", tenants=", ".join(done)), icon=":material/check:")
    now = {row.tenant_id: _switch_words(row) for row in rows(snapshot.tenants)}
    for result in results:
        if result.problem is not None:
            why = f"{plain(sentence(result.problem))} {now.get(result.tenant_id, '')}"
            st.error(text("switch.failed", tenant=plain(result.tenant), why=why))


def _switch_words(row: Any) -> str:
    enabled = "switch.now.active" if row.enabled else "switch.now.off"
    monitored = "tenant.monitored" if row.monitored else "tenant.not_monitored"
    return text("switch.now", enabled=text(enabled), monitored=text(monitored))


def _condition(row: Any) -> str:
    if not row.enabled:
        return "off"
    if isinstance(row.problem, str):
        return "failing"
    return "unread" if pd.isna(row.last_read_at) else "read"


def _flow_chip(row: Any, view: View) -> list[str]:
    """Return if messages about this tenant still wait for the flow, as a chip."""
    for name, count in (("unanswered", row.unanswered), ("waiting", row.waiting)):
        if count:
            return [text(f"flow.{name}", view.language)]
    return []


def _config(view: View) -> dict[str, Any]:
    column = st.column_config

    def label(name: str) -> str:
        return text(f"column.{name}", view.language)

    def chips(prefix: str, colours: dict[str, str], width: int) -> Any:
        options = [text(f"{prefix}.{name}", view.language) for name in colours if name != "none"]
        return column.MultiselectColumn(
            label(prefix), options=options, color=[c for name, c in colours.items() if name != "none"], width=width
        )

    return {
        "enabled": column.CheckboxColumn(label("enabled_switch"), help=text("switch.enabled.help"), width=80),
        "monitored": column.CheckboxColumn(label("monitored"), help=text("switch.monitored.help"), width=120),
        "tenant": column.TextColumn(label("tenant"), width=190),
        "condition": chips("condition", CONDITIONS, 125),
        "last_read": moment_column("last_read", view.language, str(view.zone)),
        "cert_days": column.NumberColumn(label("cert_days"), format="localized", width=105),
        "shortages": column.NumberColumn(label("shortages"), format="localized", width=90),
        "flow": chips("flow", FLOW, 150),
    }  # fmt: skip


def switchable_tenants(snapshot: Snapshot) -> pd.DataFrame:
    """Return the tenants whose switches can be set: those in the SharePoint list, or all without SharePoint."""
    tenants = snapshot.tenants
    return tenants[tenants["listed"].astype(bool)] if snapshot.sharepoint.configured else tenants
