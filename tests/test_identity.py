"""What the claims of a Microsoft sign-in mean, and what a sign-in profile must say. No network, no clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.microsoft_claims import MicrosoftAccount, MicrosoftRefusal, account_of_claims
from core.profiles.auth_profiles import AuthProfile, AuthStore, faults
from core.roles import ROLES
from simulator.certificates import rsa_key, write_app_certificate
from simulator.profiles import guid

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
TENANT, CLIENT, PERSON = guid("office"), guid("client"), guid("person")
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
SAME = {role: role for role in ROLES}
PROFILE = AuthProfile("office", TENANT, CLIENT, "s", None, "", "", SAME, timedelta(hours=8))
GOOD = MicrosoftAccount(f"entra:{TENANT}:{PERSON}", "Sven Support", "support")


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def claims(**changes: Any) -> dict[str, Any]:
    """Those of Sven, who works in support; a claim set to ... is left out."""
    good = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": seconds(NOW),
        "exp": seconds(NOW + timedelta(hours=1)),
        "tid": TENANT,
        "oid": PERSON,
        "roles": ["support"],
        "name": "Sven Support",
        "preferred_username": "sven@contoso.example",
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def judged(**changes: Any) -> MicrosoftAccount | MicrosoftRefusal:
    return account_of_claims(claims(**changes), PROFILE, ISSUER, NOW)


# Who


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"preferred_username": "other@contoso.example"}, id="another e-mail"),
        pytest.param({"email": "chefin@contoso.example", "sub": "x", "upn": "chefin"}, id="somebody else's names"),
        pytest.param({"tid": TENANT.upper(), "oid": PERSON.upper()}, id="upper case"),
        pytest.param({"aud": ["x", CLIENT]}, id="several audiences"),
        pytest.param({"groups": ["admin", "support"]}, id="groups named like roles"),
        pytest.param({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}, id="too many groups"),
    ],
)
def test_a_person_is_tenant_and_object_id_and_nothing_else(changes: dict[str, Any]) -> None:
    assert judged(**changes) == GOOD


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "Sven Support"),
        ({"name": ...}, "sven@contoso.example"),
        ({"name": " "}, "sven@contoso.example"),
        ({"name": 7, "preferred_username": None}, ""),
        ({"name": "Sven\n\x00\u202eSupport"}, "Sven Support"),
        ({"name": "x" * 999}, "x" * 255),
    ],
)
def test_what_a_person_is_called_is_cleaned_for_showing(changes: dict[str, Any], shown: str) -> None:
    assert judged(**changes) == replace(GOOD, shown=shown)


# Role


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["viewer"], "viewer"),
        (["viewer", "admin", "support"], "admin"),
        (["Admin"], "admin"),
        (["payroll", "viewer"], "viewer"),
    ],
)
def test_the_highest_app_role_counts(roles: list[str], role: str) -> None:
    assert judged(roles=roles) == replace(GOOD, role=role)


@pytest.mark.parametrize("roles", [..., [], None, "admin", {"admin": 1}, [None, 7, ["admin"]], ["payroll"], [""]])
@pytest.mark.parametrize("more", [{}, {"groups": ["admin"]}, {"_claim_names": {"roles": "src1"}}, {"wids": ["admin"]}])
def test_without_an_app_role_of_ours_nobody_gets_in(roles: Any, more: dict[str, Any]) -> None:
    assert judged(roles=roles, **more) == MicrosoftRefusal("role", GOOD.account, GOOD.shown)


def test_app_roles_may_have_names_of_their_own() -> None:
    profile = replace(PROFILE, roles={"lizenzen.lesen": "viewer", "lizenzen.alles": "admin"})

    assert account_of_claims(claims(roles=["Lizenzen.Lesen"]), profile, ISSUER, NOW) == replace(GOOD, role="viewer")
    assert account_of_claims(claims(roles=["admin"]), profile, ISSUER, NOW) == MicrosoftRefusal(
        "role", GOOD.account, GOOD.shown
    )


# Refusals


def test_another_tenant_is_refused_whatever_its_roles_say() -> None:
    other = guid("somebody else")

    found = judged(tid=other, roles=["admin"])

    assert found == MicrosoftRefusal("tenant", f"entra:{other}:{PERSON}", "Sven Support")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({name: value}, id=f"{name}={str(value)[:20]}")
        for name, values in {
            "tid": (..., "", None, 7, "common", f"{TENANT}:x"),
            "oid": (..., "", None, "sven@contoso.example", f"{PERSON}\n"),
            "aud": (..., "", None, guid("another app"), [guid("another app")], {CLIENT: 1}),
            "iss": (..., "", None, ISSUER + "/", "https://evil.example"),
            "exp": (..., None, "soon", True, seconds(NOW - timedelta(minutes=6)), 1e30),
            "iat": (..., None, "now", seconds(NOW + timedelta(minutes=6)), float("nan")),
            "auth_time": (seconds(NOW + timedelta(minutes=6)),),
            "nbf": (None, "now", seconds(NOW + timedelta(minutes=6))),
        }.items()
        for value in values
    ],
)
def test_a_token_that_is_not_for_us_says_nothing(changes: dict[str, Any]) -> None:
    assert judged(**changes) == MicrosoftRefusal("token")


def test_without_a_known_issuer_no_token_counts() -> None:
    assert account_of_claims(claims(iss=""), PROFILE, "", NOW) == MicrosoftRefusal("token")


@pytest.mark.parametrize(
    ("changes", "granted"),
    [
        ({"auth_time": seconds(NOW - timedelta(hours=8))}, True),
        ({"auth_time": seconds(NOW - timedelta(hours=8, seconds=1))}, False),
        ({"auth_time": ..., "iat": seconds(NOW - timedelta(hours=8, seconds=1))}, False),
        ({"auth_time": seconds(NOW - timedelta(days=9)), "iat": seconds(NOW)}, False),
        ({"auth_time": seconds(NOW + timedelta(minutes=4))}, True),  # clocks differ
    ],
)
def test_the_sign_in_at_microsoft_must_not_be_too_old(changes: dict[str, Any], granted: bool) -> None:
    assert judged(**changes) == (GOOD if granted else MicrosoftRefusal("old", GOOD.account, GOOD.shown))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.sampled_from([TENANT, *ROLES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*claims(), "auth_time", "groups", "_claim_names"]), json_values))
def test_no_claim_whatever_lets_in_somebody_else(changes: dict[str, Any]) -> None:
    found = judged(**changes)

    if isinstance(found, MicrosoftAccount):
        known = claims(**changes)
        assert found.account == f"entra:{TENANT}:{str(known['oid']).lower()}"
        assert found.role in [role.casefold() for role in known["roles"] if isinstance(role, str)]
        assert CLIENT in (known["aud"] if isinstance(known["aud"], list) else [known["aud"]])
        assert known["iss"] == ISSUER


# Profiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "profiles" / "auth").mkdir(parents=True)
    return tmp_path / "profiles"


def write(folder: Path, name: str = "office", **changes: Any) -> None:
    """A good profile after `changes`; a field set to ... is left out."""
    good = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret_env": "OFFICE_SECRET"}
    content = {field: value for field, value in (good | changes).items() if value is not ...}
    (folder / "auth" / f"{name}.json").write_text(json.dumps(content))


def load(folder: Path) -> tuple[AuthProfile | None, list[str]]:
    """(the profile in use, "code field" of every fault)."""
    found = AuthStore(folder, {"OFFICE_SECRET": " geheim \n", "EMPTY": ""}).load(NOW)
    told = [
        f"{problem.code} {problem.params.get('field', '')}".strip()
        for fault in found.faults
        for problem in fault.problems
    ]
    return found.profile, told


def test_the_least_profile_has_sensible_defaults(folder: Path) -> None:
    write(folder)

    assert load(folder) == (replace(PROFILE, secret="geheim"), [])
    assert "geheim" not in repr(load(folder))


def test_no_profile_is_no_fault(folder: Path) -> None:
    (folder / "auth" / "x.example.json").write_text("{}")

    assert AuthStore(folder).load().configured is False
    assert load(folder) == (None, [])


def test_the_example_is_a_good_profile(folder: Path) -> None:
    example = Path(__file__).parent.parent / "profiles" / "auth" / "anmeldung.example.json"
    (folder / "auth" / "anmeldung.json").write_bytes(example.read_bytes())

    found = AuthStore(folder, {"LIZENZEN_CLIENT_SECRET": "geheim"}).load(NOW)

    assert (found.profile is not None, found.faults) == (True, [])


def test_everything_can_be_said(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("aus der Datei\n")
    write(
        folder,
        client_id="our-client",
        client_secret_env=...,
        client_secret_file="secret.txt",
        authority="https://login.example/realm/",
        redirect_url="https://lizenzen.example.ch/login/microsoft/callback",
        roles={"Lesen": "viewer"},
        max_age_hours=0.5,
    )

    profile, told = load(folder)

    assert told == []
    assert profile == AuthProfile(
        slug="office",
        tenant_id=TENANT,
        client_id="our-client",
        secret="aus der Datei",
        certificate=None,
        authority="https://login.example/realm",
        redirect_url="https://lizenzen.example.ch/login/microsoft/callback",
        roles={"lesen": "viewer"},
        max_age=timedelta(minutes=30),
    )


def test_a_certificate_takes_the_place_of_the_secret(folder: Path) -> None:
    known = write_app_certificate(folder.parent / "certs" / "office.pem", "office", rsa_key(0), 30)
    write(folder, client_secret_env=..., cert_path="certs/office.pem")

    found = AuthStore(folder).load()

    assert found.faults == []
    assert found.profile is not None
    assert found.profile.certificate is not None
    assert found.profile.certificate.thumbprint == known.sha1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tenant_id": ...}, "profile.field_missing tenant_id"),
        ({"tenant_id": "contoso.example"}, "profile.guid_invalid tenant_id"),
        ({"client_id": "x"}, "profile.guid_invalid client_id"),
        ({"client_id": 7}, "profile.field_not_text client_id"),
        ({"client_secret": "geheim"}, "auth.secret_in_file client_secret"),
        ({"client_secret_env": ...}, "auth.one_secret"),
        ({"cert_path": "certs/x.pem"}, "auth.one_secret"),
        ({"client_secret_env": "EMPTY"}, "auth.variable_missing client_secret_env"),
        ({"client_secret_env": ..., "client_secret_file": "none.txt"}, "auth.secret_file client_secret_file"),
        ({"client_secret_env": ..., "client_secret_file": "x\0"}, "auth.secret_file client_secret_file"),
        ({"client_secret_env": ..., "cert_path": "none.pem"}, "profile.cert_missing cert_path"),
        ({"authority": "http://login.example/x"}, "auth.address authority"),
        ({"authority": "https://login.example"}, "auth.address authority"),
        ({"authority": "https://[x/y"}, "auth.address authority"),
        ({"redirect_url": "http://lizenzen.example.ch/login/microsoft/callback"}, "auth.address redirect_url"),
        ({"redirect_url": "https://lizenzen.example.ch/callback"}, "auth.redirect redirect_url"),
        ({"roles": {"Boss": "chef"}}, "auth.role roles.Boss"),
        ({"roles": {"Boss": ["admin"]}}, "auth.role roles.Boss"),
        ({"roles": ["admin"]}, "profile.field_not_object roles"),
        ({"max_age_hours": 0}, "auth.hours max_age_hours"),
        ({"max_age_hours": True}, "auth.hours max_age_hours"),
        ({"max_age_hours": "8"}, "auth.hours max_age_hours"),
    ],
)
def test_a_bad_profile_is_told_and_not_used(folder: Path, changes: dict[str, Any], told: str) -> None:
    write(folder, **changes)

    assert load(folder) == (None, [told])


def test_an_unknown_field_is_told_and_harmless(folder: Path) -> None:
    write(folder, tenantid="x")

    profile, told = load(folder)

    assert (profile is not None, told) == (True, ["profile.field_unknown tenantid"])


def test_all_faults_come_at_once_and_name_file_field_and_remedy(folder: Path) -> None:
    write(folder, tenant_id="x", client_secret="geheim", roles={"Boss": "chef"})

    (fault,) = faults(folder)

    texts = [problem.text("de") for problem in fault.problems]
    assert fault.file == "auth/office.json"
    assert len(texts) == 3
    assert [text for text in texts if not text.startswith("office.json: ") or "geheim" in text] == []


def test_broken_json_is_told(folder: Path) -> None:
    (folder / "auth" / "office.json").write_text("{")

    assert load(folder)[1] == ["profile.json_broken"]


def test_of_two_profiles_the_first_counts_and_the_other_is_told(folder: Path) -> None:
    write(folder, "a", max_age_hours=1)
    write(folder, "b")

    profile, told = load(folder)

    assert profile is not None
    assert (profile.slug, told) == ("a", ["auth.second"])


def test_a_broken_first_profile_lets_nobody_in_through_another(folder: Path) -> None:
    write(folder, "a", tenant_id="x")
    write(folder, "b")

    assert load(folder)[0] is None


@pytest.mark.parametrize("name", ["._anmeldung.json", ".anmeldung.json.swp", "anmeldung.json~", "anmeldung.json.bak"])
def test_what_programs_leave_behind_is_no_profile(folder: Path, name: str) -> None:
    write(folder)
    (folder / "auth" / name).write_text("{")

    profile, told = load(folder)

    assert (profile is not None, told) == (True, [])


@pytest.mark.parametrize(
    ("name", "code"),
    [("anmeldung.JSON", "name_spelling"), ("anmeldung.json.txt", "name_ending"), (".anmeldung.json", "name_hidden")],
)
def test_a_nearly_right_file_is_told_and_says_that_sign_in_is_wanted(folder: Path, name: str, code: str) -> None:
    write(folder)
    (folder / "auth" / "office.json").rename(folder / "auth" / name)

    found = AuthStore(folder).load()

    assert (found.profile, found.configured) == (None, True)
    assert [problem.code for fault in found.faults for problem in fault.problems] == [f"profile.{code}"]
    assert "profiles/auth/anmeldung.json" in found.faults[0].problems[0].text("de")


@pytest.mark.parametrize("spelled", [{"tenant_id": "{" + TENANT.upper() + "}"}, {"client_id": f"\u200e{CLIENT} "}])
def test_ids_are_taken_as_they_were_copied(folder: Path, spelled: dict[str, str]) -> None:
    write(folder, **spelled)

    assert load(folder) == (replace(PROFILE, secret="geheim"), [])


def test_roles_are_found_however_they_are_spelled_and_told_when_two_are_the_same(folder: Path) -> None:
    write(folder, roles={"Le\u0301ser\u00a0": "viewer"})
    profile, told = load(folder)
    assert (profile and dict(profile.roles), told) == ({"léser": "viewer"}, [])

    write(folder, roles={"Lesen": "viewer", "LESEN": "admin"})
    assert load(folder) == (None, ["auth.role_twice roles.Lesen", "auth.role_twice roles.LESEN"])


def test_what_cert_new_prints_is_control_here_too(folder: Path) -> None:
    known = write_app_certificate(folder.parent / "certs" / "office.pem", "office", rsa_key(0), 9999)
    fields: dict[str, Any] = {"client_secret_env": ..., "cert_path": "certs\\office.pem"}

    write(folder, **fields, thumbprint=known.sha1.lower(), expires=7)
    profile, told = load(folder)
    assert (profile is not None, told) == (True, [])

    write(folder, **fields, thumbprint="AB" * 20)
    profile, told = load(folder)
    assert (profile is not None, told) == (True, ["profile.thumbprint_wrong thumbprint"])


def test_a_new_secret_counts_without_a_restart(folder: Path) -> None:
    write(folder, client_secret_env=..., client_secret_file="secret.txt")
    store = AuthStore(folder)
    secrets = []
    for secret in ("alt", "neu"):
        (folder.parent / "secret.txt").write_text(secret)
        profile = store.load().profile
        secrets.append(profile.secret if profile else "")

    assert secrets == ["alt", "neu"]
