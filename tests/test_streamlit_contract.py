"""What we rest on in Streamlit and nobody has promised us: an update that changes one of these fails here first."""

import inspect
import logging
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit import config, net_util
from streamlit import logger as streamlit_logger
from streamlit.proto.BackMsg_pb2 import BackendOperationRequest, BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import WStates
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.testing.v1 import AppTest
from streamlit.web.server.app_discovery import discover_asgi_app
from streamlit.web.server.starlette import starlette_websocket

from web import streamlit_internals
from web.headers import IndexPage

ROOT = Path(__file__).resolve().parent.parent


def test_version_is_the_one_that_was_looked_into():
    assert streamlit.__version__ == "1.67.0"


def test_ended_sessions_are_kept_where_they_are_dropped_from():
    cache: Any = MemorySessionStorage()._cache

    assert inspect.signature(cache.expire).parameters["at_time"].default is None
    assert "self._session_mgr = " in inspect.getsource(Runtime.__init__)
    assert "self._session_storage = " in inspect.getsource(WebsocketSessionManager.__init__)
    assert inspect.signature(AppSession.shutdown).parameters.keys() == {"self"}
    assert MediaFileManager.remove_orphaned_files.__doc__


def test_hidden_options_exist():
    known = set(config._config_options_template)

    assert set(streamlit_internals.OPTIONS) <= known


def test_config_file_holds_only_options_that_exist():
    def names(table: dict, prefix: str = ""):
        for name, value in table.items():
            yield from names(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]

    written = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())

    assert set(names(written)) <= set(config._config_options_template)
    assert "trustedUserHeaders" not in written["server"]  # without the gate anybody could send them


def test_harden_sets_the_options_and_stops_the_question_for_our_address(monkeypatch: pytest.MonkeyPatch):
    before = {option: config.get_option(option) for option in streamlit_internals.OPTIONS}
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    monkeypatch.setattr(net_util, "_external_ip", None)
    try:
        streamlit_internals.harden()

        assert {option: config.get_option(option) for option in before} == streamlit_internals.OPTIONS
        assert net_util.get_external_ip() == ""
        assert PagesManager.uses_pages_directory is False
    finally:
        for option, value in before.items():
            config.set_option(option, value)


def test_values_of_controls_come_through_one_place() -> None:
    """Of another type than the control's own, or such that its deserialiser raises: the control keeps its default."""

    def read(text: str | None) -> int:
        return 7 if text is None else int(text)

    metadata: WidgetMetadata[int] = WidgetMetadata("id", read, str, "string_value")
    for state, value in [({"string_value": "3"}, 3), ({"string_value": "x"}, 7), ({"bool_value": True}, 7), ({}, 7)]:
        states = WStates()
        states.set_widget_metadata(metadata)
        states.set_widget_from_proto(WidgetState(id="id", **state))

        assert streamlit_internals._value_or_default(states, "id") == value


def test_identity_comes_from_the_trusted_headers_and_guards_a_session():
    assert "trustedUserHeaders" in inspect.getsource(starlette_websocket.gather_user_info)
    assert hasattr(AppSession, "matches_user_info")


def test_streamlit_run_finds_the_gated_app():
    found = discover_asgi_app(ROOT / "app.py")

    assert found.import_string == "app:app"


def test_stream_path_is_the_one_the_gate_guards():
    assert f"/{starlette_websocket._ROUTE_WEBSOCKET_STREAM}" == streamlit_internals.STREAM_PATH


def test_browser_messages_are_the_ones_that_were_judged():
    kinds = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    operations = {field.name for field in BackendOperationRequest.DESCRIPTOR.oneofs_by_name["payload"].fields}

    assert kinds - streamlit_internals.SCRIPT_FRAMES == {
        "backend_operation_request",
        "clear_cache",
        "debug_disconnect_websocket",
        "debug_shutdown_runtime",
        "file_urls_request",
        "load_git_info",
        "set_run_on_save",
    }
    assert operations - streamlit_internals.OPERATIONS == {
        "dataframe_chunk",
        "install_skills",
        "dismiss_skills_nudge",
    }


@pytest.mark.parametrize(
    ("message", "allowed", "active", "path"),
    [
        pytest.param({"rerun_script": {"page_name": "two", "query_string": "q=1"}}, True, True, "/two?q=1", id="rerun"),
        pytest.param({"rerun_script": {"is_auto_rerun": True}}, True, False, "/", id="timer"),
        pytest.param({"app_heartbeat": True}, True, False, None, id="heartbeat"),
        pytest.param({"stop_script": True}, True, True, None, id="stop"),
        pytest.param({"backend_operation_request": {"deferred_file": {}}}, True, True, None, id="download"),
        pytest.param({"backend_operation_request": {"install_skills": {}}}, False, False, None, id="skills"),
        pytest.param({"clear_cache": True}, False, False, None, id="clear-cache"),
        pytest.param({}, False, False, None, id="empty"),
    ],
)
def test_frame_is_read(message: dict, allowed: bool, active: bool, path: str | None):
    frame = streamlit_internals.read_frame(BackMsg(**message).SerializeToString())

    assert frame is not None
    assert (frame.allowed, frame.active, frame.path) == (allowed, active, path)


@pytest.mark.parametrize(
    ("widget", "pressed"),
    [
        pytest.param({"trigger_value": True}, True, id="button"),
        pytest.param({"json_trigger_value": "[]"}, True, id="table"),
        pytest.param({"trigger_value": False}, False, id="no-button"),
        pytest.param({"string_value": "x"}, False, id="text"),
    ],
)
def test_frame_tells_whether_something_was_pressed(widget: dict, pressed: bool):
    message = BackMsg(rerun_script={"widget_states": {"widgets": [{"id": "x", **widget}]}})

    frame = streamlit_internals.read_frame(message.SerializeToString())

    assert frame is not None
    assert frame.pressed == pressed


def test_frame_that_is_none_is_told_apart():
    assert streamlit_internals.read_frame(b"\xff\xff") is None


FILE = "/media/a.csv"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"delta": {"new_element": {"download_button": {"url": FILE}}}}, FILE, id="file"),
        pytest.param({"backend_operation_response": {"deferred_file": {"url": FILE}}}, FILE, id="file-made-on-click"),
        pytest.param({"delta": {"new_element": {"markdown": {"body": FILE}}}}, "", id="words"),
        pytest.param({"delta": {"new_element": {"download_button": {"label": FILE}}}}, "", id="label"),
    ],
)
def test_frame_tells_which_file_it_offers(fields: dict, path: str):
    assert streamlit_internals.media_path(ForwardMsg(**fields).SerializeToString()) == path


def test_frame_tells_which_file_is_made_on_click():
    button = {"id": "$$ID-0-csv", "label": "CSV", "deferred_file_id": "c0ffee"}
    offer = ForwardMsg(delta={"new_element": {"download_button": button}}).SerializeToString()
    request = BackMsg(backend_operation_request={"deferred_file": {"file_id": "c0ffee"}}).SerializeToString()

    assert streamlit_internals.file_on_click(offer) == "c0ffee"
    assert streamlit_internals.read_frame(request).file == "c0ffee"
    assert streamlit_internals.file_on_click(ForwardMsg(script_finished=0).SerializeToString()) == ""


def names_of_fragments() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx
    from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

    @st.fragment
    def fragment() -> None:
        context = get_script_run_ctx()
        assert context is not None
        st.text(f"{context.fragment_storage.contains(ThreadState.get().fragment_id or '')}")
        st.text(f"{context.session_id} {context.page_script_hash} {context.query_string} {context.context_info}")

    st.text(ThreadState.get().fragment_id or "no fragment")
    fragment()


def test_a_fragment_knows_the_name_under_which_the_browser_runs_it_again() -> None:
    """With that name, and what else it knows, `ui.frame.own_run_watch` writes the frame that runs it."""
    page = AppTest.from_function(names_of_fragments).run()

    assert not page.exception
    assert [text.value for text in page.text[:2]] == ["no fragment", "True"]
    wanted = {"fragment_id", "page_script_hash", "query_string", "is_auto_rerun", "context_info"}
    assert wanted <= {field.name for field in BackMsg(rerun_script={}).rerun_script.DESCRIPTOR.fields}


def test_a_frame_can_be_handed_over_as_if_the_browser_had_sent_it() -> None:
    """Streamlit takes session and message, and its own server calls it so; a runtime that has stopped says so."""
    _, session, message, *others = inspect.signature(Runtime.handle_backmsg).parameters.values()

    assert (session.name, message.name) == ("session_id", "msg")
    assert all(other.default is not inspect.Parameter.empty for other in others)
    assert "handle_backmsg(" in inspect.getsource(starlette_websocket)
    assert "RuntimeStoppedError" in inspect.getsource(Runtime.handle_backmsg)


def test_redirect_is_a_message_that_the_frontend_follows():
    message = ForwardMsg()
    message.ParseFromString(streamlit_internals.redirect_frame("/login"))

    assert message.auth_redirect.url == "/login"
    scripts = Path(streamlit.__file__).parent.glob("static/static/js/index.*.js")
    assert any("authRedirect:" in script.read_text(encoding="utf-8") for script in scripts)


def test_html_page_can_be_given_our_language_name_and_icon():
    index = streamlit_internals.index_html()
    page = IndexPage(index).page("de").decode()

    assert '<html lang="de" data-formats="de-CH">' in page
    assert "<title>Lizenztool</title>" in page
    assert 'href="/assets/icon.svg"' in page
    assert 'rel="service-desc"' not in page
    assert "BACKEND_BASE_URL" in page
    assert 'src="./static/de/js/' in page
    assert "<noscript>Das Lizenztool braucht JavaScript." in page
    assert "_stcore/agent" not in page
    # nothing on the page is run or fetched that the policy does not know
    assert not re.search(r"\son\w+=|(src|href)=.https?:", page)


def test_streamlit_writes_through_our_log(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streamlit_logger, "setup_formatter", streamlit_logger.setup_formatter)
    monkeypatch.setattr(streamlit_logger, "_loggers", {})
    streamlit_internals.join_our_log()
    try:
        logger = streamlit_logger.get_logger("streamlit.test_contract")

        assert (logger.propagate, logger.handlers) == (True, [])
    finally:
        logging.getLogger("uvicorn.access").disabled = False
        logging.getLogger("uvicorn.error").removeFilter(streamlit_internals._is_warning)
