"""What a signed-in person may send over the websocket: forged frames are refused before anything looks at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor  # type: ignore[import-untyped]
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed

from tests.served import Served
from tests.ws_client import Tab
from web.limits.frame_limits import FIELDS, LARGEST_FRAME, MOST_VALUES, TYPED
from web.limits.token_bucket import TokenBucket
from web.streamlit_internals import read_frame

HOSTILE = "://a:" * 16_000
WIDGET = "$$ID-0123456789abcdef0123456789abcdef-key"


def fields(message: Descriptor, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field that a frame of the kinds we read can hold, with the way to it; the files of uploads once."""
    for field in message.fields:
        if not path and field.name not in ("rerun_script", "backend_operation_request"):
            continue
        if field.message_type:
            yield from fields(field.message_type, (*path, field.name))
        else:
            yield (*path, field.name), field


def frame_with(path: tuple[str, ...], value: Any, times: int = 1) -> bytes:
    """A frame with this value in this field; of lists `times` values."""
    frame = BackMsg()
    part: Any = frame
    for name in path[:-1]:
        part = getattr(part, name)
        part = part.add() if hasattr(part, "add") else part
    if hasattr(getattr(part, path[-1]), "extend"):
        getattr(part, path[-1]).extend([value] * times)
    else:
        setattr(part, path[-1], value)
    return bytes(frame.SerializeToString())


EVERY_FIELD = list(fields(BackMsg.DESCRIPTOR))
TEXTS = [pytest.param(path, field, id=".".join(path)) for path, field in EVERY_FIELD if field.type in (9, 12)]
OTHERS = [pytest.param(path, field, id=".".join(path)) for path, field in EVERY_FIELD if field.type not in (9, 12)]


def refused(data: bytes) -> bool:
    frame = read_frame(data)
    return frame is None or bool(frame.fault) or frame.kind == "empty"


@pytest.mark.parametrize(("path", "field"), TEXTS)
def test_every_text_of_a_frame_is_bounded(path: tuple[str, ...], field: Any) -> None:
    most = FIELDS.get(field.full_name, 0)
    as_type: Any = (lambda text: text.encode()) if field.type == 12 else str

    assert refused(frame_with(path, as_type("x" * (most + 1))))
    assert refused(frame_with(path, as_type("\x00")))
    assert field.full_name in TYPED or refused(frame_with(path, as_type("a\nb")))
    assert not most or not refused(frame_with(path, "x" * most))
    assert not field.is_repeated or refused(frame_with(path, as_type("x"), MOST_VALUES.get(field.full_name, 0) + 1))


@pytest.mark.parametrize(("path", "field"), OTHERS)
def test_every_number_of_a_frame_is_bounded(path: tuple[str, ...], field: Any) -> None:
    values: dict[int, list[Any]] = {
        1: [float("nan"), float("inf"), -1e300],
        18: [2**63 - 1, -(2**63)],
        5: [2**31 - 1, -(2**31)],
    }
    for value in values.get(field.type, []):
        assert refused(frame_with(path, value))


def test_the_limits_speak_of_fields_that_exist() -> None:
    def names(message: Descriptor) -> Iterator[str]:
        for field in message.fields:
            yield field.full_name
            if field.message_type:
                yield from names(field.message_type)

    known = set(names(BackMsg.DESCRIPTOR))
    assert set(FIELDS) <= known
    assert {*MOST_VALUES, *TYPED} <= set(FIELDS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(BackMsg(stop_script=True).SerializeToString() + b"\xa2\x06\x01x", id="field-that-nobody-knows"),
        pytest.param(b"\xa3\x06" * 5000 + b"\xa4\x06" * 5000, id="groups-within-groups"),
        pytest.param(
            BackMsg(
                rerun_script={"widget_states": {"widgets": [WidgetState()] * (MOST_VALUES["WidgetStates.widgets"] + 1)}}
            ).SerializeToString(),
            id="too-many-widgets",
        ),
    ],
)
def test_frame_that_no_browser_sends_is_refused(data: bytes) -> None:
    assert refused(data)


def test_the_largest_honest_frame_is_let_through() -> None:
    """300 tenants chosen, by name and in the URL, and a switch clicked."""
    query = "&".join(f"tenants=tenant-with-a-very-long-name-of-the-file-{number}" for number in range(300))
    value = {"row": "00000000-0000-4000-8000-000000000001", "column": "monitored", "on": False}
    clicked = json.dumps([{"event": "switch", "value": value}])
    frame = BackMsg()
    frame.rerun_script.query_string = query
    frame.rerun_script.context_info.url = f"https://lizenzen.contoso.example/alle-tenants?{query}"
    chosen = frame.rerun_script.widget_states.widgets.add(id=WIDGET)
    chosen.string_array_value.data.extend([f"Gemeinde mit einem langen Namen und einem Zusatz {n}" for n in range(300)])
    frame.rerun_script.widget_states.widgets.add(id=f"{WIDGET}2", json_trigger_value=clicked)
    data = frame.SerializeToString()

    assert 40_000 < len(data) < LARGEST_FRAME / 2
    assert not refused(data)


# ---------------------------------------------------------------- at the real server


def log_of(served: Served) -> str:
    return (served.folder / "output.txt").read_text()


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"rerun_script": {"fragment_id": HOSTILE}}, id="fragment"),
        pytest.param({"rerun_script": {"page_script_hash": HOSTILE}}, id="page-hash"),
        pytest.param({"rerun_script": {"page_name": HOSTILE}}, id="page-name"),
        pytest.param({"rerun_script": {"query_string": HOSTILE}}, id="query"),
        pytest.param({"rerun_script": {"cached_message_hashes": [HOSTILE]}}, id="cached"),
        pytest.param({"rerun_script": {"context_info": {"locale": HOSTILE}}}, id="locale"),
        pytest.param({"rerun_script": {"widget_states": {"widgets": [{"id": HOSTILE}]}}}, id="widget"),
        pytest.param({"backend_operation_request": {"request_id": HOSTILE, "deferred_file": {}}}, id="request"),
        pytest.param({"backend_operation_request": {"session_id": HOSTILE, "deferred_file": {}}}, id="session"),
        pytest.param(
            {"backend_operation_request": {"dataframe_chunk": {"source_id": HOSTILE, "limit": 2**31}}}, id="rows"
        ),
    ],
)
def test_a_viewer_makes_nobody_wait_with_a_long_identifier(served: Served, fields: dict[str, Any]) -> None:
    with Tab(served, served.session("vera")) as tab:
        tab.rerun()
        before, runs = log_of(served), served.marks().count("fragment")
        tab.send(**fields)
        tab.rerun()

    written = log_of(served)[len(before) :]
    assert served.marks().count("fragment") == runs + 1  # the second run alone
    assert "Traceback" not in written
    assert len(written) < 1000


def test_a_frame_above_the_limit_ends_the_tab_unread(served: Served) -> None:
    with Tab(served, served.session("vera")) as tab:
        tab.rerun()
        tab.socket.send(b"x" * (LARGEST_FRAME + 1))
        with pytest.raises(ConnectionClosed) as closed:
            tab.wait_until_closed()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


# ---------------------------------------------------------------- how many


def test_what_comes_too_fast_waits() -> None:
    now = [0.0]
    bucket = TokenBucket(burst=3, per_second=2, clock=lambda: now[0])

    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    now[0] = 1.0  # the wait is over: what was taken on credit is paid
    assert bucket.take() == 0.5
    now[0] = 100.0  # no more than the burst is saved up
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_tab_answers_no_faster_than_its_rate_allows(served: Served) -> None:
    """200 heartbeats in one go: while another person's page is answered, most of them still wait."""
    with Tab(served, served.session("vera")) as tab:
        tab.rerun()
        for _ in range(200):
            tab.send(app_heartbeat=True)
        with Tab(served, served.session("anna")) as other:
            other.rerun()
        answered = 0
        while (message := tab.receive(timeout=0)) is not None:
            answered += message.WhichOneof("type") == "heartbeat_ack"

    assert 0 < answered < 150
