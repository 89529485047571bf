"""The dialog of a session: what is known about it, and the form that ends it or all sessions of its account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import streamlit as st

from core import runtime
from core.access.reauthentication import has_password
from core.access.sessions import end_for, open_sessions
from core.cache.open_sessions import OpenSession
from ui import format as fmt
from ui.accounts.browser_names import browser_words
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import close_dialog, dialog_subject, figures, finish_dialog, open_dialog, show_dialog
from ui.texts import plural, text

FIELD_PIXELS = 320


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: about `session`, to end it `alone`, or to end `all` of its account."""

    session: OpenSession
    kind: Literal["show", "alone", "all"] = "show"

    @property
    def identity(self) -> tuple[object, ...]:
        """Return the session or account that the form is about; a deleted name may be used for another account."""
        return "" if self.kind == "all" else self.session.id, self.session.account, self.session.account_since

    def concerns(self, session: OpenSession) -> bool:
        """Return True if the form is about `session`, too."""
        return OpenForm(session, self.kind).identity == self.identity


def show_open_form(view: View, *, own: bool) -> None:
    """Show the open form in a dialog, if there is one; `own`: among the reader's sessions alone."""
    form = dialog_subject(OpenForm)
    if form is not None:
        show_dialog(form.session.shown, "sessions.title", partial(_dialog, view, own=own))


def _dialog(view: View, *, own: bool) -> None:
    form, user = dialog_subject(OpenForm), current_user()
    if form is None:
        return
    account = user.name if own else ""
    sessions = open_sessions(runtime.current().engine, user, datetime.now(UTC), account=account)
    if not any(map(form.concerns, sessions)):
        st.info(text("sessions.gone"), icon=":material/info:")
        close_dialog()
    elif form.kind == "show":
        _show(form.session, view)
    else:
        _ask(form, view)


def _show(session: OpenSession, view: View) -> None:
    figures(session_values(session, view))
    with st.container(horizontal=True, key="session_actions"):
        end_button("sessions.end", "session_end", OpenForm(session, "alone"))
        end_button("sessions.end_all", "sessions_end_all", OpenForm(session, "all"))


def _ask(form: OpenForm, view: View) -> None:
    name = plain(form.session.shown)
    st.subheader(
        text("sessions.end_title" if form.kind == "alone" else "sessions.end_all_title", name=name), anchor=False
    )
    if form.kind == "alone":
        st.markdown(_session_words(form.session, view))
    proof = _ask_for_proof(form)
    st.button(text("accounts.cancel"), key="session_cancel", on_click=close_dialog)
    if proof is not None:
        with errors_shown():
            _end(form, proof)


def end_button(label: str, key: str, form: OpenForm) -> None:
    """Show the button that opens `form`."""
    words = text(label, name=plain(form.session.shown)) if label == "sessions.end_all" else text(label)
    st.button(words, key=bound_key(key, *form.identity), icon=":material/logout:", on_click=open_dialog, args=(form,))


def session_values(session: OpenSession, view: View) -> dict[str, str]:
    """Return the texts about a session by column."""
    lang, zone = view.language, view.zone
    return {
        "name": session.shown,
        "browser": browser_words(session.user_agent) or text("browser.unknown", lang),
        "address": session.address,
        "session_since": fmt.moment(session.created_at, lang, zone),
        "last_seen": fmt.moment(session.last_seen_at, lang, zone),
        "which": text("sessions.this", lang) if session.id == current_user().session else "",
    }


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
        session=session.id if form.kind == "alone" else "", proof=proof,
    )  # fmt: skip
    name = plain(session.shown)
    finish_dialog(plural("sessions.ended", count, name=name) if count else text("sessions.gone"))
