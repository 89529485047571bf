"""The fields of a level's form; the session keeps their values until the form is closed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.tenants.chosen_names import LONGEST_NAME
from core.tenants.levels import PRIORITIES, STANDARD, Level
from ui.fault_places import Places
from ui.levels.level_context import LevelContext
from ui.recipients_field import recipients_field
from ui.texts import text

KEY = "level_{}"
HOURS = ("reaction_hours", "solution_hours")
LABELS = {"refresh_minutes": "level.refresh_minutes", "threshold": "rule.threshold", "warn": "rule.warn"}
NUMBERS = tuple(LABELS)


def fill(level: Level) -> None:
    """Fill the fields with the values of `level`."""
    state = st.session_state
    for name in ("name", *NUMBERS, "follow_orders", "monthly_report", "needs_consent", "calendar"):
        state[KEY.format(name)] = getattr(level, name)
    state[KEY.format("recipients")] = "\n".join(level.recipients)
    for field in HOURS:
        for priority in PRIORITIES:
            state[KEY.format(f"{field}_{priority}")] = float(getattr(level, field)[priority])


def fields(context: LevelContext, level: Level, places: Places) -> Level:
    """Show the fields; return `level` with their values."""
    name = st.text_input(text("column.level"), key=KEY.format("name"), max_chars=LONGEST_NAME, autocomplete="off")
    places.below("name")
    numbers = _numbers(places)
    reaction, solution = (_hours(field, places) for field in HOURS)
    keys = list(context.calendars)
    if st.session_state.get(KEY.format("calendar")) not in keys:
        st.session_state[KEY.format("calendar")] = STANDARD
    calendar = st.selectbox(text("column.calendar"), keys, key=KEY.format("calendar"), width=300,
                            format_func=lambda key: context.calendars[key].name)  # fmt: skip
    places.below("calendar")
    recipients = recipients_field(
        text("column.recipients"), KEY.format("recipients"), placeholder=text("level.recipients_hint")
    )
    places.below("recipients")
    consent = st.checkbox(
        text("level.needs_consent"), key=KEY.format("needs_consent"), help=text("level.needs_consent_help")
    )
    with st.container(horizontal=True):
        orders = st.checkbox(text("level.follow_orders"), key=KEY.format("follow_orders"))
        report = st.checkbox(text("level.monthly_report"), key=KEY.format("monthly_report"))
    return Level(
        level.key, name or "", **numbers, reaction_hours=reaction, solution_hours=solution, follow_orders=orders,
        monthly_report=report, needs_consent=consent, recipients=recipients, calendar=calendar or "",
        version=level.version,
    )  # fmt: skip


def _numbers(places: Places) -> dict[str, Any]:
    """Show the numbers, each empty for what is inherited. A wrong one is told by core, not cut by the browser."""
    values: dict[str, Any] = {}
    for name, column in zip(NUMBERS, st.columns(3), strict=True):
        with column:
            empty = "level.as_setting" if name == "refresh_minutes" else "rule.inherited"
            values[name] = st.number_input(text(LABELS[name]), key=KEY.format(name), step=1, value=None,
                                           placeholder=text(empty))  # fmt: skip
            places.below(name)
    return values


def _hours(field: str, places: Places) -> dict[str, float]:
    values: dict[str, float] = {}
    st.markdown(text(f"level.{field}"))
    for priority, column in zip(PRIORITIES, st.columns(4), strict=True):
        with column:
            value = st.number_input(text(f"level.priority.{priority}"), key=KEY.format(f"{field}_{priority}"), step=1.0,
                                    format="%g")  # fmt: skip
            values[priority] = float(value or 0)
    places.below(field)
    return values
