"""Limits of a websocket frame from the browser: size, fields, lengths, numbers. Pure functions on protobuf messages.

A signed-in attacker can forge frames, so each frame is checked against FIELDS before any of it is used or logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message  # type: ignore[import-untyped]

from web.limits.request_limits import MOST_PARAMETERS

# Bytes. Measured: the largest frame of the browser tests has 0.7 kB. The largest frames that our pages can make hold
# 300 chosen tenants as text and in the URL (3 * 30 kB).
LARGEST_FRAME = 256 * 2**10
LARGEST_TEXT = 64 * 2**10  # characters: the state of a table, the query of a page
LARGEST_NUMBER = 2**53  # beyond it JavaScript numbers are not exact

# Field -> longest text, largest number, or 1 for messages and booleans. Other fields are refused: uploads, chat.
FIELDS: dict[str, int] = {
    "BackMsg.rerun_script": 1,
    "BackMsg.stop_script": 1,
    "BackMsg.app_heartbeat": 1,
    "BackMsg.backend_operation_request": 1,
    "ClientState.query_string": LARGEST_TEXT,
    "ClientState.widget_states": 1,
    "ClientState.page_script_hash": 64,  # MD5 in hex
    "ClientState.page_name": 100,
    "ClientState.fragment_id": 64,
    "ClientState.is_auto_rerun": 1,
    "ClientState.cached_message_hashes": 64,
    "ClientState.context_info": 1,
    "ClientState.is_history_navigation": 1,
    "ContextInfo.timezone": 64,
    "ContextInfo.timezone_offset": 24 * 60,
    "ContextInfo.locale": 64,
    "ContextInfo.url": LARGEST_TEXT + 1000,
    "ContextInfo.is_embedded": 1,
    "ContextInfo.color_scheme": 20,
    "WidgetStates.widgets": 1,
    "WidgetState.id": 500,
    "WidgetState.trigger_value": 1,
    "WidgetState.bool_value": 1,
    "WidgetState.double_value": LARGEST_NUMBER,
    "WidgetState.int_value": LARGEST_NUMBER,
    "WidgetState.string_value": LARGEST_TEXT,
    "WidgetState.string_array_value": 1,
    "WidgetState.json_trigger_value": 1000,  # what was clicked in a table: ids of a row and a column, a switch
    "WidgetState.string_trigger_value": 1,
    "StringTriggerValue.data": 1000,  # the line of a menu that was chosen
    "StringArray.data": 1000,
    "BackendOperationRequest.request_id": 64,  # a UUID
    "BackendOperationRequest.session_id": 64,
    "BackendOperationRequest.deferred_file": 1,
    "DeferredFileRequestPayload.file_id": 64,
}
# The largest that our pages send: each chosen tenant is one value.
MOST_VALUES = {"ClientState.cached_message_hashes": 200, "WidgetStates.widgets": 200, "StringArray.data": 2000}
# Texts that people type, or names from other systems, which may hold control characters; code makes all other texts.
TYPED = ("WidgetState.string_value", "StringArray.data")
_NUL, _CONTROL = re.compile("\x00"), re.compile(r"[\x00-\x1f\x7f]")


def fault_of(message: Message) -> str:
    """Return the first fault of the parsed message (field and reason, for the log), or "" if it has none."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return "unknown fields" if message.ByteSize() != size else next(_faults(message), "")


def _faults(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        name = field.full_name
        if name not in FIELDS:
            yield f"{name} is not used by the pages"
        elif field.is_repeated and len(value) > MOST_VALUES.get(name, 0):
            yield f"{name} has too many values"
        else:
            for one in value if field.is_repeated else (value,):
                yield from _faults(one) if isinstance(one, Message) else _fault_of_value(name, one)


def _fault_of_value(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        if not abs(value) <= FIELDS[name]:  # written so that NaN is out of range, too
            yield f"{name} is out of range"
    elif len(value) > FIELDS[name]:
        yield f"{name} is too long"
    elif name == "ClientState.query_string" and value.count("&") >= MOST_PARAMETERS:
        yield f"{name} has too many parameters"
    elif (_NUL if name in TYPED else _CONTROL).search(value):
        yield f"{name} holds control characters"
