"""The outbox: what waits, what was given up and why, and the button to send it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.cache.channel_rows import Channel
from core.cache.message_rows import FAILED, SENT, WAITING, Message, OutboxState
from core.messages import channels
from core.texts import has_text
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import dialog_subject, figures, finish_dialog, open_dialog, show_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import plural, text

COLUMNS: dict[str, Kind] = {
    "message_subject": "open", "message_at": "text", "message_state": "chip", "channel": "text",
    "message_recipient": "text", "message_problem": "text",
}  # fmt: skip
STATES = ("", WAITING, FAILED, SENT)
TONES = {WAITING: "warn", FAILED: "bad", SENT: "quiet"}


def show_outbox(stored: Sequence[Channel], view: View) -> None:
    """Show how the outbox is, its messages, and the one whose subject was clicked."""
    st.header(text("outbox.title"), anchor=False)
    chosen = st.selectbox(text("outbox.state"), STATES, key="outbox_state", width=260,
                          format_func=lambda one: text(f"outbox.state.{one or 'any'}"))  # fmt: skip
    messages, state = channels.outbox(runtime.current().engine, current_user(), chosen or "")
    st.markdown(state_words(state, view))
    if state.failed:
        _send_all_again(view, state.failed)
    if not messages:
        return
    names = {channel.channel_id: channel.name for channel in stored}
    rows = [Row(one.message_id, _cells(one, names, view)) for one in messages]
    clicked = show_whole_table("outbox", text("outbox.title"), titled_columns(COLUMNS), rows)
    message = next((one for one in messages if one.message_id == clicked), None)
    if message is not None:
        open_dialog(message)
    subject = dialog_subject(Message)
    if subject is not None:
        show_dialog(subject.subject, "outbox.title", lambda: _details(subject, names, view))


def state_words(state: OutboxState, view: View) -> str:
    """Return what waits and what was given up, as a sentence."""
    if not state.waiting and not state.failed:
        return text("outbox.empty")
    words = []
    if state.waiting and state.oldest:
        since = fmt.clock(state.oldest, view.now, view.language, view.zone)
        words.append(
            plural("outbox.waiting", state.waiting, count=fmt.number(state.waiting, view.language), since=since)
        )
    if state.failed:
        words.append(plural("outbox.failed", state.failed, count=fmt.number(state.failed, view.language)))
    return " ".join(words)


def _send_all_again(view: View, count: int) -> None:
    if st.button(text("outbox.send_all_again", count=fmt.number(count, view.language)), key="outbox_all_again"):
        with errors_shown():
            engine, user = runtime.current().engine, current_user()
            failed, _ = channels.outbox(engine, user, FAILED)
            _send_again([one.message_id for one in failed], view)


def _cells(message: Message, names: Mapping[str, str], view: View) -> list[object]:
    return [
        message.subject,
        fmt.short_moment(message.created_at, view.now, view.language, view.zone),
        {"chips": [{"text": text(f"outbox.state.{message.state}"), "tone": TONES[message.state]}]},
        names.get(message.channel_id, text("outbox.channel_gone")),
        message.recipient,
        problem_words(message, view),
    ]


def problem_words(message: Message, view: View) -> str:
    """Return why the last attempt failed, "" if it did not."""
    problem = message.problem
    if problem is None:
        return ""
    return problem.text(view.language) if has_text(problem.code) else problem.code


def _details(message: Message, names: Mapping[str, str], view: View) -> None:
    """Show one message, and the button to send it again."""
    sent = message.sent_at
    figures({
        "message_state": text(f"outbox.state.{message.state}"),
        "channel": names.get(message.channel_id, text("outbox.channel_gone")),
        "message_recipient": message.recipient,
        "message_at": fmt.moment(message.created_at, view.language, view.zone),
        "message_sent_at": fmt.moment(sent, view.language, view.zone) if sent else "",
        "message_attempts": fmt.number(message.attempts, view.language),
        "message_problem": problem_words(message, view),
    })  # fmt: skip
    if message.body:
        st.code(message.body, language=None, wrap_lines=True)
    if message.state == SENT:
        return
    key = bound_key("message_again", message.message_id, message.attempts)
    if st.button(text("outbox.send_again"), key=key, type="primary"):
        with errors_shown():
            _send_again([message.message_id], view)


def _send_again(message_ids: Sequence[str], view: View) -> None:
    count = channels.send_again(runtime.current().engine, current_user(), message_ids, datetime.now(UTC))
    finish_dialog(plural("outbox.sent_again", count, count=fmt.number(count, view.language)))
