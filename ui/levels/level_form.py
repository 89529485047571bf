"""The form to add, change or delete a level. It shows what would change before the level is saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import streamlit as st

from core import runtime
from core.tenants import levels
from core.tenants.levels import STANDARD, Level, LevelFaults
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.fault_places import Places
from ui.frame.identity import current_user
from ui.levels.level_context import LevelContext, level_context
from ui.levels.level_fields import fields, fill
from ui.levels.level_words import effect_sentences
from ui.levels.levels_table import show_levels
from ui.row_dialog import close_dialog, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.texts import text


@dataclass(frozen=True, slots=True)
class OpenLevel:
    """The form that is open: about a version of a level, or for a new one (no key)."""

    kind: Literal["change", "delete"]
    key: str = ""
    version: int = 0


def edit_levels(context: LevelContext) -> None:
    """Show the levels, the button for a new one, and the open form."""
    clicked = show_levels(context)
    if clicked is not None:
        _open(clicked)
    st.button(text("level.add"), key="level_add", icon=":material/add:", on_click=_open, args=(Level("", ""),))
    form = dialog_subject(OpenLevel)
    if form is not None:
        level = context.levels.get(form.key)
        show_dialog(level.name if level else text("level.new_title"), "level.table", _dialog, "large")


def _open(level: Level) -> None:
    open_dialog(OpenLevel("change", level.key, level.version))
    fill(level)


def _dialog() -> None:
    form, context = dialog_subject(OpenLevel), level_context()
    if form is None:
        return
    level = context.levels.get(form.key) if form.key else Level("", "")
    if level is None or (form.key and level.version != form.version):
        st.info(text("level.changed_meanwhile", name=plain(level.name if level else form.key)), icon=":material/info:")
        close_dialog()
    elif form.kind == "delete":
        _delete_form(level, form)
    else:
        _edit_form(context, level, form)


def _edit_form(context: LevelContext, level: Level, form: OpenLevel) -> None:
    places = Places()
    wanted = fields(context, level, places)
    faults = dict(reversed(list(levels.faults_of(wanted, list(context.calendars)))))
    if level.key and not faults:
        _show_effect(context, wanted)
    with st.container(horizontal=True, key="level_forms"):
        if st.button(text("rule.save"), key=bound_key("level_save", form.key, form.version), type="primary"):
            with errors_shown():
                _save(context, wanted, places)
        if level.key not in ("", STANDARD):
            subject = OpenLevel("delete", form.key, form.version)
            key = bound_key("level_delete", form.key, form.version)
            st.button(text("level.delete"), key=key, on_click=open_dialog, args=(subject,))
        st.button(text("rule.cancel"), key="level_cancel", on_click=close_dialog)


def _show_effect(context: LevelContext, wanted: Level) -> None:
    effect = context.effect(dict.fromkeys(context.tenants_of(wanted.key), wanted))
    for sentence in effect_sentences(effect, context.view.language):
        st.markdown(f"**{sentence}**")


def _save(context: LevelContext, wanted: Level, places: Places) -> None:
    try:
        saved = levels.keep(runtime.current().engine, wanted, current_user(), list(context.calendars))
    except LevelFaults as error:
        places.show(error.by_field)
        return
    finish_dialog(text("level.saved", name=plain(saved.name)), newest=True)


def _delete_form(level: Level, form: OpenLevel) -> None:
    st.markdown(text("level.delete_title", name=plain(level.name)))
    with st.container(horizontal=True):
        if st.button(text("level.delete"), key=bound_key("level_delete_now", form.key, form.version), type="primary"):
            with errors_shown():
                levels.delete(runtime.current().engine, level, current_user())
                finish_dialog(text("level.deleted", name=plain(level.name)), newest=True)
        st.button(text("rule.cancel"), key="level_cancel", on_click=partial(_open, level))
