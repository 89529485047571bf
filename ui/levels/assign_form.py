"""Give a level to tenants: to one, or to all that a filter finds. It shows what would change before."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.bounds import LONGEST_SEARCH, search_words
from core.name_key import sort_key
from core.tenants import levels
from core.tenants.levels import Level
from ui import format as fmt
from ui.action_messages import errors_shown, keep_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import language, visit
from ui.frame.identity import current_user
from ui.levels.level_context import LevelContext
from ui.levels.level_words import effect_sentences, first_names
from ui.texts import plural, text

MOST_NAMES = 10
WIDTH = 260


def assign_form(context: LevelContext) -> None:
    """Show filter, chosen tenants, new level, what would change, and the button."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(text("level.search"), key="assign_q", max_chars=LONGEST_SEARCH, width=WIDTH,
                               autocomplete="off")  # fmt: skip
        present = _choice(context, "assign_from", "level.has_now", "level.any")
        wanted = _choice(context, "assign_to", "level.gets", "level.choose")
    found = matching(context, search or "", present.key if present else "")
    st.markdown(_found_words(context, found))
    if wanted is None or not found:
        return
    moving = [tenant_id for tenant_id in found if context.level_of(tenant_id).key != wanted.key]
    if not moving:
        st.markdown(text("level.have_it", level=plain(wanted.name)))
        return
    for sentence in effect_sentences(context.effect(dict.fromkeys(moving, wanted)), context.view.language):
        st.markdown(f"**{sentence}**")
    count = fmt.number(len(moving), context.view.language)
    label = plural("level.assign", len(moving), count=count, level=plain(wanted.name))
    if st.button(label, key=bound_key("assign_now", wanted.key, wanted.version, *moving), type="primary"):
        with errors_shown():
            _assign(wanted, moving)


def matching(context: LevelContext, search: str, present: str) -> list[str]:
    """Return the ids of the tenants whose name has all words of the search, and that have the level `present`."""
    words = search_words(sort_key(search[:LONGEST_SEARCH]))
    return [
        tenant_id
        for tenant_id, name in context.names.items()
        if all(word in sort_key(name) for word in words) and present in ("", context.level_of(tenant_id).key)
    ]


def _found_words(context: LevelContext, found: list[str]) -> str:
    if not found:
        return text("level.none_found")
    lang = context.view.language
    names = first_names([context.names[tenant_id] for tenant_id in found], lang, MOST_NAMES)
    return plural("level.found", len(found), count=fmt.number(len(found), lang), names=names)


def _choice(context: LevelContext, key: str, label: str, empty: str) -> Level | None:
    keys = ["", *context.levels]
    if st.session_state.get(key, "") not in keys:
        st.session_state[key] = ""
    chosen = st.selectbox(text(label), keys, key=key, width=WIDTH,
                          format_func=lambda one: context.levels[one].name if one else text(empty))  # fmt: skip
    return context.levels.get(chosen or "")


def _assign(wanted: Level, moving: list[str]) -> None:
    moved = levels.assign(runtime.current().engine, wanted, moving, current_user())
    count = fmt.number(len(moved), language.current())
    keep_success(plural("level.assigned", len(moved), count=count, level=plain(wanted.name)))
    visit.take_newest()
    st.rerun()
