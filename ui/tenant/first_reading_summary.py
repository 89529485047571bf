"""The summary of a tenant's first reading, until somebody acknowledges it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.attention.condition import count_and_names
from core.onboarding.first_read_step import acknowledge_summary
from core.roles import Action
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import text


def first_reading_summary(snapshot: Snapshot, tenant_id: str, view: View) -> None:
    """Show the shortages of the first reading; who may acknowledges them, which ends the condition on Start."""
    for one in snapshot.facts.unseen:
        if one.tenant_id != tenant_id or one.ended_at is None:
            continue
        names = count_and_names([str(short["product"]) for short in (one.summary or {}).get("shortages", ())])
        at = fmt.moment(one.ended_at, view.language, view.zone)
        values = {"at": plain(at), "count": names["count"], "names": plain(names["names"])}
        st.info(text("first_reading.summary", **values), icon=":material/info:")
        if current_user().may(Action.FIRST_READING):
            key = bound_key("first_reading_seen", one.onboarding_id)
            if st.button(text("first_reading.seen"), key=key):
                with errors_shown():
                    acknowledge_summary(runtime.current().engine, one, current_user(), datetime.now(UTC))
                    visit.take_newest()
                    st.rerun()
