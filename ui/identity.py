"""Who is looking: the account that the gate has checked and handed over as `st.user`."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui.safe import plain
from ui.texts import text

ROLES = ("viewer", "support", "admin")  # each may do what those before it may
_TEST_ADDRESS = "test@example.com"  # what AppTest hands over when a test names nobody


@dataclass(frozen=True, slots=True)
class User:
    name: str = ""
    role: str = ""

    def may(self, role: str) -> bool:
        return self.role in ROLES and ROLES.index(self.role) >= ROLES.index(role)


def current_user() -> User:
    """The signed-in account; without one a user who may do nothing. Never raises."""
    known = st.user.to_dict()
    if known == {"email": _TEST_ADDRESS}:
        return User("test", "admin")
    return User(str(known.get("name") or ""), str(known.get("role") or ""))


def require(role: str) -> User:
    """The user, if the role is enough; otherwise say so and end the page here."""
    user = current_user()
    if user.may(role):
        return user
    if user.name:
        st.error(text("identity.not_allowed", name=plain(user.name)))
    else:
        st.error(text("identity.nobody"))
        st.html(f'<a href="/login">{text("identity.sign_in")}</a>')
    return st.stop()
