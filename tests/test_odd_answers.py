"""Answers of SharePoint in another shape: told, and every tenant is read all the same; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.cache.item_rows import forget_list
from core.graph import GraphClient, subscribed_skus
from core.licenses.units import SubscribedSkus
from core.operations import checks
from core.operations.checks import check_all
from simulator import Fault
from simulator.replies import Reply, dumps
from tests.office import Office, open_office

LINK = "@odata.deltaLink"
ITEM = {"id": "1", "eTag": '"x"', "fields": {}}
ODD: dict[str, list[tuple[str, Any]]] = {
    "columns": [("a-text", {"value": ["a"]}), ("nothing", {"value": [None]}), ("a-list", {"value": [[]]})],
    "items/delta": [
        ("a-text", {"value": ["a"]}),
        ("no-fields", {"value": [ITEM | {"fields": True}]}),
        ("etag-is-a-list", {"value": [ITEM | {"eTag": ["a"]}]}),
        ("etag-half-a-pair", {"value": [ITEM | {"eTag": "\ud800"}]}),
        ("etag-nul", {"value": [ITEM | {"eTag": "a\x00"}]}),
        ("link-is-a-list", {"value": [], LINK: ["a"]}),
        ("link-is-a-number", {"value": [], LINK: 10**400}),
        ("link-half-a-pair", {"value": [], LINK: "\ud800"}),
        ("link-nul", {"value": [], LINK: "a\x00"}),
    ],
    "batch": [
        ("a-yes", {"responses": True}),
        ("a-text", {"responses": ["a"]}),
        ("headers-are-a-yes", {"responses": [{"id": "0", "status": 200, "headers": True}]}),
        ("headers-are-a-list", {"responses": [{"id": "0", "status": 429, "headers": ["Retry-After"]}]}),
    ],
}


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Two tenants; the list is to be written in the next refresh, and is asked for its columns first."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        school = opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
        opened.m365.add_tenant("Bau AG Chur", skus={"SPB": (10, 4)})
        opened.settle()
        school.set_sku("SPB", consumed=10)
        opened.services.publisher._lists = None
        for kind in ("license", "tenant", "parameter"):
            forget_list(opened.engine, kind)
        yield opened


def answered(office: Office, match: str, body: Any, times: int | None = None) -> None:
    """What the site answers from now on."""
    odd = office.m365.faults.add(Fault(match, "status", 200, times=times))
    odd.reply = lambda: Reply(200, dumps(body))  # type: ignore[method-assign]


TEXTS = ("half-a-pair", "nul")  # the ends of names of answers with a text that only some databases keep


@pytest.mark.parametrize(
    ("match", "body", "database_url"),
    [
        pytest.param(match, body, database, id=f"{match}-{name}-{database}")
        for match, bodies in ODD.items()
        for name, body in bodies
        for database in (("sqlite", "postgresql") if name.endswith(TEXTS) else ("sqlite",))
    ],
    indirect=["database_url"],
)
def test_an_answer_of_another_shape_costs_the_lists_alone(office: Office, match: str, body: Any) -> None:
    answered(office, match, body, times=2 if match == "batch" else None)

    summary = office.refresh()

    assert (summary["ok"], summary["failed"]) == (2, [])
    office.m365.faults.clear()
    office.settle()
    office.settle()
    assert office.messages == ["Schule Höri: Microsoft 365 Business Premium (SPB)"]


@pytest.mark.parametrize("body", [{"value": ["a"]}, {"value": [ITEM | {"fields": True}]}, {"value": [{"id": {}}]}])
@pytest.mark.parametrize("match", ["columns", "items"])
def test_check_tells_it_and_goes_on(office: Office, match: str, body: Any) -> None:
    answered(office, match, body)

    found = {finding.subject: finding for finding in check_all(office.services)}

    assert found["Bau AG Chur"].level == "ok"
    assert found["support"].level == "error"


def test_an_error_that_nobody_foresaw_costs_one_tenant_its_answer_also_in_check(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(client: GraphClient) -> SubscribedSkus:
        if client.name == "Schule Höri":
            raise ZeroDivisionError
        return subscribed_skus(client)

    monkeypatch.setattr(checks, "subscribed_skus", broken)

    levels = {finding.subject: (finding.level, finding.problem and finding.problem.code)
              for finding in reversed(check_all(office.services))}  # fmt: skip

    assert levels["Bau AG Chur"] == ("ok", None)
    assert levels["Schule Höri"] == ("error", "refresh.unexpected")
