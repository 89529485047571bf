"""Values that no browser sends, for every control of every page: the page stays, and the log gets a line at most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.test_role_walk import Product, product, widget  # noqa: F401 - fixture
from tests.ws_client import Tab
from ui.frame import navigation
from web.limits.frame_limits import LARGEST_FRAME
from web.tab import BURST, BYTES_PER_FRAME


def dates(*days: str) -> dict[str, Any]:
    return {"string_array_value": {"data": days}}


def table(**state: Any) -> dict[str, Any]:
    return {"string_value": json.dumps(state)}


def selection(*rows: Any, columns: Any = ()) -> dict[str, Any]:
    return table(selection={"rows": rows, "columns": columns, "cells": []})


def events(*told: Any) -> dict[str, Any]:
    return {"json_trigger_value": json.dumps(told)}


def switch(**value: Any) -> dict[str, Any]:
    return {"event": "switch", "value": value}


ODD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "text": {"string_value": "x"},
    "empty": {"string_value": ""},
    "long-number": {"string_value": "9" * 5000},
    "half-a-sign": {"string_value": '{"selection": {"rows": ["\\ud800"]}}'},
    "yes": {"bool_value": True},
    "number": {"int_value": 2**52},
    "negative": {"int_value": -5},
    "large": {"double_value": 1e15},
    "fraction": {"double_value": 0.5},
    "none-chosen": dates(),
    "unknown-chosen": dates("x", "y", "z"),
    "no-day": dates("9999-99-99"),
    "last-day": dates("9999/12/31"),
    "first-and-last-day": dates("0001/01/01", "9999/12/31"),
    "iso-days": dates("0001-01-01", "9999-12-31"),
    "last-and-first-day": dates("9999/12/31", "0001/01/01", "2026/01/01"),
    "row-far-away": selection(999_999),
    "row-too-far-away": selection(10**9),
    "row-negative": selection(-1),
    "rows-of-all-types": selection("a", None, 1.5, True, {}),
    "row-infinite": {"string_value": '{"selection": {"rows": [1e999, NaN]}}'},
    "long-row": {"string_value": '{"selection": {"rows": [%s]}}' % ("9" * 4400)},
    "columns-no-list": selection(0, columns=3),
    "no-selection": table(selection=None),
    "selection-a-list": table(selection=[]),
    "selection-empty": table(selection={}),
    "a-list": {"string_value": "[]"},
    "null": {"string_value": "null"},
    "deep": {"string_value": "[" * 30_000},
    "deep-and-whole": {"string_value": '{"selection":{"rows":' + "[" * 15_000 + "]" * 15_000 + "}}"},
    "event-of-nothing": events(),
    "event-of-all-types": events(None, 3, "x", [], {}, {"event": 3}, {"event": "open", "value": []}),
    "event-of-no-row": events(switch(row="x", column="monitored", on=False)),
    "event-of-no-text": events(switch(row=[], column={}, on="x")),
    "event-half-a-sign": {"json_trigger_value": '[{"event": "switch", "value": {"row": "\\ud800"}}]'},
    "event-no-list": {"json_trigger_value": '{"event": "switch"}'},
    "event-no-json": {"json_trigger_value": "{"},
}  # fmt: skip
# Page -> the button that opens its form, and the one that saves it.
FORMS = {
    "konten": ("account_add", "account_now"),
    "programme": ("token_add", "token_now"),
    "regeln": ("rule_add", "rule_save"),
}


def controls(tab: Tab) -> Iterator[str]:
    """The ids of what a person can set, and of what our tables send; buttons are pressed elsewhere."""
    for element in tab.elements():
        if getattr(element, "id", "") and type(element).__name__ not in ("Button", "DownloadButton"):
            yield element.id
        if type(element).__name__ == "BidiComponent":
            yield f"$$STREAMLIT_INTERNAL_KEY_{element.id}__events"


def exceptions(tab: Tab) -> list[str]:
    return [element.message for element in tab.elements() if type(element).__name__ == "Exception"]


def frames(widgets: list[WidgetState]) -> list[list[WidgetState]]:
    """The widgets in as few messages as the server takes: a larger one ends the tab."""
    messages: list[list[WidgetState]] = [[]]
    size = 0
    for widget_state in widgets:
        size += widget_state.ByteSize()
        if size > LARGEST_FRAME * 0.9 and messages[-1]:
            messages.append([])
            size = widget_state.ByteSize()
        messages[-1].append(widget_state)
    return messages


class Tabs:
    """Tabs of a new admin with a page open, another one as soon as a frame would have to wait for its turn."""

    def __init__(self, product: Product, address: str) -> None:  # noqa: F811
        self._product, self._address = product, address
        self._token, self._opened = product.newcomer("admin"), ExitStack()
        self.tab = self._next()

    def _next(self) -> Tab:
        self._opened.close()
        tab = self._opened.enter_context(Tab(self._product.served, self._token))
        tab.rerun(self._address)
        self._left = BURST - 1
        return tab

    def say(self, widgets: list[WidgetState]) -> None:
        cost = 1 + sum(widget_state.ByteSize() for widget_state in widgets) / BYTES_PER_FRAME
        if cost > self._left:
            self.tab = self._next()
        self._left -= cost
        self.tab.rerun(self._address, widgets=widgets)

    def close(self) -> None:
        self._opened.close()


@pytest.mark.parametrize("address", list(navigation.PAGES_BY_ADDRESS))
def test_a_page_stays_whatever_its_controls_are_said_to_be(product: Product, address: str) -> None:  # noqa: F811
    log = product.served.folder / "output.txt"
    before = log.read_text()
    with closing(Tabs(product, address)) as tabs:
        for name, value in ODD.items():
            for widgets in frames([WidgetState(id=control, **value) for control in controls(tabs.tab)]):
                tabs.say(widgets)
                assert (name, exceptions(tabs.tab)) == (name, [])
            written = log.read_text()[len(before) :]
            assert "Traceback" not in written, (name, written)
    assert len(log.read_text()) - len(before) < 500 * len(ODD) * 12


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("name", [name for name in ODD if not name.startswith(("row", "event", "deep"))])
def test_a_form_stays_whatever_is_saved_with_it(product: Product, address: str, name: str) -> None:  # noqa: F811
    begin, save = FORMS[address]
    log = product.served.folder / "output.txt"
    before = log.read_text()
    with Tab(product.served, product.newcomer("admin")) as tab:
        tab.rerun(address)
        tab.rerun(address, widgets=[WidgetState(id=widget(tab, begin).id, trigger_value=True)])
        said = [WidgetState(id=control, **ODD[name]) for control in controls(tab)]
        tab.rerun(address, widgets=[*said, WidgetState(id=widget(tab, save).id, trigger_value=True)])

        assert exceptions(tab) == []
    assert "Traceback" not in log.read_text()[len(before) :]


ODD_URLS = {
    "doubled": "&".join(f"{name}=x&{name}=x" for name in ("tenants", "state", "kind", "sort", "action", "who", "lang")),
    "doubled-known": "state=ok&state=ok&kind=paid&kind=paid&result=done&result=done&tenants=bau&tenants=bau",
    "long": "q=" + "w+" * 20_000,
    "control": "q=%00%1b%0a&tenant=%00&who=%00&tenants=%ff%fe&sku=%ed%a0%80",
    "days": "from=9999-12-31&to=0001-01-01&days=-5&p=0",
    "last-days": "from=0001-01-01&to=9999-12-31&p=99999999",
    "odd-numbers": "p=%C2%B2&from=%C2%B2&to=" + "9" * 5000,
    "many": "&".join(f"a{number}=1" for number in range(900)),
    "half": "%&%&=&==&&%2&lang=%",
}


@pytest.mark.parametrize("address", list(navigation.PAGES_BY_ADDRESS))
def test_a_page_stays_whatever_its_address_asks_for(product: Product, address: str) -> None:  # noqa: F811
    log = product.served.folder / "output.txt"
    before = log.read_text()
    with product.tab("admin") as tab:
        for name, query in ODD_URLS.items():
            for _ in "entered", "again":
                tab.rerun(address, query_string=query)
                assert (name, exceptions(tab)) == (name, [])
    assert "Traceback" not in log.read_text()[len(before) :]
