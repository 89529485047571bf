"""Attacks of somebody who has signed in, mostly as viewer. Each takes the product and its own size."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import func, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException

from core.access.api_tokens import make
from core.cache.schema import audit
from core.roles import Actor
from tests.attack import raw
from tests.attack.finding import Finding, Logged, quiet
from tests.attack.raw import ATTACKER, cookie, get
from tests.attack.stage import Product
from tests.html_tables import event_of, shown_table
from tests.ws_client import Tab
from web.limits.connection_limits import TABS_OF_SESSION

HOSTILE = (
    "://a:",
    "eyJabcde.",
    "-----BEGIN A PRIVATE KEY-----",
    "cookie=",
    'password="\\',
    "bearer ",
    "client_secret='\\'",
    "$2b$12$",
    "otpauth://a@",
    "lzt_",
)


MOST_TABS = TABS_OF_SESSION + 8  # and some that are told so


def hostile_frames(target: Product, repeats: int) -> Finding:
    """Identifiers in frames that make a careless mask of secrets work for minutes."""
    before, sent = Logged.of(target), 0
    for text in HOSTILE:
        for message in _with_text(text * repeats):
            with _tab(target) as tab, contextlib.suppress(WebSocketException, OSError):
                tab.socket.send(message.SerializeToString())
                tab.receive(0.05)
                sent += 1
    alive = get(target.port, "/health").status
    return quiet(target, before, alive == 200, f"{sent} frames with {len(HOSTILE)} texts x {repeats}, /health {alive}")


def _with_text(text: str) -> Iterator[BackMsg]:
    run = BackMsg()
    run.rerun_script.fragment_id = text
    yield run
    hashed = BackMsg()
    hashed.rerun_script.page_script_hash = text
    yield hashed
    named = BackMsg()
    named.rerun_script.page_name = text
    yield named
    widget = BackMsg()
    widget.rerun_script.widget_states.widgets.append(WidgetState(id=text, string_value=text))
    yield widget
    operation = BackMsg()
    operation.backend_operation_request.request_id = text
    operation.backend_operation_request.deferred_file.file_id = text
    yield operation


def large_frames(target: Product, frames: int) -> Finding:
    """Frames of 19.5 MB with a session that is valid."""
    before, memory, taken = Logged.of(target), target.memory(), 0
    for _ in range(frames):
        with _tab(target) as tab, contextlib.suppress(WebSocketException, OSError):
            tab.socket.send(bytes(19_500_000))
            taken += 1
            tab.receive(0.5)
    grown = target.memory() - memory
    return quiet(target, before, grown < 60, f"{frames} frames of 19.5 MB, memory +{grown:.0f} MB")


def many_tabs(target: Product, tabs: int) -> Finding:
    """One session opens websocket after websocket and keeps them."""
    memory, before, token, found = target.memory(), Logged.of(target), target.session("vera"), []
    for _ in range(tabs):
        with contextlib.suppress(WebSocketException, OSError):
            found.append(_tab(target, token).__enter__())
            found[-1].rerun(wait=False)
    time.sleep(raw.SILENCE)
    grown = target.memory() - memory
    for tab in found:
        tab.socket.socket.close()  # no farewell: some are not listened to any more
    held = len(found) <= MOST_TABS and grown < 400
    return quiet(target, before, held, f"{tabs} tabs asked for, {len(found)} taken, memory +{grown:.0f} MB")


def many_words(target: Product, words: int) -> Finding:
    """A search for more words than anybody types: in the address of a page, in the API, in the audit."""
    before, longest = Logged.of(target), 0.0
    text = "".join(f"w{number} " for number in range(words))
    for account, page, control in (("vera", "alle-tenants", "-filter_q"), ("olga", "protokoll", "-audit_q")):
        with _tab(target, target.session(account)) as tab, contextlib.suppress(WebSocketException, OSError):
            tab.rerun(page)
            ids = [found.id for found in tab.elements() if getattr(found, "id", "").endswith(control)]
            began = time.perf_counter()
            typed = WidgetState(id=ids[0], string_value=text)
            tab.rerun(page, patience=0.5, query_string=urlencode({"q": text}), widgets=[typed])
            longest = max(longest, time.perf_counter() - began)
    return quiet(target, before, longest < 1.0, f"{words} words in two searches, the longer took {longest:.2f} s")


def many_parameters(target: Product, parameters: int) -> Finding:
    """Parameters that the API does not know, with a token that is good."""
    with target.database() as engine:
        actor = Actor("olga", "admin", "page")
        now = datetime.now(UTC)
        _, secret = make(engine, actor, f"parameters {now:%H%M%S%f}", "viewer", now + timedelta(days=1), now)
    query = "&".join(f"p{number}=1" for number in range(parameters))
    began = time.perf_counter()
    answer = get(
        target.port, f"/api/v1/licenses?{query}", source=ATTACKER, headers={"Authorization": f"Bearer {secret}"}
    )
    seconds = time.perf_counter() - began
    held = 400 <= answer.status < 500 and len(answer.body) < 20_000
    return Finding(held, f"{parameters} parameters: {answer.status}, {len(answer.body) / 1000:.1f} kB, {seconds:.2f} s")


def many_exports(target: Product, exports: int) -> Finding:
    """One socket asks for the same export again and again."""
    before, rows = Logged.of(target), _audit_rows(target)
    with _tab(target) as tab:
        tab.rerun("alle-tenants")
        button = next(found for found in tab.elements() if getattr(found, "deferred_file_id", ""))
        with contextlib.suppress(WebSocketException, OSError):
            for number in range(exports):
                message = BackMsg()
                message.backend_operation_request.request_id = str(number)
                message.backend_operation_request.session_id = tab.session
                message.backend_operation_request.deferred_file.file_id = button.deferred_file_id
                tab.socket.send(message.SerializeToString())
            while tab.receive(raw.SILENCE):
                pass
    added = _audit_rows(target) - rows
    return quiet(target, before, added <= 60, f"{exports} exports on one socket, {added} rows in the audit")


def _audit_rows(target: Product) -> int:
    with target.database() as engine, engine.begin() as connection:
        return int(connection.execute(select(func.count()).select_from(audit)).scalar_one())


def odd_widgets(target: Product, rounds: int) -> Finding:
    """Values of the wrong kind, for every control of every page."""
    before, sent = Logged.of(target), 0
    pages = ("", "alle-tenants", "produkte", "monitoring", "regeln", "mein-konto", "konten", "protokoll", "programme")
    for page in pages[: max(1, rounds)]:
        with _tab(target, target.session("olga")) as tab:
            tab.rerun(page)
            ids = [found.id for found in tab.elements() if getattr(found, "id", "").startswith("$$ID-")]
            for value in ({"string_value": "\x00" * 50}, {"int_value": 2**53}, {"double_value": 1e308}, _selection()):
                with contextlib.suppress(WebSocketException, OSError):
                    tab.rerun(page, patience=raw.SILENCE, widgets=[WidgetState(id=one, **value) for one in ids])
                    sent += 1
    return quiet(target, before, get(target.port, "/health").status == 200, f"{sent} frames of odd values")


def _selection() -> dict[str, str]:
    rows = {"selection": {"rows": [10**12, -1, "x"], "columns": ["?"], "cells": [[-1, "?"]]}}
    return {"string_value": json.dumps(rows)}


def wrong_session(target: Product, strangers: int) -> Finding:
    """The admin opens somebody's session; others sign in, and move the rows, before the button is pressed."""
    target.session("vera")
    with _tab(target, target.session("olga")) as tab:
        tab.rerun("konten")
        found = next(found for found in tab.elements() if str(getattr(found, "id", "")).endswith("-sessions"))
        table = shown_table(found)
        opened = event_of(
            table.widget, "open", {"row": table.ids[table.column("name").index("vera")], "column": "browser"}
        )
        tab.rerun("konten", widgets=[opened])
        buttons = [found for found in tab.elements() if "session" in getattr(found, "id", "") and _is_button(found)]
        others = [target.session("henri") for _ in range(strangers)]
        for button in buttons:
            with contextlib.suppress(WebSocketException, OSError):
                tab.rerun("konten", patience=raw.SILENCE, widgets=[WidgetState(id=button.id, trigger_value=True)])
    ended = sum(1 for token in others if get(target.port, "/", headers=cookie(token)).status != 200)
    return Finding(
        bool(buttons) and not ended,
        f"{len(buttons)} buttons for vera pressed, {ended} of {strangers} sessions of henri ended",
    )


def _is_button(found: object) -> bool:
    return type(found).__name__ == "Button"


def _tab(target: Product, token: str = "") -> Tab:
    return Tab(target, token or target.session("vera"), source=ATTACKER)
