"""The forms and the section about consents on the page of a case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.consent_rows import ConsentRecord, consents_of_case
from core.cache.contact_rows import Contact
from core.cases import changes
from core.cases.consent_templates import letters
from core.tenants import contacts
from tests.actors import ADMIN
from tests.page_world import World
from tests.test_case_pages import (  # noqa: F401 - fixtures
    ANNA,
    CASE,
    SIGNED_IN,
    button,
    choose,
    desk,
    hardened,
    no_runtime_left,
    number_of,
    open_page,
    small,
    state_of,
    words,
)


@pytest.fixture
def page(desk: World, open_page: Any) -> AppTest:  # noqa: F811
    """The page of a case that is taken, whose customer has an approver."""
    case = changes.take(desk.engine, ANNA, number_of(desk, 0), datetime.now(UTC))
    contact = Contact("", case.tenant_id, "Petra Muster", "petra@example.ch", language="fr")
    contacts.add(desk.engine, ADMIN, contact, datetime.now(UTC))
    found: AppTest = open_page(desk, CASE, SIGNED_IN, nummer=case.number)
    return found


def field(elements: Any, name: str) -> Any:
    return next(one for one in elements if f"case_{name}" in str(one.key))


def only(world: World) -> ConsentRecord:
    case = changes.comment(world.engine, ANNA, number_of(world, 0), "x", datetime.now(UTC))
    (record,) = consents_of_case(world.engine, case.case_id)
    return record


def test_the_customer_is_asked_with_a_link_that_is_shown_once(page: AppTest, desk: World) -> None:  # noqa: F811
    button(page, "case_ask").click().run()
    field(page.text_input, "price").set_value("CHF 5.10").run()
    assert "CHF 5.10" in " ".join(one.value for one in page.text)  # of the preview
    assert "Bonjour Petra Muster" in " ".join(one.value for one in page.text)
    button(page, "case_now").click().run()

    assert not page.exception
    assert state_of(desk, number_of(desk, 0)) == "asked"
    (link,) = [one.value for one in page.code]
    assert link.startswith("http://localhost:8501/freigabe/")
    assert "Petra Muster" in words(page)
    button(page, "secret_close").click().run()
    assert [one.value for one in page.code] == []
    assert only(desk).consent.price == "CHF 5.10"


def test_an_answer_by_phone_is_recorded_and_a_missing_name_is_told(page: AppTest, desk: World) -> None:  # noqa: F811
    choose(page, "Antwort festhalten")
    field(page.radio, "channel").set_value("phone").run()
    field(page.radio, "decision").set_value("given").run()
    field(page.number_input, "quantity").set_value(4).run()
    button(page, "case_now").click().run()
    assert "wer beim Kunden entschieden hat" in page.error[0].value

    field(page.text_input, "name").set_value("Petra Muster").run()
    button(page, "case_now").click().run()

    assert not page.exception
    assert state_of(desk, number_of(desk, 0)) == "approved"
    assert "Petra Muster gibt frei: 4 Lizenzen" in words(page).replace("\\", "")
    decision = only(desk).decision
    assert decision is not None
    assert (decision.channel, decision.recorded_by) == ("phone", "anna")


def test_an_admin_changes_a_template_and_a_wrong_variable_is_told_at_its_field(
    desk: World,  # noqa: F811
    open_page: Any,  # noqa: F811
) -> None:
    page: AppTest = open_page(desk, "pages/levels.py", {"name": "carla", "shown": "Carla", "role": "admin", "sid": "3"})
    body = next(one for one in page.text_area if "letter_body" in str(one.key))
    body.set_value("Guten Tag {{ custumer }}").run()
    assert "Gemeint ist vielleicht «customer»" in page.error[0].value.replace("\\", "")
    button(page, "letter_save").click().run()
    assert letters(desk.engine)["de"].version == 0

    next(one for one in page.text_area if "letter_body" in str(one.key)).set_value("Guten Tag {{ customer }}").run()
    assert "Guten Tag Primarschule" in [one.value for one in page.text]
    button(page, "letter_save").click().run()
    assert not page.exception
    assert letters(desk.engine)["de"].body == "Guten Tag {{ customer }}"
    button(page, "letter_reset").click().run()
    assert letters(desk.engine)["de"].version == 0
