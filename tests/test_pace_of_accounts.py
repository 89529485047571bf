"""What one person can make the product write in a minute, whatever they send how often."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed

from core.texts import text
from tests.served import Served
from tests.ws_client import Tab
from web.limits.account_pace import EXPORTS_PER_MINUTE, PRESSES_AT_ONCE, AccountPace


def answers_to(tab: Tab, times: int) -> list[Any]:
    """Ask for the file that is made on click so often, and give the answers."""
    tab.rerun()
    file = tab.widget("CSV on click").deferred_file_id
    request = {"session_id": tab.session, "deferred_file": {"file_id": file}}
    found = []
    for number in range(times):
        tab.send(backend_operation_request={"request_id": str(number), **request})
        while (message := tab.receive()) is not None:
            if message.WhichOneof("type") == "backend_operation_response":
                found.append(message.backend_operation_response)
                break
    return found


def test_files_beyond_the_limit_are_refused_in_a_sentence_also_in_another_session(served: Served) -> None:
    with Tab(served, served.session("sven")) as tab:
        answers = answers_to(tab, EXPORTS_PER_MINUTE + 1)
    with Tab(served, served.session("sven")) as other:
        answers += answers_to(other, 1)
    with Tab(served, served.session("vera")) as stranger:
        free = answers_to(stranger, 1)

    assert all(answer.deferred_file.url for answer in [*answers[:EXPORTS_PER_MINUTE], *free])
    assert [answer.error_msg for answer in answers[EXPORTS_PER_MINUTE:]] == [text("plain.exports", "de")] * 2
    assert str(EXPORTS_PER_MINUTE) in text("plain.exports", "de")
    assert str(EXPORTS_PER_MINUTE) in text("plain.exports", "en")


def test_buttons_wait_for_their_turn() -> None:
    pace = AccountPace()
    waits = [pace.until_press("anna") for _ in range(int(PRESSES_AT_ONCE) + 3)]

    assert waits[: int(PRESSES_AT_ONCE)] == [0] * int(PRESSES_AT_ONCE)
    assert all(wait > 0 for wait in waits[int(PRESSES_AT_ONCE) + 1 :])
    assert pace.until_press("vera") == 0


def test_a_click_that_waits_is_not_done_when_the_session_ends_meanwhile(served: Served) -> None:
    token = served.session("sven")
    with Tab(served, token) as tab:
        tab.rerun()
        button = WidgetState(id=tab.widget("Press").id, trigger_value=True)
        done = served.marks().count("callback")
        for _ in range(60):
            tab.rerun(wait=False, widgets=[button])
        cookies = {"lizenztool_session": token}
        requests.post(f"{served.url}/logout", cookies=cookies, timeout=20, allow_redirects=False)
        with pytest.raises(ConnectionClosed):
            tab.wait_until_closed()

    assert served.marks().count("callback") - done < 45
