"""The documents say what is true: settings, commands and links in them exist."""

import dataclasses
import re
import shlex
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from core.__main__ import _parser
from core.settings import PARSERS, PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE, ASVS, INVENTORY = (ROOT / "docs" / name for name in ("anleitung.md", "asvs.md", "inventory.md"))

CODE = re.compile(r"^```.*?\n(?P<block>.*?)^```|`(?P<inline>[^`\n]+)`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<heading>[^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"python -m (?P<module>\w+)(?P<arguments>[^\n#]*)")
MAKE = re.compile(r"(?<![\w/])make (?P<target>[a-z-]+)(?: TESTS=(?P<tests>\S+))?")


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
        _parser("en").parse_args(shlex.split(arguments))
    except SystemExit:
        assert "arguments are required" in capsys.readouterr().err  # a sentence may name a command without its rest


def test_other_told_modules_exist() -> None:
    told = {match["module"] for _, line in code_lines() if (match := COMMAND.search(line))}

    assert {module for module in told if find_spec(module) is None} == set()


def test_told_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
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


# ---------------------------------------------------------------- docs/asvs.md and docs/inventory.md

# Requirements of level 1 and 2 by section, each numbered from 1 on; ASVS 5.0.0 has no others of these levels.
REQUIREMENTS = """
    1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 | 2.1:3 2.2:3 2.3:4 2.4:1 | 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 | 4.1:3 4.2:1 4.3:2 4.4:4
    5.1:1 5.2:3 5.3:2 5.4:3 | 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 | 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2
    8.1:2 8.2:3 8.3:1 8.4:1 | 9.1:3 9.2:4 | 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3
    11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 | 12.1:3 12.2:2 12.3:4 | 13.1:1 13.2:5 13.3:2 13.4:5
    14.1:2 14.2:4 14.3:3 | 15.1:3 15.2:3 15.3:7 | 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 | 17.1:1 17.2:4 17.3:2
"""
LEVEL_1 = 70
VERDICTS = ("Met", "Not met", "Does not apply")
UNITS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86_400, "kB": 2**10, "MB": 2**20}


class Row(NamedTuple):
    requirement: str
    level: str
    verdict: str
    answer: str


def walk() -> list[Row]:
    """The rows of docs/asvs.md."""
    row = re.compile(r"^\| ([\d.]+) \| ([12]) \| [^|]{4,} \| \*\*([\w ]+)\*\*: (.+) \|$", re.MULTILINE)
    return [Row(*found) for found in row.findall(ASVS.read_text(encoding="utf-8"))]


def test_the_walk_through_the_standard_has_every_requirement_once() -> None:
    rows = walk()
    sections = [entry.split(":") for entry in REQUIREMENTS.replace("|", " ").split()]

    wanted = [f"{section}.{number + 1}" for section, count in sections for number in range(int(count))]
    assert [row.requirement for row in rows] == wanted
    assert [row.level for row in rows].count("1") == LEVEL_1
    assert {row.verdict for row in rows} <= set(VERDICTS)


def test_the_sums_of_the_walk_are_those_of_its_rows() -> None:
    told = re.findall(r"^\| (?:\[V(\d+) [^|]+|all \d+) \| (\d+) \| (\d+) \| (\d+) \|$", ASVS.read_text(), re.MULTILINE)

    chapters = [*map(str, range(1, 18)), ""]
    counted = [
        (chapter, *(str(sum(row.verdict == verdict for row in _of_chapter(chapter))) for verdict in VERDICTS))
        for chapter in chapters
    ]
    assert told == counted


def _of_chapter(chapter: str) -> list[Row]:
    return [row for row in walk() if not chapter or row.requirement.split(".")[0] == chapter]


def test_the_walk_names_code_and_tests_that_exist() -> None:
    document = "".join(path.read_text(encoding="utf-8") for path in (ASVS, INVENTORY))
    tests = re.findall(r"`(tests/\w+\.py)::(\w+)`", document)
    files = re.findall(r"`((?:core|web|ui|pages|tests)/[\w/.-]*)`", document)

    assert len(tests) > 150
    assert [test for file, test in tests if f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")] == []
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_what_is_met_names_its_place() -> None:
    """A file with its test, or the document that the requirement asks for."""
    place = re.compile(r"`[\w/.-]+\.\w+`|`core/cache/`|\]\([\w.]+\.md#")

    met = [row for row in walk() if row.verdict == "Met"]
    assert [row for row in met if not place.search(row.answer)] == []
    assert [row for row in met if "::test_" not in row.answer and "](" not in row.answer] == []


@pytest.mark.parametrize(
    ("place", "value"),
    re.findall(r"^\| `([\w/]+\.py::\w+)` \| ([^|]+) \|", INVENTORY.read_text(encoding="utf-8"), re.MULTILINE),
)
def test_a_limit_that_is_told_is_the_one_that_holds(place: str, value: str) -> None:
    file, _, name = place.partition(".py::")
    constant = getattr(import_module(file.replace("/", ".")), name)

    held = constant if isinstance(constant, tuple) else (constant,)
    numbers = [part.total_seconds() if isinstance(part, timedelta) else part for part in held]
    assert numbers == [_number(part) for part in value.split(", ")]


def _number(text: str) -> float:
    """`1 h` -> 3600, `8 kB` -> 8192."""
    amount, _, unit = text.strip().partition(" ")
    return float(amount) * UNITS[unit]


def test_the_image_takes_nothing_that_is_not_listed() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert taken.isdisjoint({".git", ".env", "certs", "data", "logs", "profiles", "tests", "docs", ".ci"})


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    files = set(re.findall(r"`((?:core|web|ui|pages|simulator|tests)/[\w/]+\.py)`", text))

    assert len(files) > 20
    assert sorted(file for file in files if not (ROOT / file).is_file()) == []
