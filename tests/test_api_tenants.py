"""Contacts, level and onboarding in the API: what is told to whom, what is stored, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.audit import Search, find
from core.cache.contact_rows import Contact
from core.cache.onboarding_rows import all_onboardings
from core.cache.tenant_rows import tenant_rows
from core.runtime import Runtime
from core.tenants.contacts import MOST_CONTACTS, add, all_contacts
from simulator import Fault
from tests.actors import ADMIN, SUPPORT
from tests.api_world import Served, serve
from tests.office import Office, open_office
from tests.page_world import World, small_world
from tests.test_api_calls import refused
from web.api import onboardings

PETRA = {"name": "Petra Muster", "email": "petra@example.ch"}
CONTACTS = "/tenants/chur/contacts"
NOW = datetime.now(UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return small_world(tmp_path, api_requests_per_minute=100_000)


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with serve(world.runtime) as server:
        yield server


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A tenant that is read, and a customer who is none yet."""
    with open_office(tmp_path) as opened:
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        opened.settle()
        opened.m365.add_customer("Kunde", domain="kunde.example")
        yield opened


@pytest.fixture
def api(office: Office) -> Iterator[Served]:
    with serve(Runtime(office.settings, office.engine, office.services, office.refresher)) as server:
        yield server


def posted(served: Served, **fields: Any) -> Any:
    return served.call("POST", CONTACTS, role="admin", json={**PETRA, **fields})


# ---------------------------------------------------------------- contacts


def test_a_contact_is_added_read_changed_and_deleted(served: Served, world: World) -> None:
    answer = posted(served, phone="+41 44 123 45 67", until="2190-12-31")
    added = answer.json()["data"]
    place = answer.headers["location"].removeprefix("/api/v1")

    assert answer.status_code == 201
    assert place == f"/tenants/{world.known[1].tenant_id}/contacts/{added['contactId']}"
    assert {name: added[name] for name in ("name", "email", "phone", "language", "role", "from", "until", "state")} == {
        **PETRA, "phone": "+41 44 123 45 67", "language": "de", "role": "approver", "from": None,
        "until": "2190-12-31", "state": "valid",
    }  # fmt: skip
    changed = served.call("PATCH", place, role="admin", json={"language": "fr", "until": None}).json()["data"]
    assert (changed["language"], changed["until"], changed["phone"]) == ("fr", None, added["phone"])
    found = served.get(CONTACTS, role="support").json()
    assert [one["contactId"] for one in found["data"]] == [added["contactId"]]
    assert found["pagination"]["totalItems"] == 1
    assert served.get(place, role="support").json()["data"]["language"] == "fr"
    deleted = served.call("DELETE", place, role="admin")
    assert (deleted.status_code, deleted.json()["data"]["contactId"]) == (200, added["contactId"])
    refused(served.call("DELETE", place, role="admin"), 404, "NOT_FOUND")
    rows = find(world.engine, ADMIN, Search(words="Petra"), limit=9)[0]
    assert [(row.action, row.source) for row in rows] == [
        ("contact.removed", "api"), ("contact.changed", "api"), ("contact.added", "api"),
    ]  # fmt: skip


def test_the_same_contact_posted_at_once_is_one(served: Served, world: World) -> None:
    served.bearer("admin")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: posted(served), range(6)))

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(all_contacts(world.engine, SUPPORT)) == 1


def test_the_same_address_in_the_same_role_is_a_warning(served: Served) -> None:
    assert posted(served).json()["data"]["warnings"] == []

    (warning,) = posted(served, name="P. Muster").json()["data"]["warnings"]

    assert (warning["code"], "Petra Muster" in warning["message"]) == ("contact.same_address", True)


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "Petra\u0000"}, ["name"]),
        ({"name": "\ud800"}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"email": "petra@example.ch\nBcc: all@example.ch"}, ["email"]),
        ({"email": "petra\u202e@example.ch"}, ["email"]),
        ({"email": "x" * 10_000}, ["email"]),
        ({"email": "petra@localhost", "phone": "1"}, ["email", "phone"]),
        ({"language": "rm", "role": "boss"}, ["language", "role"]),
        ({"from": "0001-01-01", "until": "9999-12-31"}, ["from", "until"]),
        ({"from": "2027-02-01", "until": "2027-01-31"}, ["until"]),
        ({"from": "2027-02-31"}, ["from"]),
        ({"from": 0}, ["from"]),
        ({"until": "2027-01-31T00:00:00Z"}, ["until"]),
        ({"validFrom": "2027-01-31"}, ["validFrom"]),
        ({"valid_from": "2027-01-31", "tenantId": "x"}, ["valid_from", "tenantId"]),
        ({"phone": None}, ["phone"]),
    ],
)
def test_what_is_wrong_with_a_contact_is_told_by_field_and_nothing_is_stored(
    served: Served, world: World, fields: dict[str, Any], faulty: list[str]
) -> None:
    error = refused(posted(served, **fields), 422, "VALIDATION_FAILED")

    assert [detail["field"] for detail in error["details"]] == faulty
    assert all(len(detail["message"]) > 5 for detail in error["details"])
    assert all_contacts(world.engine, SUPPORT) == []


def test_a_contact_of_another_tenant_is_not_there(served: Served, world: World) -> None:
    petra = posted(served).json()["data"]["contactId"]

    for method, body in (("GET", None), ("PATCH", {"name": "Mallory"}), ("DELETE", None)):
        refused(served.call(method, f"/tenants/hoeri/contacts/{petra}", role="admin", json=body), 404, "NOT_FOUND")
    refused(served.call("PATCH", f"{CONTACTS}/{petra}", role="admin", json={}), 422, "VALIDATION_FAILED")
    refused(served.call("PATCH", f"{CONTACTS}/{petra}", role="admin", json={"name": None}), 422, "VALIDATION_FAILED")
    refused(served.get(f"{CONTACTS}/..%2F{petra}", role="admin"), 404, "NOT_FOUND")
    assert [one.name for one in all_contacts(world.engine, SUPPORT)] == ["Petra Muster"]


def test_too_many_contacts_are_a_conflict(served: Served, world: World) -> None:
    for number in range(MOST_CONTACTS):
        add(world.engine, ADMIN, Contact("", world.known[1].tenant_id, "x", f"{number}@example.ch"), NOW)

    error = refused(posted(served), 409, "CONFLICT")

    assert error["details"][0]["problem"] == "contact.too_many"
    assert len(served.get(CONTACTS, role="support", params={"page": 4, "pageSize": 30}).json()["data"]) == 10


def test_tenants_name_level_and_contacts_the_latter_not_to_viewers(served: Served) -> None:
    posted(served)

    for role, seen in (("viewer", None), ("support", ["petra@example.ch"])):
        listed = next(one for one in served.get("/tenants", role=role).json()["data"] if one["slug"] == "chur")
        assert listed == served.get("/tenants/chur", role=role).json()["data"]
        assert (listed["level"], listed["onboarding"]) == ("standard", None)
        contacts = listed["contacts"]
        assert (contacts if contacts is None else [one["email"] for one in contacts]) == seen


# ---------------------------------------------------------------- onboarding


def start(api: Served, **fields: Any) -> Any:
    return api.call("POST", "/tenants", role="admin", json={"name": "Kunde", "tenant": "kunde.example", **fields})


def test_a_tenant_that_is_posted_can_be_followed_and_is_started_once(api: Served, office: Office) -> None:
    first = start(api, contact="Petra Muster <petra@kunde.example>")
    again = start(api)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.headers["location"] == again.headers["location"]
    begun = first.json()["data"]
    assert (begun["state"], begun["nextStep"], begun["stepState"], begun["app"]) == (
        "open", "certificate", "open", "own",
    )  # fmt: skip
    assert api.get(first.headers["location"].removeprefix("/api/v1"), role="admin").json()["data"] == begun
    assert [one["onboardingId"] for one in api.get("/onboardings", role="admin").json()["data"]] == [
        begun["onboardingId"]
    ]
    assert [one.contact for one in all_onboardings(office.engine)] == ["Petra Muster <petra@kunde.example>"]


@pytest.mark.parametrize(
    ("fields", "status", "code", "problems"),
    [
        ({"name": "Schule Höri"}, 409, "CONFLICT", ["onboarding.name_taken"]),
        ({"tenant": "unknown.example"}, 422, "VALIDATION_FAILED", ["onboarding.tenant_unknown"]),
        ({"tenant": "x y", "contact": "Petra"}, 422, "VALIDATION_FAILED",
         ["onboarding.no_tenant", "onboarding.contact_wrong"]),
        ({"clientId": "1234"}, 422, "VALIDATION_FAILED", ["onboarding.no_client_id"]),
        ({"name": " "}, 422, "VALIDATION_FAILED", ["onboarding.no_name"]),
    ],
)  # fmt: skip
def test_a_tenant_that_cannot_be_added_is_told_why(
    api: Served, office: Office, fields: dict[str, Any], status: int, code: str, problems: list[str]
) -> None:
    error = refused(start(api, **fields), status, code)

    assert [detail["problem"] for detail in error["details"]] == problems
    assert all_onboardings(office.engine) == []


def test_fields_that_are_not_offered_are_refused(api: Served, office: Office) -> None:
    for fields in ({"slug": "x"}, {"client_id": "x"}, {"state": "done"}, {"name": 1}, {"contact": "x" * 300}):
        refused(start(api, **fields), 422, "VALIDATION_FAILED")

    refused(api.get("/onboardings/ffffffffffff", role="admin"), 404, "NOT_FOUND")
    assert all_onboardings(office.engine) == []


def test_a_tenant_is_tested_without_being_stored(api: Served, office: Office) -> None:
    api.bearer("support")
    before = tenant_rows(office.engine), find(office.engine, ADMIN, Search(), limit=1)

    test = api.call("POST", "/tenants/Schule Höri/test", role="support").json()["data"]

    assert test["passed"]
    assert [one["code"] for one in test["results"]] == [
        "onboarding.test_token", "onboarding.test_read", "onboarding.test_dates",
    ]  # fmt: skip
    office.m365.faults.add(Fault("/subscribedSkus", "status", status=403, times=None))
    failed = api.call("POST", "/tenants/Schule Höri/test", role="support").json()["data"]
    assert (failed["passed"], [one["level"] for one in failed["results"]]) == (False, ["ok", "error"])
    assert (tenant_rows(office.engine), find(office.engine, ADMIN, Search(), limit=1)) == before


# ---------------------------------------------------------------- leaving


def test_a_tenant_leaves_once_and_only_by_its_name(api: Served, office: Office) -> None:
    tenant_id = office.m365.find_tenant("Schule Höri").tenant_id
    for name, status, code in (("", 422, "VALIDATION_FAILED"), ("Schule", 422, "VALIDATION_FAILED")):
        wrong = api.call("DELETE", f"/tenants/{tenant_id}", role="admin", params={"name": name})
        assert refused(wrong, status, code)["details"][0]["field"] == "name"
    assert tenant_id in tenant_rows(office.engine)

    left = api.call("DELETE", "/tenants/Schule Höri", role="admin", params={"name": "schule höri"})

    assert (left.status_code, left.json()["data"]["name"]) == (202, "Schule Höri")
    assert left.json()["data"]["dueAt"] > left.json()["data"]["startedAt"]
    refused(api.get(f"/tenants/{tenant_id}"), 404, "NOT_FOUND")
    again = api.call("DELETE", f"/tenants/{tenant_id}", role="admin", params={"name": "Schule Höri"})
    assert refused(again, 409, "CONFLICT")["details"][0]["problem"] == "leaving.already"
    unknown = f"/tenants/{tenant_id[:-4]}0000"
    refused(api.call("DELETE", unknown, role="admin", params={"name": "x"}), 404, "NOT_FOUND")


def test_a_test_ends_in_time_and_few_run_at_once(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onboardings, "TEST_SECONDS", 0.0)
    slow = api.call("POST", "/tenants/Schule Höri/test", role="support")
    assert refused(slow, 503, "MICROSOFT_UNAVAILABLE")["message"].startswith("Microsoft has not answered")
    places = [onboardings._room.acquire(timeout=10) for _ in range(onboardings.MOST_TESTS)]  # the slow one, too, ends

    busy = api.call("POST", "/tenants/Schule Höri/test", role="support")

    refused(busy, 429, "RATE_LIMITED")
    assert busy.headers["retry-after"] == "5"
    for _ in places:
        onboardings._room.release()
