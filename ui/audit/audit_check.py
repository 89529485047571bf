"""The check of the chain of hashes in the audit log, with a button and its result."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import audit, runtime
from core.audit import Verification
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.texts import text

_VERIFICATION = "_audit_verification"
HASH_SHOWN = 16


def verify_block(view: View) -> None:
    """Show the button, and the result of the last check in this visit."""
    if visit.entered():
        st.session_state.pop(_VERIFICATION, None)
    with st.container(horizontal=True, vertical_alignment="center", key="audit_check"):
        if st.button(
            text("audit.verify"), key="audit_verify", icon=":material/verified_user:", help=text("audit.verify_hint")
        ):
            with errors_shown():
                verification = audit.verify(runtime.current().engine, current_user())
                st.session_state[_VERIFICATION] = (verification, datetime.now(UTC))
        days = runtime.current().settings.audit_days
        st.caption(text("audit.kept", days=days) if days else text("audit.kept_for_ever"), width="content")
    if _VERIFICATION in st.session_state:
        verification, at = st.session_state[_VERIFICATION]
        _show_verification(verification, at, view)


def _show_verification(verification: Verification, at: datetime, view: View) -> None:
    values = {
        "count": fmt.number(verification.rows, view.language),
        "time": fmt.clock(at, view.now, view.language, view.zone),
        "head": verification.head[:HASH_SHOWN],
        "row": verification.broken_at,
    }
    if verification.broken_at is not None:
        st.error(text("audit.broken", **values), icon=":material/error:")
    elif verification.rows:
        st.success(text("audit.whole", **values), icon=":material/check:")
    else:
        st.info(text("audit.empty"))
