"""Rules as a file: what is exported comes back the same, and a file with a fault changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from core.__main__ import main
from core.cache.database import open_database
from core.cache.rule_rows import all_rules
from core.licenses.alarm_rules import Rule
from core.tenants.tenant_rules import RuleFileError, end, export, import_, keep, parse
from tests.actors import ADMIN

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
TENANT, SKU = "11111111-0000-4000-8000-000000000001", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
RULES = [
    Rule("", "", "Wir bestellen früher", "anna", NOW, threshold=1),
    Rule(TENANT, "", "Testumgebung", "beat", NOW, mode="show_only", until=date(2027, 5, 31)),
    Rule(TENANT, SKU, "Reserve", "anna", NOW, threshold=-2, warn=3, mode="alarm"),
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The database the command line opens."""
    opened = open_database(f"sqlite:///{tmp_path / 'lizenztool.db'}")
    yield opened
    opened.dispose()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path))


def file(*entries: Any, version: Any = 1) -> str:
    return json.dumps({"version": version, "rules": entries})


def entry(**fields: Any) -> dict[str, Any]:
    return {"tenant_id": TENANT, "reason": "Absprache", "threshold": 2} | fields


def test_what_is_exported_comes_back_the_same(engine: Engine) -> None:
    for rule in RULES:
        keep(engine, rule, ADMIN)
    content = export(engine, ADMIN)
    end(engine, (TENANT, SKU), ADMIN)

    assert import_(engine, content, ADMIN) == 3

    assert all_rules(engine) == RULES
    assert export(engine, ADMIN) == content


def test_an_import_takes_the_place_of_all_rules(engine: Engine) -> None:
    keep(engine, RULES[1], ADMIN)

    import_(engine, file(entry(sku_id=SKU.upper())), ADMIN)

    assert [(rule.scope, rule.author) for rule in all_rules(engine)] == [((TENANT, SKU), "import")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param("{", "no JSON", id="no-json"),
        pytest.param("[]", "version: 1", id="no-object"),
        pytest.param(file(version=2), "version: 1", id="another-version"),
        pytest.param(file(entry(), 3), "rule 2, the entry: is no object", id="no-entry"),
        pytest.param(file(entry(), entry(sku_id=SKU, reason=" ")), "rule 2, reason: is missing", id="no-reason"),
        pytest.param(file(entry(tenant_id="Höri")), "rule 1, tenant_id: 'Höri' is no id", id="no-id"),
        pytest.param(file(entry(threshold="2")), "rule 1, threshold: '2' is no number", id="text-for-a-number"),
        pytest.param(file(entry(threshold=True)), "rule 1, threshold: True is no number", id="truth-for-a-number"),
        pytest.param(file(entry(mode="loud")), "rule 1, mode: is not one of alarm", id="mode"),
        pytest.param(file(entry(until="31.5.2027")), "rule 1, until: '31.5.2027' is no day", id="until"),
        pytest.param(file(entry(created_at="2027-01-01")), "rule 1, created_at:", id="created"),
        pytest.param(file(entry(treshold=1)), "rule 1, treshold: there is no such field", id="misspelt"),
        pytest.param(file(entry(), entry()), "rule 2, sku_id: an earlier rule", id="twice"),
        pytest.param(file(entry(tenant_id="", mode="hidden")), "rule 1, mode: is possible for", id="silence-for-all"),
    ],
)
def test_a_file_with_a_fault_changes_nothing_and_names_it(engine: Engine, content: str, fault: str) -> None:
    keep(engine, RULES[1], ADMIN)

    with pytest.raises(RuleFileError) as error:
        import_(engine, content, ADMIN)

    assert fault in str(error.value)
    assert all_rules(engine) == [RULES[1]]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(RuleFileError) as error:
        parse(file(entry(warn=-1), entry(sku_id="x", mode=4)), NOW)

    assert [str(problem).split(":")[0] for problem in error.value.problems] == [
        "rule 1, warn",
        "rule 2, sku_id",
        "rule 2, mode",
    ]


def test_a_rule_that_says_nothing_is_not_kept(engine: Engine) -> None:
    with pytest.raises(ValueError, match="changes_nothing"):
        keep(engine, Rule(TENANT, "", "Absprache", "anna", NOW), ADMIN)


def test_the_command_line_writes_and_takes_the_file(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(engine, RULES[2], ADMIN)
    path = tmp_path / "regeln.json"

    assert main(["rules", "export", str(path)]) == 0
    end(engine, (TENANT, SKU), ADMIN)
    assert main(["rules", "import", str(path)]) == 0

    assert all_rules(engine) == [RULES[2]]
    assert capsys.readouterr().out == "1 Ausnahme geschrieben.\n1 Ausnahme eingelesen.\n"


def test_the_command_line_names_the_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "regeln.json"
    path.write_text(file(entry(reason="")), encoding="utf-8")

    assert main(["rules", "import", str(path)]) == 2
    assert "Ausnahme 1, reason: fehlt." in capsys.readouterr().err

    assert main(["rules", "import", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
