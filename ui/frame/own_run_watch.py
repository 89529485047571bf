"""Make a fragment run at once when the refresh that it waits for has something new, instead of at its next look."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from core import runtime
from core.refresh.run_watch import WaitingPage


def wake_for(run_id: str) -> None:
    """Run the present fragment once more when this process has stored new figures or the end of the run.

    To be called before the state of the run is read, so that nothing happens unnoticed in between.
    """
    services, context = runtime.current().services, get_script_run_ctx()
    if services is None or context is None:
        return
    message = BackMsg()
    asked = message.rerun_script  # as the browser asks every few seconds; values of controls stay as they are
    asked.fragment_id = ThreadState.get().fragment_id or ""
    asked.page_script_hash, asked.query_string = context.page_script_hash, context.query_string
    asked.is_auto_rerun = True
    if context.context_info is not None:
        asked.context_info.CopyFrom(context.context_info)
    services.run_watch.add(run_id, WaitingPage(context.session_id, message.SerializeToString()))
