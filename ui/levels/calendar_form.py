"""The form to add, change or delete a calendar, with a preview of the next days on which nobody works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal, TypeVar
from zoneinfo import available_timezones

import streamlit as st

from core import runtime
from core.problems import Problem
from core.tenants import calendars
from core.tenants.calendar_text import (
    CalendarText,
    clock_text,
    hours_text,
    own_days_text,
    parse_clock,
    parse_hours,
    parse_own_days,
)
from core.tenants.calendars import STANDARD, CalendarFaults, NamedCalendar
from core.tenants.chosen_names import LONGEST_NAME
from core.tenants.region_holidays import regions
from core.tenants.working_time import Calendar, Hours, OwnDay, special_days
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.fault_places import Places
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.levels.level_context import LevelContext, level_context
from ui.levels.levels_table import show_calendars
from ui.row_dialog import close_dialog, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.texts import text

KEY = "calendar_{}"
LONGEST_HOURS, LONGEST_DAYS = 200, 20_000
PREVIEW = 8  # days
PER_ROW = 4  # weekdays
WIDTH = 300
NO_HOURS: Hours = ()
NO_DAYS: tuple[OwnDay, ...] = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenCalendar:
    """The form that is open: about a version of a calendar, or for a new one (no key)."""

    kind: Literal["change", "delete"]
    key: str = ""
    version: int = 0


def edit_calendars(context: LevelContext) -> None:
    """Show the calendars, the button for a new one, and the open form."""
    clicked = show_calendars(context)
    language = context.view.language
    if clicked is not None:
        _open(clicked, language)
    st.button(text("calendar.add"), key="calendar_add", icon=":material/add:", on_click=_open,
              args=(NamedCalendar(""), language))  # fmt: skip
    form = dialog_subject(OpenCalendar)
    if form is not None:
        calendar = context.calendars.get(form.key)
        title = calendar.name if calendar else text("calendar.new_title")
        show_dialog(title, "calendar.table", _dialog, "large")


def _open(calendar: NamedCalendar, language: str) -> None:
    open_dialog(OpenCalendar("change", calendar.key, calendar.version))
    hours, state = calendar.hours, st.session_state
    state[KEY.format("name")], state[KEY.format("zone")] = calendar.name, hours.zone
    state[KEY.format("region")] = hours.region
    state[KEY.format("half_day_until")] = clock_text(hours.half_day_until)
    state[KEY.format("own_days")] = own_days_text(hours.own_days, language)
    for day, spans in enumerate(hours.week):
        state[KEY.format(f"day_{day}")] = hours_text(spans)


def _dialog() -> None:
    form, context = dialog_subject(OpenCalendar), level_context()
    if form is None:
        return
    calendar = context.calendars.get(form.key) if form.key else NamedCalendar("")
    if calendar is None or (form.key and calendar.version != form.version):
        name = plain(calendar.name if calendar else form.key)
        st.info(text("calendar.changed_meanwhile", name=name), icon=":material/info:")
        close_dialog()
    elif form.kind == "delete":
        _delete_form(calendar, form, context.view.language)
    else:
        _edit_form(calendar, form, context.view)


def _edit_form(calendar: NamedCalendar, form: OpenCalendar, view: View) -> None:
    places = Places()
    wanted, faults = _fields(calendar, places)
    if not faults:
        _preview(wanted.hours, view)
    with st.container(horizontal=True, key="calendar_forms"):
        if st.button(text("rule.save"), key=bound_key("calendar_save", form.key, form.version), type="primary"):
            with errors_shown():
                _save(wanted, faults, places)
        if form.key not in ("", STANDARD):
            subject = OpenCalendar("delete", form.key, form.version)
            key = bound_key("calendar_delete", form.key, form.version)
            st.button(text("level.delete"), key=key, on_click=open_dialog, args=(subject,))
        st.button(text("rule.cancel"), key="calendar_cancel", on_click=close_dialog)
    places.show({name: problem for name, problem in faults.items() if name != "name"})


def _fields(calendar: NamedCalendar, places: Places) -> tuple[NamedCalendar, dict[str, Problem]]:
    """Show the fields; return the calendar with their values, and what cannot be read."""
    faults: dict[str, Problem] = {}

    def read(field: str, typed: str | None, parse: Callable[[str], T], instead: T) -> T:
        places.below(field)
        try:
            return parse(typed or "")
        except CalendarText as error:
            faults[field] = error.problem
            return instead

    name = st.text_input(text("column.calendar_name"), key=KEY.format("name"), max_chars=LONGEST_NAME,
                         autocomplete="off")  # fmt: skip
    places.below("name")
    zone, region = _where(places)
    week: list[Hours] = []
    for day, weekday in enumerate(text("calendar.weekdays_long").split()):
        if day % PER_ROW == 0:
            row = st.columns(PER_ROW)
        with row[day % PER_ROW]:
            typed = st.text_input(weekday, key=KEY.format(f"day_{day}"), max_chars=LONGEST_HOURS, autocomplete="off",
                                  placeholder=text("calendar.day_off"))  # fmt: skip
            week.append(read(f"day_{day}", typed, parse_hours, NO_HOURS))
    places.below("week")
    half = st.text_input(text("calendar.half_day_until"), key=KEY.format("half_day_until"), max_chars=5, width=WIDTH)
    until = read("half_day_until", half, parse_clock, calendar.hours.half_day_until)
    days = st.text_area(text("calendar.own_days"), key=KEY.format("own_days"), max_chars=LONGEST_DAYS, height=90,
                        placeholder=text("calendar.own_days_hint"), help=text("calendar.own_days_help"))  # fmt: skip
    own_days = read("own_days", days, parse_own_days, NO_DAYS)
    return replace(calendar, name=name or "", hours=Calendar(zone, tuple(week), region, until, own_days)), faults


@cache
def _zones() -> tuple[str, ...]:
    """Return the names of all time zones, which are as many files of the operating system."""
    return tuple(sorted(available_timezones()))


def _where(places: Places) -> tuple[str, str]:
    with st.container(horizontal=True):
        zone = st.selectbox(text("column.zone"), _zones(), key=KEY.format("zone"), width=WIDTH)
        named = regions()
        region = st.selectbox(text("column.region"), ["", *named], key=KEY.format("region"), width=WIDTH,
                              format_func=lambda one: _region_words(one, named.get(one, "")))  # fmt: skip
    places.below("zone")
    places.below("region")
    return zone or "", region or ""


def _region_words(region: str, name: str) -> str:
    if not region:
        return text("calendar.no_holidays")
    return f"{region} {name or text('calendar.whole_country')}"


def _preview(hours: Calendar, view: View) -> None:
    """Show the next days on which nobody works, or only until noon."""
    today = view.today
    weekdays = text("calendar.weekdays").split()
    days = [
        f"{weekdays[one.day.weekday()]} {fmt.day(one.day, view.language)} "
        f"{plain(one.name)} ({text(f'calendar.kind.{one.kind}')})"
        for one in special_days(hours, today, PREVIEW, view.language)
    ]
    st.markdown(f"**{text('calendar.next_days')}** {'; '.join(days) or text('calendar.no_days')}")


def _save(wanted: NamedCalendar, faults: dict[str, Problem], places: Places) -> None:
    if faults:
        return  # they are shown at their fields
    try:
        calendars.keep(runtime.current().engine, wanted, current_user())
    except CalendarFaults as error:
        places.show(error.by_field)
        return
    finish_dialog(text("calendar.saved", name=plain(wanted.name)), newest=True)


def _delete_form(calendar: NamedCalendar, form: OpenCalendar, language: str) -> None:
    st.markdown(text("calendar.delete_title", name=plain(calendar.name)))
    with st.container(horizontal=True):
        if st.button(
            text("level.delete"), key=bound_key("calendar_delete_now", form.key, form.version), type="primary"
        ):
            with errors_shown():
                calendars.delete(runtime.current().engine, calendar, current_user())
                finish_dialog(text("calendar.deleted", name=plain(calendar.name)), newest=True)
        st.button(text("rule.cancel"), key="calendar_cancel", on_click=partial(_open, calendar, language))
