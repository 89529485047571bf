"""The private or hidden features of Streamlit that the gate and the server rest on, all in this one file.

Streamlit is pinned; tests/test_streamlit_contract.py holds each of them, so an update that changes one fails there
and not in front of a user.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from streamlit import config, file_util, net_util
from streamlit import logger as streamlit_logger
from streamlit.elements.widgets import data_editor
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.state.session_state import Serialized, Value, WStates

from web.limits.frame_limits import LARGEST_FRAME, fault_of
from web.limits.widget_values import fits

log = logging.getLogger(__name__)

STREAM_PATH = "/_stcore/stream"
# What the browser asks for before it opens the stream, also again and again while it is cut off.
PING_PATHS = frozenset({"/_stcore/health", "/_stcore/host-config"})

# Header that the gate sets -> name under which the script finds it in `st.user`. Streamlit also compares them when
# somebody asks for an existing session by its id: another person's headers never match.
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
    # Its handler writes tracebacks to the console itself, past our log and its filter for secrets.
    "logger.enableRich": False,
    "client.allowedOrigins": [],  # the frontend takes messages of no other window
}

# Frames that a page in the browser needs; anything else (clear_cache, set_run_on_save, uploads ...) is dropped.
SCRIPT_FRAMES = frozenset({"rerun_script", "stop_script", "app_heartbeat"})
OPERATION_FRAME = "backend_operation_request"
# Below it lie files that a script has made. Streamlit asks nobody who wants one.
MEDIA_PATH = "/media"
LARGEST_WITH_FILE = 64 * 2**10  # a frame with a download button is small; large ones are tables and not looked through
WIDGET_MARK = b"$$ID-"  # in the id of every control
# Within backend_operation_request: a CSV made on click.
OPERATIONS = frozenset({"deferred_file"})

_read_value = WStates.__getitem__
_apply_edits = data_editor._apply_cell_edits


@dataclass(frozen=True, slots=True)
class Frame:
    """What a websocket frame from the browser asks for."""

    kind: str
    allowed: bool
    active: bool  # a person did something, as opposed to a timer
    path: str | None = None  # page and query of the tab, where the frame tells it
    file: str = ""  # the id of a file that is to be made on click
    request: str = ""  # under which the browser waits for it
    pressed: bool = False  # a button, which may change something
    fault: str = ""  # which limit it breaks, as code; such a frame is never allowed


def harden() -> None:
    """Set what must not depend on a config file being found. To be called after Streamlit has read its files."""
    for option, value in OPTIONS.items():
        config.set_option(option, value)
    # Otherwise the first request of a process runs a file of pages/ by its URL, without our script and its roles.
    PagesManager.uses_pages_directory = False
    # Otherwise a handshake from a foreign origin asks an address on the internet for our own and blocks meanwhile.
    net_util._external_ip = ""
    # Otherwise a forged value ends in a traceback, in the log and instead of the page.
    WStates.__getitem__ = _value_or_default  # type: ignore[method-assign]
    data_editor._apply_cell_edits = _apply_possible_edits  # type: ignore[assignment]


def join_our_log() -> None:
    """Streamlit's and uvicorn's lines go where ours go, through the same filter for secrets, not past it."""
    streamlit_logger.setup_formatter = _pass_on  # for the loggers that are still to come
    for logger in streamlit_logger._loggers.values():
        _pass_on(logger)
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold session ids and say nothing else
    logging.getLogger("uvicorn.error").addFilter(_worth_telling)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Below a warning uvicorn tells of every tab that opens. (Its level is Streamlit's to set, so a filter it is.)"""
    return record.levelno >= logging.WARNING


def _pass_on(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True


def index_html() -> str:
    """The one HTML page of Streamlit's frontend."""
    return Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")


def read_frame(data: bytes) -> Frame | None:
    """Return what the browser's frame is, or None when it is no Streamlit message or too large to be looked at."""
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
        pressed = any(widget.trigger_value for widget in state.widget_states.widgets)
        return Frame(kind, allowed=True, active=not state.is_auto_rerun, path=path, pressed=pressed)
    if kind == OPERATION_FRAME:
        asked = message.backend_operation_request
        operation = asked.WhichOneof("payload")
        file, request = str(asked.deferred_file.file_id), str(asked.request_id)
        return Frame(f"{kind}.{operation}", allowed=operation in OPERATIONS, active=True, file=file, request=request)
    return Frame(kind or "empty", allowed=kind in SCRIPT_FRAMES, active=kind == "stop_script")


def media_path(data: bytes) -> str:
    """The address of the file that a frame to the browser offers for download, "" for none.

    Only the two places are believed where Streamlit itself puts one: a text on the page may look like one, too.
    """
    if len(data) > LARGEST_WITH_FILE or f"{MEDIA_PATH}/".encode() not in data:
        return ""
    message = ForwardMsg()
    message.ParseFromString(data)
    url = message.delta.new_element.download_button.url or message.backend_operation_response.deferred_file.url
    return str(url) if url.startswith(f"{MEDIA_PATH}/") else ""


def file_on_click(data: bytes) -> str:
    """The id of the file that a frame to the browser offers to make on click, "" for none.

    Streamlit makes it for whoever knows the id, with the rights of the one whose page it was on.
    """
    if len(data) > LARGEST_WITH_FILE or WIDGET_MARK not in data:
        return ""
    message = ForwardMsg()
    message.ParseFromString(data)
    return str(message.delta.new_element.download_button.deferred_file_id)


def refusal_frame(request: str, words: str) -> bytes:
    """A message that shows `words` below the button whose file was asked for."""
    message = ForwardMsg()
    message.backend_operation_response.request_id = request
    message.backend_operation_response.error_msg = words
    return bytes(message.SerializeToString())


def redirect_frame(url: str) -> bytes:
    """A message that makes the tab go to `url` by itself."""
    message = ForwardMsg()
    message.auth_redirect.url = url
    return bytes(message.SerializeToString())


def _value_or_default(states: WStates, widget: str) -> Any:
    """The value of a control; one of another type, or that its deserialiser chokes on, counts as not said."""
    state, metadata = states.states.get(widget), states.widget_metadata.get(widget)
    if metadata is None or not isinstance(state, Serialized):
        return _read_value(states, widget)
    kind = state.value.WhichOneof("value")
    if kind in (metadata.value_type, None) or metadata.value_type is None:  # None: it was cleared in the last run
        with contextlib.suppress(Exception):  # whatever a deserialiser makes of a forged value
            if fits(value := _read_value(states, widget)):
                return value
    log.warning("A value that does not fit its control was dropped: %s as %s", widget[-100:], kind)
    states.states[widget] = Value(metadata.deserializer(None))
    return _read_value(states, widget)


def _apply_possible_edits(frame: Any, edits: Mapping[int, Mapping[str, Any]], schema: Any) -> None:
    """Streamlit's own, without the rows and columns that the table does not have (any more)."""
    possible = {
        row: {name: value for name, value in edit.items() if name in frame.columns}
        for row, edit in edits.items()
        if row < len(frame)
    }
    _apply_edits(frame, possible, schema)
