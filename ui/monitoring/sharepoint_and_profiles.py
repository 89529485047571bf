"""The settings that messages depend on: state of the SharePoint lists, parameters of the flow, broken profiles."""

from __future__ import annotations

import streamlit as st

from ui import format as fmt
from ui.escaping import plain
from ui.frame.view import View
from ui.problems import sentence, technical_lines
from ui.snapshots import Snapshot
from ui.tables.html_table import Row, show_whole_table, titled_columns
from ui.texts import text

PARAMETERS = ("sendermail", "recipientmail", "communication")


def lists_status(snapshot: Snapshot, view: View) -> None:
    """Show when the SharePoint lists were read last, and the problems with them."""
    status = snapshot.sharepoint
    if not status.configured:
        st.info(text("monitoring.no_sharepoint"), icon=":material/info:")
        return
    for problem in status.problems:
        st.error(plain(sentence(problem)), icon=":material/error:")
    technical_lines(*status.problems)
    if status.read_at is None:
        st.caption(text("monitoring.lists_unread"))
    else:
        st.caption(text("monitoring.lists_read", time=fmt.clock(status.read_at, view.now, view.language, view.zone)))


def parameters(snapshot: Snapshot) -> None:
    """Show the parameters of the flow, each with the result of its check."""
    status = snapshot.sharepoint
    if not status.configured or status.read_at is None:
        return
    st.header(text("parameters.title"), anchor=False)
    st.caption(text("parameters.what"))
    columns = titled_columns({"parameter": "text", "value": "text", "check": "text"})
    show_whole_table("parameters", text("parameters.title"), columns, parameter_rows(snapshot))


def parameter_rows(snapshot: Snapshot) -> list[Row]:
    """Return one row per parameter of the flow."""
    values = snapshot.sharepoint.parameters
    faults = {
        "communication" if problem.code == "sharepoint.channel_unknown" else problem.params.get("field", ""): problem
        for problem in snapshot.sharepoint.problems
        if problem.code in ("sharepoint.channel_unknown", "sharepoint.parameter_missing")
    }
    checks = []
    for name in PARAMETERS:
        if name in faults:
            checks.append(f"✗ {sentence(faults[name])}")
        else:
            checks.append(text("parameters.ok") if values.get(name) else text("parameters.missing"))
    return [Row(name, [name, values.get(name, ""), check]) for name, check in zip(PARAMETERS, checks, strict=True)]


def broken_profiles(snapshot: Snapshot) -> None:
    """Show every broken profile with all its faults."""
    if not snapshot.faults:
        return
    st.header(text("profiles.broken"), anchor=False)
    for file, problems in snapshot.faults.items():
        with st.container(border=True):
            st.markdown(f"**{plain(file)}**")
            st.markdown("\n".join(f"- {plain(sentence(problem))}" for problem in problems))
            technical_lines(*problems)
