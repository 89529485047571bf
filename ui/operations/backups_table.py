"""The state of backups and drills in sentences, and the table of what became of each."""

from __future__ import annotations

import streamlit as st

from core.attention.backup_conditions import backup_conditions
from core.cache.backup_rows import BackupRow
from core.operations.backup_overview import BackupOverview
from ui import format as fmt
from ui.frame.view import View
from ui.row_dialog import dialog_subject, figures, open_dialog, show_dialog
from ui.start.attention_list import ICONS, ConditionWords
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

GOOD = ":green[:material/check_circle:]"
KINDS: dict[str, Kind] = {
    "backup_at": "open", "backup_kind": "text", "backup_result": "chip", "backup_size": "number",
    "backup_rows": "number", "backup_seconds": "number", "backup_actor": "text", "backup_file": "text",
}  # fmt: skip


def show_backup_state(overview: BackupOverview, view: View) -> None:
    """Show what is wrong, else when the last backup was made and the restore was rehearsed, and what is kept."""
    words = ConditionWords(view.now, view.language, view.zone)
    wrong = list(backup_conditions(overview.facts, view.now))
    with st.container(key="backup_state", gap=None):
        for condition in wrong:
            st.markdown(f"{ICONS[condition.level]} {words.sentence(condition)}")
        for kind, state, row in (
            ("backup", overview.backup, overview.facts.latest.good_backup),
            ("drill", overview.drill, overview.facts.latest.good_drill),
        ):
            if state == "ok" and row is not None:
                ago = fmt.ago(row.started_at, view.now, view.language)
                st.markdown(f"{GOOD} {text(f'backups.last.{kind}', ago=ago)}")
        if not overview.facts.missing:
            st.markdown(_timetable(overview, view))


def _timetable(overview: BackupOverview, view: View) -> str:
    """Return how often a backup is made, where, and what is kept."""
    names = {"h": "hours", "d": "days", "w": "weeks", "m": "months"}
    kept = [text(f"backups.kept.{names[entry[-1]]}", count=entry[:-1]) for entry in overview.keep]
    hours = overview.facts.hours
    key = "backups.every_hour" if hours == 1 else "backups.every" if hours else "backups.by_hand"
    when = text(key, hours=fmt.number(hours, view.language))
    return f"{when} {text('backups.keep', what=', '.join(kept))}"


def show_backups(overview: BackupOverview, view: View) -> None:
    """Show the table, and a dialog with the row whose time was clicked."""
    st.header(text("backups.title"), anchor=False)
    if not overview.rows:
        st.info(text("backups.none"), icon=":material/info:")
        return
    rows = [_row(row, view) for row in overview.rows]
    clicked = show_whole_table("backups", text("backups.title"), titled_columns(KINDS), rows)
    row = next((row for row in overview.rows if row.backup_id == clicked), None)
    if row is not None:
        open_dialog(row)
    subject = dialog_subject(BackupRow)
    if subject is not None:
        title = fmt.moment(subject.started_at, view.language, view.zone)
        show_dialog(title, "backups.title", lambda: _details(subject, view))


def backup_values(row: BackupRow, view: View) -> dict[str, str]:
    """Return the texts about a row by column."""
    lang = view.language
    return {
        "backup_at": fmt.moment(row.started_at, lang, view.zone),
        "backup_kind": text(f"backups.kind.{row.kind}", lang),
        "backup_result": text("backups.failed" if row.problem else "backups.good", lang),
        "backup_size": fmt.number(round(row.bytes / 1_000_000, 1), lang) if row.bytes else "",
        "backup_rows": fmt.number(row.rows, lang) if row.rows else "",
        "backup_seconds": fmt.number(round(row.seconds, 1), lang),
        "backup_actor": row.actor,
        "backup_file": row.file,
    }


def _row(row: BackupRow, view: View) -> Row:
    values = backup_values(row, view)
    label = f"{values['backup_at']}:{row.started_at:%S}, {values['backup_kind']}, {values['backup_result']}"
    cells: dict[str, object] = dict(values)
    cells["backup_at"] = {"text": values["backup_at"], "label": label}
    tone = "short" if row.problem else "ok"
    cells["backup_result"] = {"chips": [{"text": values["backup_result"], "tone": tone}]}
    return Row(row.backup_id, [cells[column] for column in KINDS])


def _details(row: BackupRow, view: View) -> None:
    if row.problem is not None:
        st.error(row.problem.text(view.language), icon=":material/error:")
    figures(backup_values(row, view) | {"backup_digest": row.sha256})
