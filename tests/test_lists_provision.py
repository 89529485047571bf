"""`lists provision` makes the three lists on a site, or adds what they lack, and writes the SharePoint profile."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audit import Search, find
from core.cache.database import DatabaseError
from core.operations.list_setup import SetupRequest, provision_lists
from core.profiles.sharepoint_writer import ProfileDiffers
from core.sharepoint.list_columns import COLUMNS, KINDS, LIST_NAMES, column_of
from core.sharepoint.list_template import NEW_COLUMNS, PARAMETERS, TITLE
from core.sharepoint.site_address import BadAddress, SiteAddress, site_address
from simulator import Fault
from simulator.columns import Column
from simulator.profiles import write_json
from simulator.site import HOST, SharePoint
from simulator.tenants import AppRegistration
from tests.actors import ADMIN
from tests.list_provider import Provider, shape
from tests.served import ROOT

VALUES = ["--sendermail", "lizenzen@contoso.example", "--recipientmail", "support@contoso.example"]
VALUES += ["--communication", "E-Mail"]
WRITES = 9  # three lists, the title of each, three parameters
NOTHING = "Listen, Spalten, Parameter und Profil sind vollständig. Nichts geändert."


# An empty site


def test_an_empty_site_gets_lists_parameters_and_profile(provider: Provider) -> None:
    code, said = provider.provision(*VALUES)

    assert code == 0, said
    assert [row.split(" angelegt")[0] for row in said.splitlines()[:3]] == [*LIST_NAMES.values()]
    assert "Freigabe der Site wieder auf «write»" in said
    assert {i.fields["Parameter"]: i.fields.get("Parameterwert") for i in provider.site.parameters.items} == {
        "sendermail": "lizenzen@contoso.example",
        "recipientmail": "support@contoso.example",
        "communication": "E-Mail",
    }
    assert stat.S_IMODE(provider.profile.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", LIST_NAMES)
def test_the_columns_are_those_of_the_table(provider: Provider, kind: str) -> None:
    provider.provision()

    columns = provider.site.list_titled(LIST_NAMES[kind]).columns
    for word, new in NEW_COLUMNS[kind].items():
        column = column_of(columns[new.name].row("x"))
        assert (column.shown, column.indexed, column.unique) == (new.shown, new.indexed, new.unique)
        assert column.kind == KINDS[COLUMNS[kind][word].role]
        assert columns[new.name].default == new.default
        assert new.name.isascii()
        assert column.must_be_filled == (kind != "parameter" and new.name == TITLE)


def test_a_second_run_changes_nothing_and_says_so(provider: Provider) -> None:
    provider.provision(*VALUES)
    before, profile = shape(provider.site), provider.profile.read_bytes()
    provider.m365.reset_requests()

    code, said = provider.provision()

    assert (code, said) == (
        0,
        f"{provider.site.name}: {NOTHING}\n",
    )
    assert shape(provider.site) == before
    assert provider.profile.read_bytes() == profile
    assert provider.m365.count("POST", "/lists") == provider.m365.count("PATCH") == 0


def test_the_product_works_over_the_lists_that_it_made(provider: Provider) -> None:
    provider.provision(*VALUES)
    provider.site.grant = "write"  # what is needed from now on
    tenant = provider.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10), "SPE_E3": (5, 1)}, monitoring=True)

    with provider.office() as office:
        summary = office.settle()

        assert summary["sharepoint"]["failed"] == 0
        assert [row["technician_informed"] for row in office.rows()] == [True, False]
        assert [message.split(":")[0] for message in office.messages] == [tenant.name]
        assert provider.command("sync")[0] == 0
        assert len(office.messages) == 1
        assert provider.command("flow", "export", "--out", str(provider.folder / "flows"))[0] == 0


# Sites that have something already


def test_the_older_tools_site_keeps_all_it_has(provider: Provider) -> None:
    site = provider.add_site("older")
    site.licenses.add({"Title": "SPB", "tenant": "Schule Höri", "Verfügbar": 3})
    before = shape(site)

    code, said = provider.provision()

    assert code == 0, said
    assert shape(site) == before
    infos = json.loads(provider.profile.read_text("utf-8"))["sharepoint_infos"]
    assert infos == site.profile()["sharepoint_infos"]
    assert infos["field_mapping"]["Verfügbar"] == "Verf_x00fc_gbar"


def test_what_the_older_tools_lists_lack_is_added(provider: Provider) -> None:
    site = provider.add_site("older", parameters={"sendermail": "alt@contoso.example"})
    site.licenses.remove_column("technician_informed")
    site.tenants.remove_column("cert_expires")

    code, said = provider.provision(*VALUES)

    assert code == 0, said
    assert sorted(said.splitlines()[:4]) == [
        "Lizenzstatusliste: Spalte «technician_informed» angelegt.",
        "Parameterliste: Zeile «communication» angelegt.",
        "Parameterliste: Zeile «recipientmail» angelegt.",
        "Tenantliste: Spalte «cert_expires» angelegt.",
    ]
    assert site.parameters.items[0].fields["Parameterwert"] == "alt@contoso.example"
    assert site.licenses.columns["Title"].display == "Lizenzname"
    assert site.tenants.columns["Title"] == Column("Title", "Titel")
    assert "Nichts geändert" in provider.provision()[1]


def test_whatever_is_there_stays_and_what_lacks_is_made(provider: Provider) -> None:
    site, request = provider.site, SetupRequest(provider.url, *provider.credentials[1::2])

    @settings(max_examples=12, deadline=None)
    @given(st.data())
    def on_any_site(data: st.DataObject) -> None:
        site.lists.clear()
        provider.profile.unlink(missing_ok=True)
        draw_lists(site, data)
        before = shape(site)

        made = provision_lists(office.services, request, ADMIN, lambda problem: None)

        after = shape(site)
        for title, (template, columns, items) in before.items():
            assert after[title][0] == template
            assert {name: after[title][1][name] for name in columns} == columns
            assert after[title][2][: len(items)] == items
        assert {title for title, _ in after.items()} == {*LIST_NAMES.values()}
        assert made.written
        assert provision_lists(office.services, request, ADMIN, lambda problem: None).count == 0
        assert shape(site) == after

    with provider.office() as office:
        on_any_site()


def draw_lists(site: SharePoint, data: st.DataObject) -> None:
    """Make any of the three lists, with any of the columns of the product or of the older tool, and rows."""
    for kind, title in LIST_NAMES.items():
        if not data.draw(st.booleans(), label=title):
            continue
        columns = []
        for word, new in NEW_COLUMNS[kind].items():
            shown = data.draw(st.sampled_from(["", COLUMNS[kind][word].field, new.shown]), label=new.name)
            if shown and new.name != TITLE:
                name = new.name if new.name != "Verfuegbar" else data.draw(st.sampled_from(["Verfuegbar", "field_3"]))
                shown = "Verfügbar" if name == "field_3" else shown
                columns.append(Column(name, shown, KINDS[COLUMNS[kind][word].role], unique=False))
        made = site.add_list(title, columns)
        if kind == "parameter" and len(columns) == 2:
            made.add({"Parameter": "communication", "Parameterwert": "Teams"})


def limit_files(size: int) -> None:
    """Let no file of this process grow beyond `size`, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


# Interruptions


@pytest.mark.parametrize("step", [0, 2, 4, 8])  # the first list, the last, a setting, the last parameter
@pytest.mark.parametrize("kind", ["forbidden", "lost_answer", "busy"])
def test_a_run_that_was_interrupted_is_finished_by_the_next(provider: Provider, kind: str, step: int) -> None:
    def end_of_full_control() -> None:
        provider.site.grant = "read"

    fault = {
        "forbidden": Fault(r"POST .*/\$batch", after=step, before=end_of_full_control),
        "lost_answer": Fault(r"POST .*/\$batch", "lost_answer", after=step),
        "busy": Fault(r"POST .*/\$batch", "status", status=429, retry_after="0", after=step),
    }[kind]
    provider.m365.faults.add(fault)

    code, said = provider.provision(*VALUES)

    if kind == "forbidden":
        assert code == 2
        assert f"Bis hierher angelegt: {step}." in said
        assert not provider.profile.exists()
        provider.site.grant = "fullcontrol"
        code, said = provider.provision(*VALUES)
    assert code == 0, said
    assert [item.fields["Parameter"] for item in provider.site.parameters.items] == [*PARAMETERS]
    assert NOTHING in provider.provision()[1]


def test_a_run_that_was_killed_is_finished_by_the_next(provider: Provider) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *provider.arguments(*VALUES)], cwd=ROOT, env=environment | provider.environment
    )
    provider.m365.faults.add(Fault(r"POST .*/\$batch", after=4, before=process.kill))
    assert process.wait(60) == -9
    assert not provider.profile.exists()

    code, said = provider.provision(*VALUES)

    assert code == 0, said
    assert NOTHING in provider.provision()[1]


# Too few rights, and what cannot be used


@pytest.mark.parametrize(("grant", "said"), [
    (None, "darf https://support.sharepoint.example/sites/support nicht lesen"),
    ("read", "Das Recht, die Lizenzstatusliste anzulegen, fehlt. Bis hierher angelegt: 0."),
    ("write", "Das Recht, die Lizenzstatusliste anzulegen, fehlt. Bis hierher angelegt: 0."),
])  # fmt: skip
def test_without_the_right_nothing_is_made(provider: Provider, grant: str | None, said: str) -> None:
    provider.site.grant = grant

    code, told = provider.provision()

    assert (code, said in told, "fullcontrol" in told) == (2, True, True), told
    assert provider.site.lists == []
    assert not provider.profile.exists()


def test_a_right_that_allows_lists_but_not_columns_tells_what_was_made(provider: Provider) -> None:
    provider.site.permissions = {"Sites.ReadWrite.All"}

    code, told = provider.provision()

    assert code == 2
    assert told.count(" angelegt.\n") == 3
    assert "Spalte «Titel (Title)» einzurichten, fehlt. Bis hierher angelegt: 3." in told
    provider.site.permissions = {"Sites.Manage.All"}
    assert provider.provision()[0] == 0


@pytest.mark.parametrize(("title", "change", "said"), [
    ("Tenantliste", {"template": "documentLibrary"}, "«Tenantliste» ist keine einfache Liste (Vorlage document"),
    ("Lizenzstatusliste", {"kind": "text"}, "Spalte «Frei» vom Typ text, nötig ist number"),
    ("Lizenzstatusliste", {"kind": "calculated"}, "Spalte «Frei» vom Typ calculated, nötig ist number"),
    ("Lizenzstatusliste", {"read_only": True}, "Spalte «Frei» schreibgeschützt"),
])  # fmt: skip
def test_what_is_there_and_does_not_fit_stops_it_before_anything_is_made(
    provider: Provider, title: str, change: dict[str, Any], said: str
) -> None:
    columns = [] if "template" in change else [Column("Frei", "Frei", **{"kind": "number", **change})]
    provider.site.add_list(title, columns, template=change.get("template", "genericList"))
    before = shape(provider.site)

    code, told = provider.provision()

    assert (code, said in told, "Nichts wurde angelegt" in told) == (2, True, True), told
    assert shape(provider.site) == before
    assert not provider.profile.exists()


@pytest.mark.parametrize(("address", "said"), [
    ("https://support.sharepoint.example/sites/nirgends", "gibt es keine Site"),
    ("https://other.sharepoint.example/sites/support", "other.sharepoint.example gehört nicht zum Tenant"),
    ("{url}/Freigegebene%20Dokumente", "liegt in der Site {url}. Mit --site {url} noch einmal"),
    ("{url}/Lists/Tenantliste/AllItems.aspx?viewid=1", "liegt in der Site {url}."),
    ("http://support.sharepoint.example/sites/support", "beginnt mit https://"),
])  # fmt: skip
def test_an_address_that_is_no_site_is_told(provider: Provider, address: str, said: str) -> None:
    code, told = provider.provision(url=address.format(url=provider.url))

    assert (code, said.format(url=provider.url) in told) == (2, True), told
    assert provider.site.lists == []


def test_a_site_with_umlauts_and_blanks_is_found_however_it_is_written(provider: Provider) -> None:
    provider.site.path = "/sites/Müller & Söhne"

    for written in ("/sites/Müller & Söhne/", "/sites/M%C3%BCller%20%26%20S%C3%B6hne", "/SITES/müller & söhne?web=1#x"):
        assert provider.provision(url=f"https://{HOST}{written}")[0] == 0, written
        provider.site.profile_path = provider.m365.profiles_dir / "sharepoint" / "sp-config-muller-sohne-profile.json"
        assert provider.profile.exists()


@pytest.mark.parametrize(("text", "path"), [
    ("https://firma.sharepoint.com/sites/support", "/sites/support"),
    (" https://firma.sharepoint.com/sites/support/ ", "/sites/support"),
    ("https://FIRMA.sharepoint.com:443/sites/a%20b?x=1#y", "/sites/a b"),
    ("https://firma.sharepoint.com", ""),
])  # fmt: skip
def test_an_address_is_read(text: str, path: str) -> None:
    assert site_address(text) == SiteAddress("firma.sharepoint.com", path)


@pytest.mark.parametrize("text", [
    "", "support", "firma.sharepoint.com/sites/support", "https://", "https:///sites/x", "https://firma/sites/x",
    "https://anna:geheim@firma.sharepoint.com/sites/x", "https://firma.sharepoint.com:8443/sites/x", "https://[::1]/x",
    "https://firma.sharepoint.com/sites/../x", "https://firma.sharepoint.com/sites//x", "https://firma.sharepoint.com/%0a",
    "https://firma.sharepoint.com/sites/x:/lists", "https://firma.sharepoint.com/:l:/s/support/Eabc", "https://firma.sharepoint.com/%FF",
    f"https://firma.sharepoint.com/sites/{'x' * 500}",
])  # fmt: skip
def test_a_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        site_address(text)

    assert "https://" in refused.value.problem.text("de")
    assert "geheim" not in refused.value.problem.text("de")


# The profile


def test_a_profile_with_credentials_alone_is_completed(provider: Provider) -> None:
    fields = {**AppRegistration.profile(provider.site), "tenant_name": "Support", "expires": "2099-01-01"}
    write_json(provider.profile, fields)

    code, said = provider.provision()

    assert code == 0, said
    written = json.loads(provider.profile.read_text("utf-8"))
    assert {name: written[name] for name in fields} == fields
    assert written["sharepoint_infos"]["license_list_id"] == provider.site.licenses.id


def test_the_profile_decides_which_lists_and_columns_are_meant(provider: Provider) -> None:
    site = provider.add_site("older")
    site.licenses.add_column("Übrig", "number", "field_9")
    fields = site.profile()
    site.licenses.title = "Lizenzen 2024"
    del fields["sharepoint_infos"]["parameter_list_id"], fields["sharepoint_infos"]["field_mapping"]["Gebraucht"]
    fields["sharepoint_infos"]["field_mapping"]["Frei"] = "Übrig"
    write_json(provider.profile, fields)

    code, said = provider.provision()

    assert (code, said.splitlines()[0]) == (0, f"Profil geschrieben: {provider.profile.name}."), said
    assert len(site.lists) == 3
    assert provider.infos["field_mapping"]["Frei"] == "Übrig"
    assert provider.infos["field_mapping"]["Gebraucht"] == "Gebraucht"
    assert provider.infos["parameter_list_id"] == site.parameters.id


Change = Callable[[Provider, dict[str, Any]], object]


@pytest.mark.parametrize(("change", "said"), [
    (lambda at, infos: infos.update(site_id="support.sharepoint.example,1,2"), "gehört zu einer anderen Site"),
    (lambda at, infos: infos.update(license_list_id=at.site.tenant_id), "Das Profil nennt unter «license_list_id»"),
    (lambda at, infos: infos["field_mapping"].update(Frei="Rest"), "Das Profil nennt für «Frei» die Spalte «Rest»"),
    (lambda at, infos: infos["field_mapping"].update(Frei="Gebraucht"), "für «Gebraucht» und für «Frei»"),
])  # fmt: skip
def test_a_profile_that_contradicts_the_site_stays_and_nothing_is_made(
    provider: Provider, change: Change, said: str
) -> None:
    site = provider.add_site("older")
    site.tenants.remove_column("cert_expires")
    fields, before = site.profile(), shape(site)
    change(provider, fields["sharepoint_infos"])
    write_json(provider.profile, fields)

    code, told = provider.provision()

    assert (code, said in told) == (2, True), told
    assert shape(site) == before
    assert json.loads(provider.profile.read_text("utf-8")) == fields


def test_credentials_are_needed_once_and_must_be_those_of_the_profile(provider: Provider) -> None:
    code, told = provider.command("lists", "provision", "--site", provider.url)
    assert (code, "Nötig sind --tenant-id, --client-id und --cert" in told) == (2, True), told
    code, told = provider.command("lists", "provision", "--site", provider.url, *provider.credentials[:4])
    assert (code, "«--cert» ist –" in told) == (2, True), told
    code, told = provider.command(
        "lists", "provision", "--site", provider.url, *provider.credentials[:4], "--cert", "x.pem"
    )
    assert (code, "Die Datei x.pem («--cert») gibt es nicht" in told) == (2, True), told
    assert provider.provision()[0] == 0

    code, told = provider.provision("--client-id", "0" * 32)

    assert (code, "im Profil sp-config-support-profile.json steht etwas anderes" in told) == (2, True), told


def test_of_two_profiles_one_must_go(provider: Provider) -> None:
    for name in ("a", "b"):
        write_json(provider.profile.with_name(f"sp-config-{name}-profile.json"), AppRegistration.profile(provider.site))

    code, told = provider.command("lists", "provision", "--site", provider.url)

    assert (code, "mehrere SharePoint-Profile: sp-config-a-profile.json, sp-config-b-profile.json" in told) == (2, True)


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_the_profile_as_it_was(provider: Provider, there: bool) -> None:
    if there:
        write_json(provider.profile, AppRegistration.profile(provider.site))
    with provider.office() as office:
        request = SetupRequest(provider.url, *provider.credentials[1::2])
        before = {path: path.read_bytes() for path in provider.m365.profiles_dir.rglob("*.json")}
        # The profile comes after the last thing that is made on the site.
        provider.m365.faults.add(Fault(r"GET .*/items", after=1, before=lambda: limit_files(0)))
        try:
            with pytest.raises((OSError, DatabaseError)):
                provision_lists(office.services, request, ADMIN, lambda problem: None)
        finally:
            limit_files(resource.RLIM_INFINITY)

        assert {path: path.read_bytes() for path in provider.m365.profiles_dir.rglob("*.*") if path.is_file()} == before
        assert provision_lists(office.services, request, ADMIN, lambda problem: None).count == 0


# Who does it


def test_lists_of_another_installation_are_not_added_to(provider: Provider, tmp_path: Path) -> None:
    site = provider.add_site("older")
    site.write_profile()
    with provider.office() as office:
        office.refresh()
    site.tenants.remove_column("cert_expires")
    before = shape(site)
    provider.move(tmp_path / "second")

    code, told = provider.provision()

    assert (code, "In die Listen schreibt eine andere Installation" in told) == (2, True), told
    assert shape(site) == before


def test_the_audit_says_what_was_made_and_a_run_without_changes_is_no_entry(provider: Provider) -> None:
    provider.provision()
    provider.provision()
    provider.add_site("second", empty=True)
    provider.site.permissions = {"Sites.ReadWrite.All"}
    provider.provision()

    with provider.office() as office:
        entries, _ = find(office.engine, ADMIN, Search(actions=["list.provisioned"]), limit=5)
    assert [(entry.result, entry.target, json.loads(entry.after)["made"]) for entry in reversed(entries)] == [
        ("done", f"https://{HOST}/sites/support", WRITES),
        ("failed", f"https://{HOST}/sites/second", 3),
    ]
    assert "Titel (Title)" in entries[0].reason


def test_two_runs_at_once_make_each_thing_once(provider: Provider) -> None:
    provider.provision()  # the profile, so that neither of the two has to write it
    site = provider.site
    site.lists.clear()
    infos = json.loads(provider.profile.read_text("utf-8"))
    del infos["sharepoint_infos"]
    write_json(provider.profile, infos)
    together = threading.Barrier(2)
    provider.m365.faults.add(Fault(r"POST .*/\$batch", before=lambda: together.wait(20), times=2))

    with provider.office() as office, ThreadPoolExecutor(2) as pool:
        request = SetupRequest(provider.url)
        runs = [pool.submit(provision_lists, office.services, request, ADMIN, lambda problem: None) for _ in range(2)]
        ended = [run.exception() for run in runs]

    assert [error for error in ended if not isinstance(error, ProfileDiffers)][-1:] == [None], ended
    assert sorted(items.title for items in site.lists) == sorted(LIST_NAMES.values())
    assert sorted(item.fields["Parameter"] for item in site.parameters.items) == sorted(PARAMETERS)


def test_a_value_that_is_there_already_stays_and_is_told(provider: Provider) -> None:
    provider.provision(*VALUES)

    _, said = provider.provision("--sendermail", "other@contoso.example", "--communication", "E-Mail")

    assert said.splitlines()[0] == (
        "Parameterliste: «sendermail» ist dort schon lizenzen@contoso.example und bleibt so; in der Liste ändern."
    )
    assert said.splitlines()[1].endswith(NOTHING)


@pytest.mark.parametrize(("options", "said"), [
    (["--communication", "Fax"], "es gibt nur «E-Mail» und «Teams»"),
    (["--communication", "e-mail"], "es gibt nur «E-Mail» und «Teams»"),
    (["--sendermail", f"{'x' * 250}@contoso.example"], "höchstens 255 Zeichen"),
    (["--recipientmail", "a@contoso.example\n"], "höchstens 255 Zeichen"),
])  # fmt: skip
def test_a_value_that_the_flow_cannot_use_is_refused_before_anything_is_made(
    provider: Provider, options: list[str], said: str
) -> None:
    code, told = provider.provision(*options)

    assert (code, said in told, provider.site.lists) == (2, True, []), told


def test_names_that_tenants_hand_on_are_written_into_a_list_of_unique_titles(provider: Provider) -> None:
    provider.provision(*VALUES)
    first, second = (provider.m365.add_tenant(name, skus={"SPB": (5, 1)}) for name in ("Alt AG", "Neu AG"))
    with provider.office() as office:
        office.settle()
        first.rename("Ganz anders AG")
        second.rename("Alt AG")

        for _ in range(2):
            office.refresh()

        assert office.refresh()["problems"] == []
        assert [item.fields["Title"] for item in provider.site.tenants.items] == ["Ganz anders AG", "Alt AG"]
        assert {row["tenant"] for row in office.rows()} == {"Ganz anders AG", "Alt AG"}
