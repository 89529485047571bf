"""The lists are read whole once a day; in between, only what has changed is asked for. What must hold all the same."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from core.cache.database import DatabaseError
from core.cache.item_rows import (
    ListMark,
    StoredItem,
    forget_list,
    list_mark,
    save_list_changes,
    save_whole_list,
    stored_items,
)
from core.cache.lists_read import sharepoint_status
from core.graph import GraphClient
from core.sharepoint import ListCache, Lists
from simulator import Fault
from simulator.tenants import Tenant
from tests.office import ON_SQLITE, Office, open_office
from tests.warm_process import WarmProcess

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
QUIET = {"GET subscribedSkus": 2, "GET delta": 3}  # a refresh of two tenants of which nothing has changed


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Two tenants, one of them with a shortage that has been told; the lists are known, nothing is left to do."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        opened.m365.add_tenant("Bau AG Chur", skus={"SPB": (10, 4)})
        opened.settle()
        opened.refresh()
        opened.m365.reset_requests()
        yield opened


def asked(office: Office) -> dict[str, int]:
    """What came over the wire since the last time: "GET delta" -> how often."""
    wire = [request for request in office.m365.requests if not request.batched]
    office.m365.reset_requests()
    return Counter(f"{request.method} {request.path.rsplit('/', 1)[-1]}" for request in wire)


def command(office: Office) -> subprocess.Popen[str]:
    """`python -m core sync`, as the timer of the system starts it."""
    environment = os.environ | office.m365.environment() | {"LIZENZTOOL_DATA_DIR": str(office.settings.data_dir)}
    environment |= {"LIZENZTOOL_LOG_DIR": str(office.settings.data_dir / "logs")}
    environment |= {"LIZENZTOOL_DATABASE_URL": office.database}
    return WarmProcess(
        [sys.executable, "-m", "core", "sync", "--json"], env=environment, stdout=subprocess.PIPE, text=True
    )


def lists_of(office: Office) -> Lists:
    services = office.services
    profile = services.profiles.load().sharepoint
    assert profile is not None
    return Lists(GraphClient(profile, services.settings.graph_url, services.tokens, services.http), profile)


# How much is asked


def test_a_refresh_without_changes_asks_every_tenant_and_every_list_once(office: Office) -> None:
    summary = office.refresh()

    assert asked(office) == QUIET
    assert summary["requests"] == 5
    assert summary["sharepoint"]["unchanged"] == 2


def test_after_a_restart_no_list_is_read_whole(office: Office) -> None:
    office.restart()

    summary = office.refresh()

    found = asked(office)
    assert (found["GET delta"], found["GET items"]) == (3, 0)
    assert summary["sharepoint"]["unchanged"] == 2


def test_another_process_goes_on_where_this_one_left(office: Office) -> None:
    out, _ = command(office).communicate(timeout=60)

    found = asked(office)
    assert (found["GET delta"], found["GET items"]) == (3, 0)
    assert json.loads(out)["sharepoint"]["unchanged"] == 2


@pytest.mark.parametrize(
    ("time", "whole"),
    [
        pytest.param({"hours": 19}, False, id="the-same-day"),
        pytest.param({"hours": 24}, True, id="a-day-later"),
        pytest.param({"hours": -2}, True, id="the-clock-was-set-back"),
    ],
)
def test_each_list_is_read_whole_once_a_day(office: Office, time: dict[str, float], whole: bool) -> None:
    before = _links(office)
    office.sharepoint.licenses.expire_delta_tokens()  # so that a question with the old link shows
    office.later(**time)

    office.refresh()

    links = asked(office)["GET delta"]
    assert links == (3 if whole else 4)
    assert _links(office) != before
    assert office.messages == ["Schule Höri: Microsoft 365 Business Premium (SPB)"]


def _links(office: Office) -> list[str]:
    marks = [list_mark(office.engine, kind) for kind in ("tenant", "license", "parameter")]
    return [mark.delta_link for mark in marks if mark is not None]


def test_columns_are_looked_up_again_only_before_something_is_written(office: Office) -> None:
    _tenant(office, "Bau AG Chur").set_sku("SPB", consumed=5)

    office.refresh()

    assert asked(office) == QUIET | {"GET columns": 1, "POST $batch": 1}


def test_the_lists_are_asked_side_by_side(office: Office) -> None:
    office.restart()
    together = [threading.Barrier(3, timeout=20), threading.Barrier(2, timeout=20)]
    first_two = f"GET .*/({office.sharepoint.tenants.id}|{office.sharepoint.parameters.id})/items/delta"
    for what, barrier in zip(("GET .*/columns", first_two), together, strict=True):
        office.m365.faults.add(Fault(what, times=barrier.parties, before=barrier.wait))

    office.refresh()

    assert not any(barrier.broken for barrier in together), "one was asked after the other"


# What is seen


def _person_changes_a_number(office: Office) -> None:
    office.sharepoint.licenses.update(_item(office, "Bau AG Chur"), {"Frei": 99})


def _person_deletes_an_item(office: Office) -> None:
    office.sharepoint.licenses.delete(_item(office, "Bau AG Chur"))


def _person_adds_a_twin(office: Office) -> None:
    office.sharepoint.licenses.add({"Title": "SPB", "tenant": "Bau AG Chur"})


def _tenant(office: Office, name: str) -> Tenant:
    return next(tenant for tenant in office.m365.tenants if tenant.name == name)


def _item(office: Office, tenant: str) -> int:
    (item,) = office.sharepoint.licenses.find(tenant=tenant)
    return item.id


@ON_SQLITE
@pytest.mark.parametrize("again", [False, True], ids=["same-process", "after-a-restart"])
@pytest.mark.parametrize("change", [_person_changes_a_number, _person_deletes_an_item, _person_adds_a_twin])
def test_what_somebody_does_to_an_item_is_put_right_in_the_next_refresh(
    office: Office, change: Callable[[Office], None], again: bool
) -> None:
    rows = office.rows()
    change(office)
    assert office.rows() != rows
    if again:
        office.restart()

    office.refresh()

    assert sorted(map(str, office.rows())) == sorted(map(str, rows))
    assert asked(office)["GET items"] == 0


def test_the_answer_of_the_flow_is_seen_and_nobody_told_twice(office: Office) -> None:
    _tenant(office, "Bau AG Chur").set_sku("SPB", consumed=10)

    office.refresh()
    office.m365.flow.run()
    office.refresh()
    office.later(hours=3)
    office.refresh()
    office.m365.flow.run()

    assert len(office.messages) == 2
    assert office.row("Bau AG Chur")["technician_informed"] is True


def test_a_switch_in_the_tenant_list_holds_in_the_next_refresh(office: Office) -> None:
    (item,) = office.sharepoint.tenants.find(Title="Bau AG Chur")
    office.sharepoint.tenants.update(item.id, {"enabled": False})

    assert office.refresh()["skipped"] == [{"tenant": "Bau AG Chur", "reason": "disabled"}]


def test_a_changed_parameter_is_seen(office: Office) -> None:
    (item,) = office.sharepoint.parameters.find(Parameter="communication")
    office.sharepoint.parameters.update(item.id, {"Parameterwert": "Brieftaube"})

    office.refresh()

    assert _problems(office) == ["sharepoint.channel_unknown"]


def _problems(office: Office) -> list[str]:
    return [problem.code for problem in sharepoint_status(office.engine).problems]


def test_our_own_writes_come_back_once_and_change_nothing(office: Office) -> None:
    _tenant(office, "Bau AG Chur").set_sku("SPB", consumed=5)
    office.refresh()
    asked(office)

    for _ in range(2):
        assert office.refresh()["sharepoint"]["unchanged"] == 2
        assert asked(office) == QUIET


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for many examples."""
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


ACTS = ["add", "change", "clear", "delete", "expire"]


@settings(max_examples=25, deadline=None)
@given(days=st.lists(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), max_size=6), max_size=5))
def test_the_stored_list_is_always_what_the_whole_list_is(shared: Office, days: list[list[tuple[str, int]]]) -> None:
    lists = lists_of(shared)
    for day in days:
        for act, number in day:
            _act(shared, act, number)
        list_cache = ListCache(shared.engine, lists, shared.now())
        assert list_cache.items(lists.licenses) == lists.items(lists.licenses)


def _act(office: Office, act: str, number: int) -> None:
    listing = office.sharepoint.licenses
    known = listing.items
    if act == "expire":
        listing.expire_delta_tokens()
    elif act == "add" or not known:
        listing.add({"Title": f"SKU{number}", "tenant": "Bau AG Chur", "Frei": number})
    elif act == "delete":
        listing.delete(known[number % len(known)].id)
    else:
        listing.update(known[number % len(known)].id, {"Frei": number if act == "change" else None})


@ON_SQLITE
def test_a_list_of_several_pages_is_read_to_its_end(office: Office) -> None:
    for number in range(2100):
        office.sharepoint.licenses.add({"Title": f"SKU{number}", "tenant": "Alte Firma GmbH"})
    office.sharepoint.licenses.expire_delta_tokens()
    lists = lists_of(office)
    asked(office)

    found = ListCache(office.engine, lists, office.now()).items(lists.licenses)

    assert asked(office)["GET delta"] == 4  # the old link, then three pages
    assert found == lists.items(lists.licenses)


# When the link is worth nothing


@ON_SQLITE
@pytest.mark.parametrize(
    ("fault", "links"),
    [
        pytest.param(Fault("", "status", status=410), 2, id="410-too-old"),
        pytest.param(Fault("", "status", status=400), 2, id="400"),
        pytest.param(Fault("", "status", status=404), 2, id="404"),
        pytest.param(Fault("", "status", status=500, times=5), 6, id="500-for-good"),
        pytest.param(Fault("", "status", status=200, body={"value": [{"id": "1"}]}), 2, id="no-columns"),
        pytest.param(Fault("", "status", status=200, body={"no": "list"}), 2, id="no-answer"),
    ],
)
def test_a_link_that_is_refused_has_the_list_read_whole_in_the_same_refresh(
    office: Office, fault: Fault, links: int
) -> None:
    office.services.http.sleep = lambda seconds: None
    _person_changes_a_number(office)
    office.m365.faults.add(dataclasses.replace(fault, match=f"GET .*/{office.sharepoint.licenses.id}/items/delta"))

    summary = office.refresh()

    assert asked(office)["GET delta"] == 2 + links
    assert summary["sharepoint"]["updated"] == 1
    assert "problem" not in summary["sharepoint"]
    assert office.row("Bau AG Chur")["Frei"] == 6
    office.refresh()
    assert asked(office) == QUIET


@ON_SQLITE
def test_where_changes_cannot_be_asked_for_at_all_the_list_is_read_whole_each_time(office: Office) -> None:
    office.m365.faults.add(Fault("GET .*/items/delta", "status", status=400, times=None))
    for free in (98, 99):
        office.sharepoint.licenses.update(_item(office, "Bau AG Chur"), {"Frei": free})

        office.refresh()

        assert office.row("Bau AG Chur")["Frei"] == 6
        assert asked(office)["GET items"] == 3
    assert len(office.messages) == 1


@ON_SQLITE
def test_another_column_in_the_profile_has_its_list_read_whole(office: Office) -> None:
    office.sharepoint.licenses.add_column("Rest", "number")
    (file,) = (office.settings.profiles_dir / "sharepoint").glob("*.json")
    profile = json.loads(file.read_text("utf-8"))
    profile["sharepoint_infos"]["field_mapping"]["Frei"] = "Rest"
    file.write_text(json.dumps(profile), "utf-8")

    office.refresh()

    assert {item.fields["tenant"]: item.fields["Rest"] for item in office.sharepoint.licenses.items} == {
        "Schule Höri": 0,
        "Bau AG Chur": 6,
    }
    assert len(office.messages) == 1


def test_while_the_site_is_away_the_link_is_kept(office: Office) -> None:
    before = _links(office)
    office.m365.faults.add(Fault("GET .*/sites/", "status", status=403, times=None))
    assert "problem" in office.refresh()["sharepoint"]
    office.m365.faults.clear()
    _person_changes_a_number(office)

    assert _links(office) == before
    assert office.refresh()["sharepoint"]["updated"] == 1


# Crashes


def test_a_change_that_was_read_by_a_process_that_died_is_not_lost(office: Office) -> None:
    office.sharepoint.licenses.update(_item(office, "Bau AG Chur"), {"Frei": 99})
    reached, go = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go.wait(20)

    office.m365.faults.add(Fault("GET .*/subscribedSkus", "pass", before=hold))
    victim = command(office)
    assert reached.wait(60)

    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=20)
    go.set()
    office.refresh()

    assert office.row("Bau AG Chur")["Frei"] == 6


def test_items_and_link_are_stored_together_or_not_at_all(database: Engine) -> None:
    mark = ListMark("license", "list and columns", "https://link/1", NOW)
    known = [StoredItem("1", '"a,1"', NOW, {"name": "SPB", "free": 3.0, "informed": True})]
    save_whole_list(database, mark, known)

    broken = StoredItem("2", None, None, {})  # type: ignore[arg-type]
    with pytest.raises(DatabaseError):
        save_list_changes(database, dataclasses.replace(mark, delta_link="https://link/2"), [broken], ["1"])

    assert list_mark(database, "license") == mark
    assert sorted(stored_items(database, "license")) == known


def test_stored_items_are_changed_deleted_and_replaced(database: Engine) -> None:
    mark = ListMark("license", "list and columns", "https://link/1", NOW)
    other = dataclasses.replace(mark, kind="tenant")
    one, two, ten = (StoredItem(number, f'"x,{number}"', NOW, {"free": int(number)}) for number in ("1", "2", "10"))
    save_whole_list(database, mark, [ten, one])
    save_whole_list(database, other, [two])

    later = dataclasses.replace(mark, delta_link="https://link/2")
    save_list_changes(database, later, [two, one._replace(etag="new", modified=None)], ["10", "77"])

    assert list_mark(database, "license") == later
    assert sorted(stored_items(database, "license")) == [one._replace(etag="new", modified=None), two]
    assert list(stored_items(database, "tenant")) == [two]

    forget_list(database, "license")
    assert list_mark(database, "license") == dataclasses.replace(later, delta_link="")
    save_whole_list(database, mark, [])
    assert sorted(stored_items(database, "license")) == []


# Columns that go


def _remove(office: Office, column: str) -> Callable[[], None]:
    """Take a column away; the result puts it back with all its values, as if nothing had been."""
    listing = office.sharepoint.licenses
    name = listing.internal(column)
    known, values = listing.columns[name], {item.id: item.fields.get(name) for item in listing.items}
    listing.remove_column(name)

    def put_back() -> None:
        listing.columns[name] = known
        for item in listing.items:
            item.fields[name] = values[item.id]
            item.rendered.clear()

    return put_back


def _a_number_changes(office: Office) -> None:
    _tenant(office, "Schule Höri").set_sku("SPB", consumed=12)


def _a_remark_is_written(office: Office) -> None:
    office.sharepoint.licenses.update(_item(office, "Schule Höri"), {"Frei": 7})


@ON_SQLITE
@pytest.mark.parametrize("what", [_a_number_changes, _a_remark_is_written])
@pytest.mark.parametrize("column", ["technician_informed", "trigger_inform_supporter", "tenant"])
def test_a_missing_column_is_told_and_nothing_written_until_it_is_back(
    office: Office, column: str, what: Callable[[Office], None]
) -> None:
    what(office)
    put_back = _remove(office, column)
    versions = [item.version for item in office.sharepoint.licenses.items]

    for _ in range(2):
        problem: Any = office.refresh()["sharepoint"]["problem"]
        assert problem["code"] == "sharepoint.column_missing"
    assert [item.version for item in office.sharepoint.licenses.items] == versions

    put_back()
    office.settle()
    assert len(office.messages) == 1
    assert office.row("Schule Höri")["Frei"] in (0, -2)
    assert office.refresh()["sharepoint"]["unchanged"] == 2


@ON_SQLITE
def test_a_column_made_anew_is_found_under_its_new_name(office: Office) -> None:
    listing = office.sharepoint.licenses
    listing.remove_column("Frei")
    listing.add_column("Frei", "number", name="field_9")
    _a_number_changes(office)

    office.refresh()  # notices before it writes that its names are of yesterday
    office.refresh()

    assert {item.fields["tenant"]: item.fields["field_9"] for item in listing.items} == {
        "Schule Höri": -2,
        "Bau AG Chur": 6,
    }
    assert len(office.messages) == 1
