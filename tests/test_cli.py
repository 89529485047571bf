"""`python -m core`: what it prints where, its exit codes, and that it ends when it is told to."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import text, update

from core import texts
from core.__main__ import main
from core.access import accounts, second_factor
from core.audit import record
from core.cache.database import open_database
from core.cache.product_names import imported_names
from core.cache.schema import runs
from core.commands.parser_words import WORDS
from core.commands.sync import _result_of
from core.profiles.certificates import read_certificate
from core.roles import Actor
from core.runtime import open_engine
from core.settings import Settings
from simulator import Fault, Microsoft365, SharePoint
from tests.loggers import restored_loggers
from tests.profile_files import ProfileFolder
from tests.warm_process import WarmProcess

ROOT = Path(__file__).parent.parent
PASSWORD = "Birke-Nachthemd-27x"
SUMMARY = ["tenants", "ok", "failed", "skipped", "licenses", "shortages", "sharepoint", "requests", "seconds"]
LISTS = ["created", "updated", "unchanged", "merged", "triggers_set", "resets", "failed"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def a_fresh_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if just started in an empty folder; nobody's signal handlers are changed."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    mask = os.umask(0o022)
    yield
    os.umask(mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def m365(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Microsoft365]:
    """An empty cloud with the settings pointing at it."""
    with Microsoft365(tmp_path / "m365") as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def sp(m365: Microsoft365) -> SharePoint:
    """The site with the lists, and two schools."""
    m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
    m365.add_tenant("Bau AG Chur", skus={"SPE_E3": (5, 5)})
    return m365.add_sharepoint()


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command in this process."""
    capsys.readouterr()
    with restored_loggers():
        code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def synced(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(capsys, "sync", "--json", *arguments)
    return code, json.loads(out)


# sync


def test_sync_reads_every_tenant_and_writes_the_lists(capsys: Capture, sp: SharePoint) -> None:
    code, out, _ = run(capsys, "sync")

    first, lists = out.splitlines()
    assert code == 0
    assert first.startswith("2 von 2 Tenants gelesen, 2 Lizenzen, 1 Engpass, ")
    assert lists == (
        "SharePoint: 2 angelegt, 1 geändert, 0 unverändert, 0 zusammengelegt, 1 Auslöser gesetzt, "
        "0 Vermerke zurückgesetzt, 0 misslungen"
    )


def test_sync_json_is_the_object_of_the_contract(capsys: Capture, sp: SharePoint) -> None:
    code, summary = synced(capsys)

    assert code == 0
    assert list(summary)[: len(SUMMARY)] == SUMMARY
    assert list(summary["sharepoint"]) == LISTS
    assert (summary["tenants"], summary["ok"], summary["licenses"], summary["shortages"]) == (2, 2, 2, 1)
    assert summary["requests"] > 0 < summary["seconds"]


def test_a_tenant_that_fails_is_told_with_code_and_remedy(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    m365.find_tenant("Schule Höri").disabled = True

    code, summary = synced(capsys)

    (failed,) = summary["failed"]
    assert (code, summary["ok"]) == (1, 1)
    assert (failed["tenant"], failed["code"]) == ("Schule Höri", "signin.app_disabled")
    assert "aktivieren" in failed["message"]


def test_a_broken_profile_fails_and_the_others_are_read(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    (m365.profiles_dir / "config-broken-profile.json").write_text("{")

    code, summary = synced(capsys)

    assert (code, summary["tenants"], summary["ok"]) == (1, 3, 2)
    assert [(entry["tenant"], entry["code"]) for entry in summary["failed"]] == [("broken", "profile.json_broken")]


def test_lists_that_cannot_be_reached_fail_but_the_tenants_are_read(capsys: Capture, sp: SharePoint) -> None:
    sp.grant = None

    code, summary = synced(capsys)

    assert (code, summary["ok"]) == (1, 2)
    assert summary["sharepoint"]["problem"]["code"] == "graph.forbidden"


def test_a_tenant_that_is_switched_off_is_skipped_with_its_reason(capsys: Capture, m365: Microsoft365) -> None:
    m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)}, enabled=False)
    m365.add_sharepoint()

    code, summary = synced(capsys)

    assert (code, summary["ok"], summary["skipped"]) == (0, 0, [{"tenant": "Schule Höri", "reason": "disabled"}])


@pytest.mark.parametrize("named", ["Bau AG Chur", "bau ag chur", "bau-ag-chur"])
def test_one_tenant_alone_by_name_or_slug(capsys: Capture, m365: Microsoft365, sp: SharePoint, named: str) -> None:
    code, summary = synced(capsys, "--tenant", named)

    assert (code, summary["tenants"], summary["ok"]) == (0, 1, 1)
    assert {r.tenant_id for r in m365.requests if "subscribedSkus" in r.path} == {
        m365.find_tenant("Bau AG Chur").tenant_id
    }


def test_several_tenants_may_be_named(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    m365.add_tenant("Dritte", skus={"SPB": (1, 0)})

    _, summary = synced(capsys, "--tenant", "Dritte", "--tenant", "Schule Höri")

    assert (summary["tenants"], summary["ok"]) == (2, 2)


def test_an_unknown_tenant_is_told_with_the_nearest_name(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    code, out, err = run(capsys, "sync", "--tenant", "Schule Hori")

    assert (code, out) == (2, "")
    assert "«Schule Hori»" in err
    assert "Schule Höri" in err
    assert m365.requests == []


def test_read_only_leaves_the_lists_alone(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    before = [dict(item.fields) for item in sp.tenants.items]

    code, summary = synced(capsys, "--read-only")

    assert (code, summary["ok"]) == (0, 2)
    assert sp.licenses.items == []
    assert [dict(item.fields) for item in sp.tenants.items] == before
    assert m365.count("POST", "$batch") == m365.count("PATCH") == 0


def test_messages_follow_the_language(capsys: Capture, sp: SharePoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIZENZTOOL_LANGUAGE", "en")

    _, _, err = run(capsys, "sync", "--tenant", "nobody")
    _, out, _ = run(capsys, "sync")

    assert "There is no tenant “nobody”" in err
    assert out.splitlines()[0].startswith("2 of 2 tenants read, 2 licences, 1 shortage, ")
    assert out.splitlines()[1].startswith("SharePoint: 2 created, 1 updated, ")


# Wrong configuration


def no_profiles(_folder: Path, _set: Callable[[str, str], None]) -> None:
    pass


def wrong_settings(_folder: Path, set_: Callable[[str, str], None]) -> None:
    set_("LIZENZTOOL_PORT", "x")
    set_("LIZENZTOOL_LANGUGE", "de")


def damaged_database(folder: Path, _set: Callable[[str, str], None]) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "lizenztool.db").write_text("no database at all" * 99)


def file_for_folder(folder: Path, set_: Callable[[str, str], None]) -> None:
    (folder / "x").write_text("")
    set_("LIZENZTOOL_DATA_DIR", str(folder / "x"))
    set_("LIZENZTOOL_DATABASE_URL", f"sqlite:///{folder / 'y.db'}")


@pytest.mark.parametrize("command", ["sync", "check"])
@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        pytest.param(wrong_settings, ["LIZENZTOOL_PORT", "LIZENZTOOL_LANGUAGE"], id="settings"),
        pytest.param(damaged_database, ["beschädigt", ".bak"], id="database"),
        pytest.param(file_for_folder, ["File exists"], id="data-folder"),
    ],
)
def test_a_wrong_configuration_ends_with_2_and_words(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, prepare: Any, said: list[str]
) -> None:
    prepare(tmp_path, monkeypatch.setenv)

    code, out, err = run(capsys, command)

    assert (code, out) == (2, "")
    assert [word for word in said if word not in err] == []
    assert "Traceback" not in err


def test_without_a_profile_sync_says_what_to_do(capsys: Capture) -> None:
    code, summary_line, err = run(capsys, "sync", "--json")

    assert (code, json.loads(summary_line)["tenants"]) == (2, 0)
    assert "docs/anleitung.md" in err


@pytest.mark.parametrize(
    "arguments", [[], ["sink"], ["cert"], ["users"], ["sync", "--tenant"], ["cert", "new", "x", "--days", "0"]]
)
def test_wrong_use_ends_with_2(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "Aufruf: python -m core" in capsys.readouterr().err


# How each language says what is wrong with --days, and names its options.
HELP = {"de": ("Optionen:", "«0» ist keine Zahl von Tagen"), "en": ("options:", "“0” is not a number of days")}


@pytest.mark.parametrize("language", HELP)
def test_help_and_errors_speak_the_language_of_the_setting(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("LIZENZTOOL_LANGUAGE", language)
    for arguments in (["cert", "new", "--help"], ["cert", "new", "x", "--days", "0"]):
        with pytest.raises(SystemExit):
            main(arguments)

    shown = "".join(capsys.readouterr())
    assert all(words in shown for words in HELP[language])
    assert texts.text("help.cert_days", language) in shown


def test_the_words_of_argparse_are_those_of_this_python() -> None:
    source = Path(argparse.__file__).read_text("utf-8")

    for words in WORDS:
        assert words.replace("\n", "\\n") in source


# As a process of its own


@contextmanager
def process(
    *arguments: str,
    program: Sequence[str] = ("-m", "core"),
    kind: type[subprocess.Popen[str]] = WarmProcess,
    **environment: str,
) -> Iterator[subprocess.Popen[str]]:
    """A running `python -m core`; never left behind."""
    inherited = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command, pipe = [sys.executable, *program, *arguments], subprocess.PIPE
    with kind(command, env=inherited, stdout=pipe, stderr=pipe, text=True, encoding="utf-8") as started:
        try:
            yield started
        finally:
            started.kill()


def test_stdout_is_one_line_of_json_and_the_log_goes_to_stderr(m365: Microsoft365, sp: SharePoint) -> None:
    m365.find_tenant("Schule Höri").permissions = set()

    with process("sync", "--json", kind=subprocess.Popen) as sync:
        out, err = sync.communicate(timeout=60)

    (line,) = out.splitlines()
    assert sync.returncode == 1
    assert json.loads(line)["failed"][0]["tenant"] == "Schule Höri"
    assert re.search(r"tenant=Schule Höri request=\S+: kann nicht gelesen werden", err)
    assert "kann nicht gelesen werden" in Path("logs/lizenztool.log").read_text("utf-8")


IMPATIENT = """
import sys
from core import workers
from core.__main__ import main
from core.commands import sync
sync.END_SECONDS, sync.TICK, workers.END_SECONDS = 0.2, 0.02, 0.2
sys.exit(main(sys.argv[1:]))
"""


def test_watch_goes_on_until_it_is_told_to_end(m365: Microsoft365, sp: SharePoint) -> None:
    watch = ("sync", "--watch", "--json")
    with process(*watch, program=("-c", IMPATIENT), LIZENZTOOL_REFRESH_MINUTES="0.001") as sync:
        assert sync.stdout is not None
        first, second = (json.loads(sync.stdout.readline()) for _ in range(2))
        sync.send_signal(signal.SIGTERM)
        out, err = sync.communicate(timeout=20)

    assert sync.returncode == 0
    assert (first["sharepoint"]["created"], second["sharepoint"]["unchanged"]) == (2, 2)
    assert all(json.loads(line) for line in out.splitlines())
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("number", "request_"),
    [(signal.SIGTERM, "subscribedSkus"), (signal.SIGINT, "subscribedSkus"), (signal.SIGTERM, "sites")],
)
def test_it_ends_in_the_middle_of_a_refresh(m365: Microsoft365, sp: SharePoint, number: int, request_: str) -> None:
    reached = threading.Event()
    m365.faults.add(Fault(request_, "hang", times=None, before=reached.set))

    with process("sync", "--watch", "--json", program=("-c", IMPATIENT)) as sync:
        assert reached.wait(20)
        sync.send_signal(number)
        out, err = sync.communicate(timeout=20)

    assert sync.returncode == 0
    assert out == ""  # half a refresh says nothing about the tenants that were not asked
    assert "Beendet. Was bis dahin gelesen wurde, ist gespeichert." in err
    assert "Traceback" not in err


def test_a_refresh_that_fails_with_a_timeout_has_not_been_stopped() -> None:
    def refresh() -> dict[str, Any]:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        _result_of(refresh, threading.Event())


# prune


def test_prune_deletes_what_is_older_than_the_settings_keep(
    capsys: Capture, m365: Microsoft365, sp: SharePoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "sync", "--read-only")
    run(capsys, "sync", "--read-only")
    engine = open_database("sqlite:///data/lizenztool.db")
    with engine.begin() as connection:
        connection.execute(update(runs).values(finished_at=datetime.now(UTC) - timedelta(days=91)))
    engine.dispose()
    for number, age in enumerate((50, 40)):
        copy = Path(f"data/lizenztool.db.000{number}.x.bak")
        copy.touch()
        os.utime(copy, (time.time() - age * 86_400,) * 2)

    monkeypatch.setenv("LIZENZTOOL_RUN_DAYS", "0")
    assert json.loads(run(capsys, "prune", "--json")[1])["runs"] == 0
    monkeypatch.setenv("LIZENZTOOL_RUN_DAYS", "90")
    code, out, _ = run(capsys, "prune")

    assert code == 0
    assert "1 Aktualisierung gelöscht." in out.splitlines()  # the latest stays, however old
    assert [copy.name for copy in Path("data").glob("*.bak")] == ["lizenztool.db.0001.x.bak"]


def test_a_copy_that_cannot_be_deleted_ends_neither_prune_nor_a_watched_sync(
    capsys: Capture, m365: Microsoft365, sp: SharePoint
) -> None:
    run(capsys, "sync", "--read-only")
    stubborn, gone, newest = (Path(f"data/lizenztool.db.000{number}.x.bak") for number in range(3))
    stubborn.mkdir()  # a folder: no user, not even root, deletes it as a file
    gone.symlink_to("deleted-by-another-process")
    newest.touch()
    os.utime(stubborn, (time.time() - 50 * 86_400,) * 2)

    code, out, err = run(capsys, "prune", "--json")

    assert (code, json.loads(out)["copies"]) == (0, 1)  # the link, whose file another process has deleted
    assert "lizenztool.db.0000.x.bak kann nicht gelöscht werden" in err


# check


def findings(capsys: Capture) -> tuple[int, list[dict[str, str]]]:
    code, out, _ = run(capsys, "check", "--json")
    found = json.loads(out)
    assert found.pop()["code"] == "check.no_backup"
    return code, found


def test_check_says_that_all_is_well(capsys: Capture, sp: SharePoint) -> None:
    code, out, _ = run(capsys, "check")

    assert code == 0
    assert out.splitlines()[:-1] == [
        "ok      Bau AG Chur: 1 SKU",
        "ok      Schule Höri: 1 SKU",
        "ok      support: Tenantliste 2, Lizenzstatusliste 0",
    ]
    assert out.splitlines()[-1].startswith("Warnung backup: Es ist keine Sicherung eingerichtet")


def test_check_json_has_a_code_a_message_and_the_technical_line(capsys: Capture, sp: SharePoint) -> None:
    sp.grant = None

    code, found = findings(capsys)

    assert code == 1
    assert found[0] == {"subject": "Bau AG Chur", "level": "ok", "code": "", "message": "1 SKU", "detail": ""}
    assert (found[2]["level"], found[2]["code"]) == ("error", "graph.forbidden")
    assert "Sites.Selected" in found[2]["message"]
    assert "HTTP 403" in found[2]["detail"]


def nothing(_m365: Microsoft365, _sp: SharePoint) -> None:
    pass


def broken_profile(m365: Microsoft365, _sp: SharePoint) -> None:
    (m365.profiles_dir / "config-x-profile.json").write_text("{")


def broken_sign_in_profile(m365: Microsoft365, _sp: SharePoint) -> None:
    folder = m365.profiles_dir / "auth"
    folder.mkdir()
    (folder / "anmeldung.json").write_text("{")


def ending_certificate(m365: Microsoft365, _sp: SharePoint) -> None:
    m365.find_tenant("Schule Höri").renew_certificate(12)


def ending_certificate_of_the_site(_m365: Microsoft365, sp: SharePoint) -> None:
    sp.renew_certificate(12)


def no_renewal_dates(m365: Microsoft365, _sp: SharePoint) -> None:
    m365.find_tenant("Schule Höri").permissions = {"LicenseAssignment.Read.All"}


def refused_sign_in(m365: Microsoft365, _sp: SharePoint) -> None:
    m365.find_tenant("Schule Höri").disabled = True


def no_site(_m365: Microsoft365, sp: SharePoint) -> None:
    sp.profile_path.unlink()


def broken_site(_m365: Microsoft365, sp: SharePoint) -> None:
    sp.profile_path.write_text("{")


def missing_list(_m365: Microsoft365, sp: SharePoint) -> None:
    profile = json.loads(sp.profile_path.read_text("utf-8"))
    profile["sharepoint_infos"]["license_list_id"] = "00000000-0000-0000-0000-000000000000"
    sp.profile_path.write_text(json.dumps(profile))


@pytest.mark.parametrize(
    ("prepare", "code", "expected"),
    [
        pytest.param(nothing, 0, [], id="all-well"),
        pytest.param(broken_profile, 1, [("error", "profile.json_broken")], id="broken-profile"),
        pytest.param(broken_sign_in_profile, 1, [("error", "profile.json_broken")], id="broken-sign-in-profile"),
        pytest.param(ending_certificate, 0, [("warning", "check.certificate_ends")], id="certificate-ends"),
        pytest.param(
            ending_certificate_of_the_site, 0, [("warning", "check.certificate_ends")], id="site-certificate-ends"
        ),
        pytest.param(no_renewal_dates, 0, [("warning", "check.no_renewals")], id="no-renewal-dates"),
        pytest.param(refused_sign_in, 1, [("error", "signin.app_disabled")], id="sign-in-refused"),
        pytest.param(no_site, 0, [("warning", "check.no_sharepoint")], id="no-sharepoint"),
        pytest.param(broken_site, 1, [("error", "profile.json_broken")], id="broken-sharepoint-profile"),
        pytest.param(missing_list, 1, [("error", "graph.not_found")], id="missing-list"),
    ],
)
def test_check_finds_what_is_wrong(
    capsys: Capture, m365: Microsoft365, sp: SharePoint, prepare: Any, code: int, expected: list[tuple[str, str]]
) -> None:
    prepare(m365, sp)

    ended, found = findings(capsys)

    assert [(entry["level"], entry["code"]) for entry in found if entry["code"]] == expected
    assert ended == code


def test_check_reads_the_parameters_of_the_flow(capsys: Capture, m365: Microsoft365) -> None:
    m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
    m365.add_sharepoint(parameters={"sendermail": "a@support.example", "communication": "Fax"})

    code, found = findings(capsys)

    assert code == 1
    assert sorted(entry["code"] for entry in found if entry["level"] == "error") == [
        "sharepoint.channel_unknown",
        "sharepoint.parameter_missing",
    ]


def test_check_tells_what_others_may_read_and_a_key_that_is_lost(
    capsys: Capture, sp: SharePoint, tmp_path: Path
) -> None:
    synced(capsys)
    (tmp_path / "data" / "lizenztool.db").chmod(0o644)
    (tmp_path / "data" / "secret.key").unlink()

    code, found = findings(capsys)

    told = {(entry["level"], entry["subject"], entry["code"]) for entry in found}
    assert code == 1
    assert told >= {("warning", "files", "files.read"), ("error", "secrets", "secrets.key_missing")}


def test_check_changes_nothing(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    findings(capsys)

    assert sp.licenses.items == []
    assert {request.method for request in m365.requests if request.path.startswith("/v1.0/")} == {"GET"}


# cert


def test_cert_new_makes_what_the_profile_needs_and_prints_it(capsys: Capture, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "cert", "new", "contoso", "--days", "90")

    path = tmp_path / "certs" / "contoso" / "mycert_contoso.pem"
    made = read_certificate(path)
    assert code == 0
    assert f'"thumbprint": "{made.thumbprint}"' in out
    assert '"cert_path": "certs/contoso/mycert_contoso.pem"' in out
    assert f'"expires": "{made.expires.date()}"' in out
    assert str(path.with_suffix(".cer")) in out
    assert made.expires - made.not_before == timedelta(days=90, minutes=5)


def test_what_cert_new_prints_fits_into_a_profile(capsys: Capture, tmp_path: Path) -> None:
    _, out, _ = run(capsys, "cert", "new", "contoso")
    printed = json.loads("{" + out.partition("profile.json:\n")[2].rstrip().rstrip(",") + "}")
    folder = ProfileFolder(tmp_path)

    folder.tenant("contoso", **printed)

    found = folder.store.load()
    assert (len(found.tenants), found.faults) == (1, [])


def test_cert_new_never_overwrites_a_key(capsys: Capture, tmp_path: Path) -> None:
    run(capsys, "cert", "new", "contoso")
    path = tmp_path / "certs" / "contoso" / "mycert_contoso.pem"
    before = path.read_bytes()

    code, out, _ = run(capsys, "cert", "new", "contoso")

    assert code == 0
    assert path.read_bytes() == before
    assert len(list(path.parent.glob("*.pem"))) == 2
    assert json.loads("{" + out[out.index('"thumbprint"') - 1 :] + "}")["expires"] in out


@pytest.mark.parametrize("slug", ["../x", "Contoso", "a/b", "", "ä"])
def test_cert_new_takes_only_a_plain_name(capsys: Capture, tmp_path: Path, slug: str) -> None:
    code, _, err = run(capsys, "cert", "new", slug)

    assert code == 2
    assert "Kleinbuchstaben" in err
    assert not (tmp_path / "certs").exists()


# skus


def test_skus_import_takes_a_list_and_says_what_it_skipped(capsys: Capture, tmp_path: Path) -> None:
    rows = [
        "Product_Display_Name,String_Id,GUID,Service_Plan_Name",
        "Contoso Suite,CONTOSO,11111111-2222-3333-4444-555555555555,A",
        "Contoso Suite,CONTOSO,11111111-2222-3333-4444-555555555555,B",
        "Broken,BROKEN,1111-22,C",
    ]
    (tmp_path / "names.csv").write_text("\n".join(rows))

    code, out, _ = run(capsys, "skus", "import", "names.csv")

    assert code == 0
    assert out.splitlines()[0] == "1 Produktname eingelesen, 1 Zeile übersprungen."
    assert out.splitlines()[1].startswith("- Zeile 4:")
    (name,) = imported_names(open_database("sqlite:///data/lizenztool.db"))
    assert (name.sku_part_number, name.display_name) == ("CONTOSO", "Contoso Suite")


@pytest.mark.parametrize("source", ["missing.csv", "letter.txt", "http://localhost/names.csv"])
def test_a_list_that_cannot_be_had_is_told_and_the_names_stay(capsys: Capture, tmp_path: Path, source: str) -> None:
    (tmp_path / "letter.txt").write_text("Das ist ein Brief.")

    code, out, err = run(capsys, "skus", "import", source)

    assert (code, out) == (2, "")
    assert err.strip()
    assert "Traceback" not in err


# users


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_accounts_from_the_first_to_the_last_command(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, f"{PASSWORD}\n")
    assert run(capsys, "users", "add", "anna", "--role", "admin")[:2] == (0, "")
    assert run(capsys, "users", "add", "beat", "--random")[0] == 0
    assert run(capsys, "users", "disable", "beat") == (0, "", "")

    code, out, _ = run(capsys, "users", "list")

    assert code == 0
    assert [line.split() for line in out.splitlines()] == [["anna", "admin"], ["beat", "support", "gesperrt"]]
    assert run(capsys, "users", "enable", "beat")[0] == 0
    assert "gesperrt" not in run(capsys, "users", "list")[1]


def test_a_random_password_is_printed_once_and_works(capsys: Capture) -> None:
    run(capsys, "users", "add", "anna", "--random")

    _, printed, _ = run(capsys, "users", "passwd", "anna", "--random")

    engine = open_database("sqlite:///data/lizenztool.db")
    found = accounts.sign_in(engine, "anna", printed.strip(), now=accounts._now())
    engine.dispose()
    assert not isinstance(found, accounts.SignInRefused)
    assert printed.strip() not in Path("logs/lizenztool.log").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "password"),
    [
        pytest.param(["add", "anna"], "kurz", id="short-password"),
        pytest.param(["add", "an na"], PASSWORD, id="bad-name"),
        pytest.param(["passwd", "nobody"], PASSWORD, id="passwd-of-nobody"),
        pytest.param(["disable", "nobody"], "", id="disable-nobody"),
    ],
)
def test_what_cannot_be_done_is_told_without_the_password(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, arguments: list[str], password: str
) -> None:
    typed(monkeypatch, f"{password}\n")

    code, out, err = run(capsys, "users", *arguments)

    assert (code, out) == (2, "")
    assert err.strip()
    assert not password or password not in err


def test_a_second_factor_whose_device_is_lost_is_removed(capsys: Capture) -> None:
    _, password, _ = run(capsys, "users", "add", "anna", "--random")
    engine, anna = open_engine(Settings()), Actor("anna", "support", "page")
    now = datetime.now(UTC)
    setup = second_factor.begin(engine, anna, password.strip(), now)
    second_factor.confirm(engine, anna, pyotp.TOTP(setup.secret).at(now), now)

    assert run(capsys, "users", "remove-factor", "Anna") == (0, "", "")

    assert isinstance(accounts.sign_in(engine, "anna", password.strip(), now=now), str)
    engine.dispose()
    code, _, err = run(capsys, "users", "remove-factor", "anna")
    assert (code, err.strip()) == (2, "«anna» hat keinen zweiten Faktor.")


def test_a_name_that_is_taken_is_told(capsys: Capture) -> None:
    run(capsys, "users", "add", "anna", "--random")

    code, _, err = run(capsys, "users", "add", "ANNA", "--random")

    assert code == 2
    assert "anna" in err


# audit


def test_an_untouched_audit_is_whole_and_says_its_newest_hash(capsys: Capture) -> None:
    run(capsys, "users", "add", "anna", "--random")
    run(capsys, "users", "disable", "anna")

    code, out, _ = run(capsys, "audit", "verify")

    assert code == 0
    assert re.fullmatch(r"2 Zeilen sind unverändert, neueste Prüfsumme [0-9a-f]{64}\n", out)


def test_a_row_that_was_changed_is_named(capsys: Capture) -> None:
    for name in ("anna", "beat", "carla"):
        run(capsys, "users", "add", name, "--random")
    engine = open_database("sqlite:///data/lizenztool.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE seq = 2"))
    engine.dispose()

    code, out, _ = run(capsys, "audit", "verify")

    assert code == 1
    assert out.splitlines()[1] == "Zeile 2 wurde geändert, oder vor ihr fehlen Zeilen."


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.csv"])
def test_the_audit_goes_into_a_file_and_that_is_recorded(capsys: Capture, tmp_path: Path, name: str) -> None:
    run(capsys, "users", "add", "anna", "--random")
    run(capsys, "users", "role", "anna", "admin")

    assert run(capsys, "audit", "export", name)[:2] == (0, "2 Zeilen geschrieben.\n")

    with (tmp_path / name).open(encoding="utf-8-sig" if name.endswith("csv") else "utf-8", newline="") as file:
        rows = (
            list(csv.DictReader(file, delimiter=";")) if name.endswith("csv") else [json.loads(line) for line in file]
        )
    assert [row["action"] for row in rows] == ["account.role", "account.added"]
    assert json.loads(rows[0]["after"])["role"] == "admin"
    assert run(capsys, "audit", "verify")[1].startswith("3 Zeilen")


def test_the_audit_as_csv_is_harmless_in_a_spreadsheet(capsys: Capture, tmp_path: Path) -> None:
    run(capsys, "users", "list")  # makes the database
    engine = open_database("sqlite:///data/lizenztool.db")
    record(
        engine,
        Actor("entra:1:2", "viewer", "sign-in", '=HYPERLINK("https://evil.example"),=1;=2\t=3|=4'),
        "session.started",
    )
    engine.dispose()

    run(capsys, "audit", "export", "audit.csv")

    content = (tmp_path / "audit.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfseq;at;")  # as an Excel of the configured language reads it
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert [row["actor_name"][:2] for row in rows] == ["'="]
    for separator in ",\t|":  # and however another one splits it
        cells = [
            cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=separator) for cell in row
        ]
        assert not [cell for cell in cells if cell.strip(' "')[:1] in tuple("=+-@")]


def test_database_and_log_are_for_the_service_alone(capsys: Capture, sp: SharePoint, tmp_path: Path) -> None:
    synced(capsys)

    for file in (tmp_path / "data" / "lizenztool.db", tmp_path / "logs" / "lizenztool.log"):
        assert file.stat().st_mode & 0o077 == 0, file
