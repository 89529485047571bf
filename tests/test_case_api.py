"""Shortage cases through the API: lists, one case, what is done with it, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.audit import Search, find
from core.cache.audit_rows import Entry
from core.cache.contact_rows import Contact
from core.cache.leaving_rows import Leaving, add_leaving
from core.cases.transitions import OPEN
from core.tenants import contacts
from tests.actors import ADMIN
from tests.api_world import Served, serve
from tests.page_world import small_world

TODAY = datetime.now(UTC).date()
NEXT_MONTH = (TODAY + timedelta(days=30)).isoformat()
EXAMPLE = {"tenantId": "hoeri", "quantity": 10, "wantedAt": NEXT_MONTH, "note": "10 neue Lehrpersonen"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path: Path = tmp_path_factory.mktemp("cases")
    with serve(small_world(path, api_requests_per_minute=100_000).runtime) as server:
        yield server


@pytest.fixture(scope="module")
def skus(served: Served) -> list[str]:
    return [row["skuId"] for row in served.get("/licenses?tenant=hoeri&hidden=true").json()["data"]]


def opened(served: Served, **fields: Any) -> dict[str, Any]:
    """A new case of the school; those before it are closed."""
    states = "&".join(f"filter[state]={state}" for state in OPEN)
    for case in served.get(f"/cases?{states}").json()["data"]:
        moved(served, case["number"], to="closed", note="test")
    skus = [row["skuId"] for row in served.get("/licenses?tenant=hoeri").json()["data"]]
    answer = served.call("POST", "/cases", role="support", json=EXAMPLE | {"skuId": skus[0]} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    assert answer.headers["location"] == f"/api/v1/cases/{found['caseId']}"
    assert answer.headers["etag"] == f'"{found["version"]}"'
    return found


def call(served: Served, address: str, body: Any, *, seen: int | None = None, method: str = "POST") -> Any:
    headers = {} if seen is None else {"If-Match": f'"{seen}"'}
    return served.call(method, f"/cases/{address}", role="support", json=body, headers=headers)


def moved(served: Served, case_id: str, seen: int | None = None, **body: Any) -> Any:
    return call(served, f"{case_id}/transitions", body, seen=seen)


def test_a_case_has_the_fields_of_the_contract_by_id_and_by_number(served: Served) -> None:
    case = opened(served)

    by_number = served.get(f"/cases/{case['number']}")
    assert by_number.json()["data"] | {"clocks": 0} == case | {"clocks": 0}
    assert by_number.headers["etag"] == '"1"'
    assert set(case) >= {
        "caseId", "number", "tenantId", "tenant", "skuId", "partNumber", "product", "state", "priority", "owner",
        "quantity", "underWay", "waiting", "openedAt", "closedAt", "outcome", "clocks", "next", "version", "events",
    }  # fmt: skip
    assert (case["state"], case["quantity"], case["wantedAt"], case["note"]) == (
        "open", 10, NEXT_MONTH, "10 neue Lehrpersonen",
    )  # fmt: skip
    assert set(case["clocks"]) == {"firstReaction", "ownWork", "customer", "supplier"}
    assert set(case["clocks"]["ownWork"]) == {"dueAt", "doneAt", "remainingSeconds", "state"}
    assert case["next"]["action"] == "take"
    (event,) = case["events"]
    assert (event["kind"], event["by"], event["data"]["quantity"]) == ("opened", "support token", 10)


def test_the_list_is_filtered_sorted_and_paged(served: Served) -> None:
    case = opened(served)
    listed = served.get("/cases?filter[state]=open&filter[tenant]=hoeri&filter[owner]=&sort=openedAt:desc").json()

    assert listed["data"][0] == {name: value for name, value in case.items() if name != "events"}
    assert listed["pagination"]["totalItems"] == 1
    for empty in ("filter[overdue]=true", "filter[owner]=anna", "filter[tenant]=chur", "filter[state]=asked"):
        assert served.get(f"/cases?{empty}").json()["data"] == [], empty
    assert served.get("/cases?filter[tenant]=nobody").status_code == 404
    assert served.get("/cases?pageSize=1&page=2&sort=number").json()["pagination"]["pageSize"] == 1
    assert served.get("/cases?state=open").status_code == 422  # named filter[state]


def test_a_case_is_given_changed_postponed_and_closed(served: Served) -> None:
    case = opened(served)
    address = case["caseId"]

    given = call(served, address, {"owner": ""}, seen=1, method="PATCH")
    assert (given.status_code, given.headers["etag"]) == (200, '"2"')
    more = call(served, address, {"quantity": 12, "waiting": 3}, method="PATCH").json()["data"]
    assert (more["quantity"], more["waiting"], more["version"]) == (12, 3, 3)
    assert call(served, address, {"priority": "critical"}, method="PATCH").json()["data"]["priority"] == "critical"
    until = (TODAY + timedelta(days=9)).isoformat()
    paused = moved(served, address, 4, to="postponed", until=until, note="Budget").json()["data"]
    assert (paused["state"], paused["postponedUntil"], paused["next"]["action"]) == ("postponed", until, "await_day")
    assert moved(served, address, to="open").json()["data"]["state"] == "open"
    approved = moved(served, address, to="approved", quantity=5, note="Rahmenvertrag").json()["data"]
    assert (approved["state"], approved["quantity"], approved["next"]["action"]) == ("approved", 5, "order")
    said = call(served, f"{address}/comments", {"text": "zwei\nZeilen"})
    assert (said.status_code, said.json()["data"]["events"][-1]["data"]) == (201, {"text": "zwei\nZeilen"})
    closed = moved(served, address, to="closed", note="nicht mehr nötig").json()["data"]
    assert (closed["outcome"], closed["next"]["action"]) == ("closed", "none")
    assert closed["events"][-1]["data"]["judged_level"] == "standard"
    assert moved(served, address, to="open", note="doch").json()["data"]["state"] == "open"
    actions = [row.action for row in find(served.runtime.engine, ADMIN, Search(words=case["number"]), limit=20)[0]]
    assert actions[::-1] == [
        "case.opened", "case.given", "case.quantity_changed", "case.priority_changed", "case.postponed",
        "case.returned", "case.consent_given", "case.commented", "case.closed", "case.reopened",
    ]  # fmt: skip


def test_the_figures_are_those_of_the_ended_cases(served: Served) -> None:
    case = opened(served)
    before = served.get("/cases/figures?by=tenant&filter[tenant]=hoeri").json()["data"]
    moved(served, case["number"], to="closed", note="x")

    data = served.get("/cases/figures?by=tenant&filter[tenant]=hoeri").json()["data"]
    assert data["total"]["ended"] == before["total"]["ended"] + 1
    assert [(one["key"], one["name"]) for one in data["groups"]] == [(case["tenantId"], case["tenant"])]
    assert [sum(age["cases"] for age in one["openByAge"]) for one in (before, data)] == [1, 0]
    assert served.get("/cases/figures?to=2020-01-01").json()["data"]["groups"] == []
    assert served.get("/cases/figures?by=priority").status_code == 422
    assert served.get("/cases/figures?from=yesterday").status_code == 422
    refused = served.call("PATCH", "/cases/figures", role="support", json={"owner": ""})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


def test_the_second_of_two_gets_what_the_first_did_and_changes_nothing(served: Served) -> None:
    case = opened(served)
    call(served, f"{case['caseId']}/comments", {"text": "zuerst"})

    closed = {"to": "closed", "note": "x"}
    for method, way, body in (("PATCH", "", {"owner": ""}), ("POST", "/transitions", closed)):
        answer = call(served, case["caseId"] + way, body, seen=1, method=method)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "CONFLICT")
        assert "support token" in error["message"]
        assert [detail["message"].split(",")[0] for detail in error["details"]] == ["2: commented by support token"]
    assert served.get(f"/cases/{case['caseId']}").json()["data"]["version"] == 2
    assert call(served, case["caseId"], {"owner": ""}, seen=2, method="PATCH").status_code == 200


def test_a_customer_is_asked_and_the_approved_licences_are_ordered(served: Served) -> None:
    case = opened(served)
    address, now = case["caseId"], datetime.now(UTC)
    person = Contact("", case["tenantId"], "Petra Muster", "petra@example.ch")
    contact, _ = contacts.add(served.runtime.engine, ADMIN, person, now)

    asked = call(served, f"{address}/consent-requests", {"contactId": contact.contact_id, "quantity": 4}, seen=1)
    data = asked.json()["data"]
    assert (asked.status_code, asked.headers["etag"], data["channel"]) == (201, '"2"', "link")
    assert "/freigabe/" in data["url"]
    assert (data["case"]["state"], data["case"]["quantity"]) == ("asked", 4)
    assert "Petra" not in served.get(f"/cases/{address}").text  # whoever only looks sees no contacts
    assert call(served, f"{address}/orders", {"send": False}).status_code == 409  # not approved
    assert moved(served, address, to="open", note="doch ohne").status_code == 200
    assert moved(served, address, to="approved", quantity=4, note="Rahmenvertrag").status_code == 200
    ordered = call(served, f"{address}/orders", {"send": False, "expectedAt": NEXT_MONTH, "reference": "A-1"})
    order = ordered.json()["data"]
    assert (ordered.status_code, order["how"], order["expectedAt"]) == (201, "outside", NEXT_MONTH)
    assert (order["case"]["state"], order["case"]["underWay"]) == ("ordered", 4)
    again = {"send": False, "orderKey": order["orderKey"], "expectedAt": NEXT_MONTH, "reference": "A-1"}
    assert call(served, f"{address}/orders", again).json()["data"]["case"]["underWay"] == 4
    assert call(served, f"{address}/orders", {"send": False}).status_code == 409  # one is under way


def test_what_a_customer_has_said_is_recorded(served: Served) -> None:
    address, said = opened(served)["caseId"], {"decision": "given", "name": "Petra Muster", "channel": "phone"}

    for wrong in ({"quantity": 11}, {"name": " "}, {"channel": "pigeon"}, {"decision": "perhaps"}, {"x": 1}):
        assert call(served, f"{address}/consents", said | wrong).status_code == 422, wrong
    given = call(served, f"{address}/consents", said | {"quantity": 7}, seen=1)
    case = given.json()["data"]
    assert (given.status_code, case["state"], case["quantity"]) == (201, "approved", 7)
    assert [event["kind"] for event in case["events"]] == ["opened", "asked", "consent_given"]
    assert "Petra" not in given.text
    refused = said | {"decision": "refused", "comment": "Erst im Sommer"}
    assert call(served, f"{opened(served)['caseId']}/consents", refused).json()["data"]["outcome"] == "refused"


def test_what_cannot_be_asked_or_ordered(served: Served) -> None:
    address = opened(served)["caseId"]

    unknown = call(served, f"{address}/consent-requests", {"contactId": "0123456789ab"})
    assert (unknown.status_code, unknown.json()["error"]["details"][0]["problem"]) == (422, "approval.no_contact")
    moved(served, address, to="approved", note="Rahmenvertrag")
    refused = call(served, f"{address}/orders", {"quantity": 3})
    assert refused.json()["error"]["details"][0]["field"] == "distributor"
    assert call(served, f"{address}/orders", {"distributor": "Nord"}).status_code == 404
    for wrong in ({"send": "no"}, {"quantity": 0}, {"send": False, "expectedAt": "2020-01-01"}, {"price": "1"}):
        assert call(served, f"{address}/orders", wrong).status_code == 422, wrong
    assert served.get(f"/cases/{address}").json()["data"]["version"] == 2


@pytest.mark.parametrize(("body", "status"), [
    ({"to": "closed"}, 422), ({"to": "postponed", "note": "x"}, 422), ({"to": "ordered", "note": "x"}, 409),
    ({"to": "postponed", "note": "x", "until": "2020-01-01"}, 422), ({"to": "asked"}, 422), ({}, 422),
    ({"to": "closed", "note": "x", "until": NEXT_MONTH}, 422), ({"to": "closed", "note": "x", "quantity": 3}, 422),
    ({"to": "approved", "note": "x", "quantity": 0}, 422), ({"to": "approved", "note": "x", "quantity": 100_001}, 422),
    ({"to": "closed", "note": "x", "why": "y"}, 422), ({"to": "closed", "note": "x" * 501}, 422),
    ({"to": "closed", "note": "\u0000"}, 422), ({"to": "closed", "note": 5}, 422),
    ({"to": "closed", "note": "  "}, 422),
])  # fmt: skip
def test_a_wrong_move_changes_nothing(served: Served, body: dict[str, Any], status: int) -> None:
    case = opened(served)

    answer = moved(served, case["number"], **body)

    assert answer.status_code == status, answer.text
    assert served.get(f"/cases/{case['caseId']}").json()["data"]["version"] == 1


@pytest.mark.parametrize("body", [
    {}, {"owner": "", "priority": "low"}, {"waiting": 3}, {"quantity": True}, {"quantity": 1.0}, {"owner": "nobody"},
    {"priority": "urgent"}, {"reason": "x"}, {"quantity": None}, {"state": "closed"},
])  # fmt: skip
def test_a_wrong_change_changes_nothing(served: Served, body: dict[str, Any]) -> None:
    case = opened(served)

    assert call(served, case["caseId"], body, method="PATCH").status_code == 422
    assert served.get(f"/cases/{case['caseId']}").json()["data"]["version"] == 1


@pytest.mark.parametrize(("fields", "status"), [
    ({"tenantId": "nobody"}, 404), ({"skuId": "00000000-0000-4000-8000-000000000009"}, 422), ({"skuId": "SPB"}, 422),
    ({"wantedAt": "2020-01-01"}, 422), ({"wantedAt": 5}, 422), ({"quantity": 0}, 422), ({"number": "2026-0001"}, 422),
])  # fmt: skip
def test_what_cannot_be_opened(served: Served, skus: list[str], fields: dict[str, Any], status: int) -> None:
    answer = served.call("POST", "/cases", role="support", json=EXAMPLE | {"skuId": skus[0]} | fields)

    assert answer.status_code == status, answer.text


def test_a_licence_has_one_open_case(served: Served) -> None:
    case = opened(served)

    again = served.call("POST", "/cases", role="support", json=EXAMPLE | {"skuId": case["skuId"].upper()})

    assert (again.status_code, again.json()["error"]["details"][0]["problem"]) == (409, "case.open_already")


@pytest.mark.parametrize("seen", ['5"', "5", 'W/"5"', '"x"', '"5", "6"', ""])
def test_a_version_that_cannot_be_read_is_refused(served: Served, seen: str) -> None:
    case = opened(served)

    answer = served.call(
        "PATCH", f"/cases/{case['caseId']}", role="support", json={"owner": ""}, headers={"If-Match": seen}
    )

    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "If-Match")


def test_the_cases_of_a_tenant_that_leaves_are_neither_listed_nor_changed(served: Served) -> None:
    case = opened(served)
    leaving = Leaving(case["tenantId"], "hoeri", "Höri", "anna", datetime.now(UTC), datetime.now(UTC), "", "")
    add_leaving(served.runtime.engine, leaving, Entry(ADMIN, "tenant.leaving", "Höri"))

    assert served.get("/cases").json()["data"] == []
    assert served.get(f"/cases/{case['number']}").status_code == 404
    assert moved(served, case["number"], to="closed", note="x").status_code == 404
    assert call(served, f"{case['number']}/comments", {"text": "x"}).status_code == 404
