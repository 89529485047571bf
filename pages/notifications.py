"""Benachrichtigungen: the channels that messages go to, and the outbox."""

import streamlit as st

from core import runtime
from core.messages import channels
from core.roles import Action
from ui.action_messages import errors_shown, show_secret, show_success
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.notifications.channel_form import edit_channels
from ui.notifications.outbox_table import show_outbox
from ui.texts import text

user = require(Action.CHANNELS)
view = current_view()

st.title(text("nav.benachrichtigungen"), anchor=False)
show_success()
show_secret()

with errors_shown():
    stored = channels.channels_of(runtime.current().engine, user)
    with fenced("channel.table"):
        edit_channels(stored, view)
    with fenced("outbox.title"):
        show_outbox(stored, view)
