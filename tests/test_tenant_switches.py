"""The switches on the page of a tenant: for the keyboard, with the question and the core function of the table."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.page_world import FakeRefresher, World
from tests.test_pages import (  # noqa: F401 - fixtures
    TENANT,
    applied,
    button,
    filled,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui.escaping import plain


def toggles(app: AppTest) -> dict[str, bool]:
    return {toggle.label: toggle.value for toggle in app.toggle}


def opened(world: World, open_page: Any, slug: str = "chur", role: str = "admin") -> AppTest:  # noqa: F811
    world.refresher = FakeRefresher(world)
    app: AppTest = open_page(world, TENANT, tenant=slug, user={"name": "admin", "role": role, "sid": "1"})
    return app


def test_an_admin_has_both_switches(small: World, open_page: Any) -> None:  # noqa: F811
    assert toggles(opened(small, open_page)) == {"Aktiv": True, "Überwachung": True}


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_others_read_how_they_are_set(role: str, small: World, open_page: Any) -> None:  # noqa: F811
    app = opened(small, open_page, role=role)

    assert not app.toggle
    assert "aktiv, überwacht" in words(app)


def test_nothing_changes_before_the_question_is_answered(small: World, open_page: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small, open_page)
    app.toggle[1].set_value(False).run()
    assert "1 Tenant geändert, noch nicht gespeichert" in words(app)

    button(app, "switch_review").click().run()
    assert f"keine Engpässe mehr gemeldet für: {plain('Bau AG Chur')}" in words(app)
    assert applied == []

    button(app, "switch_apply").click().run()
    change, actor = applied
    assert (change.seen, change.wanted, actor.name) == ((True, True), (True, False), "admin")


def test_what_became_of_it_is_told_with_what_is_set(small: World, open_page: Any, applied: list[Any]) -> None:  # noqa: F811
    app = opened(small, open_page)
    app.toggle[0].set_value(False).run()
    button(app, "switch_review").click().run()

    button(app, "switch_apply").click().run()

    assert "inzwischen geändert" in app.error[0].value
    assert toggles(app) == {"Aktiv": True, "Überwachung": True}


def test_a_discarded_change_is_gone(small: World, open_page: Any) -> None:  # noqa: F811
    app = opened(small, open_page)
    app.toggle[1].set_value(False).run()

    app.button(key="switch_discard").click().run()

    assert toggles(app) == {"Aktiv": True, "Überwachung": True}
    assert "noch nicht gespeichert" not in words(app)


def test_a_tenant_without_a_row_in_sharepoint_has_no_switches(filled: World, open_page: Any) -> None:  # noqa: F811
    assert not opened(filled, open_page, "tenant-11").toggle
