"""Files that are nearly a profile: named with what they are and how to put it right, never passed over in silence."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.name_key import guid_key, name_key, thumbprint_key
from core.profiles.profile_faults import Fault
from core.profiles.profile_files import profile_files
from core.profiles.profile_store import folder_problem
from core.text_files import LARGEST, decoded, shown
from simulator.profiles import guid
from tests.profile_files import NOW, ProfileFolder


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    """`profiles/` with one good tenant, contoso."""
    found = ProfileFolder(tmp_path)
    found.tenant("contoso")
    return found


def put(folder: ProfileFolder, name: str, slug: str = "a") -> Path:
    """A good profile of another tenant under this name below `profiles/`."""
    path = folder.profiles / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return folder.write(name, folder.fields(slug))


def told(folder: ProfileFolder) -> list[tuple[str, str, str]]:
    """(file, code, German sentence) of every problem, after a look that the good tenant is read all the same."""
    found = folder.load()
    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    return [(fault.file, problem.code, problem.text("de")) for fault in found.faults for problem in fault.problems]


# Names


@pytest.mark.parametrize(
    ("name", "code", "remedy"),
    [
        pytest.param(
            "config-a-profile.JSON", "name_spelling", "profiles/config-a-profile.json", id="ending-in-capitals"
        ),
        pytest.param("Config-A-Profile.json", "name_spelling", "profiles/config-a-profile.json", id="name-in-capitals"),
        pytest.param(
            "config-a-profile.json\u00a0", "name_spelling", "profiles/config-a-profile.json", id="blank-behind"
        ),
        pytest.param(
            "\u200econfig-a-profile.json", "name_spelling", "profiles/config-a-profile.json", id="hidden-sign"
        ),
        pytest.param("config-a-profile.json.txt", "name_ending", "profiles/config-a-profile.json", id="hidden-ending"),
        pytest.param("config-a-profile.txt", "name_ending", "profiles/config-a-profile.json", id="other-ending"),
        pytest.param("config-a-profile", "name_ending", "config-a-profile.json", id="no-ending"),
        pytest.param("config-a-profile.jsonc", "name_ending", "profiles/config-a-profile.json", id="jsonc"),
        pytest.param(
            "config-a-profile.json (1)", "name_ending", "profiles/config-a-profile.json", id="second-download"
        ),
        pytest.param(".config-a-profile.json", "name_hidden", "profiles/config-a-profile.json", id="dot-in-front"),
        pytest.param("config-a.json", "file_name", "config-<name>-profile.json", id="half-a-name"),
        pytest.param("config-a-profile.json.json", "file_name", "config-<name>-profile.json", id="ending-twice"),
        pytest.param("a.json", "file_name", "config-<name>-profile.json", id="any-json"),
        pytest.param(
            "sp-config-a-profile.json", "wrong_folder", "profiles/sharepoint/sp-config-a-profile.json", id="site"
        ),
        pytest.param("sharepoint/config-a-profile.json", "wrong_folder", "profiles/config-a-profile.json", id="tenant"),
        pytest.param(
            "sharepoint/SP-Config-A-Profile.json",
            "name_spelling",
            "profiles/sharepoint/sp-config-a-profile.json",
            id="site-in-capitals",
        ),
    ],
)
def test_a_nearly_right_file_is_named_with_its_remedy(folder: ProfileFolder, name: str, code: str, remedy: str) -> None:
    put(folder, name)

    ((file, found, sentence),) = told(folder)

    assert (file, found) == (shown(name), f"profile.{code}")
    assert remedy in sentence


@pytest.mark.parametrize(
    "name",
    [
        "._config-a-profile.json",
        "config-a-profile.json~",
        ".config-a-profile.json.swp",
        "#config-a-profile.json#",
        ".#config-a-profile.json",
        "~$config-a-profile.json",
        "config-a-profile.json.bak",
        "config-a-profile.bak",
        "config-a-profile.json.old",
        "config-a-profile.json.bak2",
        "config-a-profile.part",
        "config-beispiel-profile.example.json",
        "README.md",
        "notizen.txt",
        ".DS_Store",
        "..data/config-a-profile.json",
        "@eaDir/config-a-profile.json",
        "__MACOSX/config-a-profile.json",
        "leer/notizen.txt",
    ],
)
def test_what_programs_leave_and_people_put_aside_is_passed_over(folder: ProfileFolder, name: str) -> None:
    put(folder, name)

    assert told(folder) == []


def test_profiles_in_a_subfolder_are_told_and_stop_nothing(folder: ProfileFolder) -> None:
    put(folder, "neu/config-a-profile.json")
    put(folder, "neu/config-b-profile.json", "b")
    put(folder, "SharePoint/sp-config-a-profile.json")
    put(folder, "sharepoint/alt/sp-config-b-profile.json")

    found = told(folder)

    assert [(file, code) for file, code, _ in found] == [
        ("SharePoint", "profile.in_subfolder"),
        ("neu", "profile.in_subfolder"),
        ("sharepoint/alt", "profile.in_subfolder"),
    ]
    assert "profiles/sharepoint/" in found[0][2]
    assert "(2, zum Beispiel config-a-profile.json)" in found[1][2]
    assert all(fault.usable for fault in folder.load().faults)


@pytest.mark.parametrize("name", ["config-contoso-profile.json.txt", "Config-Contoso-Profile.json"])
def test_a_copy_of_a_profile_that_is_there_is_told_and_fails_nothing(folder: ProfileFolder, name: str) -> None:
    put(folder, name)

    ((_, code, sentence),) = told(folder)

    assert (code, folder.load().faults[0].usable) == ("profile.leftover", True)
    assert "profiles/config-contoso-profile.json" in sentence


def test_a_stray_file_keeps_its_tenant_in_mind(folder: ProfileFolder) -> None:
    put(folder, "config-a-profile.json.txt")

    (fault,) = folder.load().faults

    assert (fault.slug, fault.kind, fault.usable) == ("a", "tenant", False)


def test_a_name_that_is_no_text_is_told(folder: ProfileFolder) -> None:
    path = os.fsencode(folder.profiles) + b"/config-h\xf6ri-profile.json"
    Path(os.fsdecode(path)).write_text(json.dumps(folder.fields("a")), encoding="utf-8")

    ((file, code, sentence),) = told(folder)

    assert (file, code) == ("config-h\\xf6ri-profile.json", "profile.name_unreadable")
    sentence.encode()


# What is no file that can be read


def test_a_pipe_a_device_and_a_giant_stop_nobody(folder: ProfileFolder) -> None:
    os.mkfifo(folder.profiles / "config-pipe-profile.json")
    (folder.profiles / "config-device-profile.json").symlink_to("/dev/zero")
    with (folder.profiles / "config-giant-profile.json").open("wb") as file:
        file.truncate(50 * LARGEST)
    (folder.profiles / "config-loop-profile.json").symlink_to(folder.profiles / "config-loop-profile.json")

    assert [(file, code) for file, code, _ in told(folder)] == [
        ("config-device-profile.json", "profile.not_a_file"),
        ("config-giant-profile.json", "profile.too_large"),
        ("config-loop-profile.json", "profile.unreadable"),
        ("config-pipe-profile.json", "profile.not_a_file"),
    ]


@pytest.mark.parametrize("place", ["", "sharepoint"])
def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path, place: str) -> None:
    folder = ProfileFolder(tmp_path)
    path = folder.profiles / place
    (folder.profiles / "sharepoint").rmdir()
    if not place:
        path.rmdir()
    path.write_text("", encoding="utf-8")

    fault = folder.load().faults[0]

    assert [problem.code for problem in fault.problems] == ["profile.folder_unreadable"]
    assert str(path) in fault.problems[0].text("de")
    assert fault.of_sharepoint is bool(place)


def test_a_folder_that_is_missing_is_named_with_its_setting(tmp_path: Path) -> None:
    problem = folder_problem(tmp_path / "profile")

    assert problem is not None
    assert str(tmp_path / "profile") in problem.text("de")
    assert "LIZENZTOOL_PROFILES_DIR" in problem.text("de")


# Content


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_unicode_encoding_is_read_and_told(folder: ProfileFolder, encoding: str) -> None:
    text = json.dumps(folder.fields("a", tenant_name="Schule Höri"), ensure_ascii=False)
    folder.write("config-a-profile.json", text.encode(encoding))

    found = folder.load()

    assert [tenant.name for tenant in found.tenants] == ["Schule Höri", "Contoso"]
    ((problem,),) = [fault.problems for fault in found.faults]
    assert problem.code == "profile.encoding"
    assert encoding[:6].upper() in problem.text("de")
    assert "UTF-8" in problem.text("de")


def test_ansi_is_told_with_its_line_and_the_command_that_converts_it(folder: ProfileFolder) -> None:
    folder.write("config-a-profile.json", '{\n"tenant_name": "Höri"}'.encode("cp1252"))

    ((_, code, sentence),) = told(folder)

    assert code == "profile.encoding_unknown"
    assert "Zeile 2" in sentence
    assert "iconv -f WINDOWS-1252 -t UTF-8 config-a-profile.json" in sentence


def test_a_field_that_is_there_twice_is_told_and_the_last_counts(folder: ProfileFolder) -> None:
    good = json.dumps(folder.fields("a"))
    folder.write("config-a-profile.json", good.replace("{", '{"tenant_name": "Alt", ', 1).encode())

    found = folder.load()

    assert [tenant.name for tenant in found.tenants] == ["A", "Contoso"]
    assert [(p.code, p.params["field"]) for fault in found.faults for p in fault.problems] == [
        ("profile.field_twice", "tenant_name")
    ]


def test_fields_are_found_however_they_are_spelled(folder: ProfileFolder) -> None:
    fields = {name.upper(): value for name, value in folder.fields("a").items()}
    fields["\ufeffexpires "] = fields.pop("EXPIRES")
    folder.write("config-a-profile.json", fields)

    found = folder.load()

    assert ([tenant.slug for tenant in found.tenants], found.faults) == (["a", "contoso"], [])


def test_what_a_file_says_is_bounded_in_messages(folder: ProfileFolder) -> None:
    fields = folder.fields("a", tenant_id="x\0\x1b[31m" * 9999) | {f"feld{number}": "" for number in range(5000)}
    folder.write("config-a-profile.json", fields)

    problems = folder.load().faults[0].problems

    assert len(problems) < 20
    assert all(problem.text("de").isprintable() and len(problem.text("de")) < 900 for problem in problems)


# Spelled variants

SIGNS = st.sampled_from(["", " ", "\u00a0", "\u200e", "\u200b", "\ufeff"])
DASHES = st.sampled_from(["-", "\u2010", "\u2011", "\u2013", ""])
BRACES = st.sampled_from([("", ""), ("{", "}"), ("(", ")"), ('"', '"'), ("«", "»")])


@given(st.uuids(), SIGNS, SIGNS, DASHES, BRACES, st.booleans())
def test_a_guid_is_the_same_however_it_was_copied(value, before, after, dash, braces, capitals) -> None:  # type: ignore[no-untyped-def]
    text = str(value).upper() if capitals else str(value)

    assert guid_key(f"{before}{braces[0]}{text.replace('-', dash)}{braces[1]}{after}") == str(value)


@pytest.mark.parametrize("text", ["", "contoso.example", "1-2", guid("a")[:-1], guid("a") + "0", guid("a")[:-1] + "g"])
def test_what_is_no_guid_has_no_key(text: str) -> None:
    assert guid_key(text) == ""


@given(
    st.binary(min_size=20, max_size=20),
    st.sampled_from(["", ":", " ", "-", "\u00a0"]),
    st.sampled_from(["", "\u200e", "SHA1 Fingerprint=", "sha1:", " "]),
)
def test_a_thumbprint_is_the_same_in_every_tool(raw: bytes, sign: str, before: str) -> None:
    shown_so = before + sign.join(f"{byte:02X}" for byte in raw)

    assert thumbprint_key(shown_so) == raw.hex()


NAMES = st.text("aäöüé SZß-&()🏫", min_size=1, max_size=20).filter(lambda name: bool(name_key(name)))


@settings(max_examples=30)
@given(NAMES, SIGNS, st.sampled_from(["NFC", "NFD"]))
def test_a_name_is_stored_clean_and_its_twin_is_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, sign: str, form: str
) -> None:
    folder = ProfileFolder(tmp_path_factory.mktemp("names"))
    folder.tenant("alpha", tenant_name=sign + unicodedata.normalize(form, name) + sign)  # type: ignore[arg-type]
    folder.tenant("beta", tenant_name=name.upper())

    found = folder.load()

    assert [tenant.name for tenant in found.tenants] == [unicodedata.normalize("NFC", name).strip()]
    assert _codes(found.faults) == ["profile.duplicate_name"]


def _codes(faults: list[Fault]) -> list[str]:
    return [problem.code for fault in faults for problem in fault.problems]


def test_a_thumbprint_and_guids_as_people_paste_them_are_no_fault(folder: ProfileFolder) -> None:
    fields = folder.fields("a")
    fields |= {
        "thumbprint": "\u200e" + fields["thumbprint"].lower(),
        "tenant_id": "{" + guid("a").upper() + "}\u00a0",
        "client_id": guid("app", "a").replace("-", "\u2011"),
    }
    folder.write("config-a-profile.json", fields)

    found = folder.load()

    assert (found.tenants[0].tenant_id, found.tenants[0].client_id) == (guid("a"), guid("app", "a"))
    assert found.faults == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("certs\\a\\mycert_a.pem", id="backslashes"),
        pytest.param('"certs/a/mycert_a.pem"', id="quotes"),
        pytest.param(" \u202acerts/a/mycert_a.pem ", id="hidden-sign-of-a-copied-path"),
        pytest.param(".\\certs\\a/mycert_a.pem", id="both"),
    ],
)
def test_a_path_is_taken_as_windows_writes_it(folder: ProfileFolder, path: str) -> None:
    folder.write("config-a-profile.json", folder.fields("a") | {"cert_path": path})

    found = folder.load()

    assert ([tenant.slug for tenant in found.tenants], found.faults) == (["a", "contoso"], [])


@pytest.mark.parametrize(
    "path", ["Certs/A/MyCert_A.pem", "../certs/a/mycert_a.pem", "C:\\tool\\certs\\a\\mycert_a.pem"]
)
def test_a_path_that_leads_nowhere_is_told_with_the_file_that_is_meant(folder: ProfileFolder, path: str) -> None:
    folder.write("config-a-profile.json", folder.fields("a") | {"cert_path": path})

    ((_, code, sentence),) = told(folder)

    assert code == "profile.cert_elsewhere"
    assert "certs/a/mycert_a.pem" in sentence


@given(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_every_unicode_file_is_decoded(text: str, encoding: str) -> None:
    """Without a byte order mark zero bytes tell the encodings apart; no text of JSON has one."""
    written = "{" + text

    assert decoded(written.encode(encoding))[0] == written


@given(st.text(st.characters(), max_size=300))
def test_what_is_shown_is_short_and_prints(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 121


def test_only_profiles_are_read_as_profiles(folder: ProfileFolder) -> None:
    put(folder, "config-b-profile.json.txt")

    assert [path.name for path in profile_files(folder.profiles, "tenant")] == ["config-contoso-profile.json"]
    assert folder.load(NOW).tenants[0].certificate.not_before < NOW
