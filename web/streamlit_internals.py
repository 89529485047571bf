"""The private or undocumented features of Streamlit that gate and server depend on, all in this one file.

Streamlit is pinned, and tests/test_streamlit_contract.py tests each of these features, so that an update that changes
one fails there.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from streamlit import config, file_util, net_util, runtime
from streamlit import logger as streamlit_logger
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import get_instance
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.runtime import RuntimeStoppedError
from streamlit.runtime.state.session_state import Serialized, Value, WStates

from web.limits.frame_limits import LARGEST_FRAME, fault_of

log = logging.getLogger(__name__)

# What the frontend is made of; served under /static.
FILES = Path(file_util.get_static_dir(), "static")
STREAM_PATH = "/_stcore/stream"
# The browser requests these before it opens the stream, and repeatedly while it is disconnected.
PING_PATHS = frozenset({"/_stcore/health", "/_stcore/host-config"})

# Header that the gate sets -> its name in `st.user` of the script. Streamlit also compares these headers when a
# client asks for an existing session by its id, so that nobody gets the session of another person.
# Values are percent-encoded: a display name may hold any letter.
TRUSTED_HEADERS = {
    "x-app-user": "name",
    "x-app-shown": "shown",
    "x-app-sid": "sid",
    "x-app-role": "role",
    "x-app-address": "address",
}

OPTIONS: dict[str, object] = {
    "server.trustedUserHeaders": TRUSTED_HEADERS,
    # A full garbage collection after every run holds all threads for 40 ms.
    "runner.postScriptGC": False,
    "server.enableStaticServing": False,
    "server.maxWidgetStateSize": 1,  # MB; a second bound behind LARGEST_FRAME
    "global.developmentMode": False,
    # Its handler writes tracebacks directly to the console, without our filter for secrets.
    "logger.enableRich": False,
    "client.allowedOrigins": [],  # the frontend accepts messages from no other window
}

# Frames that our pages need; all others (clear_cache, set_run_on_save, uploads ...) are dropped.
SCRIPT_FRAMES = frozenset({"rerun_script", "stop_script", "app_heartbeat"})
OPERATION_FRAME = "backend_operation_request"
# The path of files that a script has made. Streamlit serves them without checking who asks.
MEDIA_PATH = "/media"
LARGEST_WITH_FILE = 64 * 2**10  # frames with a download button are small; larger ones are tables and are not searched
WIDGET_MARK = b"$$ID-"  # in the id of every control
# Allowed payloads of backend_operation_request: a CSV file made on click.
OPERATIONS = frozenset({"deferred_file"})

_read_value = WStates.__getitem__


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of a websocket frame from the browser."""

    kind: str
    allowed: bool
    active: bool  # caused by a person and not by a timer
    path: str | None = None  # page and query of the tab, if the frame contains them
    file: str = ""  # id of a file to be made on click
    request: str = ""  # id under which the browser waits for that file
    pressed: bool = False  # a button or something in a table was pressed, which may change data
    fault: str = ""  # the limit that the frame exceeds; such a frame is never allowed


def harden() -> None:
    """Set options that must not depend on a config file. Call this after Streamlit has read its config files."""
    for option, value in OPTIONS.items():
        config.set_option(option, value)
    # Otherwise the first request of a process can run a file of pages/ directly, without our script and its check.
    PagesManager.uses_pages_directory = False
    # Otherwise a handshake from a foreign origin makes Streamlit ask a server on the internet for our address.
    net_util._external_ip = ""
    # Otherwise a forged value raises an exception: a traceback in the log and an error in place of the page.
    WStates.__getitem__ = _value_or_default  # type: ignore[method-assign]


def join_our_log() -> None:
    """Send Streamlit's and uvicorn's log lines through our log, with its filter for secrets."""
    streamlit_logger.setup_formatter = _pass_on  # for loggers that are created later
    for logger in streamlit_logger._loggers.values():
        _pass_on(logger)
    logging.getLogger("uvicorn.access").disabled = True  # its lines contain session ids and nothing useful
    logging.getLogger("uvicorn.error").addFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    """Drop lines below a warning, one for every opened tab. (A filter, because Streamlit sets the logger's level.)"""
    return record.levelno >= logging.WARNING


def _pass_on(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True


def drop_ended_sessions(at: float | None = None) -> None:
    """Let go of the sessions that nobody can come back to, and of the files of all that have ended.

    Streamlit does both at the next visit only; until then an idle server keeps every file that was offered. `at` is a
    time of the monotonic clock, by default the present one.
    """
    if not runtime.exists():
        return
    running = runtime.get_instance()
    for _, ended in running._session_mgr._session_storage._cache.expire(at):  # type: ignore[attr-defined]
        ended.session.shutdown()
    running.media_file_mgr.remove_orphaned_files()  # the first call marks a file, the second one deletes it


def index_html() -> str:
    """Return the HTML page of Streamlit's frontend."""
    return Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")


def hand_over(session: str, frame: bytes) -> None:
    """Give Streamlit a frame as if the browser of this session had sent it; of a session that has ended it is dropped.

    For the thread of the event loop alone.
    """
    with contextlib.suppress(RuntimeStoppedError):
        get_instance().handle_backmsg(session, BackMsg.FromString(frame))


def read_frame(data: bytes) -> Frame | None:
    """Return the content of a frame from the browser, or None if it is no Streamlit message or is too large."""
    message = BackMsg()
    if len(data) > LARGEST_FRAME:
        return None
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    kind = message.WhichOneof("type")
    if kind in (*SCRIPT_FRAMES, OPERATION_FRAME) and (fault := fault_of(message)):
        return Frame(kind, allowed=False, active=False, fault=fault)
    if kind == "rerun_script":
        state = message.rerun_script
        path = f"/{state.page_name.lstrip('/')}" + (f"?{state.query_string}" if state.query_string else "")
        pressed = any(widget.trigger_value or widget.json_trigger_value for widget in state.widget_states.widgets)
        return Frame(kind, allowed=True, active=not state.is_auto_rerun, path=path, pressed=pressed)
    if kind == OPERATION_FRAME:
        sent = message.backend_operation_request
        operation = sent.WhichOneof("payload")
        file, request = str(sent.deferred_file.file_id), str(sent.request_id)
        return Frame(f"{kind}.{operation}", allowed=operation in OPERATIONS, active=True, file=file, request=request)
    return Frame(kind or "empty", allowed=kind in SCRIPT_FRAMES, active=kind == "stop_script")


def media_path(data: bytes) -> str:
    """Return the address of the file that a frame to the browser offers for download, "" for none.

    Only the two fields in which Streamlit puts one are read: a text on the page may look like an address, too.
    """
    if len(data) > LARGEST_WITH_FILE or f"{MEDIA_PATH}/".encode() not in data:
        return ""
    message = ForwardMsg()
    message.ParseFromString(data)
    url = message.delta.new_element.download_button.url or message.backend_operation_response.deferred_file.url
    return str(url) if url.startswith(f"{MEDIA_PATH}/") else ""


def file_on_click(data: bytes) -> str:
    """Return the id of the file that a frame to the browser offers to make on click, "" for none.

    Streamlit makes the file for anyone who knows the id, with the rights of the person whose page offered it.
    """
    if len(data) > LARGEST_WITH_FILE or WIDGET_MARK not in data:
        return ""
    message = ForwardMsg()
    message.ParseFromString(data)
    return str(message.delta.new_element.download_button.deferred_file_id)


def refusal_frame(request: str, words: str) -> bytes:
    """Return a message that shows `words` below the button whose file was requested."""
    message = ForwardMsg()
    message.backend_operation_response.request_id = request
    message.backend_operation_response.error_msg = words
    return bytes(message.SerializeToString())


def redirect_frame(url: str) -> bytes:
    """Return a message that makes the browser's tab go to `url`."""
    message = ForwardMsg()
    message.auth_redirect.url = url
    return bytes(message.SerializeToString())


# A field for whole numbers registers as one for fractions, and the browser sends whole ones.
ALSO_FITTING = {("int_value", "double_value")}


def _value_or_default(states: WStates, widget: str) -> Any:
    """Return the value of a control; its default if the sent value has another type or cannot be deserialised."""
    state, metadata = states.states.get(widget), states.widget_metadata.get(widget)
    if metadata is None or not isinstance(state, Serialized):
        return _read_value(states, widget)
    kind, fitting = state.value.WhichOneof("value"), metadata.value_type
    if kind in (fitting, None) or fitting is None or (kind, fitting) in ALSO_FITTING:  # None: cleared in the last run
        with contextlib.suppress(Exception):  # a deserialiser may raise anything for a forged value
            return _read_value(states, widget)
    log.warning("A value that does not fit its control was dropped: %s as %s", widget[-100:], kind)
    states.states[widget] = Value(metadata.deserializer(None))
    return _read_value(states, widget)
