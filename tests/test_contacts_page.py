"""The contacts on the page of a tenant: who sees and changes them, what is told, and how they are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.contact_rows import Contact
from core.cache.shared_frames import newest_figures
from core.tenants.contacts import add, all_contacts, change, remove
from tests.actors import ADMIN, SUPPORT
from tests.html_tables import click, html_table, html_tables
from tests.page_world import HOSTILE, World
from tests.test_jump_box import choose
from tests.test_pages import TENANT, button, hardened, key_of, no_runtime_left, open_page, small, words  # noqa: F401
from ui.frame.view import View
from ui.tables.table_export import export_of, to_csv
from ui.tenant.contacts_table import contact_export
from web.jump_targets import contact_targets

NOW = datetime.now(UTC)
TABLE = "Kontakte von Bau AG Chur"
PEOPLE = {"admin": "anna", "support": "sven", "viewer": "vera"}
Open = Callable[..., AppTest]


def stored(world: World, name: str = "Petra Muster", **values: object) -> Contact:
    """Store a contact of Bau AG Chur."""
    new = replace(Contact("", world.known[1].tenant_id, name, "petra@example.ch"), **values)  # type: ignore[arg-type]
    return add(world.engine, ADMIN, new, NOW)[0]


def opened(world: World, open_page: Open, role: str = "admin", **params: str) -> AppTest:  # noqa: F811
    user = {"name": PEOPLE[role], "role": role, "sid": "1"}
    return open_page(world, TENANT, user=user, tenant="chur", **params)


def type_in(app: AppTest, name: str, value: str) -> None:
    app.text_input(key=key_of(app, f"contact_{name}")).set_value(value)


def dialog(app: AppTest) -> str:
    """The title of the open dialog, and the values in it; "" if none is open."""
    titles = [shown.proto.dialog.title for shown in app.get("dialog")]
    return "".join([*titles, *(element.proto.body for element in app.get("html"))]) if titles else ""


def labels(app: AppTest) -> list[str]:
    return [shown.label for shown in app.button]


@pytest.mark.parametrize(("role", "sees", "may_change"), [("viewer", 0, 0), ("support", 1, 0), ("admin", 1, 1)])
def test_support_sees_the_contacts_and_an_admin_has_buttons(
    small: World, open_page: Open, role: str, sees: bool, may_change: bool  # noqa: F811
) -> None:  # fmt: skip
    petra = stored(small)
    app = opened(small, open_page, role, kontakt=petra.contact_id)

    assert (TABLE in [table.name for table in html_tables(app)]) == sees
    assert ("Um eine Freigabe gebeten wird heute **Petra Muster**." in words(app)) == sees
    assert ("Kontakt hinzufügen" in labels(app)) == may_change
    assert ({"Ändern", "Beenden", "Löschen"} <= set(labels(app))) == may_change  # in the dialog that the link opened
    assert ("Kontakt von Bau AG Chur" in dialog(app) and "petra@example.ch" in dialog(app)) == sees
    assert "kontakt" not in app.query_params


def test_a_contact_is_added_after_its_faults_are_told(small: World, open_page: Open) -> None:  # noqa: F811
    app = button(opened(small, open_page), "contact_add").click().run()
    assert "heute niemand" in words(app)
    type_in(app, "email", "petra")
    app = button(app, "contact_save").click().run()
    assert ["Name fehlt" in app.error[0].value, "petra" in app.error[1].value, len(app.error)] == [True, True, 2]
    assert all_contacts(small.engine, SUPPORT) == []

    type_in(app, "name", " Petra  Muster ")
    type_in(app, "email", "petra@example.ch")
    app.radio(key=key_of_radio(app)).set_value("substitute")
    app = button(app, "contact_save").click().run()

    assert "Kontakt gespeichert: Petra Muster." in [success.value for success in app.success]
    assert html_table(app, TABLE).column("contact") == ["Petra Muster"]
    assert "Um eine Freigabe gebeten wird heute **Petra Muster**, als Stellvertretung." in words(app)


def key_of_radio(app: AppTest) -> str:
    return next(str(shown.key) for shown in app.radio if str(shown.key).startswith("contact_role"))


def test_the_same_address_is_warned_about_and_may_be_stored(small: World, open_page: Open) -> None:  # noqa: F811
    stored(small)
    app = button(opened(small, open_page), "contact_add").click().run()

    type_in(app, "name", "Praxis")
    type_in(app, "email", "PETRA@example.ch")
    app.run()

    assert "in derselben Rolle: Petra Muster." in " ".join(warning.value for warning in app.warning)
    app = button(app, "contact_save").click().run()
    assert html_table(app, TABLE).column("contact") == ["Petra Muster", "Praxis"]


def test_what_somebody_else_has_changed_is_not_overwritten(small: World, open_page: Open) -> None:  # noqa: F811
    petra = stored(small)
    app = opened(small, open_page, kontakt=petra.contact_id)
    app = button(app, "contact_change").click().run()
    later = NOW + timedelta(minutes=1)
    change(
        small.engine, ADMIN, petra.tenant_id, petra.contact_id, lambda one: replace(one, phone="044 123 45 67"), later
    )

    type_in(app, "name", "Petra Neu")
    app = button(app, "contact_save").click().run()

    assert "Jemand anders hat diesen Kontakt inzwischen geändert" in app.error[0].value
    assert [(one.name, one.phone) for one in all_contacts(small.engine, SUPPORT)] == [("Petra Muster", "044 123 45 67")]


def test_a_contact_is_ended_and_deleted_in_its_dialog(small: World, open_page: Open) -> None:  # noqa: F811
    stored(small)
    app = opened(small, open_page)
    click(app, html_table(app, TABLE), 0, "contact")
    button(app, "contact_end").click().run()

    button(app, "contact_end_now").click().run()

    (petra,) = all_contacts(small.engine, SUPPORT)
    assert petra.valid_until == NOW.astimezone(small.settings.zone).date()
    assert html_table(app, TABLE).column("contact_validity")[0].startswith("gültig bis ")  # today still
    click(app, html_table(app, TABLE), 0, "contact")
    button(app, "contact_remove").click().run()
    assert "**Petra Muster löschen?**" in words(app)
    button(app, "contact_remove_now").click().run()
    assert "Kontakt gelöscht: Petra Muster." in [success.value for success in app.success]
    assert all_contacts(small.engine, SUPPORT) == []


def test_a_contact_that_has_gone_meanwhile_is_told(small: World, open_page: Open) -> None:  # noqa: F811
    petra = stored(small)
    app = opened(small, open_page, kontakt=petra.contact_id)
    remove(small.engine, ADMIN, petra.tenant_id, petra.contact_id, NOW)

    app = button(app, "contact_change").click().run()

    assert "Diesen Kontakt gibt es bei diesem Tenant nicht" in app.error[0].value


def test_names_are_shown_as_they_are(small: World, open_page: Open) -> None:  # noqa: F811
    stored(small, HOSTILE)
    app = opened(small, open_page)

    assert html_table(app, TABLE).column("contact") == [HOSTILE]
    assert "<img" not in words(app).replace("\\<img", "")


def test_the_table_has_valid_contacts_first_and_says_when_others_count(small: World, open_page: Open) -> None:  # noqa: F811
    stored(small, "Vorbei", valid_until=date(2020, 1, 31))
    stored(small, "Bald", valid_from=date(2190, 2, 1))
    stored(small, "Befristet bald", valid_from=date(2190, 2, 1), valid_until=date(2190, 3, 1))
    stored(small, "Info", role="information")
    stored(small, "Jetzt", valid_until=date(2190, 1, 31))

    table = html_table(opened(small, open_page), TABLE)

    assert dict(zip(table.column("contact"), table.column("contact_validity"), strict=True)) == {
        "Jetzt": "gültig bis 31.01.2190",
        "Info": "gültig",
        "Bald": "ab 01.02.2190",
        "Befristet bald": "01.02.2190 bis 01.03.2190",
        "Vorbei": "beendet am 31.01.2020",
    }
    assert table.column("contact")[0] == "Jetzt"


def test_the_file_has_no_formula_and_real_dates(small: World, open_page: Open) -> None:  # noqa: F811
    petra = stored(small, "=cmd|'/c calc'!A0", email="=1+1@example.ch", phone="+41 44 123 45 67",
                   valid_until=date(2190, 1, 31))  # fmt: skip
    opened(small, open_page)  # the language is that of a page
    view = View(NOW, "de", small.settings.zone, 30)

    header, row, _ = (
        to_csv(export_of(contact_export([petra], view), "de"), "de", view.zone).decode("utf-8-sig").split("\r\n")
    )

    assert header == "Name;Rolle;E-Mail;Telefon;Sprache;Gültigkeit;Gilt ab;Gilt bis"
    assert row == "'=cmd|'/c calc'!A0;Freigabe;'=1+1@example.ch;'+41 44 123 45 67;Deutsch;gültig;;2190-01-31"


# ---------------------------------------------------------------- found by the jump box


def test_the_jump_box_finds_contacts_by_name_address_and_tenant(small: World) -> None:  # noqa: F811
    petra = stored(small)
    eva = add(small.engine, ADMIN, Contact("", small.known[0].tenant_id, "Eva Muster", "eva@example.ch"), NOW)[0]
    stranger = replace(petra, tenant_id="99999999-0000-4000-8000-000000000000")  # of a tenant without a profile

    targets = contact_targets(newest_figures(small.engine, small.settings), [petra, eva, stranger])

    assert targets == [
        ("Eva Muster <eva@example.ch> · Schule Höri", f"hoeri/{eva.contact_id}"),
        ("Petra Muster <petra@example.ch> · Bau AG Chur", f"chur/{petra.contact_id}"),
    ]


def test_a_contact_in_the_jump_box_opens_on_the_page_of_its_tenant(small: World, open_page: Open) -> None:  # noqa: F811
    petra = stored(small)
    app = opened(small, open_page, "support")

    app = choose(app, "contact", f"chur/{petra.contact_id}")

    assert app.title[0].value == "Bau AG Chur"
    assert "petra@example.ch" in dialog(app)
