"""The dialog of a page: one at a time, about the row whose name was clicked or about something new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Literal, NoReturn, TypeVar

import streamlit as st

from ui.action_messages import errors_shown, keep_success
from ui.escaping import plain
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.texts import text

_SUBJECT = "_dialog_subject"
LONG = 40  # characters; a longer value has a line of its own
Width = Literal["small", "medium", "large"]
S = TypeVar("S")


def open_dialog(subject: object) -> None:
    """Open the dialog about `subject`, in place of any other. It stays open until it is closed or the page is left."""
    st.session_state[_SUBJECT] = subject


def close_dialog() -> None:
    st.session_state.pop(_SUBJECT, None)


def confirm_buttons(label: str, key: str, cancel_key: str) -> bool:
    """Return True if the button `label` was pressed; show it beside the one that closes the dialog."""
    with st.container(horizontal=True):
        pressed = st.button(label, key=key, type="primary")
        st.button(text("accounts.cancel"), key=cancel_key, on_click=close_dialog)
    return pressed


def finish_dialog(words: str = "", *, newest: bool = False) -> NoReturn:
    """Close the dialog and run the page anew, with the message `words` (Markdown) if there are any.

    `newest`: with the newest figures, which what was done has changed.
    """
    if words:
        keep_success(words)
    close_dialog()
    if newest:
        visit.take_newest()
    st.rerun()


def forget_dialog() -> None:
    """Close the dialog of an earlier visit. Called once per run, before the page."""
    if visit.entered():
        close_dialog()


def dialog_subject(kind: type[S]) -> S | None:
    """Return what the open dialog is about; None if it is about another kind of thing, or if none is open."""
    subject = st.session_state.get(_SUBJECT)
    return subject if isinstance(subject, kind) else None


def show_dialog(title: str, block: str, content: Callable[[], None], width: Width = "medium") -> None:
    """Show `content` in a dialog that Escape and its cross close; `block` is the key of the heading of its block.

    A click in the dialog runs `content` alone again, so it reads anew what it shows.
    """

    def run() -> None:
        if _SUBJECT not in st.session_state:  # a button in it has closed it
            st.rerun()
        with fenced(block), errors_shown():
            content()

    st.dialog(plain(title), width=width, on_dismiss=close_dialog)(run)()


def figures(values: Mapping[str, str | None]) -> None:
    """Show values under the titles of their columns, without the empty ones."""
    pairs = [_pair(text(f"column.{name}"), value) for name, value in values.items() if value]
    st.html(f'<dl class="figures">{"".join(pairs)}</dl>')


def _pair(title: str, value: str) -> str:
    size = "long" if len(value) > LONG else "short"
    return f'<div class="{size}"><dt>{escape(title)}</dt><dd>{escape(value)}</dd></div>'
