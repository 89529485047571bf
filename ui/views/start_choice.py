"""The choice of what an account sees after its sign-in: a page, or one of its views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.roles import Actor
from core.views.saved_views import SavedView, Start, choose_start, start_of, views_for
from ui.action_messages import errors_shown, keep_success
from ui.escaping import plain
from ui.frame import navigation
from ui.texts import text

_KEY = "own_start"


def start_choice(user: Actor) -> None:
    """Show the choice; another one counts at once."""
    engine = runtime.current().engine
    start = start_of(engine, user.name)
    options = start_options(user, views_for(engine, user))
    chosen = next((key for key, option in options.items() if _is_same(option[1], start)), "")
    st.header(text("own.start"), anchor=False)
    picked = st.selectbox(
        text("view.first"), list(options), index=list(options).index(chosen), key=f"{_KEY}_{chosen}", width=320,
        format_func=lambda key: options[key][0] if key in options else key,
    )  # fmt: skip
    if picked != chosen and picked in options:
        with errors_shown():
            label, wanted = options[picked]
            choose_start(engine, user, wanted, datetime.now(UTC))
            keep_success(text("own.start_saved", name=plain(label)))
            st.rerun()


def start_options(user: Actor, views: Sequence[SavedView]) -> dict[str, tuple[str, Start | None]]:
    """Return what may come first: key -> words and choice, the start page (None) first."""
    pages = {
        address: (navigation.title(address), Start(address, {}) if address else None)
        for address in navigation.page_entries(user)
    }
    return pages | {
        f"view:{view.view_id}": (text("view.menu_open", name=view.name), Start(view.page, view.params, view.view_id))
        for view in views
    }


def _is_same(one: Start | None, other: Start | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.view_id or one.page) == (other.view_id or other.page)
