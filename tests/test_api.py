"""What programs get from the figures: every row of the pages, found, ordered and cut into pages, in one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.cache.catalogue import load_catalogue
from core.cache.frames import history_frame, licenses_frame, tenants_frame
from core.cases import changes, orders
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.orders import OrderRequest
from tests.actors import ADMIN
from tests.api_world import Served, serve
from tests.page_world import NAMES, NOW, World, filled_world
from web.api.queries import LICENSE_ORDERS

Row = dict[str, Any]
LISTS = ("/licenses", "/shortages", "/tenants", "/tenants/tenant-1/history", "/runs")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A dozen tenants with some eighty licences; nobody changes it."""
    return filled_world(tmp_path_factory.mktemp("api"), api_requests_per_minute=100_000)


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    with serve(world.runtime) as server:
        yield server


@pytest.fixture(scope="module")
def frame(world: World) -> pd.DataFrame:
    """What the pages show, worst first."""
    timeout = timedelta(minutes=world.settings.flow_timeout_minutes)
    catalogue, _ = load_catalogue(world.engine)
    return licenses_frame(world.engine, catalogue, now=datetime.now(UTC), flow_timeout=timeout)


def rows(served: Served, path: str, **params: Any) -> list[Row]:
    """Every row, page after page."""
    found: list[Row] = []
    for page in range(1, 1000):
        answer = served.get(path, params={**params, "page": page, "pageSize": 100}).json()
        assert answer["success"], answer
        found += answer["data"]
        if page >= answer["pagination"]["totalPages"]:
            break
    return found


def keys_of(found: list[Row]) -> list[tuple[str, str]]:
    return [(row["tenantId"], row["skuId"]) for row in found]


# One form for every answer


def values(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every (name, value) of a JSON document, however deep."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key, value
            yield from values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from values(value, name)


def paths(served: Served) -> list[str]:
    (run,) = rows(served, "/runs")
    return [*LISTS, "/tenants/tenant-1", f"/runs/{run['runId']}"]


def test_every_answer_is_an_envelope_with_its_moment_and_its_id(served: Served) -> None:
    for path in paths(served):
        answer = served.get(path, headers={"X-Request-Id": "my-call_1"})

        body = answer.json()
        assert (answer.status_code, body["success"]) == (200, True), path
        assert set(body) == {"success", "data", "meta"} | ({"pagination"} if path in LISTS else set()), path
        assert body["meta"]["requestId"] == answer.headers["x-request-id"] == "my-call_1"
        assert abs(datetime.fromisoformat(body["meta"]["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_names_are_camel_case_and_times_have_their_zone(served: Served) -> None:
    for path in paths(served):
        for name, value in values(served.get(path).json()):
            assert re.fullmatch("[a-z][A-Za-z0-9]*", name), (path, name)
            if value is not None and re.search("(At|Since|Expires|timestamp)$", name):
                assert datetime.fromisoformat(value).tzinfo is not None, (path, name, value)


@pytest.mark.parametrize("sent", ["", "x" * 33, "two words", "ä", "a;b"])
def test_a_request_id_that_does_not_fit_is_replaced(served: Served, sent: str) -> None:
    answer = served.get("/runs", headers={"X-Request-Id": sent.encode("latin-1")})  # type: ignore[dict-item]

    assert re.fullmatch("[0-9a-f]{16}", answer.json()["meta"]["requestId"])


# The same as on the pages


def test_licences_are_those_of_the_pages_in_their_order(served: Served, frame: pd.DataFrame) -> None:
    found = rows(served, "/licenses")

    same = {"tenant_id": "tenantId", "sku_id": "skuId", "sku_part_number": "skuPartNumber", "kind": "kind",
            "state": "state", "shortage": "shortage", "free": "free", "alarm": "alarm"}  # fmt: skip
    assert len(found) > 80
    assert [[row[name] for name in same.values()] for row in found] == frame[list(same)].values.tolist()


def test_shortages_are_those_of_the_pages_the_longest_first(served: Served, frame: pd.DataFrame) -> None:
    found = rows(served, "/shortages")

    assert sorted(keys_of(found)) == sorted(map(tuple, frame.loc[frame["shortage"], ["tenant_id", "sku_id"]].values))
    since = [row["shortSince"] for row in found]
    assert since == sorted(since)


def test_tenants_are_those_of_the_pages(served: Served, world: World, frame: pd.DataFrame) -> None:
    found = rows(served, "/tenants")

    known = tenants_frame(world.engine, frame, now=datetime.now(UTC))
    same = {"tenant_id": "tenantId", "slug": "slug", "tenant": "name", "enabled": "enabled", "monitored": "monitoring",
            "listed": "listed", "licenses": "licenses", "shortages": "shortages"}  # fmt: skip
    assert sorted([row[name] for name in same.values()] for row in found) == sorted(known[list(same)].values.tolist())


@pytest.mark.parametrize("name", ["tenant-1", "00000000-0000-4000-8000-000000000001", NAMES[0]])
def test_a_tenant_is_found_by_id_short_name_and_name(served: Served, name: str) -> None:
    assert served.get(f"/tenants/{name}").json()["data"]["name"] == NAMES[0]


@pytest.mark.parametrize(("language", "start"), [("de-CH,de;q=0.9", "Microsoft kennt"), ("en", "Microsoft does not")])
def test_the_problem_of_a_tenant_is_told_in_the_language_asked_for(served: Served, language: str, start: str) -> None:
    answer = served.get("/tenants/tenant-8", headers={"Accept-Language": language}).json()["data"]

    assert answer["failing"]
    assert answer["problem"]["code"] == "signin.certificate_unknown"
    assert answer["problem"]["message"].startswith(start)


@pytest.mark.parametrize("days", [1, 4, 366])
def test_history_is_that_of_the_pages(served: Served, world: World, days: int) -> None:
    found = rows(served, "/tenants/tenant-1/history", days=days)

    tenant_id = world.known[0].tenant_id
    since = NOW.astimezone(world.settings.zone).date() - timedelta(days=days - 1)
    shown = {row["skuId"]: history_frame(world.engine, tenant_id, row["skuId"], since) for row in found}
    wanted = [(day, sku, e, c) for sku, frame in shown.items() for day, e, c, *_ in frame.values.tolist()]
    told = [
        (datetime.fromisoformat(day["day"]).date(), row["skuId"], day["enabled"], day["consumed"])
        for row in found
        for day in row["days"]
    ]
    assert sorted(told) == sorted(wanted)
    assert [row["skuPartNumber"] for row in found] == sorted(row["skuPartNumber"] for row in found)
    assert all(day["free"] == day["enabled"] - day["consumed"] for row in found for day in row["days"])


def test_a_run_has_its_summary(served: Served) -> None:
    (listed,) = rows(served, "/runs", state="done", source="schedule")

    single = served.get(f"/runs/{listed['runId']}").json()["data"]

    assert {name: single[name] for name in listed} == listed
    assert (single["summary"]["tenants"], single["summary"]["ok"]) == (12, 12)


# Filters


@pytest.mark.parametrize(
    ("params", "fits"),
    [
        ({"state": "over"}, lambda row: row["state"] == "over"),
        ({"state": ["over", "grace"]}, lambda row: row["state"] in ("over", "grace")),
        ({"kind": "free"}, lambda row: row["kind"] == "free"),
        ({"shortage": "true"}, lambda row: row["shortage"]),
        ({"shortage": "false"}, lambda row: not row["shortage"]),
        ({"shortage": ["true", "false"]}, lambda _row: True),
        ({"tenant": "tenant-4"}, lambda row: row["slug"] == "tenant-4"),
        ({"tenant": ["tenant-4", NAMES[0]]}, lambda row: row["tenant"] in (NAMES[0], NAMES[3])),
        ({"skuPartNumber": "spb"}, lambda row: row["skuPartNumber"] == "SPB"),
        ({"skuPartNumber": ["SPB", "VISIOCLIENT"]}, lambda row: row["skuPartNumber"] in ("SPB", "VISIOCLIENT")),
        ({"skuPartNumber": "NOTHING"}, lambda _row: False),
        ({"q": "höri"}, lambda row: "Höri" in row["tenant"]),
        ({"q": "HÖRI power bi"}, lambda row: "Höri" in row["tenant"] and "Power BI" in row["productEn"]),
        ({"q": "(.*"}, lambda _row: False),
        ({"q": " "}, lambda _row: True),
        ({"q": "schule", "state": "ok", "kind": "paid"},
         lambda row: "schule" in row["tenant"].lower() and (row["state"], row["kind"]) == ("ok", "paid")),
    ],
)  # fmt: skip
def test_filters_give_what_fits_and_nothing_else(
    served: Served, params: dict[str, Any], fits: Callable[[Row], bool]
) -> None:
    everything = rows(served, "/licenses")

    assert keys_of(rows(served, "/licenses", **params)) == keys_of([row for row in everything if fits(row)])


@pytest.mark.parametrize(
    ("params", "fits"),
    [
        ({"q": "schule"}, lambda row: "schule" in row["name"].lower()),
        ({"monitoring": "false"}, lambda row: not row["monitoring"]),
        ({"enabled": "true"}, lambda row: row["enabled"]),
        ({"failing": "true"}, lambda row: row["failing"]),
        ({"failing": "false", "monitoring": "true"}, lambda row: row["monitoring"] and not row["failing"]),
    ],
)
def test_tenants_are_filtered(served: Served, params: dict[str, str], fits: Callable[[Row], bool]) -> None:
    everything = rows(served, "/tenants")
    wanted = [row["slug"] for row in everything if fits(row)]

    assert [row["slug"] for row in rows(served, "/tenants", **params)] == wanted
    assert wanted


@pytest.mark.parametrize("alarm", ["waiting", "unanswered", "told", "pending", "not_monitored", "no_sharepoint"])
def test_shortages_are_filtered_by_their_alarm(served: Served, alarm: str) -> None:
    everything = rows(served, "/shortages")

    found = rows(served, "/shortages", alarm=alarm)

    assert keys_of(found) == keys_of([row for row in everything if row["alarm"] == alarm])


# Order and pages


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("field", LICENSE_ORDERS)
def test_every_order_is_kept_over_all_pages(served: Served, field: str, direction: str) -> None:
    everything = rows(served, "/licenses")

    found = rows(served, "/licenses", sort=f"{field}:{direction}")

    def rank(row: Row) -> Any:
        value = keys_of(everything).index((row["tenantId"], row["skuId"])) if field == "severity" else row[field]
        return value.casefold() if isinstance(value, str) else value

    there = [row for row in everything if field == "severity" or row[field] is not None]
    missing = [row for row in everything if row not in there]
    # Python's sort is stable: equal rows stay as they came, in either direction.
    assert keys_of(found) == keys_of([*sorted(there, key=rank, reverse=direction == "desc"), *missing])


def test_ascending_need_not_be_said(served: Served) -> None:
    assert rows(served, "/licenses", sort="free") == rows(served, "/licenses", sort="free:asc")


@pytest.mark.parametrize("path", LISTS)
def test_pages_cut_the_list_and_lose_nothing(served: Served, path: str) -> None:
    everything = rows(served, path)
    size = 7

    first = served.get(path, params={"pageSize": size}).json()
    pages = range(1, first["pagination"]["totalPages"] + 1)
    cut = [served.get(path, params={"page": page, "pageSize": size}).json()["data"] for page in pages]

    assert first["pagination"] == {
        "page": 1, "pageSize": size, "totalItems": len(everything), "totalPages": -(-len(everything) // size),
    }  # fmt: skip
    assert [row for page in cut for row in page] == everything
    assert all(len(page) == size for page in cut[:-1])


@pytest.mark.parametrize("path", LISTS)
def test_behind_the_last_page_there_is_nothing(served: Served, path: str) -> None:
    answer = served.get(path, params={"page": 1_000_000, "pageSize": 100}).json()

    assert answer["success"]
    assert answer["data"] == []
    assert answer["pagination"]["totalItems"] > 0


def test_a_page_has_25_rows_unless_more_are_asked_for(served: Served) -> None:
    assert [len(served.get(f"/licenses{size}").json()["data"]) for size in ("", "?pageSize=60")] == [25, 60]


# What is refused


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("pageSize=0", "pageSize", "greater"),
        ("pageSize=101", "pageSize", "less"),
        ("pageSize=ten", "pageSize", "integer"),
        ("page=0", "page", "greater"),
        ("page=-1", "page", "greater"),
        ("page=1&page=2", "page", "more than once"),
        ("sort=size", "sort", "pattern"),
        ("sort=free:down", "sort", "pattern"),
        ("state=bad", "state.0", "'ok'"),
        ("kind=paid&kind=bad", "kind.1", "'paid'"),
        ("hidden=maybe", "hidden", "'true'"),
        ("tenant=", "tenant.0", "at least 1"),
        ("q=" + "x" * 201, "q", "at most 200"),
        ("pagesize=5", "pagesize", "Did you mean pageSize?"),
        ("sate=ok", "sate", "Did you mean state?"),
        ("zzz=1", "zzz", "no such parameter."),
        ("page_size=5", "page_size", "Did you mean pageSize?"),
    ],
)
def test_a_wrong_parameter_is_named(served: Served, query: str, field: str, words: str) -> None:
    answer = served.get(f"/licenses?{query}")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "VALIDATION_FAILED")
    assert [detail["field"] for detail in error["details"]] == [field]
    assert words in error["details"][0]["message"]


def test_all_that_is_wrong_is_told_at_once(served: Served) -> None:
    error = served.get("/licenses?page=0&pageSize=0&sort=x").json()["error"]

    assert [detail["field"] for detail in error["details"]] == ["page", "pageSize", "sort"]


def test_what_is_unknown_is_told_with_what_is_wrong(served: Served) -> None:
    error = served.get("/licenses?page=0&zzz=1&sate=ok&zzz=2").json()["error"]

    assert [detail["field"] for detail in error["details"]] == ["page", "zzz", "sate"]


def test_no_address_takes_an_unknown_parameter(served: Served) -> None:
    paths = served.get("/openapi.json").json()["paths"]
    operations = [(method, path) for path, methods in paths.items() for method in methods]

    refused = {}
    for method, path in operations:
        address = path.replace("{tenantId}", "tenant-1")
        for name in ("{runId}", "{contactId}", "{onboardingId}"):
            address = address.replace(name, "0" * 12)
        answer = served.call(method.upper(), f"{address}?zzz=1", role="admin", json={} if method != "get" else None)
        fields = [detail["field"] for detail in answer.json()["error"]["details"]]
        refused[method, path] = answer.status_code, "zzz" in fields

    assert len(operations) > 7
    assert set(refused.values()) == {(422, True)}


@pytest.mark.parametrize("path", ["/licenses?tenant=tennant-1", "/shortages?tenant=tennant-1", "/tenants/tennant-1"])
def test_a_tenant_nobody_knows_is_no_empty_list(served: Served, path: str) -> None:
    answer = served.get(path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "Did you mean tenant-1?" in answer.json()["error"]["message"]


# Spelling


@pytest.mark.parametrize("form", [str.upper, lambda name: unicodedata.normalize("NFD", name), "\u200b {}\u00a0".format])
def test_tenants_and_products_are_found_however_they_are_spelled(served: Served, form: Callable[[str], str]) -> None:
    name = next(row["name"] for row in rows(served, "/tenants") if not row["name"].isascii())

    of_tenant = rows(served, "/licenses", tenant=form(name))

    assert {row["tenant"] for row in of_tenant} == {name}
    assert rows(served, "/licenses", q=form(name)) == of_tenant
    part = of_tenant[0]["skuPartNumber"]
    assert {row["skuPartNumber"] for row in rows(served, "/licenses", skuPartNumber=form(part))} == {part}


def test_a_licence_tells_what_is_under_way_and_who_waits(tmp_path: Path) -> None:
    world = filled_world(tmp_path)
    now, zone = datetime.now(UTC), world.settings.zone
    with serve(world.runtime) as server:
        row = rows(server, "/licenses")[0]
        day = now.astimezone(zone).date() + timedelta(days=9)
        request = AheadRequest(row["tenantId"], row["skuId"], 5, day, waiting=2)
        case = open_ahead(world.engine, ADMIN, request, now, zone)
        changes.approve(world.engine, ADMIN, case.case_id, 5, "agreed", now)
        orders.place(world.engine, ADMIN, OrderRequest({case.case_id: 5}, send=False), now, zone)
        told = [(one["underWay"], one["waiting"], one["case"]) for one in rows(server, "/licenses") if one["case"]]

    assert told == [(5, 2, case.number)]
