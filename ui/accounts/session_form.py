"""The question before sessions are ended: it names whose, and asks for the password once more."""

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
from ui.action_messages import done, errors_shown
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.page import View
from ui.tables.selection import bound_key, untick
from ui.texts import plural, text

TABLE = "sessions"
_OPEN = "_session_open"
FIELD_PIXELS = 320


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be ended: this session `alone`, or all of its account."""

    session: OpenSession
    alone: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """A name that was given away anew is somebody else's."""
        return self.session.id if self.alone else "", self.session.account, self.session.account_since

    def concerns(self, session: OpenSession) -> bool:
        """Return whether `session` would be ended."""
        return Work(session, self.alone).identity == self.identity


def begin(work: Work) -> None:
    """Ask before it is done."""
    st.session_state[_OPEN] = work


def open_form(sessions: Sequence[OpenSession], view: View) -> None:
    """Show the question that is open, if any; `sessions` are those that are open now."""
    if visit.entered():
        st.session_state.pop(_OPEN, None)
    work: Work | None = st.session_state.get(_OPEN)
    if work is None:
        return
    name = plain(work.session.shown)
    if not any(map(work.concerns, sessions)):
        st.info(text("sessions.gone"), icon=":material/info:")
        _close()
        return
    with st.container(border=True, key="session_form"):
        st.subheader(text("sessions.end_title" if work.alone else "sessions.end_all_title", name=name))
        if work.alone:
            st.markdown(_which(work.session, view))
        proof = _proof(work)
        st.button(text("accounts.cancel"), key="session_cancel", on_click=_close)
    if proof is not None:
        with errors_shown():
            _end(work, proof)


def _which(session: OpenSession, view: View) -> str:
    since = fmt.clock(session.created_at, view.now, view.language, view.zone)
    browser = browser_words(session.user_agent) or text("browser.unknown", view.language)
    return text("sessions.which", since=since, address=plain(session.address or "?"), browser=plain(browser))


def _proof(work: Work) -> str | None:
    """Return what was typed once the button was pressed: the password, or the name where there is no password."""
    secret = has_password(runtime.current().engine, current_user().name)
    label = text("sessions.password") if secret else text("sessions.type_name", name=plain(work.session.shown))
    with st.form(bound_key("session_ask", *work.identity), border=False, width=FIELD_PIXELS):
        typed = st.text_input(
            label, key=bound_key("session_proof", *work.identity), type="password" if secret else "default",
            autocomplete="current-password" if secret else "off",
        )  # fmt: skip
        pressed = st.form_submit_button(
            text("sessions.end_now"), key=bound_key("session_now", *work.identity), type="primary"
        )
    return (typed or "") if pressed else None


def _end(work: Work, proof: str) -> None:
    session = work.session
    count = end_for(
        runtime.current().engine, current_user(), datetime.now(UTC), account=session.account,
        session=session.id if work.alone else "", proof=proof,
    )  # fmt: skip
    name = plain(session.shown)
    done(plural("sessions.ended", count, name=name) if count else text("sessions.gone"))
    _close()
    st.rerun()


def _close() -> None:
    st.session_state.pop(_OPEN, None)
    untick(TABLE)
