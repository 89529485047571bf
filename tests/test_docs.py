"""The documents say what is true: settings, commands and links in them exist."""

import dataclasses
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from core.__main__ import _parser
from core.settings import PARSERS, PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = ROOT / "docs" / "anleitung.md"

CODE = re.compile(r"^```.*?\n(?P<block>.*?)^```|`(?P<inline>[^`\n]+)`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<heading>[^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"python -m (?P<module>\w+)(?P<arguments>[^\n#]*)")
MAKE = re.compile(r"(?<![\w/])make (?P<target>[a-z]+)(?: TESTS=(?P<tests>\S+))?")


def code_lines() -> list[tuple[str, str]]:
    """(document, line) of all that stands in code marks; a command in a text without them is prose."""
    return [
        (document.name, line)
        for document in DOCUMENTS
        for found in CODE.finditer(document.read_text(encoding="utf-8"))
        for line in (found["block"] or found["inline"]).splitlines()
    ]


def commands(module: str) -> list[str]:
    """The arguments of every `python -m <module> ...`, without what stands for "and so on"."""
    found = (COMMAND.search(line) for _, line in code_lines())
    return sorted(
        {match["arguments"].replace("...", "").strip() for match in found if match and match["module"] == module}
    )


def links() -> list[tuple[str, str, str]]:
    return [
        (document.name, match["path"], match["heading"] or "")
        for document in DOCUMENTS
        for match in LINK.finditer(CODE.sub("", document.read_text(encoding="utf-8")))
    ]


def anchors(document: Path) -> set[str]:
    """The anchors that git servers make of headings."""
    headings = HEADING.findall(document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def defaults() -> dict[str, str]:
    """Setting -> its default as it would be written into .env."""
    fields = {field.name: getattr(Settings(), field.name) for field in dataclasses.fields(Settings)}
    return {name: _written(fields[name]) for name in PARSERS}


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_guide_tells_every_setting_with_its_default(name: str) -> None:
    row = re.search(rf"^\| `{PREFIX}{name.upper()}` \| (?P<default>[^|]+) \| [^|]{{10,}} \|$", GUIDE.read_text(), re.M)

    assert row, f"{PREFIX}{name.upper()} has no row in the settings table of docs/anleitung.md"
    assert row["default"].strip("` ") == (defaults()[name] or "leer")


def test_guide_tells_no_setting_that_does_not_exist() -> None:
    told = {name for _, line in code_lines() for name in re.findall(rf"{PREFIX}([A-Z_]+)", line)}

    assert told - {name.upper() for name in PARSERS} == set()


@pytest.mark.parametrize("arguments", commands("core"))
def test_told_command_of_core_exists(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        _parser().parse_args(shlex.split(arguments))
    except SystemExit:
        assert "arguments are required" in capsys.readouterr().err  # a sentence may name a command without its rest


def test_other_told_modules_exist() -> None:
    told = {match["module"] for _, line in code_lines() if (match := COMMAND.search(line))}

    assert {module for module in told if find_spec(module) is None} == set()


def test_told_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    told = [match for _, line in code_lines() for match in MAKE.finditer(line)]

    assert {"run", "test", "lint", "bench"} <= targets
    assert {match["target"] for match in told} - targets == set()
    assert [match["tests"] for match in told if match["tests"] and not (ROOT / match["tests"]).exists()] == []


def test_every_make_target_that_is_offered_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    offered = set(re.findall(r"^([a-z]+):.*## .+$", makefile, re.M))

    assert offered >= {"help", "run", "test", "lint", "types", "bench"}


@pytest.mark.parametrize(("document", "path", "heading"), links())
def test_link_leads_somewhere(document: str, path: str, heading: str) -> None:
    source = next(known for known in DOCUMENTS if known.name == document)
    target = (source.parent / path).resolve() if path else source

    assert target.exists(), f"{document} links to {path}, which does not exist"
    assert not heading or heading in anchors(target), f"{path or document} has no heading #{heading}"
