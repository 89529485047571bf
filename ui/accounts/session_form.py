"""The form that ends sessions: it names the account and asks for the reader's password once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.access.reauthentication import has_password
from core.access.sessions import end_for
from core.cache.open_sessions import OpenSession
from ui import format as fmt
from ui.accounts.browser_names import browser_words
from ui.action_messages import errors_shown, keep_success
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.tables.selection import bound_key, untick
from ui.texts import plural, text

TABLE = "sessions"
_OPEN_FORM = "_session_open"
FIELD_PIXELS = 320


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: it ends `session` alone, or all sessions of its account."""

    session: OpenSession
    alone: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """Return the session or account that the form is about; a deleted name may be used for another account."""
        return self.session.id if self.alone else "", self.session.account, self.session.account_since

    def concerns(self, session: OpenSession) -> bool:
        """Return True if the form would end `session`."""
        return OpenForm(session, self.alone).identity == self.identity


def open_form(form: OpenForm) -> None:
    """Open this form on the next run."""
    st.session_state[_OPEN_FORM] = form


def show_open_form(sessions: Sequence[OpenSession], view: View) -> None:
    """Show the open form, if there is one; close it if none of the open `sessions` is concerned any more."""
    if visit.entered():
        st.session_state.pop(_OPEN_FORM, None)
    form: OpenForm | None = st.session_state.get(_OPEN_FORM)
    if form is None:
        return
    name = plain(form.session.shown)
    if not any(map(form.concerns, sessions)):
        st.info(text("sessions.gone"), icon=":material/info:")
        _close()
        return
    with st.container(border=True, key="session_form"):
        st.subheader(text("sessions.end_title" if form.alone else "sessions.end_all_title", name=name))
        if form.alone:
            st.markdown(_session_words(form.session, view))
        proof = _ask_for_proof(form)
        st.button(text("accounts.cancel"), key="session_cancel", on_click=_close)
    if proof is not None:
        with errors_shown():
            _end(form, proof)


def _session_words(session: OpenSession, view: View) -> str:
    since = fmt.clock(session.created_at, view.now, view.language, view.zone)
    browser = browser_words(session.user_agent) or text("browser.unknown", view.language)
    return text("sessions.which", since=since, address=plain(session.address or "?"), browser=plain(browser))


def _ask_for_proof(form: OpenForm) -> str | None:
    """Show the field for the proof; return what was typed in the run after a click, else None.

    The proof is the reader's password, or the name of the account if the reader signs in without a password.
    """
    with_password = has_password(runtime.current().engine, current_user().name)
    label = text("sessions.password") if with_password else text("sessions.type_name", name=plain(form.session.shown))
    with st.form(bound_key("session_ask", *form.identity), border=False, width=FIELD_PIXELS):
        typed = st.text_input(
            label, key=bound_key("session_proof", *form.identity), type="password" if with_password else "default",
            autocomplete="current-password" if with_password else "off",
        )  # fmt: skip
        pressed = st.form_submit_button(
            text("sessions.end_now"), key=bound_key("session_now", *form.identity), type="primary"
        )
    return (typed or "") if pressed else None


def _end(form: OpenForm, proof: str) -> None:
    session = form.session
    count = end_for(
        runtime.current().engine, current_user(), datetime.now(UTC), account=session.account,
        session=session.id if form.alone else "", proof=proof,
    )  # fmt: skip
    name = plain(session.shown)
    keep_success(plural("sessions.ended", count, name=name) if count else text("sessions.gone"))
    _close()
    st.rerun()


def _close() -> None:
    st.session_state.pop(_OPEN_FORM, None)
    untick(TABLE)
