"""`lists check` does in each list what the product does there at run time, and says which right is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit import Search, find
from core.cache.lists_read import sharepoint_status, tenant_list_rows
from core.operations.list_check import check_lists
from core.sharepoint.list_columns import COLUMNS, KINDS, LIST_NAMES, resolve_columns
from core.sharepoint.list_template import column_body
from core.sharepoint.trial_items import START, is_trial, trial_name, trial_values
from simulator import Fault
from tests.actors import ADMIN
from tests.list_provider import Provider
from tests.office import Office
from tests.served import ROOT

TITLES = list(LIST_NAMES.values())
WRITES = r"POST .*/\$batch"


@pytest.fixture
def ready(provider: Provider) -> Provider:
    """Lists that the product has made, with the rights of daily work."""
    code, said = provider.provision("--sendermail", "a@contoso.example", "--recipientmail", "b@contoso.example",
                                    "--communication", "Teams")  # fmt: skip
    assert code == 0, said
    provider.site.grant = "write"
    return provider


def trials(at: Provider) -> list[str]:
    """Return the names of the test items that are in the lists."""
    return [
        str(value)
        for items in at.site.lists
        for item in items.items
        for name, value in item.fields.items()
        if name in ("Title", "Parameter") and is_trial(str(value))
    ]


def check(at: Provider) -> tuple[int, list[tuple[str, str, str]]]:
    """Return exit code and (subject, level, code) of every finding."""
    code, said = at.command("lists", "check", "--json")
    found = next(line for line in said.splitlines() if line.startswith("["))
    return code, [(row["subject"], row["level"], row["code"]) for row in json.loads(found)]


# Everything is allowed


def test_the_lists_of_the_product_pass_and_nothing_stays(ready: Provider) -> None:
    ready.m365.reset_requests()

    code, said = ready.command("lists", "check")

    assert (code, said.splitlines()) == (
        0,
        [f"ok      {title}: Lesen, Anlegen, Ändern und Löschen gehen." for title in TITLES],
    )
    assert trials(ready) == []
    assert ready.m365.count("DELETE") == len(TITLES)
    assert [ready.m365.flow.run(), ready.m365.flow.messages] == [0, []]


def test_the_older_tools_lists_pass_with_hints(provider: Provider) -> None:
    site = provider.add_site("older")
    site.write_profile()
    site.grant = "write"

    code, found = check(provider)

    assert code == 0
    assert [level for _, level, _ in found] == ["warning"] * 5 + ["ok"] * 3
    assert {code for *_, code in found} == {"lists.no_index", "lists.not_unique", "lists.trial_ok"}


# A right is missing


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize(("method", "operation"), [
    ("GET", "read"), ("POST", "create"), ("PATCH", "change"), ("DELETE", "delete"),
])  # fmt: skip
def test_each_right_that_is_missing_in_a_list_is_named(
    ready: Provider, title: str, method: str, operation: str
) -> None:
    items = ready.site.list_titled(title)
    items.forbidden = {method}

    code, found = check(ready)

    assert code == 1
    assert (title, "error", f"lists.may_not_{operation}") in found
    if (title, method) != ("Parameterliste", "GET"):
        assert [row for row in found if row[2] == "lists.trial_ok"] == [
            (other, "ok", "lists.trial_ok") for other in TITLES if other != title
        ]
    assert bool(trials(ready)) == (method == "DELETE")
    items.forbidden = set()
    assert check(ready)[0] == 0
    assert trials(ready) == []


def test_what_cannot_be_deleted_does_not_grow(ready: Provider) -> None:
    ready.site.tenants.forbidden = {"DELETE"}

    for _ in range(3):
        check(ready)

    assert len(trials(ready)) == 1


@pytest.mark.parametrize(("grant", "codes"), [
    (None, ["graph.forbidden"]),
    ("read", ["lists.may_not_create"] * 3),
])  # fmt: skip
def test_a_grant_that_is_too_small_is_told(ready: Provider, grant: str | None, codes: list[str]) -> None:
    ready.site.grant = grant

    code, found = check(ready)

    assert (code, [code for *_, code in found]) == (1, codes)


def test_without_a_profile_it_says_so(provider: Provider) -> None:
    assert check(provider) == (1, [("SharePoint", "error", "check.no_sharepoint")])


@pytest.mark.parametrize(("change", "code"), [
    ({"kind": "text"}, "sharepoint.type_of_switch"),
    ({"read_only": True}, "sharepoint.read_only_switch"),
])  # fmt: skip
def test_a_column_that_does_not_fit_is_told_and_the_rest_is_tried(
    ready: Provider, change: dict[str, Any], code: str
) -> None:
    ready.site.tenants.change_column("monitoring", **change)

    _, found = check(ready)

    assert code in [code for *_, code in found]
    assert ("Tenantliste", "ok", "lists.trial_ok") in found


def test_a_value_that_the_list_refuses_is_told_in_sharepoints_words(ready: Provider) -> None:
    ready.site.licenses.change_column("Frei", least=1.0)

    code, said = ready.command("lists", "check")

    assert (code, "SharePoint sagt «The value of field 'Frei' is outside of its minimum and maximum»" in said) == (
        1,
        True,
    )


# Interrupted, at the same time, and lists of somebody else


@pytest.mark.parametrize("step", range(4))  # create, change, change with the old ETag, delete
@pytest.mark.parametrize("kind", ["lost_answer", "status"])
def test_a_lost_answer_or_a_busy_sharepoint_leaves_nothing_behind(ready: Provider, kind: str, step: int) -> None:
    ready.m365.faults.add(Fault(WRITES, kind, after=step, status=503, retry_after="0"))

    code, found = check(ready)

    assert (code, trials(ready)) == (0, []), found


def test_a_check_that_was_killed_is_tidied_up_by_the_next(ready: Provider) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "lists", "check"], cwd=ROOT, env=environment | ready.environment
    )
    ready.m365.faults.add(Fault(WRITES, after=1, before=process.kill))
    assert process.wait(60) == -9
    assert len(trials(ready)) == 1

    assert check(ready)[0] == 0

    assert trials(ready) == []


def test_a_row_that_somebody_deletes_at_once_is_told(ready: Provider) -> None:
    ready.site.licenses.swallows = True

    assert ("Lizenzstatusliste", "error", "lists.trial_unclear") in check(ready)[1]


def test_a_refresh_does_not_stumble_over_the_test_items(ready: Provider) -> None:
    ready.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    with ready.office() as office:
        office.settle()
        during: list[dict[str, Any]] = []
        # Each list has its test item while the product refreshes.
        ready.m365.faults.add(Fault(WRITES, after=1, times=None, before=lambda: refresh_once(office, during)))
        code, _ = check(ready)

        assert code == 0
        assert [(run["failed"], run["problems"], run["sharepoint"]["created"]) for run in during] == [([], [], 0)] * 3
        assert office.messages == ["Schule Höri: Microsoft 365 Business Premium (SPB)"]
        shown = [row.title for row in tenant_list_rows(office.engine)]
        assert shown == ["Schule Höri"]
        assert not any(START in name for name in sharepoint_status(office.engine).parameters)


def test_lists_of_another_installation_are_not_touched(ready: Provider, tmp_path: Any) -> None:
    with ready.office() as office:
        office.refresh()
    ready.move(tmp_path / "second")
    ready.m365.reset_requests()

    code, found = check(ready)

    assert (code, [code for *_, code in found]) == (1, ["sharepoint.other_owner", "lists.not_tried"])
    assert ready.m365.count("POST", "/items") == 0


def refresh_once(office: Office, during: list[dict[str, Any]]) -> None:
    """Refresh once while the next list has its test item."""
    seen = len(during)
    items = office.sharepoint.lists[seen].items if seen < len(TITLES) else []
    if any(is_trial(str(value)) for item in items for value in item.fields.values()):
        during.append({})  # the requests of this refresh start no other one
        during[seen] = office.refresh()


def test_the_audit_says_who_tried_the_lists(ready: Provider) -> None:
    check(ready)
    ready.site.grant = "read"
    check(ready)

    with ready.office() as office:
        entries, _ = find(office.engine, ADMIN, Search(actions=["list.tried"]), limit=5)
    assert [(entry.result, entry.reason) for entry in entries] == [
        ("failed", ", ".join(["lists.may_not_create"] * 3)),
        ("done", ""),
    ]


# The test item


@given(st.text(max_size=60))
def test_no_name_of_a_tenant_or_licence_counts_as_a_test_item(name: str) -> None:
    assert is_trial(name) == name.casefold().startswith(START)


@pytest.mark.parametrize("kind", LIST_NAMES)
def test_a_test_item_fills_our_columns_and_never_sets_a_trigger(kind: str) -> None:
    mapping = {"Lizenzname": "Title", "Verfügbar": "Verfuegbar", "Infosup": "trigger_inform_supporter"}
    ours = resolve_columns(kind, mapping, [column_body(kind, word) for word in COLUMNS[kind]])

    values = trial_values(ours, trial_name("0a1b2c3d", "12345678"))

    assert set(values) == {word for word, spec in COLUMNS[kind].items() if spec.role != "date"}
    assert not any(values[word] for word, spec in COLUMNS[kind].items() if KINDS[spec.role] == "boolean")


def test_two_checks_at_once_leave_nothing_and_miss_no_right(ready: Provider) -> None:
    together = threading.Barrier(2)
    ready.m365.faults.add(Fault(WRITES, before=lambda: together.wait(20), times=2))

    with ready.office() as office, ThreadPoolExecutor(2) as pool:
        checks = [pool.submit(check_lists, office.services, ADMIN) for _ in range(2)]
        levels = [{finding.level for finding in one.result()} for one in checks]

    assert levels == [{"ok"}, {"ok"}]
    assert trials(ready) == []
