"""Saved views: their names, whose they are, the menu on the page, and what an account sees after its sign-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, delete, select
from streamlit.testing.v1 import AppTest

from core import audit
from core.audit import Search
from core.cache.account_rows import Account, add_account
from core.cache.schema import accounts, saved_views, start_choices
from core.roles import PASSWORD_DUE, Action, Actor, NotAllowed
from core.views.saved_views import (
    LONGEST_NAME,
    MOST_VIEWS,
    SavedView,
    Start,
    ViewError,
    change,
    choose_start,
    save,
    start_of,
    views_for,
)
from core.views.saved_views import (
    delete as delete_view,
)
from tests.actors import ADMIN, entry
from tests.html_tables import click, html_table
from tests.page_world import World
from tests.served import PASSWORD, Served
from tests.test_jump_box import choose
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    asked,
    button,
    hardened,
    key_of,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui.frame import navigation
from ui.views.start_choice import start_options
from ui.views.view_menu import menu_options
from web.sign_in.start_address import start_address

NOW = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
VERA, SVEN, ANNA = (Actor(name, role, "page") for name, role in
                    (("vera", "viewer"), ("sven", "support"), ("anna", "admin")))  # fmt: skip
PETRA = Actor("entra:1:2", "viewer", "page", "Petra Muster")
SHORT = {"state": ["shortage"], "sort": ["tenant"]}
Open = Callable[..., AppTest]


def add_people(engine: Engine) -> None:
    for person in (VERA, SVEN, ANNA):
        add_account(engine, Account(person.name, "", person.role, False, NOW, NOW), entry())
    add_account(engine, Account(PETRA.name, "", PETRA.role, False, NOW, NOW, "entra", PETRA.shown), entry())


@pytest.fixture
def people(database: Engine) -> Engine:
    """A database of each kind with a viewer, a supporter, an admin, and a viewer who signs in with Microsoft."""
    add_people(database)
    return database


def saved(engine: Engine, actor: Actor, name: str, *, shared: bool = False) -> SavedView:
    return save(engine, actor, name, "alle-tenants", SHORT, NOW, shared=shared)


def names(engine: Engine, actor: Actor) -> list[str]:
    return [view.name for view in views_for(engine, actor)]


def fault_of(error: pytest.ExceptionInfo[ViewError]) -> str:
    return error.value.problem.code


# ---------------------------------------------------------------- names and filters


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (" Knappe   Schulen ", "Knappe Schulen"),
        ("Engpässe\u200b", "Engpässe"),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
        ("<b>*x*</b>", "<b>*x*</b>"),  # a name like any other; it is shown as text
    ],
)
def test_a_name_is_kept_as_people_see_it(people: Engine, name: str, kept: str) -> None:
    assert saved(people, VERA, name).name == kept
    assert names(people, VERA) == [kept]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "view.name_missing"),
        (" \u200b\n", "view.name_missing"),
        ("a\x00b", "view.name_signs"),
        ("a\x1b[31m", "view.name_signs"),
        ("x" * (LONGEST_NAME + 1), "view.name_long"),
        ("\ufdfa" * LONGEST_NAME, "view.name_long"),  # a letter that stands for eighteen
        ("ENGPÄSSE ", "view.name_taken"),
    ],
)
def test_a_bad_name_is_told_in_a_sentence_and_nothing_is_saved(people: Engine, name: str, fault: str) -> None:
    saved(people, VERA, "Engpässe")

    with pytest.raises(ViewError) as error:
        saved(people, VERA, name)

    assert fault_of(error) == fault
    assert error.value.problem.text("de").count(".") in (1, 2)
    assert names(people, VERA) == ["Engpässe"]


@pytest.mark.parametrize(
    ("params", "fault"),
    [({}, "view.empty"), ({"q": []}, "view.empty"), ({"tenants": ["a-long-name-of-a-school"] * 200}, "view.long")],
)
def test_filters_must_say_something_and_fit_an_address(people: Engine, params: Any, fault: str) -> None:
    with pytest.raises(ViewError) as error:
        save(people, VERA, "Alle", "alle-tenants", params, NOW)

    assert fault_of(error) == fault


def test_an_account_has_a_bounded_number_of_views(people: Engine) -> None:
    for number in range(MOST_VIEWS):
        saved(people, VERA, f"view {number}")

    with pytest.raises(ViewError) as error:
        saved(people, VERA, "one more")

    assert fault_of(error) == "view.too_many"
    assert saved(people, SVEN, "one more").owner == "sven"


# ---------------------------------------------------------------- whose they are


def test_one_sees_ones_own_views_first_and_the_shared_ones_of_others(people: Engine) -> None:
    for actor, name, shared in (
        (SVEN, "Alle knapp", True), (SVEN, "Nur Sven", False), (VERA, "Zug", False), (VERA, "Ägeri", False),
    ):  # fmt: skip
        saved(people, actor, name, shared=shared)

    assert names(people, VERA) == ["Ägeri", "Zug", "Alle knapp"]
    assert names(people, PETRA) == ["Alle knapp"]
    assert [view.owner_shown for view in views_for(people, PETRA)] == ["sven"]
    assert saved(people, PETRA, "zug").name == "zug"  # unique for each owner


def test_a_viewer_keeps_views_for_themselves(people: Engine) -> None:
    view = saved(people, VERA, "Zug")

    with pytest.raises(NotAllowed):
        saved(people, VERA, "Für alle", shared=True)
    for drawn in (view, replace(view, shared=True)):  # what an open page believes does not count
        with pytest.raises(NotAllowed):
            change(people, VERA, drawn, NOW, name="Zug", shared=True, params=SHORT)

    assert names(people, ANNA) == []


def test_the_owner_alone_changes_a_view(people: Engine) -> None:
    view, new = saved(people, SVEN, "Alle knapp", shared=True), {"q": ["SPB"]}

    for actor in (VERA, ANNA):
        with pytest.raises(ViewError) as error:
            change(people, actor, view, NOW, name="Meine", shared=True, params=new)
        assert fault_of(error) == "view.gone"
    change(people, SVEN, view, NOW, name="Premium", shared=False, params=new)

    (changed,) = views_for(people, SVEN)
    assert (changed.name, changed.shared, changed.params) == ("Premium", False, new)
    assert names(people, ANNA) == []


def test_a_view_is_not_renamed_to_another_one(people: Engine) -> None:
    saved(people, SVEN, "Knapp")
    view = saved(people, SVEN, "Zug")

    with pytest.raises(ViewError) as error:
        change(people, SVEN, view, NOW, name="KNAPP", shared=False, params=SHORT)
    assert fault_of(error) == "view.name_taken"
    change(people, SVEN, view, NOW, name="ZUG", shared=False, params=SHORT)  # its own name in another spelling

    assert names(people, SVEN) == ["Knapp", "ZUG"]


def test_the_owner_deletes_any_view_an_admin_the_shared_ones(people: Engine) -> None:
    own, shared = saved(people, SVEN, "Nur Sven"), saved(people, SVEN, "Alle knapp", shared=True)

    with pytest.raises(NotAllowed):
        delete_view(people, VERA, shared, NOW)
    delete_view(people, ANNA, shared, NOW)
    delete_view(people, ANNA, own, NOW)  # which no admin can see
    assert names(people, SVEN) == ["Nur Sven"]
    delete_view(people, SVEN, own, NOW)
    delete_view(people, SVEN, own, NOW)  # gone already

    assert names(people, SVEN) == []


def test_every_change_is_in_the_audit(people: Engine) -> None:
    view = saved(people, SVEN, "Knapp", shared=True)
    change(people, SVEN, view, NOW, name="Knappe", shared=True, params={"q": ["höri"]})
    choose_start(people, VERA, Start("", {}, view.view_id), NOW)
    delete_view(people, ANNA, view, NOW)

    rows = [
        row for row in audit.find(people, ADMIN, Search(), limit=9)[0] if row.action.startswith(("view.", "start."))
    ]

    assert [(row.action, row.actor, row.target) for row in rows] == [
        ("view.deleted", "anna", "Knapp"), ("start.chosen", "vera", "vera"), ("view.changed", "sven", "Knapp"),
        ("view.saved", "sven", "Knapp"),
    ]  # fmt: skip
    assert rows[2].after == '{"filters": "q=h%C3%B6ri", "name": "Knappe", "shared": true}'
    assert rows[1].after == '{"start": "alle-tenants?q=h%C3%B6ri"}'


def test_views_and_choices_go_with_their_account(people: Engine) -> None:
    view = saved(people, SVEN, "Knapp", shared=True)
    choose_start(people, VERA, Start("alle-tenants", SHORT, view.view_id), NOW)
    choose_start(people, SVEN, Start("monitoring", {}), NOW)

    with people.begin() as connection:
        connection.execute(delete(accounts).where(accounts.c.name == "sven"))
        left = [connection.execute(select(table)).all() for table in (saved_views, start_choices)]

    assert left == [[], []]
    assert start_of(people, "vera") is None


# ---------------------------------------------------------------- what comes first


def test_an_account_chooses_what_it_sees_first(people: Engine) -> None:
    view = saved(people, SVEN, "Knapp", shared=True)
    assert start_of(people, "vera") is None

    choose_start(people, VERA, Start("regeln", {}), NOW)
    assert start_of(people, "vera") == Start("regeln", {})
    choose_start(people, VERA, Start("alle-tenants", {}, view.view_id), NOW)
    assert start_of(people, "vera") == Start("alle-tenants", SHORT, view.view_id)
    change(people, SVEN, view, NOW, name="Knapp", shared=False, params=SHORT)
    assert start_of(people, "vera") is None  # she may not see it any more
    choose_start(people, VERA, None, NOW)
    change(people, SVEN, view, NOW, name="Knapp", shared=True, params=SHORT)
    assert start_of(people, "vera") is None


def test_a_view_that_one_may_not_see_cannot_come_first(people: Engine) -> None:
    view = saved(people, SVEN, "Nur Sven")

    with pytest.raises(ViewError) as error:
        choose_start(people, VERA, Start("alle-tenants", {}, view.view_id), NOW)

    assert fault_of(error) == "view.start_gone"
    assert start_of(people, "vera") is None


PAGES = {"": Action.LOOK, "alle-tenants": Action.LOOK, "konten": Action.ACCOUNTS}


@pytest.mark.parametrize(
    ("start", "role", "address"),
    [
        (None, "admin", "/"),
        (Start("konten", {}), "admin", "/konten"),
        (Start("konten", {}), "viewer", "/"),  # as an admin they had chosen it
        (Start("gone", {}), "admin", "/"),
        (Start("alle-tenants", {"q": ["höri & co"], "tenants": ["a", "b"]}), "viewer",
         "/alle-tenants?q=h%C3%B6ri+%26+co&tenants=a&tenants=b"),
        (Start("alle-tenants", {}), PASSWORD_DUE, "/"),
    ],
)  # fmt: skip
def test_the_sign_in_leads_to_what_comes_first(start: Start | None, role: str, address: str) -> None:
    assert start_address(start, role, PAGES) == address


@pytest.mark.parametrize(("wanted", "address"), [("", "/two?q=a"), ("/slow", "/slow")])
def test_whoever_asked_for_no_page_comes_to_their_choice(served: Served, wanted: str, address: str) -> None:
    view = save(served.engine, SVEN, "Zwei", "two", {"q": ["a"]}, datetime.now(UTC))
    choose_start(served.engine, SVEN, Start("two", {}, view.view_id), datetime.now(UTC))

    form = {"name": "sven", "password": PASSWORD, "next": wanted}
    answer = requests.post(f"{served.url}/login", form, allow_redirects=False, timeout=20)
    delete_view(served.engine, SVEN, view, datetime.now(UTC))

    assert (answer.status_code, answer.headers["location"]) == (303, address)


# ---------------------------------------------------------------- the menu


def view_of(owner: Actor, name: str, number: int = 1) -> SavedView:
    return SavedView(f"{number}234", owner.name, owner.shown, name, False, "alle-tenants", SHORT)


@pytest.mark.parametrize(
    ("views", "user", "chosen", "lines"),
    [
        ([], VERA, False, []),
        ([], VERA, True, [":material/bookmark_add: Ansicht speichern"]),
        ([view_of(VERA, "*Zug*")], VERA, False, ["\\*Zug\\*", ":material/tune: Ansichten verwalten"]),
        ([view_of(SVEN, "Zug")], VERA, False, ["Zug · sven"]),
        ([view_of(SVEN, "Zug")], ANNA, False, ["Zug · sven", ":material/tune: Ansichten verwalten"]),
        ([view_of(SVEN, "Zug", 1), view_of(Actor("s", "", "", "sven"), "Zug", 2)], VERA, False,
         ["Zug · sven (1234)", "Zug · sven (2234)"]),
    ],
)  # fmt: skip
def test_the_menu_offers_what_one_can_do(
    small: World,  # noqa: F811
    open_page: Open,  # noqa: F811
    views: list[SavedView],
    user: Actor,
    chosen: bool,
    lines: list[str],
) -> None:
    open_page(small)  # the language is that of a page

    assert list(menu_options(views, user, chosen=chosen)) == lines


@pytest.fixture
def world(small: World) -> World:  # noqa: F811
    add_people(small.engine)
    return small


def as_user(actor: Actor) -> dict[str, str]:
    return {"name": actor.name, "shown": actor.shown, "role": actor.role, "sid": "1"}


def pick(app: AppTest, words_: str) -> AppTest:
    """Choose the line of the menu that ends with these words."""
    menu = app.menu_button(key="views")
    return menu.click(next(line for line in menu.options if line.endswith(words_))).run()


def fill_name(app: AppTest, name: str) -> AppTest:
    app.text_input(key=key_of(app, "view_name")).set_value(name)
    return button(app, "view_save").click().run()


@pytest.mark.parametrize("actor", [VERA, PETRA], ids=["local", "microsoft"])
def test_filters_are_saved_under_a_name_and_opened_again(world: World, open_page: Open, actor: Actor) -> None:  # noqa: F811
    app = pick(open_page(world, LICENSES, user=as_user(actor), state="over"), "Ansicht speichern")
    fill_name(app, " ")
    assert "fehlt ein Name" in words(app)
    fill_name(app, "Überbelegt")

    assert "Ansicht gespeichert: Überbelegt." in words(app)
    assert app.menu_button(key="views").label == "Ansicht: Überbelegt"
    app = open_page(world, LICENSES, user=as_user(actor))
    assert app.menu_button(key="views").label == "Ansichten"
    pick(app, "Überbelegt")
    assert asked(app, "state") == ["over"]
    assert html_table(app, "Alle Tenants").column("product_and_sku.sub") == ["POWER_BI_PRO"]


@pytest.mark.parametrize(
    ("address", "asked_for"),
    [
        pytest.param(navigation.PRODUCTS, {"kind": "trial", "q": "power"}, id="products"),
        pytest.param(navigation.MONITORING, {"show": "off", "q": "schule"}, id="monitoring"),
    ],
)
def test_other_pages_with_filters_keep_views_of_their_own(
    world: World,
    open_page: Open,  # noqa: F811
    address: str,
    asked_for: dict[str, str],
) -> None:
    file = navigation.PAGES_BY_ADDRESS[address].file
    app = pick(open_page(world, file, user=as_user(VERA), **asked_for), "Ansicht speichern")
    fill_name(app, "Meine")
    assert app.menu_button(key="views").label == "Ansicht: Meine"

    app = pick(open_page(world, file, user=as_user(VERA)), "Meine")

    assert {name: asked(app, name) for name in asked_for} == {name: [value] for name, value in asked_for.items()}
    assert open_page(world, LICENSES, user=as_user(VERA)).menu_button(key="views").disabled


def test_without_filters_there_is_nothing_to_save(world: World, open_page: Open) -> None:  # noqa: F811
    assert open_page(world, LICENSES, user=as_user(VERA)).menu_button(key="views").disabled


def test_a_view_takes_over_the_present_filters_and_comes_first(world: World, open_page: Open) -> None:  # noqa: F811
    view = saved(world.engine, SVEN, "Knapp")
    app = pick(open_page(world, LICENSES, user=as_user(SVEN), q="SPB"), "Ansichten verwalten")
    click(app, html_table(app, "Ansichten verwalten"), 0, "view")
    for box in ("view_filters", "view_first", "view_shared"):
        app.checkbox(key=key_of_box(app, box)).check()
    fill_name(app, "Premium")

    assert not app.error
    (changed,) = views_for(world.engine, VERA)
    assert (changed.name, changed.params) == ("Premium", {"q": ["SPB"]})
    assert start_of(world.engine, "sven") == Start("alle-tenants", {"q": ["SPB"]}, view.view_id)


def key_of_box(app: AppTest, name: str) -> str:
    return next(str(box.key) for box in app.checkbox if str(box.key).startswith(name))


def test_a_viewer_is_not_offered_to_share(world: World, open_page: Open) -> None:  # noqa: F811
    app = pick(open_page(world, LICENSES, user=as_user(VERA), q="SPB"), "Ansicht speichern")

    assert [box.label for box in app.checkbox] == ["Nach der Anmeldung zuerst zeigen"]


def test_an_admin_deletes_a_shared_view_after_a_question(world: World, open_page: Open) -> None:  # noqa: F811
    saved(world.engine, SVEN, "Knapp", shared=True)
    app = pick(open_page(world, LICENSES, user=as_user(ANNA)), "Ansichten verwalten")
    click(app, html_table(app, "Ansichten verwalten"), 0, "view")
    assert "Sie verschwindet bei allen." in words(app)

    button(app, "view_delete_now").click().run()

    assert "Ansicht gelöscht: Knapp." in words(app)
    assert names(world.engine, SVEN) == []


def test_a_view_says_which_of_its_tenants_are_gone(world: World, open_page: Open) -> None:  # noqa: F811
    params = {"tenants": ["chur", "alte-firma"]}
    view = save(world.engine, VERA, "Meine zwei", "alle-tenants", params, NOW)
    app = open_page(world, user=as_user(VERA))

    choose(app, "view", view.view_id)  # in the jump box

    assert [info.value for info in app.info] == [
        "Diese Tenants sind nicht mehr da oder werden nicht gelesen: alte\\-firma. Der Filter gilt ohne sie."
    ]
    assert set(html_table(app, "Alle Tenants").column("tenant")) == {"Bau AG Chur"}


def test_the_jump_box_opens_no_view_of_somebody_else(world: World, open_page: Open) -> None:  # noqa: F811
    view = saved(world.engine, SVEN, "Nur Sven")
    app = choose(open_page(world, user=as_user(VERA)), "view", view.view_id)

    assert app.title[0].value == "2 Engpässe in 1 Tenant."


# ---------------------------------------------------------------- Mein Konto


@pytest.mark.parametrize("actor", [VERA, PETRA], ids=["local", "microsoft"])
def test_what_comes_first_is_chosen_in_ones_own_account(world: World, open_page: Open, actor: Actor) -> None:  # noqa: F811
    view = saved(world.engine, SVEN, "Knapp", shared=True)
    app = open_page(world, "pages/own_account.py", user=as_user(actor))
    choice = next(box for box in app.selectbox if box.label == "Nach der Anmeldung zuerst zeigen")
    assert (choice.options[0], choice.options[-1], "Konten" in choice.options) == ("Start", "Ansicht: Knapp", False)

    choice.select(f"view:{view.view_id}").run()

    assert "Nach der Anmeldung kommt jetzt zuerst: Ansicht\\: Knapp." in words(app)
    assert start_of(world.engine, actor.name) == Start("alle-tenants", SHORT, view.view_id)
    choice = next(box for box in app.selectbox if box.label == "Nach der Anmeldung zuerst zeigen")
    choice.select("").run()
    assert start_of(world.engine, actor.name) is None


def test_only_pages_of_ones_role_may_come_first(small: World, open_page: Open) -> None:  # noqa: F811
    open_page(small)  # the language is that of a page

    assert "konten" in start_options(ANNA, [])
    assert "konten" not in start_options(VERA, [])
