"""Language, time and time zone of a run, and the message in place of a page without tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from core import runtime
from ui.escaping import plain
from ui.frame import language
from ui.frame.freshness import freshness
from ui.problems import sentence, technical_lines
from ui.snapshots import Snapshot
from ui.texts import text


@dataclass(frozen=True, slots=True)
class View:
    now: datetime
    language: language.Language
    zone: ZoneInfo
    refresh_minutes: float


def current_view() -> View:
    settings = runtime.current().settings
    return View(datetime.now(UTC), language.current(), settings.zone, settings.refresh_minutes)


def stop_without_tenants(snapshot: Snapshot, title: str) -> None:
    """If there is no tenant, show how to connect the first one and stop the page."""
    if len(snapshot.tenants):
        return
    st.title(title)
    st.info(text("empty.tenants", folder=plain(runtime.current().settings.profiles_dir)), icon=":material/info:")
    for problems in snapshot.faults.values():
        for problem in problems:
            st.error(plain(sentence(problem)))
        technical_lines(*problems)
    freshness(snapshot)  # the refresh that finds the first profile
    st.stop()
