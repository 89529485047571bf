"""The result of a refresh: what was read, what changed and what failed. It is shown until the reader closes it."""

from __future__ import annotations

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
from ui.problems import reason
from ui.snapshots import Snapshot
from ui.texts import plural, text

SHOWN = "_result"
_closed: dict[str, str] = {}  # account -> the run whose result it closed last; lives as long as the process
MOST = 10


def announce(run_id: str) -> None:
    """Show the result of this run on the pages of this session."""
    st.session_state[SHOWN] = run_id


def announce_once(run: Run) -> None:
    """Show the result of this run, unless the reader closed it in an earlier session."""
    if _closed.get(run.requested_by) != run.run_id:
        announce(run.run_id)


def dismiss() -> None:
    """Close the result, for later sessions of the reader, too."""
    run_id = st.session_state.pop(SHOWN, None)
    if run_id is not None:
        _closed[current_user().shown] = run_id


def result_box(snapshot: Snapshot) -> None:
    """Show the announced result once its run has ended."""
    run = _announced()
    if run is None or run.is_open:
        return
    lines = result_lines(run, snapshot.tenants)
    clean = run.state == "done" and not (run.summary or {}).get("failed")
    with st.container(horizontal=True, wrap=False, key="result"):
        (st.success if clean else st.warning)("\n".join(lines))
        st.button(text("result.dismiss"), key="dismiss_result", type="tertiary", on_click=dismiss)


def _announced() -> Run | None:
    run_id = st.session_state.get(SHOWN)
    try:
        return run_rows.run(runtime.current().engine, run_id) if run_id else None
    except DatabaseError:
        return None  # the line above shows that the database does not answer


def result_lines(run: Run, tenants: pd.DataFrame) -> list[str]:
    """Return Markdown lines: first the sentence, then what changed and what failed."""
    summary = run.summary or {}
    if run.state != "done":
        return [text("result.interrupted_run" if run.state == "interrupted" else "result.failed_run")]
    lang = language.current()
    lines = [
        plural(
            "result.read",
            summary.get("tenants", 0),
            ok=fmt.number(summary.get("ok", 0), lang),
            tenants=fmt.number(summary.get("tenants", 0), lang),
            seconds=fmt.number(round(run.seconds or 0, 0 if (run.seconds or 0) >= 10 else 1), lang),
        )
    ]
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


def _changes(changed: dict[str, Any]) -> list[str]:
    lines = []
    for name, key in (("new_shortages", "result.new"), ("ended_shortages", "result.ended")):
        pairs = changed.get(name) or []
        if pairs:
            which = _first_names([f"{plain(tenant)}: {plain(product)}" for tenant, product in pairs])
            lines.append(text(key, count=len(pairs), which=which))
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
