"""Every AADSTS code an operator can meet has words of its own, and Microsoft's line follows where it is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.__main__ import main
from core.cache.database import open_database
from core.cache.tenant_rows import tenant_rows
from core.graph.errors import sign_in_error
from core.graph.sign_in_codes import AADSTS
from core.problems import Problem
from core.settings import load_settings
from simulator import Microsoft365, Tenant
from simulator.login import TEXTS
from tests.catalogues import catalogues
from tests.loggers import restored_loggers
from ui.problems import sentence

# Code -> what the operator must be told to look at.
PLACES = {
    5000225: ("20 Tagen", "Microsoft-Support"),
    5000224: ("gelöscht", "Profil entfernen"),
    500014: ("Abonnement", "Unternehmensanwendungen", "Microsoft Graph"),
    530035: ("Sicherheitsstandards", "Anmeldeprotokollen"),
    7000112: ("aktivieren", "Unternehmensanwendungen"),
    53003: ("bedingten Zugriff", "Dienstprinzipalanmeldungen"),
    700016: ("client_id", "Administratorzustimmung"),
    900023: ("tenant_id",),
    501051: ("zugewiesen", "Zuweisung erforderlich"),
    50032: ("cert renew",),
    1002016: ("TLS", "Proxy"),
    500021: ("Proxy",),
    90038: ("LIZENZTOOL_LOGIN_URL", "LIZENZTOOL_GRAPH_URL"),
    700023: ("LIZENZTOOL_LOGIN_URL", "error?code=700023"),
    50000: ("Microsoft-Support", TEXTS[50000].rstrip(".")),
}
UNKNOWN = 7654321


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A school in a cloud at which the settings point."""
    monkeypatch.chdir(tmp_path)
    with Microsoft365(tmp_path / "m365") as m365:
        for name, value in m365.environment().items():
            monkeypatch.setenv(name, value)
        yield m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with restored_loggers():
        assert main(arguments) == 1
    return capsys.readouterr().out


@pytest.mark.parametrize("number", [*PLACES, UNKNOWN])
def test_a_code_of_the_login_host_is_told_with_the_place_to_look(
    tenant: Tenant, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    tenant.refused_with = number

    summary = json.loads(printed(capsys, "sync", "--json"))

    (failed,) = summary["failed"]
    assert failed["code"] == AADSTS.get(number, "signin.refused")
    for words in (f"AADSTS{number}", "Schule Höri", *PLACES.get(number, ())):
        assert words in failed["message"]


@pytest.mark.parametrize("number", [UNKNOWN, 50000])
def test_where_only_microsofts_line_helps_it_is_there_wherever_people_read(
    tenant: Tenant, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    tenant.refused_with = number
    line = f"HTTP 400 AADSTS{number}: {TEXTS.get(number, 'Somebody has not written that down yet.')}"

    places = [printed(capsys, "sync"), printed(capsys, "check")]
    (finding,) = [found for found in json.loads(printed(capsys, "check", "--json")) if found["subject"] == tenant.name]
    (row,) = tenant_rows(open_database(load_settings().database)).values()
    places += [
        finding["message"],
        sentence(Problem.from_json(row.problem), "de"),
        sentence(Problem.from_json(row.problem), "en"),
    ]

    for place in places:
        assert line in place
    assert finding["detail"].startswith(line)
    assert "trace-id" in finding["detail"]


def test_an_unknown_code_names_microsofts_page_about_it(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    tenant.refused_with = UNKNOWN

    assert f"https://login.microsoftonline.com/error?code={UNKNOWN}" in printed(capsys, "check")


def test_check_shows_the_technical_line_below_every_sentence(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant.refused_with = 5000225

    lines = printed(capsys, "check").splitlines()

    (at,) = [place for place, line in enumerate(lines) if "AADSTS5000225)" in line]
    assert re.fullmatch(r" +\[HTTP 400 AADSTS5000225: This tenant .*\(trace-id [0-9a-f-]+\)\]", lines[at + 1])


def test_every_meaning_belongs_to_a_code_and_the_other_way_round() -> None:
    made_otherwise = {"signin.refused", "signin.certificate_expired"}

    assert {code for code in catalogues()["de"] if code.startswith("signin.")} == {*AADSTS.values()} | made_otherwise


@given(
    st.one_of(
        st.none(),
        st.integers(),
        st.text(),
        st.lists(st.integers() | st.text() | st.none()),
        st.dictionaries(
            st.sampled_from(["error", "error_description", "error_codes", "trace_id"]),
            st.text() | st.integers() | st.none() | st.lists(st.text() | st.integers() | st.floats()),
        ),
    ),
    st.sampled_from([200, 302, 400, 401, 403, 429, 500, 503]),
)
def test_no_answer_of_the_login_host_makes_its_judge_fail(body: object, status: int) -> None:
    problem = sign_in_error(body, "Contoso", status).problem

    for text in (problem.text("de"), problem.text("en")):
        assert "Contoso" in text
        assert len(text) < 1200
