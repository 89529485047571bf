"""Betrieb: backups, drills of the restore, and whether both are as they should be."""

import streamlit as st

from core import runtime
from core.operations.backup_overview import backup_overview
from core.roles import Action
from ui.action_messages import errors_shown
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.operations.backups_table import show_backup_state, show_backups
from ui.texts import text

user = require(Action.OPERATIONS)
view = current_view()

st.title(text("nav.betrieb"), anchor=False)
st.caption(text("backups.intro"))
with fenced("backups.title"), errors_shown():
    current = runtime.current()
    overview = backup_overview(current.engine, current.settings, user, view.now)
    show_backup_state(overview, view)
    show_backups(overview, view)
