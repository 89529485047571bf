"""The progress of a refresh: one bar from its beginning to its end, which never goes back."""

from __future__ import annotations

import streamlit as st

from core.cache.run_rows import PUSH, Run
from ui import format as fmt
from ui.escaping import plain
from ui.frame import language
from ui.texts import text

# Step of a run -> the part of the bar that it fills, from and to. Reading and writing take the most time.
PARTS = {"profiles": (0.0, 0.05), "lists": (0.05, 0.1), "tenants": (0.1, 0.7), PUSH: (0.7, 1.0)}


def share_of(run: Run | None) -> float:
    """Return how much of the refresh is done, from 0 to 1; None is a refresh that waits."""
    if run is None or run.step not in PARTS:
        return 0.0
    begin, end = PARTS[run.step]
    return begin + (end - begin) * (min(run.done / run.total, 1.0) if run.total else 0.0)


def show_progress(run: Run | None) -> None:
    """Show the step of the refresh, with counts if the step has any; None is a refresh that waits."""
    words = text("refresh.starting") if run is None or not run.step else _step_words(run)
    st.progress(share_of(run), text=words)


def _step_words(run: Run) -> str:
    step = text(f"refresh.step.{run.step}")
    if run.total:
        lang = language.current()
        done, total = fmt.number(run.done, lang), fmt.number(run.total, lang)
        key = "refresh.written" if run.pushing else "refresh.counts"
        step = text(key, step=step, done=done, total=total)
    by = text("refresh.by", name=plain(run.requested_by)) if run.source == "page" and run.requested_by else ""
    return f"{step}{by}"
