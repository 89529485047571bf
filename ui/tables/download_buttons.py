"""Buttons to download a table as CSV or as workbook (XLSX)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from core import runtime
from ui.frame import language
from ui.tables.table_export import MIME, WORKBOOK_MIME, TableExport, to_csv, to_workbook
from ui.texts import text


def downloads(label: str, file: str, key: str, export: Callable[[], TableExport]) -> None:
    """Show both buttons; a click calls `export`, which checks the role and writes the audit before it returns rows.

    `file`: the name of the files, to which the day is added.
    """
    lang, zone = language.current(), runtime.current().settings.zone
    name = f"{file}-{datetime.now(zone):%Y-%m-%d}"
    with st.container(horizontal=True, gap="xsmall", width="content"):
        st.download_button(
            label, data=lambda: to_csv(export(), lang, zone), file_name=f"{name}.csv", mime=MIME,
            icon=":material/download:", on_click="ignore", key=f"csv_{key}",
        )  # fmt: skip
        st.download_button(
            text("csv.workbook"), data=lambda: to_workbook(export(), zone), file_name=f"{name}.xlsx",
            mime=WORKBOOK_MIME, help=text("csv.workbook_help", what=label), on_click="ignore", key=f"xlsx_{key}",
        )  # fmt: skip
