"""Many tenants at once: the lines of a CSV, the dry run first, then the import with its progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core import runtime
from core.onboarding.bulk import LineResult, check_lines
from core.onboarding.bulk_thread import BulkImport, current_import, start_import
from core.onboarding.csv_file import CsvContent, read_csv
from ui.action_messages import errors_shown
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.onboarding.begin_form import services_or_stop
from ui.problems import reason
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

LONGEST_TEXT = 60_000  # characters; the gate lets no longer text through
KINDS: dict[str, Kind] = {"csv_line": "number", "tenant": "text", "csv_result": "text", "reason": "text"}
_TEXT = "onboarding_csv"


def import_form() -> None:
    """Show the field for the lines, the button of the dry run, and the import that runs or has ended."""
    st.header(text("onboarding.import_title"), anchor=False)
    running = current_import()
    if running is not None:
        _progress(running)
        return
    st.caption(text("onboarding.import_what"))
    typed = st.text_area(text("onboarding.csv"), key=_TEXT, max_chars=LONGEST_TEXT, height=160,
                         placeholder="name;tenant;client_id;level;contact")  # fmt: skip
    checks = st.button(text("onboarding.dry_run"), key="onboarding_dry_run")
    if not typed.strip():
        return
    with errors_shown():
        content = read_csv(typed.encode("utf-8", "replace"))
        if checks:
            st.session_state["_dry_run"] = (typed, check_lines(services_or_stop(), content, current_user())[0])
        _checked(typed, content)


def _checked(typed: str, content: CsvContent) -> None:
    """Show the result of the dry run of these lines, and the button that imports them."""
    checked: tuple[str, Sequence[LineResult]] = st.session_state.get("_dry_run", ("", ()))
    if checked[0] != typed:
        return
    _results(checked[1])
    ready = sum(one.result == "ready" for one in checked[1])
    refresher = runtime.current().refresher
    if not ready or refresher is None:
        return
    if st.button(text("onboarding.import_now", count=ready), key="onboarding_import", type="primary"):
        start_import(services_or_stop(), refresher, content, current_user())
        st.rerun()


def _progress(running: BulkImport) -> None:
    if running.results is None and running.problem is None:
        st.fragment(run_every=1.0)(_watch)()
        return
    if running.problem is not None:
        st.error(plain(reason(running.problem, "")))
    _results(running.results or ())
    st.button(text("onboarding.import_close"), key="onboarding_import_close", on_click=_close, args=(running,))


def _close(running: BulkImport) -> None:
    running.forget()
    st.session_state.pop("_dry_run", None)
    st.session_state[_TEXT] = ""
    visit.take_newest()


def _watch() -> None:
    running = current_import()
    if running is None or running.results is not None or running.problem is not None:
        st.rerun()
    done, total = running.progress
    st.progress(done / total if total else 0.0, text("onboarding.import_progress", done=done, total=total))


def _results(results: Sequence[LineResult]) -> None:
    """Show the counts in a sentence, then the lines, those with problems first."""
    counts = Counter(one.result for one in results)
    st.markdown(", ".join(f"{text(f'command.tenant_result.{name}')} **{count}**" for name, count in counts.items()))
    ordered = sorted(results, key=lambda one: (not one.problems, one.number))
    rows = [
        Row(str(one.number), [str(one.number), one.name or "–", text(f"command.tenant_result.{one.result}"),
                              " ".join(reason(problem, one.name) for problem in one.problems)])
        for one in ordered
    ]  # fmt: skip
    show_whole_table("onboarding_lines", text("onboarding.import_title"), titled_columns(KINDS), rows)
