"""Stufen: what is agreed about tenants, who has which level, and the calendars of working time."""

import streamlit as st

from core.roles import Action
from ui.action_messages import errors_shown, show_success
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.levels.assign_form import assign_form
from ui.levels.calendar_form import edit_calendars
from ui.levels.letter_form import edit_letters
from ui.levels.level_context import level_context
from ui.levels.level_form import edit_levels
from ui.texts import text

require(Action.LEVELS)
st.title(text("nav.stufen"), anchor=False)
freshness(visit.snapshot())
show_success()

with errors_shown():
    context = level_context()
    with fenced("level.table"):
        edit_levels(context)
    with fenced("level.assign_title"):
        st.header(text("level.assign_title"), anchor=False)
        assign_form(context)
    with fenced("calendar.table"):
        st.header(text("calendar.table"), anchor=False)
        edit_calendars(context)
with fenced("letter.title"):
    st.header(text("letter.title"), anchor=False)
    edit_letters()
