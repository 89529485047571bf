"""The result of a refresh: a line that goes by itself, or stays if something failed, and its details on click."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import runtime
from core.cache import run_rows
from core.cache.database import DatabaseError
from core.cache.run_rows import Run
from core.problems import Problem
from ui import format as fmt
from ui.escaping import plain
from ui.frame import language
from ui.frame.identity import current_user
from ui.passing_line import passing_line
from ui.problems import reason
from ui.row_dialog import dialog_subject, open_dialog, show_dialog
from ui.snapshots import Snapshot
from ui.texts import plural, text

SHOWN, _ENDED = "_result", "_ended_run"
_seen: dict[str, str] = {}  # account -> the run whose result it saw or closed last; lives as long as the process
MOST = 10
CHANGES = {"new": "new_shortages", "ended": "ended_shortages"}  # end of the keys of texts -> field of the summary
SECONDS = 8  # of a result without a failure


@dataclass(frozen=True, slots=True)
class ResultDetails:
    """The subject of the dialog: the run whose result was clicked."""

    run_id: str


def announce(run_id: str) -> None:
    """Show the result of this run on the pages of this session."""
    st.session_state[SHOWN] = run_id


def announce_once(run: Run) -> None:
    """Show the result of this run, unless the reader saw or closed it in an earlier session."""
    if _seen.get(run.requested_by) != run.run_id:
        announce(run.run_id)


def dismiss() -> None:
    """Close the result, for later sessions of the reader, too."""
    run_id = st.session_state.pop(SHOWN, None)
    if run_id is not None:
        _seen[current_user().shown] = run_id


def result_line() -> None:
    """Show the announced result once its run has ended, in the room that the line of the page has left."""
    run = _announced()
    if run is None or run.is_open:
        st.space("stretch")
        return
    clean = is_clean(run)
    if clean:
        _seen[current_user().shown] = run.run_id
    seconds = SECONDS if clean else 0
    event = passing_line("result", run.run_id, result_sentence(run), seconds=seconds, close=text("result.dismiss"))
    if event == "close":
        dismiss()
    elif event == "details":
        open_dialog(ResultDetails(run.run_id))
    if event:
        st.rerun()


def _announced() -> Run | None:
    """Return the announced run; one that has ended is asked of the database once in a session, not at each look."""
    run_id, run = st.session_state.get(SHOWN, ""), st.session_state.get(_ENDED)
    if run is None or run.run_id != run_id:
        run = _run(run_id)
        if run is not None and not run.is_open:
            st.session_state[_ENDED] = run
    return run


def result_details(snapshot: Snapshot) -> None:
    """Show the details of the result whose line was clicked, in a dialog."""
    subject = dialog_subject(ResultDetails)
    run = _run(subject.run_id) if subject else None
    if run is not None:
        show_dialog(text("result.title"), "result.title", partial(_details, run, snapshot.tenants))


def _details(run: Run, tenants: pd.DataFrame) -> None:
    st.markdown("\n".join(result_lines(run, tenants)))


def is_clean(run: Run) -> bool:
    """Return True if the run has ended and read all its tenants."""
    return run.state == "done" and not (run.summary or {}).get("failed")


def _run(run_id: str) -> Run | None:
    try:
        return run_rows.run(runtime.current().engine, run_id) if run_id else None
    except DatabaseError:
        return None  # the line of the page shows that the database does not answer


def result_sentence(run: Run) -> str:
    """Return the result in a sentence: "Aktualisiert: 49 von 50 Tenants in 3 s gelesen. Neue Engpässe: 2."."""
    first = _first_line(run).replace("**", "")
    changed = (run.summary or {}).get("changed") or {}
    counts = {key: len(changed.get(name) or []) for key, name in CHANGES.items()}
    return " ".join([first, *(text(f"result.short.{key}", count=count) for key, count in counts.items() if count)])


def result_lines(run: Run, tenants: pd.DataFrame) -> list[str]:
    """Return Markdown lines: first the sentence, then what changed and what failed."""
    summary, lines = run.summary or {}, [_first_line(run)]
    if run.state != "done":
        return lines
    lang = language.current()
    lines += _changes(summary.get("changed") or {})
    lines += _failures(summary.get("failed") or [], tenants)
    skipped = [plain(item.get("tenant", "?")) for item in summary.get("skipped") or []]
    if skipped:
        lines.append(text("result.skipped", tenants=_first_names(skipped)))
    lists = summary.get("sharepoint") or {}
    if remaining := lists.get("remaining"):
        lines.append(text("result.remaining", count=fmt.number(remaining, lang)))
    problems = lists.get("problems") or [
        lists[name] for name in ("problem",) if lists.get(name)
    ]  # as older runs have it
    lines += [text("result.sharepoint", why=plain(problem.get("message", "?"))) for problem in problems]
    return [lines[0], "", *(f"- {line}" for line in lines[1:])]


def _first_line(run: Run) -> str:
    if run.state != "done":
        return text("result.interrupted_run" if run.state == "interrupted" else "result.failed_run")
    summary, lang, seconds = run.summary or {}, language.current(), run.seconds or 0
    tenants = summary.get("tenants", 0)
    return plural(
        "result.read", tenants, ok=fmt.number(summary.get("ok", 0), lang), tenants=fmt.number(tenants, lang),
        seconds=fmt.number(round(seconds, 0 if seconds >= 10 else 1), lang),
    )  # fmt: skip


def _changes(changed: dict[str, Any]) -> list[str]:
    lines = []
    for key, name in CHANGES.items():
        pairs = changed.get(name) or []
        if pairs:
            which = _first_names([f"{plain(tenant)}: {plain(product)}" for tenant, product in pairs])
            lines.append(text(f"result.{key}", count=len(pairs), which=which))
    if not lines:
        lines.append(text("result.no_change"))
    return lines


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:MOST]) + (" …" if len(names) > MOST else "")


def _failures(failed: list[dict[str, str]], tenants: pd.DataFrame) -> list[str]:
    """Return a line per failed tenant: its stored problem in the reader's language, or else the summary's message."""
    stored = dict(zip(tenants["tenant"], tenants["problem"], strict=True))
    lines = []
    for item in failed[:MOST]:
        name, stored_problem = item.get("tenant", "?"), stored.get(item.get("tenant", ""))
        problem = Problem.from_json(stored_problem) if isinstance(stored_problem, str) else None
        same = problem is not None and problem.code == item.get("code", problem.code)
        words = reason(problem, name) if problem is not None and same else item.get("message", "")
        words = words.removeprefix(f"{name}: ")
        lines.append(text("result.failed", tenant=plain(name), why=plain(words)))
    if len(failed) > MOST:
        lines.append(text("result.more_failed", count=len(failed) - MOST))
    return lines
