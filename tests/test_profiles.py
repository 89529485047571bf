"""Profiles: good ones are taken, every fault of a file is told in one go, a broken one never stops the others."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.profiles import profile_store
from core.profiles.certificates import read_certificate
from core.profiles.profile_check import CREDENTIALS
from core.profiles.profile_faults import Fault
from core.profiles.profile_store import Profiles, ProfileStore
from core.profiles.sharepoint_profile import DEFAULT_COLUMNS, SHAREPOINT_IDS
from simulator.certificates import rsa_key
from simulator.profiles import guid
from tests.profile_files import NOW, PEM, ProfileFolder, certificate_of, key_pem, pair_pem, sharepoint_infos

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    """Empty `profiles/` and `certs/`."""
    return ProfileFolder(tmp_path)


def only_fault(folder: ProfileFolder) -> Fault:
    (fault,) = folder.load().faults
    return fault


def codes(fault: Fault) -> list[str]:
    return [problem.code for problem in fault.problems]


# What is taken


def test_a_good_profile_and_its_certificate_are_all_it_takes(folder: ProfileFolder) -> None:
    folder.tenant("contoso", tenant_name="Contoso Schule")

    found = folder.load()

    (tenant,) = found.tenants
    assert (tenant.slug, tenant.name) == ("contoso", "Contoso Schule")
    assert (tenant.tenant_id, tenant.client_id) == (guid("contoso"), guid("app", "contoso"))
    assert tenant.certificate.path == folder.root / "certs" / "contoso" / "mycert_contoso.pem"
    assert (found.sharepoint, found.faults) == (None, [])


def test_some_profiles_are_loaded_without_the_others_and_forgotten_after_a_while(
    folder: ProfileFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_store, "IDLE_SECONDS", 0.0)
    folder.tenant("contoso")
    folder.tenant("fabrikam")
    folder.tenant("adatum", tenant_id="no guid")
    store = ProfileStore(folder.profiles)

    assert [one.slug for one in store.some(["contoso", "adatum", "../contoso", "gone"], NOW)] == ["contoso"]
    assert [one.slug for one in store.some(["fabrikam"], NOW)] == ["fabrikam"]
    store.some([], NOW)
    assert [path.name for path in store._certificates] == ["mycert_fabrikam.pem"]


@pytest.mark.parametrize(
    ("field", "written"),
    [
        pytest.param("tenant_id", guid("contoso").upper(), id="guid-in-capitals"),
        pytest.param("tenant_id", f" {guid('contoso')} ", id="blanks-around"),
        pytest.param("expires", "2028-01-16", id="another-day-by-the-time-zone"),
        pytest.param("expires", "2028-01-15T12:00:00Z", id="date-with-time"),
    ],
)
def test_other_ways_to_write_the_same_are_no_fault(folder: ProfileFolder, field: str, written: str) -> None:
    folder.tenant("contoso", **{field: written})

    found = folder.load()

    assert [tenant.tenant_id for tenant in found.tenants] == [guid("contoso")]
    assert found.faults == []


@pytest.mark.parametrize(
    ("kind", "sign", "length"),
    [
        pytest.param("thumbprint", ":", 2, id="colons"),
        pytest.param("thumbprint", " ", 2, id="blanks"),
        pytest.param("thumbprint_sha256", "", 64, id="sha-256"),
    ],
)
def test_a_thumbprint_may_be_written_as_any_tool_shows_it(
    folder: ProfileFolder, kind: str, sign: str, length: int
) -> None:
    folder.tenant("contoso")
    plain = getattr(folder.load().tenants[0].certificate, kind)

    shown = sign.join(plain[at : at + length] for at in range(0, len(plain), length)).lower()
    folder.write("config-contoso-profile.json", folder.fields("contoso") | {"thumbprint": shown})

    assert folder.load().faults == []


def test_a_certificate_path_may_be_absolute(folder: ProfileFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_bytes(pair_pem(rsa_key(0)))

    folder.tenant("contoso", cert_path=str(elsewhere), thumbprint=read_certificate(elsewhere).thumbprint)

    assert [tenant.certificate.path for tenant in folder.load().tenants] == [elsewhere]


def test_the_real_end_of_the_certificate_counts(folder: ProfileFolder) -> None:
    folder.certificate("contoso", days=200)
    fields = folder.fields("contoso", cert_path="certs/contoso/mycert_contoso.pem", expires="2031-01-01")
    folder.write("config-contoso-profile.json", fields)

    found = folder.load()

    assert [tenant.certificate.expires for tenant in found.tenants] == [NOW + timedelta(days=200)]
    assert "profile.expires_wrong" in codes(found.faults[0])
    assert found.faults[0].usable


def test_files_dropped_in_changed_and_removed_are_taken_at_the_next_load(folder: ProfileFolder) -> None:
    first = folder.tenant("contoso", tenant_name="Contoso")
    assert [tenant.name for tenant in folder.load().tenants] == ["Contoso"]

    folder.tenant("fabrikam", tenant_name="Fabrikam")
    assert [tenant.name for tenant in folder.load().tenants] == ["Contoso", "Fabrikam"]

    folder.tenant("contoso", tenant_name="Contoso Schule")
    assert [tenant.name for tenant in folder.load().tenants] == ["Contoso Schule", "Fabrikam"]

    first.unlink()
    assert [tenant.name for tenant in folder.load().tenants] == ["Fabrikam"]


def test_a_new_certificate_under_the_same_path_is_taken(folder: ProfileFolder) -> None:
    folder.tenant("contoso")
    before = folder.load().tenants[0].certificate.thumbprint

    renewed = folder.certificate("contoso", pair_pem(rsa_key(1), days=700) + b"\n")
    found = folder.load()

    assert found.tenants[0].certificate.thumbprint == renewed["thumbprint"] != before
    assert codes(found.faults[0]) == ["profile.thumbprint_wrong", "profile.expires_wrong"]


def test_a_certificate_that_is_put_right_is_taken_although_the_profile_did_not_change(folder: ProfileFolder) -> None:
    folder.tenant("contoso", cert_path="certs/late/mycert_late.pem")
    assert folder.load().tenants == []

    folder.certificate("late")

    assert [tenant.slug for tenant in folder.load().tenants] == ["contoso"]


def test_a_certificate_that_ends_while_we_run_is_refused_at_the_next_load(folder: ProfileFolder) -> None:
    folder.tenant("contoso")
    assert folder.load().faults == []

    found = folder.load(NOW + timedelta(days=366))

    assert found.tenants == []
    assert codes(found.faults[0]) == ["profile.cert_expired"]


def test_example_files_are_ignored(folder: ProfileFolder) -> None:
    folder.write("config-beispiel-profile.example.json", b"not even JSON")
    folder.write("sharepoint/sp-config-beispiel-profile.example.json", b"nor this")

    assert folder.load() == Profiles()


def test_no_folder_at_all_is_no_profile(tmp_path: Path) -> None:
    assert ProfileStore(tmp_path / "none").load(NOW) == Profiles()


# What is wrong with a file, in words

FAULTS = [
    pytest.param({"tenant_name": ...}, "field_missing", "tenant_name", "ergänzen", "Add it", id="missing-field"),
    pytest.param({"client_id": "  "}, "field_empty", "client_id", "Wert eintragen", "Enter", id="empty-field"),
    pytest.param({"tenant_name": 7}, "field_not_text", "tenant_name", "Anführungszeichen", "quotes", id="no-text"),
    pytest.param({"tenant_nam": "x"}, "field_unknown", "tenant_nam", "tenant_name", "tenant_name", id="unknown-field"),
    pytest.param({"note": "x"}, "field_unknown", "note", "vielleicht", "Perhaps", id="unknown-field-nothing-near"),
    pytest.param({"tenant_id": "contoso"}, "guid_invalid", "tenant_id", "App-Reg", "app reg", id="tenant-id-no-guid"),
    pytest.param({"client_id": "1-2"}, "guid_invalid", "client_id", "kopieren", "Copy", id="client-id-no-guid"),
    pytest.param(
        {"thumbprint": "AB" * 20}, "thumbprint_wrong", "thumbprint", "berichtigen", "correct", id="thumbprint"
    ),
    pytest.param({"expires": "2027-05-19"}, "expires_wrong", "expires", "2028-01-15", "2028-01-15", id="other-end"),
    pytest.param({"expires": "19.5.2027"}, "date_invalid", "expires", "JJJJ-MM-TT", "YYYY-MM-DD", id="no-date"),
    pytest.param({"cert_path": "certs/x.pem"}, "cert_missing", "cert_path", "Pfad prüfen", "path", id="missing-pem"),
    pytest.param({"cert_path": "a\0b"}, "cert_missing", "cert_path", "Pfad prüfen", "path", id="impossible-path"),
    pytest.param(
        {"cert_path": "profiles"}, "cert_folder", "cert_path", "PEM-Datei darin", "PEM file in it", id="a-folder"
    ),
]


@pytest.mark.parametrize(("changes", "code", "field", "german", "english"), FAULTS)
def test_a_fault_names_file_field_and_remedy(
    folder: ProfileFolder, changes: dict[str, Any], code: str, field: str, german: str, english: str
) -> None:
    folder.tenant("contoso", **changes)

    (problem,) = only_fault(folder).problems

    assert problem.code == f"profile.{code}"
    for text, remedy in ((problem.text("de"), german), (problem.text("en"), english)):
        assert text.startswith("config-contoso-profile.json: ")
        assert field in text
        assert remedy in text
        assert "{" not in text


def pem_of(kind: str) -> bytes:
    own, other = rsa_key(0), rsa_key(1)
    elliptic = ec.generate_private_key(ec.SECP256R1())
    files = {
        "no-key": certificate_of(own).public_bytes(PEM),
        "no-certificate": key_pem(own),
        "encrypted": key_pem(own, b"geheim") + certificate_of(own).public_bytes(PEM),
        "encrypted-old": key_pem(own, b"geheim", old=True) + certificate_of(own).public_bytes(PEM),
        "elliptic": key_pem(elliptic) + certificate_of(elliptic).public_bytes(PEM),
        "other-pair": key_pem(own) + certificate_of(other).public_bytes(PEM),
        "other-kind-of-pair": key_pem(own) + certificate_of(elliptic).public_bytes(PEM),
        "broken-key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        + certificate_of(own).public_bytes(PEM),
        "broken-certificate": key_pem(own) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "ended": pair_pem(own, days=-1),
        "starts-later": pair_pem(own, start=NOW + timedelta(days=2)),
        "empty": b"",
    }
    return files[kind]


@pytest.mark.parametrize(
    ("kind", "code", "german", "english"),
    [
        pytest.param("no-key", "cert_no_key", "privaten Schlüssel|private Schlüssel", "private key", id="no-key"),
        pytest.param("no-certificate", "cert_no_certificate", "dieselbe PEM", "same PEM", id="no-certificate"),
        pytest.param("encrypted", "cert_encrypted", "Ohne Passwort", "without one", id="encrypted"),
        pytest.param("encrypted-old", "cert_encrypted", "Ohne Passwort", "without one", id="encrypted-old-form"),
        pytest.param("elliptic", "cert_not_rsa", "cert new", "cert new", id="elliptic-curve"),
        pytest.param("other-pair", "cert_pair", "richtige Paar", "right pair", id="key-of-another-certificate"),
        pytest.param(
            "other-kind-of-pair", "cert_pair", "richtige Paar", "right pair", id="certificate-of-another-kind"
        ),
        pytest.param("broken-key", "cert_broken", "cert new", "cert new", id="broken-key"),
        pytest.param("broken-certificate", "cert_broken", "cert new", "cert new", id="broken-certificate"),
        pytest.param("ended", "cert_expired", "cert renew contoso", "cert renew contoso", id="ended"),
        pytest.param("starts-later", "cert_not_yet", "Uhr", "clock", id="not-yet-valid"),
        pytest.param("empty", "cert_no_key", "dieselbe PEM", "same PEM", id="empty-file"),
    ],
)
def test_a_faulty_certificate_is_told_by_the_profile_that_names_it(
    folder: ProfileFolder, kind: str, code: str, german: str, english: str
) -> None:
    fields = folder.certificate("contoso", pem_of("no-key"))
    (folder.root / fields["cert_path"]).write_bytes(pem_of(kind))
    folder.tenant("contoso", **fields | {"thumbprint": "00" * 20})

    fault = only_fault(folder)

    (problem,) = [problem for problem in fault.problems if problem.code == f"profile.{code}"]
    assert any(remedy in problem.text("de") for remedy in german.split("|"))
    assert english in problem.text("en")
    assert not fault.usable
    assert folder.load().tenants == []


def test_every_fault_of_a_file_is_found_in_one_go(folder: ProfileFolder) -> None:
    folder.tenant(
        "contoso", tenant_id="1", tenant_name="", client_id=..., thumbprint="AA", expires="bald", farbe="grün"
    )

    fault = only_fault(folder)

    assert sorted(codes(fault)) == [
        "profile.date_invalid",
        "profile.field_empty",
        "profile.field_missing",
        "profile.field_unknown",
        "profile.guid_invalid",
        "profile.thumbprint_wrong",
    ]


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        pytest.param({"thumbprint": "AB" * 20}, True, id="thumbprint"),
        pytest.param({"expires": "2001-01-01"}, True, id="expires"),
        pytest.param({"farbe": "grün"}, True, id="unknown-field"),
        pytest.param({"expires": ...}, True, id="no-expires"),
        pytest.param({"thumbprint": ...}, True, id="no-thumbprint"),
        pytest.param({"expires": 1810684800}, True, id="expires-is-a-number"),
        pytest.param({"expires": None}, True, id="expires-is-null"),
        pytest.param({"thumbprint": ["AB"]}, True, id="thumbprint-is-a-list"),
        pytest.param({"expires": " ", "thumbprint": ""}, True, id="both-empty"),
        pytest.param({"expires": ..., "thumbprint": ...}, True, id="neither"),
        pytest.param({"tenant_id": "x"}, False, id="guid"),
        pytest.param({"tenant_id": ...}, False, id="no-tenant-id"),
        pytest.param({"client_id": ...}, False, id="no-client-id"),
        pytest.param({"tenant_name": ...}, False, id="no-tenant-name"),
        pytest.param({"tenant_name": "\u200b\u00a0"}, False, id="tenant-name-that-nobody-sees"),
        pytest.param({"tenant_name": "\ud800"}, False, id="tenant-name-that-cannot-be-written"),
        pytest.param({"cert_path": ...}, False, id="no-certificate"),
    ],
)
def test_what_nothing_depends_on_is_told_but_does_not_stop_the_tenant(
    folder: ProfileFolder, changes: dict[str, Any], usable: bool
) -> None:
    folder.tenant("contoso", **changes)

    assert only_fault(folder).usable is usable
    assert [tenant.slug for tenant in folder.load().tenants] == ["contoso"] * usable


def test_a_file_with_another_name_is_told_how_to_be_named(folder: ProfileFolder) -> None:
    folder.write("contoso.json", folder.fields("contoso"))

    fault = only_fault(folder)

    assert codes(fault) == ["profile.file_name"]
    assert "config-<name>-profile.json" in fault.problems[0].text("de")


# A broken one never stops the others

BROKEN = [
    pytest.param(b"", "profile.json_broken", id="empty"),
    pytest.param(b'{"tenant_id": "1",}', "profile.json_broken", id="comma-too-many"),
    pytest.param(b"[]", "profile.not_object", id="a-list"),
    pytest.param(b"null", "profile.not_object", id="null"),
    pytest.param('{"tenant_name": "Höri"}'.encode("cp1252"), "profile.encoding_unknown", id="not-utf-8"),
    pytest.param(b"[" * 200_000, "profile.too_deep", id="endless-brackets"),
]


@pytest.mark.parametrize(("content", "code"), BROKEN)
def test_a_broken_file_is_told_and_the_others_work(folder: ProfileFolder, content: bytes, code: str) -> None:
    folder.tenant("contoso")
    folder.write("config-broken-profile.json", content)

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    assert [(fault.file, codes(fault)) for fault in found.faults] == [("config-broken-profile.json", [code])]


def test_broken_json_names_line_and_column(folder: ProfileFolder) -> None:
    folder.write("config-broken-profile.json", b'{\n  "tenant_id": "1"\n  "client_id": "2"\n}')

    (problem,) = only_fault(folder).problems

    assert "Zeile 3, Spalte 3" in problem.text("de")
    assert "line 3, column 3" in problem.text("en")


def test_a_dangling_link_and_a_folder_are_told_and_the_others_work(folder: ProfileFolder) -> None:
    folder.tenant("contoso")
    (folder.profiles / "config-gone-profile.json").symlink_to(folder.root / "nowhere.json")
    (folder.profiles / "config-dir-profile.json").mkdir()

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    assert [codes(fault) for fault in found.faults] == [["profile.is_folder"], ["profile.link_broken"]]
    assert "nowhere.json" in found.faults[1].problems[0].text("de")


def test_a_file_saved_with_a_byte_order_mark_is_read(folder: ProfileFolder) -> None:
    folder.write("config-contoso-profile.json", b"\xef\xbb\xbf" + json.dumps(folder.fields("contoso")).encode())

    assert [tenant.slug for tenant in folder.load().tenants] == ["contoso"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(CREDENTIALS), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(content=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_file_whatever_it_holds_stops_the_others(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = ProfileFolder(tmp_path_factory.mktemp("any"))
    folder.tenant("contoso")
    folder.write("config-any-profile.json", content)
    folder.write("sharepoint/sp-config-any-profile.json", content)

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    assert len(found.faults) == 2
    assert all(
        problem.text(language) for fault in found.faults for problem in fault.problems for language in ("de", "en")
    )


# Two files for one tenant


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"tenant_id": guid("alpha")}, ["profile.duplicate_tenant"], id="same-tenant"),
        pytest.param({"tenant_name": "ALPHA"}, ["profile.duplicate_name"], id="same-name-in-capitals"),
        pytest.param(
            {"tenant_id": guid("alpha"), "tenant_name": "Alpha"},
            ["profile.duplicate_tenant", "profile.duplicate_name"],
            id="both",
        ),
    ],
)
def test_of_two_files_for_one_tenant_the_first_works_and_the_second_is_told(
    folder: ProfileFolder, changes: dict[str, str], told: list[str]
) -> None:
    folder.tenant("alpha")
    folder.tenant("beta", **changes)

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["alpha"]
    assert (found.faults[0].file, codes(found.faults[0])) == ("config-beta-profile.json", told)
    assert "config-alpha-profile.json" in found.faults[0].problems[0].text("de")


def test_a_file_that_is_not_used_takes_no_name_away(folder: ProfileFolder) -> None:
    folder.tenant("alpha")
    folder.tenant("beta", tenant_id=guid("alpha"), tenant_name="Gamma")
    folder.tenant("gamma", tenant_name="Gamma")

    assert [tenant.slug for tenant in folder.load().tenants] == ["alpha", "gamma"]


def test_a_broken_file_does_not_stop_the_good_one_of_the_same_tenant(folder: ProfileFolder) -> None:
    folder.tenant("alpha", cert_path="certs/gone.pem")
    folder.tenant("beta", tenant_id=guid("alpha"))

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["beta"]
    assert [codes(fault) for fault in found.faults] == [["profile.cert_missing", "profile.duplicate_tenant"]]


# SharePoint


def test_a_sharepoint_profile_maps_the_columns(folder: ProfileFolder) -> None:
    infos = sharepoint_infos()
    infos["field_mapping"]["technician_informed"] = "informed"
    folder.sharepoint(infos=infos)

    found = folder.load()

    assert found.faults == []
    assert found.sharepoint is not None
    assert found.sharepoint.license_list_id == guid("licenses")
    assert found.sharepoint.field_mapping["Verfügbar"] == "Verf_x00fc_gbar"
    assert found.sharepoint.field_mapping["technician_informed"] == "informed"


def test_the_tenant_field_is_the_column_of_the_tenant(folder: ProfileFolder) -> None:
    folder.sharepoint(infos=sharepoint_infos(tenant_field="kunde"))

    profile = folder.load().sharepoint

    assert profile is not None
    assert profile.field_mapping["Tenant"] == "kunde"


@pytest.mark.parametrize(
    ("infos", "code", "field"),
    [
        pytest.param(..., "field_missing", "sharepoint_infos", id="no-infos"),
        pytest.param([], "field_not_object", "sharepoint_infos", id="infos-are-a-list"),
        pytest.param(sharepoint_infos(site_id=...), "field_missing", "sharepoint_infos.site_id", id="no-site"),
        pytest.param(sharepoint_infos(tenant_list_id=""), "field_empty", "tenant_list_id", id="empty-list-id"),
        pytest.param(sharepoint_infos(site="x"), "field_unknown", "sharepoint_infos.site", id="unknown-field"),
        pytest.param(sharepoint_infos(field_mapping=...), "mapping_default", "field_mapping", id="no-mapping"),
        pytest.param(sharepoint_infos(field_mapping="x"), "mapping_default", "field_mapping", id="mapping-is-text"),
        pytest.param(sharepoint_infos(tenant_field=...), "control_missing", "tenant_field", id="no-tenant-field"),
        pytest.param(sharepoint_infos(tenant_field=7), "control_unusable", "tenant_field", id="tenant-field-no-text"),
        pytest.param(
            sharepoint_infos(tenant_field="x"), "tenant_field_differs", "tenant_field", id="two-tenant-fields"
        ),
        pytest.param(
            sharepoint_infos(field_mapping={**sharepoint_infos()["field_mapping"], "Frei": 3}),
            "column_default",
            "field_mapping.Frei",
            id="column-is-a-number",
        ),
        pytest.param(
            sharepoint_infos(field_mapping={**sharepoint_infos()["field_mapping"], "Freie": "Frei"}),
            "field_unknown",
            "field_mapping.Freie",
            id="unknown-column",
        ),
    ],
)
def test_a_fault_of_the_sharepoint_profile_names_the_field(
    folder: ProfileFolder, infos: Any, code: str, field: str
) -> None:
    folder.sharepoint(infos=infos)

    fault = only_fault(folder)

    assert fault.file == "sharepoint/sp-config-support-profile.json"
    assert codes(fault) == [f"profile.{code}"]
    assert f"{field}”" in fault.problems[0].text("en")


def test_every_missing_column_is_told_in_one_go(folder: ProfileFolder) -> None:
    folder.sharepoint(infos=sharepoint_infos(field_mapping={"enabled": "aktiv"}), client_id="x")

    fields = [problem.params.get("field") for problem in only_fault(folder).problems]

    assert fields == ["client_id", *(f"sharepoint_infos.field_mapping.{name}" for name in DEFAULT_COLUMNS)]


@pytest.mark.parametrize(
    "infos",
    [
        pytest.param({"field_mapping": ...}, id="no-mapping"),
        pytest.param({"field_mapping": {}}, id="empty-mapping"),
        pytest.param({"field_mapping": {"Frei": 3, "Tenant": ""}}, id="mapping-without-names"),
        pytest.param({"field_mapping": ..., "tenant_field": ...}, id="nothing-at-all"),
    ],
)
def test_a_column_that_no_field_names_is_the_one_of_the_contract(folder: ProfileFolder, infos: dict[str, Any]) -> None:
    folder.sharepoint(infos=sharepoint_infos(**infos))

    found = folder.load()

    assert found.sharepoint is not None
    assert {name: found.sharepoint.field_mapping[name] for name in DEFAULT_COLUMNS} == DEFAULT_COLUMNS
    assert [fault.usable for fault in found.faults] == [True]


@pytest.mark.parametrize("field", ["tenant_field", "Tenant"])
def test_the_column_of_the_tenant_may_stand_in_one_place_alone(folder: ProfileFolder, field: str) -> None:
    mapping = {**sharepoint_infos()["field_mapping"], "Tenant": "kunde"}
    if field == "Tenant":
        infos = sharepoint_infos(tenant_field=..., field_mapping=mapping)
    else:
        del mapping["Tenant"]
        infos = sharepoint_infos(tenant_field="kunde", field_mapping=mapping)
    folder.sharepoint(infos=infos)

    profile = folder.load().sharepoint

    assert profile is not None
    assert profile.field_mapping["Tenant"] == "kunde"


def test_a_broken_sharepoint_profile_gives_way_to_a_good_one(folder: ProfileFolder) -> None:
    folder.sharepoint("alpha", infos=[])
    folder.sharepoint("beta")
    folder.sharepoint("gamma")

    found = folder.load()

    assert (found.sharepoint and found.sharepoint.slug) == "beta"
    assert [(fault.slug, codes(fault), fault.usable) for fault in found.faults] == [
        ("alpha", ["profile.field_not_object", "profile.other_sharepoint"], False),
        ("gamma", ["profile.second_sharepoint"], True),
    ]
    assert folder.store.sharepoint(NOW) == found.sharepoint


def test_of_two_sharepoint_profiles_the_first_works_and_the_second_is_told(folder: ProfileFolder) -> None:
    folder.sharepoint("alpha")
    folder.sharepoint("beta")

    found = folder.load()

    assert found.sharepoint is not None
    assert found.sharepoint.slug == "alpha"
    assert [(fault.file, codes(fault)) for fault in found.faults] == [
        ("sharepoint/sp-config-beta-profile.json", ["profile.second_sharepoint"])
    ]


def test_a_broken_sharepoint_profile_stops_no_tenant(folder: ProfileFolder) -> None:
    folder.tenant("contoso")
    folder.sharepoint(infos=[])

    found = folder.load()

    assert (len(found.tenants), found.sharepoint) == (1, None)


# The examples that come with the product


def test_the_examples_have_exactly_the_fields_of_the_contract(folder: ProfileFolder) -> None:
    tenant = json.loads((ROOT / "profiles/config-beispiel-profile.example.json").read_text("utf-8"))
    site = json.loads((ROOT / "profiles/sharepoint/sp-config-beispiel-profile.example.json").read_text("utf-8"))

    assert set(tenant) == {*CREDENTIALS, "tenant_name"}
    assert set(site) == {*CREDENTIALS, "tenant_name", "sharepoint_infos"}
    assert set(site["sharepoint_infos"]) == {*SHAREPOINT_IDS, "field_mapping"}
    assert tuple(site["sharepoint_infos"]["field_mapping"]) == tuple(DEFAULT_COLUMNS)


def test_a_copied_example_lacks_nothing_but_its_certificate(folder: ProfileFolder) -> None:
    examples = (
        (ROOT / "profiles", "config-beispiel-profile"),
        (ROOT / "profiles/sharepoint", "sp-config-beispiel-profile"),
    )
    for source, name in examples:
        target = folder.profiles / source.relative_to(ROOT / "profiles") / f"{name}.json"
        target.write_bytes((source / f"{name}.example.json").read_bytes())

    assert [codes(fault) for fault in folder.load().faults] == [["profile.cert_missing"]] * 2


@pytest.mark.parametrize("name", [7, "", "\ud800", ["Support"]])
def test_the_name_of_the_site_is_control(folder: ProfileFolder, name: Any) -> None:
    folder.sharepoint(tenant_name=name)

    found = folder.load()

    assert (found.sharepoint and found.sharepoint.name) == "support"
    assert [codes(fault) for fault in found.faults] == [["profile.control_unusable"]]
