"""The log: console and file, run and tenant in each line, a fixed size, and never a secret."""

from __future__ import annotations

import json
import logging
import re
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache.audit_rows import Search, find
from core.logs.log_lines import FORMATTERS, carry
from core.logs.log_words import word
from core.logs.setup import request_in_log, run_in_log, set_up_logs, tenant_in_log
from core.masking import hide_secrets
from core.problems import Problem, ProblemError
from simulator import Fault
from tests.actors import actor
from tests.loggers import NOISY
from tests.office import open_office

NOWHERE = {"run": "-", "tenant": "-", "request": "-", "account": ""}
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \[[A-Z]+\] \S+ run=\S+ tenant=.+? request=\S+: ."
)


def test_a_line_names_run_and_tenant_on_console_and_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path / "logs", "INFO")

    with run_in_log("a1b2"), tenant_in_log("Schule Höri"):
        logging.getLogger("core.refresh.reader").info("read")
    logging.getLogger("core.refresh.run").info("done")

    first, second = (tmp_path / "logs" / "lizenztool.log").read_text("utf-8").splitlines()
    assert first.endswith("[INFO] core.refresh.reader run=a1b2 tenant=Schule Höri request=-: read")
    assert second.endswith("[INFO] core.refresh.run run=- tenant=- request=-: done")
    assert capsys.readouterr().err.splitlines() == [first, second]
    assert LINE.match(first)
    assert LINE.match(second)


@pytest.mark.parametrize(
    ("form", "language", "written"),
    [
        pytest.param("text", "de", "alle Tenants: Einen Tenant «Höri» gibt es", id="people-in-german"),
        pytest.param("text", "en", "all tenants: There is no tenant “Höri”", id="people-in-english"),
        pytest.param("json", "de", "all tenants: There is no tenant “Höri”", id="programs-always-in-english"),
    ],
)
def test_sentences_words_and_problems_are_in_the_language_of_the_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, language: str, written: str
) -> None:
    set_up_logs(tmp_path, "INFO", form, language=language)
    log = logging.getLogger("core")

    problem = Problem("refresh.unknown_tenant", {"tenant": "Höri", "near": "–"})
    log.info("%s: %s", word("all tenants"), problem)
    log.warning("SharePoint: %s", ProblemError(problem))

    lines = capsys.readouterr().err.splitlines()
    if form == "json":
        lines = [json.loads(line)["message"] for line in lines]
    assert [written in lines[0], written.partition(": ")[2] in lines[1]] == [True, True], lines


def test_a_sentence_of_the_product_is_written_in_german(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO", language="de")

    logging.getLogger("core").warning("syslog %s is back", "/dev/log")
    logging.getLogger("urllib3").warning("%s is not ours", "this line")

    ours, foreign = capsys.readouterr().err.splitlines()
    assert ours.endswith(": Syslog /dev/log ist wieder erreichbar")
    assert foreign.endswith(": this line is not ours")


@pytest.mark.parametrize(("month", "zone"), [(1, "+01:00"), (7, "+02:00")])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_says_in_which_zone_its_time_is(
    month: int, zone: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = logging.LogRecord("core", logging.INFO, "x.py", 1, "read", (), None)
    record.created = datetime(2026, month, 20, 12, tzinfo=UTC).timestamp()
    try:
        with monkeypatch.context() as changed:
            changed.setenv("TZ", "Europe/Zurich")
            time.tzset()
            line = FORMATTERS[form]().format(carry(record, NOWHERE))
    finally:
        time.tzset()

    assert f"2026-0{month}-20T1{2 + int(zone[2])}:00:00.000{zone}" in line


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b", "\x85", "\u2028", "\x00"])
def test_a_name_from_outside_begins_no_line_of_its_own(sign: str) -> None:
    forged = f"SPB{sign}2026-11-20 13:00:01,204 [INFO] core.access.accounts: anna is admin"
    record = logging.LogRecord("core", logging.WARNING, "x.py", 1, "unknown product %s", (forged,), None)

    line = FORMATTERS["text"]().format(carry(record, NOWHERE))

    assert len(line.splitlines()) == 1
    assert sign not in line
    assert repr(sign)[1:-1] in line


# JSON


def written_objects(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.split("\n") if line]


def test_as_json_a_line_is_an_object_on_console_and_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path / "logs", "INFO", "json")

    with request_in_log("c3d4", "anna"), run_in_log("a1b2"), tenant_in_log("Schule Höri"):
        logging.getLogger("core.refresh.reader").info("read %d", 7)
    logging.getLogger("core.refresh.run").warning("done")

    lines = capsys.readouterr().err
    first, second = written_objects(lines)
    assert (tmp_path / "logs" / "lizenztool.log").read_text("utf-8") == lines
    assert datetime.fromisoformat(first.pop("time")).utcoffset() is not None
    assert first == {
        "level": "INFO",
        "logger": "core.refresh.reader",
        "message": "read 7",
        "run": "a1b2",
        "tenant": "Schule Höri",
        "request": "c3d4",
        "account": "anna",
    }
    assert (second["run"], second["tenant"], second["request"]) == ("-", "-", "-")
    assert "account" not in second


@given(said=st.text(), raised=st.text(), tenant=st.text())
def test_whatever_is_said_every_line_is_one_object(said: str, raised: str, tenant: str) -> None:
    error = ValueError(raised)
    record = logging.LogRecord("core", logging.ERROR, "x.py", 1, "%s", (said,), (ValueError, error, None))

    line = FORMATTERS["json"]().format(carry(record, NOWHERE | {"tenant": tenant}))

    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == hide_secrets(said)
    assert json.loads(line)["exception"].startswith("ValueError")


def test_as_json_secrets_are_hidden_and_the_line_stays_json() -> None:
    error = ValueError(f'{{"access_token": "abc"}} {KEY}')
    record = logging.LogRecord(
        "core", logging.ERROR, "x.py", 1, '{"client_secret": "geheim"}', (), (ValueError, error, None)
    )

    line = FORMATTERS["json"]().format(carry(record, NOWHERE))

    assert json.loads(line)["message"] == '{"client_secret": ***}'
    assert not [secret for secret in ("geheim", "abc", "MIIE") if secret in line]


def test_what_python_warns_of_goes_the_same_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO", "json")

    with warnings.catch_warnings():
        logging.captureWarnings(False)  # as a new process is
        logging.captureWarnings(True)
        warnings.simplefilter("always")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)

    (line,) = written_objects(capsys.readouterr().err)
    assert "old ways" in line["message"]


def test_a_second_set_up_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO")
    set_up_logs(tmp_path / "other", "DEBUG")

    logging.getLogger("core").info("once")
    logging.getLogger("core").debug("not at all")

    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "other").exists()


def test_what_others_say_of_every_request_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "DEBUG")

    for name in NOISY:
        logging.getLogger(name).info("chatter")

    assert capsys.readouterr().err == ""


def test_without_a_folder_the_console_remains_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file, not a folder")

    set_up_logs(tmp_path / "logs", "INFO")
    logging.getLogger("core").info("still here")

    first, second = capsys.readouterr().err.splitlines()
    assert "no log file in" in first
    assert second.endswith("still here")


def test_the_file_is_cut_at_five_megabytes_and_three_older_ones_are_kept(tmp_path: Path) -> None:
    names = ["lizenztool.log", *(f"lizenztool.log.{number}" for number in (1, 2, 3))]
    for name in names:
        (tmp_path / name).write_text(name.ljust(5 * 1024 * 1024 - 20))
    set_up_logs(tmp_path, "INFO")

    logging.getLogger("core").info("one more")

    assert [path.name for path in sorted(tmp_path.iterdir())] == names
    assert (tmp_path / names[0]).read_text().endswith("one more\n")
    assert [(tmp_path / name).read_text().rstrip() for name in names[1:]] == names[:3]


# Secrets

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJl"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG\n9w0BAQEFAASC\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"token {JWT} taken", "token *** taken", id="access-token"),
        pytest.param(f"token {JWT[:30]}", "token ***", id="half-a-token"),
        pytest.param(f"x {KEY} y", "x *** y", id="private-key"),
        pytest.param(KEY.replace("\n", "\\n")[:60], "***", id="half-a-private-key-on-one-line"),
        pytest.param("Authorization: Bearer abc.def", "Authorization: Bearer ***", id="bearer"),
        pytest.param("{'Authorization': 'Basic dTpnZWhlaW0='}", "{'Authorization': 'Basic ***'}", id="basic"),
        pytest.param(
            "grant_type=x&client_assertion=abc&scope=y", "grant_type=x&client_assertion=***&scope=y", id="form"
        ),
        pytest.param('{"access_token":"abc","expires_in":1}', '{"access_token":***,"expires_in":1}', id="json"),
        pytest.param('{"access_token":"ab', '{"access_token":***', id="half-a-json"),
        pytest.param("{'client_secret': 'a b\"c'}", "{'client_secret': ***}", id="python"),
        pytest.param("data={'password': b'geheim geheim'}", "data={'password': ***}", id="bytes"),
        pytest.param("GET /auth/callback?code=0.AXoA-x_y&state=1", "GET /auth/callback?code=***&state=1", id="code"),
        pytest.param("Cookie: a=1; lizenztool=geheim", "Cookie: ***", id="cookies"),
        pytest.param("Set-Cookie: lizenztool=geheim; HttpOnly", "Set-Cookie: ***", id="set-cookie"),
        pytest.param("Passwort: geheim", "Passwort: ***", id="german"),
        pytest.param("postgresql://lizenz:ge@h:eim@db/x", "postgresql://***@db/x", id="database-address"),
        pytest.param("hash $2b$12$abcdefghijklmnopqrstuv./x", "hash ***", id="password-hash"),
        pytest.param(
            "https://localhost:8443/x of a@b.example", "https://localhost:8443/x of a@b.example", id="no-secret"
        ),
        pytest.param("HTTP 403 (request-id 1-2)", "HTTP 403 (request-id 1-2)", id="no-secret-either"),
    ],
)
def test_secrets_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="\"'\\&;,}"), min_size=6, max_size=30),
    name=st.sampled_from(["password", "client_secret", "access_token", "client_assertion", "code"]),
    form=st.sampled_from(['"{0}": "{1}"', "'{0}': '{1}'", "{0}='{1}'"]),
)
def test_no_secret_between_quotes_is_ever_shown(secret: str, name: str, form: str) -> None:
    assert secret not in hide_secrets("before " + form.format(name, secret) + " after")


def test_secrets_in_a_traceback_are_hidden_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO")

    try:
        int(KEY)
    except ValueError:
        logging.getLogger("core").exception("broken")

    written = capsys.readouterr().err
    assert "Traceback" in written
    assert "MIIE" not in written


def test_a_refresh_that_goes_wrong_in_many_ways_writes_no_secret_even_at_debug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path / "logs", "DEBUG")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG)
    with open_office(tmp_path) as office:
        tenants = [office.m365.add_tenant(f"Schule {letter}", skus={"SPB": (5, 5)}) for letter in "ABCDE"]
        tenants[0].disabled = True
        tenants[1].permissions = set()
        token = "/oauth2/v2.0/token"
        faults = [("truncate", tenants[2]), ("lost_answer", tenants[3]), ("cut", tenants[4])]
        for kind, tenant in faults:
            office.m365.faults.add(Fault(f"{tenant.tenant_id}{token}", kind))
        office.m365.faults.add(Fault("subscribedSkus", "expired_token"))
        office.settle()
        secrets = {*office.m365.tokens, *_key_lines(tmp_path)}

    written = capsys.readouterr().err + (tmp_path / "logs" / "lizenztool.log").read_text("utf-8")

    assert "Schule A" in written
    assert len(secrets) > 100
    assert not [secret for secret in secrets if secret in written or secret[:40] in written]
    assert "eyJ" not in written


def _key_lines(folder: Path) -> set[str]:
    """The lines of every private key below the folder, without the few characters of the last one."""
    keys = [path.read_text() for path in folder.glob("m365/certs/*/*.pem")]
    assert len(keys) == 6
    return {line for key in keys for line in key.partition("-----END")[0].splitlines() if len(line) == 64}


def test_every_line_of_a_refresh_names_its_run_and_tenant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_office(tmp_path) as office:
        set_up_logs(tmp_path / "logs", "INFO")  # the start has its own lines
        office.m365.add_tenant("Schule A", skus={"SPB": (5, 5)}, permissions=set())
        office.refresh()

    lines = [line for line in capsys.readouterr().err.splitlines() if "] core." in line]

    assert all(LINE.match(line) for line in lines)
    assert len({line.partition("run=")[2].partition(" ")[0] for line in lines}) == 1
    assert [line for line in lines if "tenant=Schule A request=" in line and ": cannot be read" in line]


def test_a_click_is_found_again_in_audit_run_and_every_line_of_the_refresh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_office(tmp_path) as office:
        set_up_logs(tmp_path / "logs", "INFO", "json")  # the start has its own lines
        office.m365.add_tenant("Schule A", skus={"SPB": (5, 5)}, permissions=set())
        office.m365.add_tenant("Schule B", skus={"SPB": (5, 5)})
        click = actor("anna")
        run_id = office.refresher.request(click)
        run = office.end_of(run_id)
        (asked,), _ = find(office.engine, Search(actions=["refresh.asked"]), limit=2)

    lines = [line for line in written_objects(capsys.readouterr().err) if line["logger"].startswith("core.")]

    assert run.request_id == asked.request_id == click.request_id
    assert {(line["request"], line["account"]) for line in lines} == {(click.request_id, "anna")}
    assert lines[0]["message"] == "anna asks for a refresh of all tenants"
    assert {line["run"] for line in lines[1:]} == {run_id}
    assert {line["tenant"] for line in lines} >= {"-", "Schule A"}
