# ruff: noqa: F811 - fixtures of tests.test_pages
"""A fence around each block: one bad row costs its block, or its row of the API, and the rest stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException, StopException
from streamlit.testing.v1 import AppTest

from core.cache.schema import licenses
from tests.api_world import Served, serve
from tests.page_world import World
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    MONITORING,
    RULES,
    START,
    TENANT,
    filled,
    hardened,
    no_runtime_left,
    open_page,
    small,
)
from ui.frame import block_errors
from web.api.models import License

Opened = Callable[..., AppTest]


def broken(*_: Any, **__: Any) -> Any:
    raise OverflowError("date value out of range")


BLOCKS = [
    (START, "ui.start.overview.answer", "Überblick"),
    (START, "ui.start.overview.tiles", "Kennzahlen"),
    (START, "ui.start.shortages_table.current_shortages", "Engpässe jetzt"),
    (LICENSES, "ui.tables.license_table.sort_directions", "Lizenzen"),
    (TENANT, "ui.tenant.tenant_header.status_parts", "Zustand des Tenants"),
    (TENANT, "ui.tenant.timeline.event_time", "Ereignisse"),
    (TENANT, "ui.tenant.history_chart.history_frame", "Verlauf"),
    (TENANT, "ui.tenant.subscriptions_table.subscription_table", "Abonnements"),
    (MONITORING, "ui.monitoring.switches_table.switch_rows", "Schalter"),
    (MONITORING, "ui.monitoring.sharepoint_and_profiles.parameter_rows", "Parameter des Flows"),
    (RULES, "ui.rules.rules_table.silent_rows", "Wegen ihrer Art nicht gemeldet"),
]


def elements(app: AppTest) -> int:
    kinds = ("title", "subheader", "caption", "markdown", "bidi_component", "page_link", "button")
    return sum(len(app.get(kind)) for kind in kinds)


@pytest.mark.breaks_a_block
@pytest.mark.parametrize(("path", "function", "block"), BLOCKS)
def test_a_block_that_breaks_says_so_and_the_others_stay(
    filled: World, open_page: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    path: str, function: str, block: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(function, broken)

    app = open_page(filled, path)

    assert not app.exception
    (told,) = [error.value for error in app.error if "kann nicht gezeigt werden" in error.value]
    assert told.startswith(f"«{block}»")
    request_id = re.search(r"unter (\w+) ", told)
    assert request_id
    (line,) = [record for record in caplog.records if record.name == "ui.frame.block_errors"]
    assert line.exc_info
    assert elements(app) >= 5


def test_what_streamlit_uses_to_stop_or_to_change_the_page_passes() -> None:
    for error in (StopException(), RerunException(None)):  # type: ignore[arg-type]
        with pytest.raises(type(error)), block_errors.fenced("block.page"):
            raise error


# The API


@pytest.fixture
def served(small: World) -> Iterator[Served]:
    with serve(small.runtime) as server:
        yield server


@pytest.mark.parametrize("values", [{"sku_part_number": "a\x00b"}, {"short_since": None, "enabled": 2**40}])
def test_a_strange_row_in_the_database_is_no_error_of_the_api(served: Served, small: World, values: Any) -> None:
    with small.engine.begin() as connection:
        connection.execute(update(licenses).where(licenses.c.sku_part_number == "POWER_BI_PRO").values(**values))

    answer = served.get("/licenses")

    assert answer.status_code == 200
    assert len(answer.json()["data"]) + answer.json()["meta"]["omitted"] == 3


def unless_power_bi(**row: Any) -> License:
    """As pydantic does with a value that the document does not allow."""
    if row["sku_part_number"] == "POWER_BI_PRO":
        raise ValueError("a row that does not fit")
    return License(**row)


@pytest.mark.parametrize("path", ["/licenses", "/shortages"])
def test_a_row_that_cannot_be_shown_is_left_out_and_counted(
    served: Served, small: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    whole = served.get(path).json()
    monkeypatch.setattr("web.api.licenses.License", unless_power_bi)

    answer = served.get(path)

    assert answer.status_code == 200
    assert answer.json()["meta"]["omitted"] == 1
    assert len(answer.json()["data"]) == len(whole["data"]) - 1
