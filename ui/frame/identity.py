"""The signed-in account: checked by the gate, which passes it as `st.user`."""

from __future__ import annotations

from urllib.parse import unquote

import streamlit as st

from core.roles import NOBODY, Action, Actor
from ui.escaping import plain
from ui.texts import text

_TEST_ADDRESS = "test@example.com"  # the user of AppTest if a test sets none


def current_user() -> Actor:
    """Return the signed-in account, with a new request id at each call, or NOBODY. Never raises."""
    claims = st.user.to_dict()
    if claims == {"email": _TEST_ADDRESS}:
        return Actor("test", "admin", "page")
    name, shown, role, address, session = (
        unquote(str(claims.get(field) or "")) for field in ("name", "shown", "role", "address", "sid")
    )
    return Actor(name, role, "page", shown, address, session) if name else NOBODY


def require(action: Action) -> Actor:
    """Return the user if the role allows `action`; otherwise show a message and stop the page."""
    user = current_user()
    if user.may(action):
        return user
    if user.name:
        st.error(text("identity.not_allowed", name=plain(user.shown)))
    else:
        st.error(text("identity.nobody"))
        st.html(f'<a href="/login">{text("identity.sign_in")}</a>')
    return st.stop()
