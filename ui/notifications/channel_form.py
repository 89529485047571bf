"""The form to add, change, try, switch off or remove a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import streamlit as st

from core import runtime
from core.cache.channel_rows import Channel
from core.messages import channels
from core.messages.channels import ChannelFaults
from core.messages.routes import DESK, DIGEST, KINDS, URGENT
from ui.action_messages import errors_shown, keep_secret
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.fault_places import Places
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.notifications.channel_fields import fields, fill
from ui.notifications.channels_table import show_channels
from ui.problems import problem_box
from ui.row_dialog import close_dialog, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.texts import text


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """The form that is open: about a version of a channel, or for a new one of a kind (no id)."""

    act: Literal["change", "remove"]
    kind: str
    channel_id: str = ""
    version: int = 0


def edit_channels(stored: Sequence[Channel], view: View) -> None:
    """Show the channels, the buttons for new ones, and the open form."""
    if stored:
        clicked = show_channels(stored)
        if clicked is not None:
            _open(clicked)
    else:
        st.info(text("channel.none"), icon=":material/info:")
    with st.container(horizontal=True):
        for kind in KINDS:
            st.button(text(f"channel.add.{kind}"), key=f"channel_add_{kind}", icon=":material/add:", on_click=_open,
                      args=(_new(kind, view),))  # fmt: skip
    form = dialog_subject(OpenChannel)
    if form is not None:
        channel = next((one for one in stored if one.channel_id == form.channel_id), None)
        title = channel.name if channel else text(f"channel.add.{form.kind}")
        show_dialog(title, "channel.table", partial(_dialog, view), "large")


def _new(kind: str, view: View) -> Channel:
    routes = (URGENT, DIGEST) if kind == "smtp" else (URGENT,) if kind == "apprise" else DESK
    return Channel("", "", kind, {}, routes=routes, language=view.language)


def _open(channel: Channel) -> None:
    open_dialog(OpenChannel("change", channel.kind, channel.channel_id, channel.version))
    fill(channel)


def _dialog(view: View) -> None:
    form = dialog_subject(OpenChannel)
    if form is None:
        return
    stored = channels.channels_of(runtime.current().engine, current_user())
    found = next((one for one in stored if one.channel_id == form.channel_id), None)
    channel = found if form.channel_id else _new(form.kind, view)
    if channel is None or (form.channel_id and channel.version != form.version):
        name = plain(channel.name if channel else "")
        st.info(text("channel.changed_meanwhile", name=name), icon=":material/info:")
        close_dialog()
    elif form.act == "remove":
        _remove_form(channel)
    else:
        _edit_form(channel, form)


def _edit_form(channel: Channel, form: OpenChannel) -> None:
    places = Places()
    wanted, secret = fields(channel, places)
    with st.container(horizontal=True, key="channel_forms"):
        identity = (form.channel_id, form.version)
        if st.button(text("rule.save"), key=bound_key("channel_save", *identity), type="primary"):
            with errors_shown():
                _save(wanted, secret, places)
        if form.channel_id:
            tried = st.button(text("channel.test"), key=bound_key("channel_test", *identity))
            label = "channel.switch_off" if channel.active else "channel.switch_on"
            if st.button(text(label), key=bound_key("channel_switch", *identity)):
                with errors_shown():
                    _switch(channel)
            subject = OpenChannel("remove", channel.kind, channel.channel_id, channel.version)
            st.button(text("channel.remove"), key=bound_key("channel_remove", *identity), on_click=open_dialog,
                      args=(subject,))  # fmt: skip
        else:
            tried = False
        st.button(text("rule.cancel"), key="channel_cancel", on_click=close_dialog)
    if tried:
        with errors_shown():
            _try(channel)


def _save(wanted: Channel, secret: dict[str, str] | None, places: Places) -> None:
    current = runtime.current()
    now = datetime.now(UTC)
    try:
        saved, key = channels.keep(current.engine, current_user(), wanted, secret, now, current.settings.zone)
    except ChannelFaults as error:
        places.show(error.by_field)
        return
    if key:
        keep_secret(text("channel.key_made", name=plain(saved.name)), key)
    finish_dialog(text("channel.saved", name=plain(saved.name)))


def _try(channel: Channel) -> None:
    """Send a test message as the channel is stored, and show what came of it."""
    current = runtime.current()
    with st.spinner(text("channel.testing")):
        fault = channels.send_test(current.engine, current_user(), channel, current.settings, datetime.now(UTC))
    if fault is None:
        st.success(text("channel.test_accepted"), icon=":material/check:")
    else:
        problem_box(fault)


def _switch(channel: Channel) -> None:
    channels.switch(
        runtime.current().engine, current_user(), channel, datetime.now(UTC), active=not channel.active
    )  # fmt: skip
    finish_dialog(text("channel.switched_off" if channel.active else "channel.switched_on", name=plain(channel.name)))


def _remove_form(channel: Channel) -> None:
    st.markdown(text("channel.remove_title", name=plain(channel.name)))
    with st.container(horizontal=True):
        key = bound_key("channel_remove_now", channel.channel_id, channel.version)
        if st.button(text("channel.remove"), key=key, type="primary"):
            with errors_shown():
                channels.remove(runtime.current().engine, current_user(), channel, datetime.now(UTC))
                finish_dialog(text("channel.removed", name=plain(channel.name)))
        st.button(text("rule.cancel"), key="channel_cancel", on_click=partial(_open, channel))
