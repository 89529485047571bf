"""The switches of tenants, on Monitoring and on the page of a tenant: set at once, with a way back, or asked first."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.lists_read import save_switches
from core.cache.tenant_rows import save_profiles
from core.problems import Problem
from core.refresh.tenant_switches import SwitchChange, SwitchResult
from tests.html_tables import ShownTable, html_table, send, switch
from tests.page_world import HOSTILE, FakeRefresher, World
from tests.test_pages import (  # noqa: F401 - fixtures
    MONITORING,
    START,
    TENANT,
    asked,
    button,
    filled,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui import snapshots, switch_actions
from ui.escaping import plain
from ui.monitoring.tenant_filter import sorted_tenants, with_words
from ui.switch_actions import Switching, undoing

OFF, ON = ((True, True), (True, False)), ((True, False), (True, True))


@pytest.fixture
def opened(open_page: Any) -> Any:  # noqa: F811
    """Open a page as this role in a process that can switch."""

    def opened(world: World, page: str = MONITORING, role: str = "admin", **params: Any) -> AppTest:
        world.refresher = FakeRefresher(world)
        app: AppTest = open_page(world, page, user={"name": "admin", "role": role, "sid": "1"}, **params)
        return app

    return opened


@pytest.fixture
def applied(small: World, monkeypatch: pytest.MonkeyPatch) -> list[Any]:  # noqa: F811
    """What is applied, by whom; it is stored as with SharePoint."""
    changes_by: list[Any] = []

    def apply(services: Any, changes: list[SwitchChange], actor: Any) -> list[SwitchResult]:
        changes_by.extend([*[(change.seen, change.wanted) for change in changes], actor.name])
        for change in changes:
            enabled, is_monitored = change.wanted
            save_switches(small.engine, change.tenant_id, listed=True, enabled=enabled, monitored=is_monitored)
        names = {tenant.tenant_id: tenant.name for tenant in small.known}
        return [SwitchResult(change.tenant_id, names[change.tenant_id]) for change in changes]

    monkeypatch.setattr(switch_actions, "apply_switches", apply)
    return changes_by


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has changed Bau AG Chur meanwhile."""

    def apply(services: Any, changes: list[SwitchChange], actor: Any) -> list[SwitchResult]:
        changed = Problem("sharepoint.changed_meanwhile", {"tenant": "Bau AG Chur"})
        return [SwitchResult(changes[0].tenant_id, "Bau AG Chur", changed)]

    monkeypatch.setattr(switch_actions, "apply_switches", apply)


def switches(app: AppTest) -> ShownTable:
    return html_table(app, "Tenants mit ihren Schaltern")


def monitored(app: AppTest) -> dict[str, str]:
    table = switches(app)
    return dict(zip(table.column("tenant"), table.column("monitored"), strict=True))


# Monitoring


def test_switching_off_asks_once_names_the_tenant_once_and_says_what_happens(
    small: World,  # noqa: F811
    opened: Any,
    applied: list[Any],
) -> None:
    app = opened(small)

    switch(app, switches(app), 0, "monitored", on=False)

    assert applied == []
    assert monitored(app)["Bau AG Chur"] == "on"
    assert f"Es werden keine Engpässe mehr gemeldet für: {plain('Bau AG Chur')}." in words(app)
    assert words(app).count("Bau AG Chur") == 1
    assert button(app, "switch_apply").label == "Ausschalten"

    button(app, "switch_apply").click().run()

    assert applied == [OFF, "admin"]
    assert monitored(app) == {"Bau AG Chur": "off", "Schule Höri": "on"}
    assert [message.value for message in app.success] == ["Überwachung ausgeschaltet: Bau AG Chur."]


def test_switching_on_acts_at_once_and_can_be_taken_back(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    small.listed([tenant.tenant_id for tenant in small.known], off=[small.known[1].tenant_id])
    app = opened(small)

    switch(app, switches(app), 0, "monitored", on=True)

    assert applied == [ON, "admin"]
    assert monitored(app)["Bau AG Chur"] == "on"
    app.run()  # the message stands
    button(app, "switch_undo").click().run()

    assert applied[2:] == [OFF, "admin"]
    assert monitored(app)["Bau AG Chur"] == "off"
    assert button(app, "switch_undo").label == "Rückgängig"


def test_another_page_ends_the_message(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small)
    switch(app, switches(app), 0, "monitored", on=False)
    button(app, "switch_apply").click().run()

    app.switch_page(START).run()
    app.switch_page(MONITORING).run()

    assert not app.success


def test_a_question_that_is_cancelled_changes_nothing(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small)
    switch(app, switches(app), 0, "enabled", on=False)
    before = switches(app)

    app.button(key="switch_cancel").click().run()

    assert applied == []
    assert switches(app).rows == before.rows


@pytest.mark.usefixtures("refused")
def test_what_somebody_changed_meanwhile_is_told_with_what_is_set_now(small: World, opened: Any) -> None:  # noqa: F811
    app = opened(small)
    switch(app, switches(app), 0, "monitored", on=False)

    button(app, "switch_apply").click().run()

    message = app.error[0].value
    assert message.count("Bau AG Chur") == 1
    assert "inzwischen geändert" in message
    assert "Jetzt gilt: aktiv, überwacht." in message
    assert monitored(app)["Bau AG Chur"] == "on"
    assert not app.success


def test_all_tenants_shown_are_switched_with_one_question(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small)

    button(app, "switch_all_monitored.off").click().run()
    assert applied == []
    assert f"gemeldet für: {plain('Bau AG Chur')}, {plain('Schule Höri')}." in words(app)
    button(app, "switch_apply").click().run()

    assert applied == [OFF, OFF, "admin"]
    assert set(monitored(app).values()) == {"off"}
    button(app, "switch_undo").click().run()
    assert applied[3:] == [ON, ON, "admin"]


def test_only_tenants_shown_are_switched(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small, q="höri")
    assert list(monitored(app)) == ["Schule Höri"]

    button(app, "switch_all_monitored.off").click().run()
    button(app, "switch_apply").click().run()

    assert applied == [OFF, "admin"]
    assert button(app, "switch_all_monitored.on").label == "Überwachung einschalten (1)"


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_others_see_the_switches_and_move_none(role: str, small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small, role=role)
    assert set(monitored(app).values()) == {"on, disabled"}

    switch(app, switches(app), 0, "monitored", on=False)

    assert applied == []
    assert not [found.key for found in app.button if str(found.key).startswith("switch")]


@pytest.mark.parametrize(
    "value",
    [None, "x", [], {}, {"row": [], "column": {}}, {"row": 0, "column": "tenant", "on": False},
     {"row": "x", "column": "monitored", "on": False}],
)  # fmt: skip
def test_a_switch_that_no_table_of_ours_sends_does_nothing(
    value: Any,
    small: World,  # noqa: F811
    opened: Any,
    applied: list[Any],
) -> None:
    app = opened(small)

    send(app, switches(app), "switch", value)

    assert not app.exception
    assert not app.error
    assert (applied, words(app).count("gemeldet für")) == ([], 0)


def test_a_column_without_switches_cannot_be_switched(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small)

    for column in ("tenant", "shortages"):
        switch(app, switches(app), 0, column, on=False)

    assert not app.exception
    assert not app.error
    assert applied == []


def test_a_click_on_a_switch_that_is_so_already_does_nothing(small: World, opened: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small)

    switch(app, switches(app), 0, "monitored", on=True)

    assert (applied, list(app.success)) == ([], [])


def test_every_switch_says_what_it_is_of(small: World, opened: Any) -> None:  # noqa: F811
    sent = [found.proto.bytes.decode() for found in opened(small).get("bidi_component")]

    assert [words.count('"Überwachung: Schule Höri"') for words in sent if "Tenants mit ihren Schaltern" in words] == [
        1
    ]


def test_the_name_opens_the_tenant(small: World, opened: Any) -> None:  # noqa: F811
    app = opened(small)

    send(app, switches(app), "open", {"row": switches(app).ids[0], "column": "tenant"})

    assert app.title[0].value == "Bau AG Chur"


def test_a_title_sorts_and_the_address_says_so(filled: World, opened: Any) -> None:  # noqa: F811
    app = opened(filled)

    for sort in ("shortages", "-shortages"):
        send(app, switches(app), "sort", "shortages")
        counts = [int(count) for count in switches(app).column("shortages")]
        assert counts == sorted(counts, reverse=sort.startswith("-"))
        assert asked(app, "sort") == [sort]


def test_search_and_order_of_the_tenants(filled: World) -> None:  # noqa: F811
    tenants = snapshots.newest(filled.runtime).tenants

    assert list(with_words(tenants, "SCHULE aarau")["tenant"]) == ["Musikschule Aarau"]
    assert len(with_words(tenants, "")) == len(tenants)
    assert list(sorted_tenants(tenants, "-tenant")["tenant"]) == list(tenants["tenant"])[::-1]


# Tenant


def labels(app: AppTest) -> list[str]:
    return [
        found.label for found in app.button if str(found.key).startswith("tenant_") and "_case_" not in str(found.key)
    ]


def test_a_tenant_has_a_button_for_each_switch_that_says_what_it_does(small: World, opened: Any) -> None:  # noqa: F811
    small.listed([tenant.tenant_id for tenant in small.known], off=[small.known[1].tenant_id])

    assert labels(opened(small, TENANT, tenant="hoeri")) == ["Überwachung ausschalten", "Tenant ausschalten"]
    assert labels(opened(small, TENANT, tenant="chur")) == ["Überwachung einschalten", "Tenant ausschalten"]


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_others_read_how_they_are_set(role: str, small: World, opened: Any) -> None:  # noqa: F811
    app = opened(small, TENANT, role, tenant="chur")

    assert labels(app) == []
    assert "aktiv, überwacht" in words(app)


def test_a_tenant_is_switched_off_after_the_question_and_on_at_once(
    small: World,  # noqa: F811
    opened: Any,
    applied: list[Any],
) -> None:
    app = opened(small, TENANT, tenant="chur")

    button(app, "tenant_monitored").click().run()
    assert applied == []
    button(app, "switch_apply").click().run()
    assert "aktiv, nicht überwacht" in words(app)
    button(app, "tenant_monitored").click().run()

    assert applied == [OFF, "admin", ON, "admin"]
    assert [message.value for message in app.success] == ["Überwachung eingeschaltet: Bau AG Chur."]


def test_a_tenant_without_a_row_in_sharepoint_has_no_switches(filled: World, opened: Any) -> None:  # noqa: F811
    assert labels(opened(filled, TENANT, tenant="tenant-11")) == []


# What is asked and undone


def test_names_are_shown_literally(small: World, opened: Any) -> None:  # noqa: F811
    small.known[1] = type(small.known[1])(small.known[1].tenant_id, "chur", HOSTILE, small.known[1].cert_expires)
    save_profiles(small.engine, small.known, {})
    small.listed([tenant.tenant_id for tenant in small.known])
    app = opened(small)

    switch(app, switches(app), switches(app).column("tenant").index(HOSTILE), "monitored", on=False)

    assert f"gemeldet für: {plain(HOSTILE)}." in words(app)


def test_what_failed_is_not_undone() -> None:
    done = Switching("monitored", False, tuple(SwitchChange(id_, *OFF) for id_ in "12"), ("A", "B"))
    problem = Problem("sharepoint.changed_meanwhile", {"tenant": "B"})

    back = undoing(done, [SwitchResult("1", "A"), SwitchResult("2", "B", problem)])

    assert back == Switching("monitored", True, (SwitchChange("1", *ON),), ("A",))
    assert undoing(done, [SwitchResult("1", "A", problem), SwitchResult("2", "B", problem)]) is None
