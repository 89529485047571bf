"""The check of the audit log: is it as it was written?"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import audit, runtime
from core.audit import Verdict
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.page import View
from ui.texts import text

_VERDICT = "_audit_verdict"
HASH_SHOWN = 16


def check(view: View) -> None:
    """Show the button, and the result of the last check of this visit."""
    if visit.entered():
        st.session_state.pop(_VERDICT, None)
    with st.container(horizontal=True, vertical_alignment="center", key="audit_check"):
        if st.button(
            text("audit.verify"), key="audit_verify", icon=":material/verified_user:", help=text("audit.verify_hint")
        ):
            with errors_shown():
                verdict = audit.verify(runtime.current().engine, current_user())
                st.session_state[_VERDICT] = (verdict, datetime.now(UTC))
        days = runtime.current().settings.audit_days
        st.caption(text("audit.kept", days=days) if days else text("audit.kept_for_ever"), width="content")
    if _VERDICT in st.session_state:
        verdict, at = st.session_state[_VERDICT]
        _tell(verdict, at, view)


def _tell(verdict: Verdict, at: datetime, view: View) -> None:
    values = {
        "count": fmt.number(verdict.rows, view.language),
        "time": fmt.clock(at, view.now, view.language, view.zone),
        "head": verdict.head[:HASH_SHOWN],
        "row": verdict.broken_at,
    }
    if verdict.broken_at is not None:
        st.error(text("audit.broken", **values), icon=":material/error:")
    elif verdict.rows:
        st.success(text("audit.whole", **values), icon=":material/check:")
    else:
        st.info(text("audit.empty"))
