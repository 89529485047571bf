"""Columns of the SharePoint lists are looked at before they are trusted: names, types, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache.lists_read import ListedTenant, emptied, save_switches, settled_switches, sharepoint_status
from core.cache.tenant_rows import tenant_rows
from core.name_key import name_key
from core.operations.checks import Finding, check_all
from core.refresh.tenant_switches import SwitchChange, add_to_list, apply_switches
from core.sharepoint.list_columns import COLUMNS, ListError, OurColumns, column_of, resolve_columns
from core.sharepoint.lists import Item
from core.texts import has_text
from tests.actors import ADMIN
from tests.office import Office, open_office

PREMIUM = "Microsoft 365 Business Premium (SPB)"
NUMBERS = ("Verfügbar", "Gebraucht", "Frei")
MAPPING = {
    "Lizenzname": "Lizenzname",
    "Verfügbar": "Verf_x00fc_gbar",
    "Gebraucht": "Gebraucht",
    "Frei": "Frei",
    "Tenant": "tenant",
    "Infosup": "trigger_inform_supporter",
}
NOT_BOOLEAN = ["Nein", "Ja", "true", "false", "1", "", 0, 1, 0.0, ["Ja"], {"Value": "Nein"}]


def column(name: str, facet: str = "text", shown: str = "", **more: Any) -> dict[str, Any]:
    """A columnDefinition, as Graph gives it."""
    own = {"displayName": shown or name, "readOnly": False, "hidden": False, "required": False}
    return {"name": name, **own, facet: {}, **more}


def licenses(*changed: dict[str, Any], without: str = "") -> list[dict[str, Any]]:
    """The columns of a licence list; those of `changed` in the place of those of their name."""
    found = [column("Title", shown="Lizenzname"), column("tenant")]
    found += [column(name, readOnly=True, shown="Lizenzname") for name in ("LinkTitle", "LinkTitleNoMenu")]
    found += [column("Verf_x00fc_gbar", "number", "Verfügbar")]
    found += [column(name, "number") for name in ("Gebraucht", "Frei")]
    found += [column(name, "boolean") for name in ("trigger_inform_supporter", "technician_informed")]
    rows = {row["name"]: row for row in [*found, *changed]}
    rows.pop(without, None)
    return list(rows.values())


def of_licenses(*changed: dict[str, Any], without: str = "", **mapping: str) -> OurColumns:
    return resolve_columns("license", MAPPING | mapping, licenses(*changed, without=without))


# Types


def test_columns_as_they_should_be_have_no_problem() -> None:
    ours = of_licenses()

    assert ours.problems == []
    assert ours.required == []
    assert ours.takes(*COLUMNS["license"])
    assert {word: found.name for word, found in ours.by_word.items()} == {
        "name": "Title",
        "available": "Verf_x00fc_gbar",
        "used": "Gebraucht",
        "free": "Frei",
        "tenant": "tenant",
        "trigger": "trigger_inform_supporter",
        "informed": "technician_informed",
    }


@pytest.mark.parametrize(
    ("name", "facet", "word", "code"),
    [
        pytest.param("Frei", "text", "free", "type_of_number", id="number-as-text"),
        pytest.param("Frei", "choice", "free", "type_of_number", id="number-as-choice"),
        pytest.param("Frei", "boolean", "free", "type_of_number", id="number-as-boolean"),
        pytest.param("Frei", "calculated", "free", "type_of_number", id="number-as-formula"),
        pytest.param("Frei", "dateTime", "free", "type_of_number", id="number-as-date"),
        pytest.param("Frei", "columnOfTomorrow", "free", "type_of_number", id="a-type-nobody-knows-yet"),
        pytest.param("trigger_inform_supporter", "text", "trigger", "type_of_flag", id="trigger-as-text"),
        pytest.param("trigger_inform_supporter", "choice", "trigger", "type_of_flag", id="trigger-as-choice"),
        pytest.param("technician_informed", "number", "informed", "type_of_flag", id="mark-as-number"),
        pytest.param("technician_informed", "lookup", "informed", "type_of_flag", id="mark-as-lookup"),
        pytest.param("tenant", "lookup", "tenant", "type_of_key", id="tenant-as-lookup"),
        pytest.param("tenant", "number", "tenant", "type_of_key", id="tenant-as-number"),
        pytest.param("tenant", "personOrGroup", "tenant", "type_of_key", id="tenant-as-person"),
        pytest.param("tenant", "hyperlinkOrPicture", "tenant", "type_of_key", id="tenant-as-link"),
    ],
)
def test_a_wrong_type_is_named_with_list_column_found_and_wanted_type(
    name: str, facet: str, word: str, code: str
) -> None:
    ours = of_licenses(column(name, facet))

    (problem,) = ours.problems
    assert problem.code == f"sharepoint.{code}"
    assert not ours.takes(word)
    assert not ours.reads(word)
    wanted = {"type_of_number": "number", "type_of_flag": "boolean", "type_of_key": "text"}[code]
    for language in ("de", "en"):
        assert all(part in problem.text(language) for part in ("Lizenzstatusliste", name, facet, wanted))


def test_formatted_text_is_no_line_of_text_for_it_comes_back_as_html() -> None:
    ours = of_licenses({**column("tenant"), "text": {"allowMultipleLines": True, "textType": "richText"}})

    assert [problem.params["found"] for problem in ours.problems] == ["richText"]
    assert not ours.takes("tenant")


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(column("Frei", "currency"), id="money-is-a-number"),
        pytest.param({"name": "Frei", "displayName": "Frei"}, id="no-type-told"),
        pytest.param(column("Frei", "number", defaultValue={"value": "0"}, validation={}), id="objects-beside-it"),
        pytest.param({**column("Frei", "number"), "text": None}, id="empty-facets"),
    ],
)
def test_what_takes_a_number_is_a_number(definition: dict[str, Any]) -> None:
    ours = of_licenses(definition)

    assert ours.problems == []
    assert ours.takes("free")


@pytest.mark.parametrize("why", [{"readOnly": True}, {"readOnly": True, "hidden": True}])
@pytest.mark.parametrize(
    ("name", "facet", "word", "code"),
    [
        ("Frei", "number", "free", "read_only_number"),
        ("tenant", "text", "tenant", "read_only_key"),
        ("technician_informed", "boolean", "informed", "read_only_flag"),
    ],
)
def test_a_column_that_cannot_be_written_is_named(
    name: str, facet: str, word: str, code: str, why: dict[str, bool]
) -> None:
    ours = of_licenses(column(name, facet, **why))

    assert [problem.code for problem in ours.problems] == [f"sharepoint.{code}"]
    assert ours.reads(word)
    assert not ours.takes(word)


def test_a_choice_of_parameters_is_read_as_text_but_several_choices_are_not() -> None:
    one = [column("Parameter", "choice"), column("Parameterwert")]
    many = [{**column("Parameter", "choice"), "choice": {"displayAs": "checkBoxes"}}, column("Parameterwert")]

    assert resolve_columns("parameter", {}, one).problems == []
    assert [problem.code for problem in resolve_columns("parameter", {}, many).problems] == [
        "sharepoint.type_of_parameter"
    ]


# Names


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param("Frei", "Frei", id="internal"),
        pytest.param("frei", "Frei", id="internal-in-small-letters"),
        pytest.param("Verfügbar", "Verf_x00fc_gbar", id="shown"),
        pytest.param("Verfu\u0308gbar\u00a0", "Verf_x00fc_gbar", id="shown-decomposed-with-blank"),
        pytest.param("\u200eVERFÜGBAR\ufeff", "Verf_x00fc_gbar", id="shown-with-hidden-signs"),
    ],
)
def test_a_column_is_found_by_either_name(written: str, found: str) -> None:
    assert of_licenses(**{"Verfügbar": written, "Frei": "Title2"}, without="").by_word["available"].name == found


def test_an_internal_name_wins_over_a_shown_one() -> None:
    ours = of_licenses(column("field_7", "text", shown="Frei"))

    assert ours.by_word["free"].name == "Frei"


@given(st.text("FfRrEeIi \u00a0\u200bÜüß", min_size=1).filter(name_key), st.booleans())
def test_of_several_columns_of_one_name_the_writable_one_is_taken(shown: str, read_only: bool) -> None:
    twins = [column("a", "number", shown, readOnly=True), column("b", "number", shown, readOnly=read_only)]
    twins += [column("c", "number", shown, readOnly=True, hidden=True)]
    ours = of_licenses(*twins, without="Frei", Frei=shown.upper().lower())

    if read_only:
        (problem,) = ours.problems
        assert (problem.code, problem.params["names"]) == ("sharepoint.values_ambiguous", "a, b")
    else:
        assert ours.by_word["free"].name == "b"


def test_a_column_that_is_hidden_from_people_is_written_like_any_other() -> None:
    ours = of_licenses(column("technician_informed", "boolean", hidden=True))

    assert ours.problems == []
    assert ours.takes("informed")


def test_several_writable_columns_of_one_name_are_an_error_that_names_them() -> None:
    with pytest.raises(ListError) as raised:
        of_licenses(column("field_3", shown="Kunde"), column("field_9", shown="kunde"), Tenant="Kunde")

    assert raised.value.problem.code == "sharepoint.column_ambiguous"
    for language in ("de", "en"):
        words = raised.value.problem.text(language)
        assert all(part in words for part in ("Lizenzstatusliste", "Kunde", "field_3", "field_9"))


@pytest.mark.parametrize("name", ["tenant", "trigger_inform_supporter", "technician_informed", "Title"])
def test_without_a_column_that_an_alarm_needs_the_list_is_not_worked_with(name: str) -> None:
    with pytest.raises(ListError) as raised:
        of_licenses(without=name, Lizenzname="Title")

    assert raised.value.problem.code == "sharepoint.column_missing"


@pytest.mark.parametrize("name", ["Verf_x00fc_gbar", "Gebraucht", "Frei"])
def test_without_a_column_for_people_the_rest_is(name: str) -> None:
    ours = of_licenses(without=name)

    assert [problem.code for problem in ours.problems] == ["sharepoint.values_missing"]
    assert len(ours.by_word) == len(COLUMNS["license"]) - 1


def test_one_column_is_not_used_for_two() -> None:
    ours = of_licenses(Frei="Gebraucht")

    (problem,) = ours.problems
    assert problem.code == "sharepoint.values_twice"
    assert "free" not in ours.by_word
    with pytest.raises(ListError):
        of_licenses(Tenant="Title")


def test_columns_that_must_be_filled_are_named_unless_somebody_fills_them() -> None:
    ours = of_licenses(
        column("Kostenstelle", required=True),
        column("Status", required=True, defaultValue={"value": "neu"}),
        column("_hidden", required=True, hidden=True),
        column("tenant", required=True),
    )

    assert [problem.params["field"] for problem in ours.required] == ["Kostenstelle"]


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.dictionaries(st.text(), st.text())))
def test_whatever_a_definition_holds_it_is_a_column(definition: dict[str, Any]) -> None:
    assert column_of(definition).kind in {"", "richText", "multiChoice", *definition}


def test_every_problem_of_columns_has_its_words() -> None:
    codes = {f"type_of_{wanted.role}" for columns in COLUMNS.values() for wanted in columns.values()}
    codes |= {"read_only_key", "read_only_flag", "read_only_switch", "read_only_number"}

    assert {code for code in codes if not has_text(f"sharepoint.{code}")} == set()


# Values


@pytest.mark.parametrize("value", NOT_BOOLEAN)
def test_what_is_no_boolean_is_neither_yes_nor_no(value: Any) -> None:
    item = Item("1", "", None, {"trigger": value})

    assert item.odd("trigger")
    assert not item.flag("trigger")


@pytest.mark.parametrize(
    ("enabled", "monitoring", "last", "settled"),
    [
        (True, True, None, (True, True)),
        (False, True, (True, False), (False, True)),
        (True, None, (True, True), (True, True)),
        (True, None, (True, False), (True, False)),
        (None, True, (False, True), (False, True)),
        (None, None, (True, True), (True, True)),
        (True, None, None, (True, False)),
        (None, True, None, (True, False)),
        (False, None, None, (False, False)),
    ],
)
def test_a_switch_that_cannot_be_read_stays_as_it_was(
    enabled: bool | None, monitoring: bool | None, last: tuple[bool, bool] | None, settled: tuple[bool, bool]
) -> None:
    assert settled_switches(ListedTenant("1", "Contoso", enabled, monitoring), last) == settled


@pytest.mark.parametrize(
    ("empty", "last", "settled", "lost"),
    [
        (["enabled", "monitoring"], None, (True, False), []),  # a new row, as in the older tool
        (["monitoring"], (True, True), (True, True), ["monitoring"]),
        (["monitoring"], (True, False), (True, False), []),
        (["enabled", "monitoring"], (False, True), (False, True), ["enabled", "monitoring"]),
        ([], (True, True), (True, False), []),  # somebody has written it
    ],
)
def test_a_switch_that_lost_its_value_stays_as_it_was(
    empty: list[str], last: tuple[bool, bool] | None, settled: tuple[bool, bool], lost: list[str]
) -> None:
    row = ListedTenant("1", "Contoso", True, False, empty)

    assert (settled_switches(row, last), emptied(row, last)) == (settled, lost)


# The whole, over HTTPS


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Microsoft 365 in a box, the product pointed at it, nothing read yet."""
    with open_office(tmp_path) as opened:
        yield opened


def checked(office: Office) -> list[Finding]:
    """What `python -m core check` says of SharePoint, in a process of its own."""
    office.restart()
    return [found for found in check_all(office.services) if found.problem and "sharepoint" in found.problem.code]


def stored(office: Office) -> set[str]:
    """Codes of the problems that the pages show."""
    return {problem.code for problem in sharepoint_status(office.engine).problems}


@pytest.mark.parametrize("switch", ["monitoring", "enabled"])
@pytest.mark.parametrize("kind", ["choice", "text", "note", "lookup"])
def test_a_switch_that_says_no_in_words_sends_no_message(office: Office, switch: str, kind: str) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)}, **{switch: False})
    office.sharepoint.tenants.change_column(switch, kind=kind)

    summary = office.settle()

    assert office.messages == []
    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.type_of_switch"
    assert {"sharepoint.type_of_switch", "sharepoint.odd_switch"} <= stored(office)
    told = " ".join(found.problem.text() for found in checked(office) if found.problem and found.level == "error")
    assert all(part in told for part in ("Tenantliste", switch, "boolean", "Schule Höri", "Nein"))
    assert ("text" if kind == "note" else kind) in told


def test_the_last_switches_hold_while_they_cannot_be_read(office: Office) -> None:
    watched = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    quiet = office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 4)}, monitoring=False)
    office.settle()
    office.sharepoint.tenants.change_column("monitoring", kind="choice")
    office.restart()

    for tenant in (watched, quiet):
        tenant.set_sku("SPB", consumed=5)
    for _ in range(2):
        office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert "sharepoint.type_of_switch" in stored(office)


def test_the_word_of_a_version_that_took_no_for_yes_is_not_enough(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)}, monitoring=False)
    office.sharepoint.tenants.change_column("monitoring", kind="choice")
    office.refresh(read_only=True)
    save_switches(office.engine, tenant.tenant_id, listed=True, enabled=True, monitored=True)

    office.settle()

    assert office.messages == []


@pytest.mark.parametrize("value", NOT_BOOLEAN)
def test_a_value_that_is_no_boolean_is_named_and_nobody_told(office: Office, value: Any) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)}, monitoring=False)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    office.sharepoint.tenants.find(Title="Schule Höri")[0].fields["monitoring"] = value

    summary = office.settle()

    assert office.messages == [f"Bau AG Chur: {PREMIUM}"]
    (problem,) = summary["sharepoint"]["problems"]
    assert problem["code"] == "sharepoint.odd_switch"
    assert "Schule Höri" in problem["message"]
    assert [(found.level, found.problem.code) for found in checked(office) if found.problem] == [
        ("error", "sharepoint.odd_switch")
    ]


def test_a_switch_is_read_again_once_its_column_is_right(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.sharepoint.tenants.change_column("monitoring", kind="choice")
    office.settle()
    assert office.messages == []

    office.sharepoint.tenants.change_column("monitoring", kind="boolean")  # the values are lost
    (row,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.update(row.id, {"monitoring": True})
    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert stored(office) == set()


@pytest.mark.parametrize("switch", ["monitoring", "enabled"])
@pytest.mark.parametrize("how", ["other type and back", "made anew"])
def test_a_switch_column_that_lost_its_values_switches_nothing(office: Office, switch: str, how: str) -> None:
    watched = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    quiet = office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 4)}, **{switch: False})
    office.settle()
    if how == "made anew":
        office.sharepoint.tenants.remove_column(switch)
        office.settle()
        office.sharepoint.tenants.add_column(switch, "boolean", switch)
    else:
        office.sharepoint.tenants.change_column(switch, kind="text")
        office.settle()
        office.sharepoint.tenants.change_column(switch, kind="boolean")

    office.later(hours=24)  # the list is read whole
    for tenant in (watched, quiet):
        tenant.set_sku("SPB", consumed=5)
    summary = office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    (problem,) = summary["sharepoint"]["problems"]
    assert problem["code"] == "sharepoint.switch_emptied"
    lost = "Schule Höri" if switch == "monitoring" else "Bau AG Chur"
    assert all(part in problem["message"] for part in ("Tenantliste", switch, lost))
    assert [(found.level, found.problem.code) for found in checked(office) if found.problem] == [
        ("error", "sharepoint.switch_emptied")
    ]

    for row in office.sharepoint.tenants.items:
        office.sharepoint.tenants.update(row.id, {switch: row.fields["Title"] == "Schule Höri"})
    office.settle()
    assert stored(office) == set()


def test_a_column_that_changes_its_type_while_the_product_runs_is_noticed(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)}, monitoring=False)
    office.settle()
    office.sharepoint.tenants.change_column("monitoring", kind="choice")
    (row,) = office.sharepoint.tenants.items

    office.sharepoint.tenants.update(row.id, {"Title": "Schule Höri"})  # any change brings the item
    tenant.set_sku("SPB", consumed=5)
    office.settle()

    assert office.messages == []
    assert "sharepoint.type_of_switch" in stored(office)


@pytest.mark.parametrize("kind", ["choice", "text", "number", "calculated"])
@pytest.mark.parametrize("flag", ["trigger_inform_supporter", "technician_informed"])
def test_without_a_flag_nobody_is_told_and_nothing_is_said_about_the_alarm(
    office: Office, flag: str, kind: str
) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.settle()
    before = office.row("Schule Höri")
    office.sharepoint.licenses.change_column(flag, kind=kind)
    office.restart()

    tenant.set_sku("SPB", consumed=6)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    summary = office.settle()

    assert len(office.messages) == 1  # that of before
    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.type_of_flag"
    assert (
        summary["sharepoint"]["triggers_set"] == summary["sharepoint"]["resets"] == summary["sharepoint"]["failed"] == 0
    )
    row = office.row("Schule Höri")
    other = {"trigger_inform_supporter", "technician_informed"} - {flag}
    assert {name: row[name] for name in other} == {name: before[name] for name in other}
    assert row["Frei"] == -1  # the numbers stay current
    assert office.row("Bau AG Chur")["Frei"] == 0
    assert any(found.level == "error" and flag in found.problem.text() for found in checked(office) if found.problem)


@pytest.mark.parametrize("flag", ["trigger_inform_supporter", "technician_informed"])
@pytest.mark.parametrize("how", ["other type and back", "made anew"])
def test_a_flag_column_that_lost_its_values_has_nobody_told_twice(office: Office, flag: str, how: str) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5), "SPE_E3": (4, 3)})
    office.settle()
    if how == "made anew":
        office.sharepoint.licenses.remove_column(flag)
    else:
        office.sharepoint.licenses.change_column(flag, kind="text")
    office.settle()
    if how == "made anew":
        office.sharepoint.licenses.add_column(flag, "boolean", flag)
    else:
        office.sharepoint.licenses.change_column(flag, kind="boolean")

    office.later(hours=24)  # the list is read whole
    tenant.set_sku("SPE_E3", consumed=4)
    office.settle()
    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}", "Schule Höri: Microsoft 365 E3 (SPE_E3)"]
    assert [row["technician_informed"] for row in office.rows()] == [True, True]


def test_shortages_are_not_taken_over_into_flags_that_cannot_be_written(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.sharepoint.licenses.change_column("technician_informed", kind="choice")

    summary = office.refresher.run(ADMIN, take_over=True)

    assert summary["sharepoint"]["taken_over"] == 0


@pytest.mark.parametrize("value", ["Ja", "Nein", 1, "true"])
def test_a_mark_that_is_no_boolean_leaves_its_item_alone(office: Office, value: Any) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    office.refresh()
    item = office.sharepoint.licenses.find(tenant="Schule Höri")[0]
    office.sharepoint.licenses.update(item.id, {"trigger_inform_supporter": False})
    item.fields["technician_informed"] = value

    summary = office.settle()

    assert office.messages == [f"Bau AG Chur: {PREMIUM}"]
    assert [problem["code"] for problem in summary["sharepoint"]["problems"]] == ["sharepoint.odd_flag"]
    assert item.fields["trigger_inform_supporter"] is False


@pytest.mark.parametrize("refusal", [(400, "invalidRequest"), (400, "generalException"), (500, "generalException")])
@pytest.mark.parametrize("kind", ["text", "choice", "boolean", "dateTime", "lookup", "calculated"])
def test_a_number_column_of_another_type_costs_no_alarm(office: Office, kind: str, refusal: tuple[int, str]) -> None:
    known = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()
    office.sharepoint.licenses.change_column("Frei", kind=kind)
    office.sharepoint.licenses.refusal = refusal
    office.restart()

    known.set_sku("SPB", consumed=5)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    for _ in range(3):
        summary = office.settle()

    assert sorted(office.messages) == [f"Bau AG Chur: {PREMIUM}", f"Schule Höri: {PREMIUM}"]
    assert summary["sharepoint"]["failed"] == 0
    assert summary["sharepoint"]["unchanged"] == 2
    assert office.row("Schule Höri")["Gebraucht"] == 5
    (problem,) = summary["sharepoint"]["problems"]
    assert problem["code"] == "sharepoint.type_of_number"
    (found,) = checked(office)
    assert found.level == "error"
    assert found.problem is not None
    assert all(part in found.problem.text() for part in ("Lizenzstatusliste", "Frei", kind, "number"))


@pytest.mark.parametrize("change", [{"read_only": True}, {"hidden": True, "read_only": True}])
def test_a_read_only_number_column_is_never_written(office: Office, change: dict[str, Any]) -> None:
    office.sharepoint.licenses.change_column("Gebraucht", **change)
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})

    office.settle()
    summary = office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert summary["sharepoint"]["failed"] == 0
    assert [problem["code"] for problem in summary["sharepoint"]["problems"]] == ["sharepoint.read_only_number"]


@pytest.mark.parametrize("refusal", [(400, "invalidRequest"), (422, "invalidRequest"), (500, "generalException")])
def test_numbers_that_are_refused_for_whatever_reason_cost_no_alarm(office: Office, refusal: tuple[int, str]) -> None:
    known = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()
    office.sharepoint.licenses.change_column("Verfügbar", most=7.0)
    office.sharepoint.licenses.refusal = refusal

    known.set_sku("SPB", enabled=9, consumed=9)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (8, 8)})
    for _ in range(3):
        summary = office.settle()

    assert sorted(office.messages) == [f"Bau AG Chur: {PREMIUM}", f"Schule Höri: {PREMIUM}"]
    assert (summary["sharepoint"]["failed"], len(office.rows())) == (2, 2)
    (problem,) = summary["sharepoint"]["problems"]
    assert problem["code"] == "sharepoint.numbers_refused"
    assert "Zeilen: 2" in problem["message"]
    assert "Verf_x00fc_gbar" in problem["message"]
    assert stored(office) == {"sharepoint.numbers_refused"}
    (found,) = sharepoint_status(office.engine).problems
    assert f"HTTP {refusal[0]}" in found.detail
    assert ("error", "sharepoint.numbers_refused") in [(f.level, f.problem.code) for f in checked(office) if f.problem]


def test_numbers_that_are_forbidden_cost_no_alarm_either(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()
    office.sharepoint.licenses.change_column("Frei", least=1.0)
    office.sharepoint.licenses.refusal = (403, "accessDenied")

    tenant.set_sku("SPB", consumed=5)
    summary = office.refresh()
    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert [problem["code"] for problem in summary["sharepoint"]["problems"]] == ["sharepoint.numbers_refused"]


def test_the_end_of_a_shortage_is_noted_although_the_numbers_are_refused(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.settle()
    office.sharepoint.licenses.change_column("Frei", most=0.0)

    for consumed in (4, 5):
        tenant.set_sku("SPB", consumed=consumed)
        office.settle()

    assert len(office.messages) == 2


def test_a_row_that_is_refused_altogether_is_told(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.sharepoint.licenses.change_column("tenant", kind="choice", choices=("Bau AG Chur", "Gemeinde Uri"))

    summary = office.settle()

    codes = [problem["code"] for problem in summary["sharepoint"]["problems"]]
    assert codes == ["sharepoint.type_of_key", "sharepoint.row_refused"]
    assert codes == [found.problem.code for found in checked(office) if found.problem]
    assert office.rows() == []


def test_a_site_that_may_only_be_read_is_told_with_the_right_that_is_missing(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4), "SPE_E3": (4, 3)})
    office.settle()
    office.sharepoint.grant = "read"
    tenant.set_sku("SPB", consumed=5)
    tenant.set_sku("SPE_E3", consumed=2)
    tenant.rename("Schulhaus Höri")

    summary = office.settle()

    problems = summary["sharepoint"]["problems"]
    assert [problem["code"] for problem in problems] == ["sharepoint.write_forbidden"] * 2
    assert all(part in problems[1]["message"] for part in ("Lizenzstatusliste", "Zeilen: 2", "403", "write"))
    assert "Tenantliste" in problems[0]["message"]
    found = [(found.level, found.problem.code) for found in checked(office) if found.problem]
    assert found == [("error", "sharepoint.write_forbidden")] * 2

    office.sharepoint.grant = "write"
    office.settle()
    assert stored(office) == set()
    assert office.messages == [f"Schulhaus Höri: {PREMIUM}"]


@pytest.mark.parametrize("kind", ["lookup", "richText", "calculated", "number"])
def test_no_item_is_created_that_could_not_be_found_again(office: Office, kind: str) -> None:
    known = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()
    office.sharepoint.licenses.change_column("tenant", kind=kind)
    office.restart()

    known.set_sku("SPB", consumed=5)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    for _ in range(2):
        office.settle()

    assert len(office.sharepoint.licenses.items) == 1
    if kind in ("lookup", "calculated"):  # what stands there is read all the same
        assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert "sharepoint.type_of_key" in stored(office)


@pytest.mark.parametrize("kind", ["text", "choice", "number"])
def test_the_end_of_a_certificate_is_not_written_into_another_type(office: Office, kind: str) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    office.sharepoint.tenants.change_column("cert_expires", kind=kind)
    (row,) = office.sharepoint.tenants.items
    version = row.version
    tenant.renew_certificate(200)

    office.settle()

    assert stored(office) == {"sharepoint.type_of_date"}
    assert row.version == version
    assert office.messages == [f"Schule Höri: {PREMIUM}"]


def test_a_number_column_that_is_gone_costs_no_alarm_and_is_found_again(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()
    office.sharepoint.licenses.remove_column("Frei")
    tenant.set_sku("SPB", consumed=5)

    office.settle()
    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert stored(office) == {"sharepoint.values_missing"}

    office.sharepoint.licenses.add_column("Frei", "number", name="field_9")
    for _ in range(2):
        office.settle()
    assert [item.fields["field_9"] for item in office.sharepoint.licenses.items] == [0]
    assert stored(office) == set()
    assert len(office.messages) == 1


def test_a_type_that_changes_while_the_product_runs_is_followed(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.settle()

    office.sharepoint.licenses.change_column("Frei", kind="text")
    tenant.set_sku("SPB", consumed=5)
    assert office.settle()["sharepoint"]["problem"]["code"] == "sharepoint.type_of_number"
    assert office.messages == [f"Schule Höri: {PREMIUM}"]

    office.sharepoint.licenses.change_column("Frei", kind="number")
    office.settle()
    assert office.row("Schule Höri")["Frei"] == 0
    assert stored(office) == set()
    assert len(office.messages) == 1


def test_a_column_that_must_be_filled_is_told_in_check(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.sharepoint.licenses.add_column("Kostenstelle", required=True)

    (found,) = checked(office)

    assert (found.level, found.problem and found.problem.code) == ("warning", "sharepoint.column_required")


def test_shown_names_in_the_profile_find_the_title_among_its_links(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
    path = office.sharepoint.profile_path
    profile = json.loads(path.read_text("utf-8"))
    shown = {"Lizenzname": "LIZENZNAME", "Verfügbar": "verfu\u0308gbar ", "Infosup": "Trigger_Inform_Supporter"}
    profile["sharepoint_infos"]["field_mapping"] |= shown
    path.write_text(json.dumps(profile), "utf-8")

    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert checked(office) == []


# The page Monitoring


@pytest.mark.parametrize("kind", ["choice", "text"])
def test_a_switch_that_cannot_be_read_is_not_switched_either(office: Office, kind: str) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)}, monitoring=False)
    office.sharepoint.tenants.change_column("monitoring", kind=kind)
    office.refresh()
    (row,) = office.sharepoint.tenants.items
    version = row.version

    (result,) = apply_switches(office.services, [SwitchChange(tenant.tenant_id, (True, False), (True, True))], ADMIN)

    assert result.problem is not None
    assert result.problem.code == "sharepoint.type_of_switch"
    assert (row.version, row.fields["monitoring"]) == (version, "Nein")
    assert tenant_rows(office.engine)[tenant.tenant_id].monitored is False


def test_a_value_that_cannot_be_read_is_not_overwritten(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)}, monitoring=False)
    (row,) = office.sharepoint.tenants.items
    row.fields["monitoring"] = "vielleicht"
    office.refresh()

    (result,) = apply_switches(office.services, [SwitchChange(tenant.tenant_id, (True, False), (True, True))], ADMIN)

    assert result.problem is not None
    assert result.problem.code == "sharepoint.odd_switch"
    assert row.fields["monitoring"] == "vielleicht"


def test_no_row_is_added_whose_switches_could_not_be_written(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 4)})
    office.sharepoint.tenants.delete(office.sharepoint.tenants.items[0].id)
    office.sharepoint.tenants.change_column("enabled", kind="text")
    office.refresh()

    (result,) = add_to_list(office.services, [tenant.tenant_id], ADMIN)

    assert result.problem is not None
    assert result.problem.code == "sharepoint.type_of_switch"
    assert office.sharepoint.tenants.items == []
