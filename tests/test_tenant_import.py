"""Many tenants at once: every fault of every line first, the others go on, a second run changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from core.__main__ import main
from core.cache.contact_rows import contact_rows
from core.cache.tenant_rows import tenant_rows
from core.onboarding.advance import cancel
from core.onboarding.bulk import import_tenants
from core.onboarding.csv_file import CsvUnusable, read_csv
from core.onboarding.request import Request, slug_for
from simulator.tenants import Tenant
from tests.held_refresh import Hold
from tests.loggers import restored_loggers
from tests.office import Office, open_office
from tests.test_onboarding import CARLA, key_file

HEADER = "name;tenant;client_id;level;contact"
MANY = 60


# The file


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n  \n"], ids=["plain", "BOM", "blank-lines"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_semicolon_comma_or_tab_with_or_without_a_byte_order_mark(start: bytes, separator: str) -> None:
    rows = [["Name", "Tenant-ID oder Domäne", "Stufe"], [f'"Höri{separator} Schule"', "hoeri.example", "premium"]]
    raw = start + "\r\n".join(separator.join(row) for row in rows).encode()

    (line,) = read_csv(raw).lines

    assert (line.number, line.request) == (
        2 + start.count(b"\n"),
        Request(f"Höri{separator} Schule", "hoeri.example", level="premium"),
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "csv_header"),
        (b"name;level\nA;b", "csv_header"),
        (b"name;tenant;domain\nA;b;c", "csv_column_twice"),
        ("name;tenant\nH\xf6ri;a.example".encode("latin-1"), "csv_encoding"),
        (b'name;tenant\n"A;a.example\n', "csv_quotes"),
        (b"name;tenant\n" + b"A;a.example\n" * 5001, "csv_long"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(raw: bytes, code: str) -> None:
    with pytest.raises(CsvUnusable) as refused:
        read_csv(raw)

    assert refused.value.problem.code == f"onboarding.{code}"


def test_lines_that_do_not_fit_each_other_are_told_by_number() -> None:
    raw = b"name,tenant\nA,a.example\n\na,b.example\nC,A.example.\nBau, AG,c.example\n"

    content = read_csv(raw)

    assert {number: [one.code for one in found] for number, found in content.faults.items()} == {
        4: ["onboarding.csv_name_twice"],
        5: ["onboarding.csv_tenant_twice"],
        6: ["onboarding.csv_cells"],
    }


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Schule Höri", "schule-hoeri"),
        ("Bau AG Chur", "bau-ag-chur"),
        ("École & Cie. «Zürich»", "ecole-und-cie-zuerich"),
        ("株式会社", "tenant"),
        ("taken", "taken-2"),
        ("x" * 80, "x" * 50),
    ],
)
def test_a_short_name_is_made_of_the_name(name: str, slug: str) -> None:
    assert slug_for(name, {"taken"}) == slug


# Against Microsoft 365


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A provider with a multi-tenant application, to which each customer has consented."""
    with open_office(tmp_path) as opened:
        key = key_file(opened.settings.profiles_dir.parent)
        cer = key.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2]
        client_id = opened.m365.portal.register_provider(cer)
        environment = opened.m365.environment() | {
            "LIZENZTOOL_DATA_DIR": str(opened.settings.data_dir),
            "LIZENZTOOL_LOG_DIR": str(tmp_path / "logs"),
            "LIZENZTOOL_APP_CLIENT_ID": client_id,
            "LIZENZTOOL_APP_CERTIFICATE": key.name,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        opened.settings = replace(opened.settings, app_client_id=client_id, app_certificate=key.name)
        yield opened


def customers(office: Office, count: int) -> list[Tenant]:
    found = [office.m365.add_customer(f"Kunde {n:03}", {"SPB": (10, 10 - n % 2)}, domain=f"k{n}.example")
             for n in range(1, count + 1)]  # fmt: skip
    for tenant in found:
        office.m365.portal.consent_to_provider(tenant)
    return found


def lines_of(found: list[Tenant]) -> list[str]:
    """Every second tenant by its domain, the others by id."""
    return [f"{t.name};{min(t.domains) if n % 2 else t.tenant_id};;standard;" for n, t in enumerate(found)]


def run(file: Path, *options: str) -> int:
    with restored_loggers():
        return main(["tenant", "import", str(file), *options])


def results(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def snapshot_of(office: Office) -> tuple[object, ...]:
    files = {path.name: path.read_bytes() for path in office.settings.profiles_dir.glob("*.json")}
    rows = [(item.id, item.version) for item in office.sharepoint.tenants.items]
    return files, rows, [(item.id, item.version) for item in office.sharepoint.licenses.items]


def test_many_tenants_with_five_broken_lines(
    provider: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(customers(provider, MANY))
    lines[10], lines[20], lines[30] = "Ohne Tenant;;;;", ";k21.example;;;", "Fremd;unknown.example;;;"
    lines[40], lines[50] = "Kunde 001;k41.example;;;", "Kunde 051;k51.example;keine-guid;;"
    file = tmp_path / "tenants.csv"
    file.write_text("\n".join([HEADER, *lines]), "utf-8-sig")

    assert run(file, "--json") == 1
    told = results(capsys)
    assert Counter(one["result"] for one in told) == {"read": MANY - 5, "fault": 5}
    assert [one["line"] for one in told if one["result"] == "fault"] == [12, 22, 32, 42, 52]
    assert all(row.last_read_at for row in tenant_rows(provider.engine).values())
    assert len(provider.sharepoint.tenants.items) == MANY - 5
    provider.m365.flow.run()
    assert provider.messages == []

    before = snapshot_of(provider)
    assert run(file, "--json") == 1
    assert Counter(one["result"] for one in results(capsys)) == {"unchanged": MANY - 5, "fault": 5}
    assert snapshot_of(provider) == before


def test_who_has_not_consented_waits_and_the_same_file_goes_on_later(
    provider: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = provider.m365.add_customer("A", domain="a.example"), customers(provider, 1)[0]
    file = tmp_path / "tenants.csv"
    file.write_text(
        "\n".join([HEADER, f"A;{first.tenant_id};;;Petra Muster <petra@a.example>", *lines_of([second])]), "utf-8"
    )

    assert run(file, "--json") == 1
    waiting, read = results(capsys)
    assert (waiting["result"], read["result"]) == ("waiting", "read")
    provider.m365.portal.consent_to_provider(first)

    assert run(file, "--json") == 0
    assert [one["result"] for one in results(capsys)] == ["read", "unchanged"]
    (petra,) = contact_rows(provider.engine)
    assert (petra.tenant_id, petra.name, petra.email) == (first.tenant_id, "Petra Muster", "petra@a.example")
    assert (petra.role, petra.language) == ("approver", "de")


def test_the_faults_are_sentences_with_the_number_of_their_line(
    provider: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tenants.csv"
    file.write_text(f"{HEADER}\nSchule Höri;unknown.example;;;Frau Muster\n", "utf-8")

    assert run(file, "--dry-run") == 1

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Zeile 2, fehlerhaft: Schule Höri"
    assert said[1].startswith("  - Microsoft kennt keinen Tenant «unknown.example».")
    assert said[2].startswith("  - Schule Höri: Der Kontakt «Frau Muster» hat keine gültige E-Mail-Adresse.")
    assert said[3] == "fehlerhaft 1"
    assert tenant_rows(provider.engine) == {}


def test_a_tenant_that_is_cancelled_during_the_import_is_not_said_to_be_read(provider: Office) -> None:
    first, second = customers(provider, 2)
    content = read_csv("\n".join([HEADER, *lines_of([first, second])]).encode())
    provider.restart()  # with the settings of the fixture
    held = Hold(provider, after=4, times=None)  # in the refresh: each tenant was read for its consent and its test
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(
            import_tenants, provider.services, provider.refresher, content, CARLA, lambda _done, _total: None
        )
        assert held.reached.wait(20)
        assert cancel(provider.services, first.tenant_id, CARLA) == []
        held.go.set()
        told = ended.result(30)

    assert [(one.name, one.result) for one in told] == [(first.name, "failed"), (second.name, "read")]
    assert [one.code for one in told[0].problems] == ["onboarding.cancelled"]


def test_a_level_is_checked_and_has_its_effect(
    provider: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = customers(provider, 2)
    file = tmp_path / "levels.csv"
    file.write_text(f"{HEADER}\nEins;{first.tenant_id};; PREMIUM ;\nZwei;{second.tenant_id};;Platin;\n", "utf-8")

    run(file, "--json")

    good, bad = results(capsys)
    assert "onboarding.no_level" in str(bad["problems"])
    assert good["problems"] == []
    assert tenant_rows(provider.engine)[first.tenant_id].level == "premium"
