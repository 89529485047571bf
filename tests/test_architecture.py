"""What must stay true of the house as a whole: who may import whom, and that every problem has its words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from core.messages import MESSAGES

ROOT = Path(__file__).parent.parent
ROOMS = ("app", "dashboard", "pages", "ui", "web", "core", "simulator")
MAY_IMPORT = {
    "app": {"web", "ui", "core"},  # ui: the addresses of the pages, for the gate
    "dashboard": {"pages", "ui", "core"},
    "pages": {"ui", "core"},
    "ui": {"core"},
    "web": {"core"},
    "core": set(),
    "simulator": {"core"},  # only to fill the demo's own past
}
# Inside core an import goes to a line further down only.
FLOORS = [
    {"__main__"},
    {"commands"},
    {"checks", "monitoring", "own_account", "runtime", "scheduler"},
    {"refresh", "next_push"},
    {"run"},
    {"publish", "reading"},
    {"sharepoint", "access", "attention"},
    {"sign_in"},
    {"identity", "second_factor"},
    {"sign_in_budget"},
    {"sessions", "rules", "health", "facts", "tokens", "auth_profiles", "figures", "known_devices"},
    {"reauthentication"},
    {"lockout", "refusals", "spray"},
    {"secret_rotation"},
    {"secrets"},
    {"audit", "catalogue", "lock", "product_list"},
    {"graph", "cache"},
    {"skus", "profiles", "policies", "roles"},
    {"profile_check", "file_modes"},
    {
        "licenses",
        "certificates",
        "profile_files",
        "passwords",
        "problems",
        "settings",
        "logs",
        "run_stop",
        "workers",
        "metrics",
        "spreadsheets",
    },
    {"certificate_files", "common_passwords", "profile_json", "log_lines", "log_queue", "syslog"},
    {"secret_keys"},
    {"bounds", "clock", "masking", "messages", "name_key", "network", "sources", "text_files", "words"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def sources(*rooms: str) -> Iterator[Path]:
    """Every Python file of these rooms, a file or a folder each."""
    for room in rooms:
        single = ROOT / f"{room}.py"
        yield from [single] if single.is_file() else sorted((ROOT / room).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import in the file, `import x` as ("x", "")."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((str(node.module), alias.name) for alias in node.names)


def floor_of(path: Path) -> str:
    return path.relative_to(ROOT / "core").parts[0].removesuffix(".py")


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Who may import whom


def test_core_runs_without_streamlit_and_without_the_rooms_above_it() -> None:
    code = (
        "import pkgutil, importlib, sys, core\n"
        "for found in pkgutil.walk_packages(core.__path__, 'core.'):\n"
        "    if '.migrations' not in found.name: importlib.import_module(found.name)\n"
        "print(*sys.modules)"
    )

    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    found = {module.partition(".")[0] for module in loaded.stdout.split()}
    assert "core" in found
    assert found & {"streamlit", "ui", "pages", "web", "dashboard", "simulator", "tests"} == set()


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_go_one_way(room: str) -> None:
    foreign = {
        f"{names(path)} imports {module}"
        for path in sources(room)
        for module, _ in imported(path)
        if module.partition(".")[0] in {*ROOMS, "tests"} - {room} - MAY_IMPORT[room]
    }

    assert foreign == set()


def test_every_module_of_core_has_its_floor() -> None:
    assert {floor_of(path) for path in sources("core")} - {"__init__"} == set(FLOOR)


def test_arrows_inside_core_go_down() -> None:
    upward = set()
    for path in sources("core"):
        here = floor_of(path)
        for module, name in imported(path):
            if module.partition(".")[0] != "core":
                continue
            there = name if module == "core" else module.split(".")[1]
            if here not in ("__init__", there) and FLOOR[there] <= FLOOR[here]:
                upward.add(f"{names(path)} imports core.{there}")

    assert upward == set()


def test_sql_is_written_in_the_cache_alone() -> None:
    elsewhere = {
        f"{names(path)}: {name or module}"
        for path in sources("app", "dashboard", "pages", "ui", "web", "core")
        if "core/cache" not in names(path)
        for module, name in imported(path)
        if module.partition(".")[0] in ("sqlalchemy", "sqlite3", "alembic", "psycopg")
        and name not in ("Engine", "make_url", "ArgumentError")
    }

    assert elsewhere == set()


def test_core_prints_in_its_command_line_alone() -> None:
    printing = {
        names(path)
        for path in sources("core")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {name for name in printing if "core/commands/" not in name} == {"core/__main__.py"}


# Problems and their words

CODE = re.compile(
    r"(profile|auth|factor|files|secrets|signin|graph|sharepoint|database|check|refresh|access|network)\.[a-z_]+"
)


def literals() -> dict[str, str]:
    """Every text in the product that has the form of a problem's code -> a file that has it."""
    return {
        node.value: names(path)
        for path in sources("app", "dashboard", "pages", "ui", "web", "core")
        if path.name not in ("messages.py", "texts.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }


def codes_of_problems() -> dict[str, str]:
    """The first argument of every `Problem(...)` in the product, where it is written out."""
    return {
        node.args[0].value: names(path)
        for path in sources("app", "dashboard", "pages", "ui", "web", "core")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Problem"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_problem_has_words() -> None:
    found = codes_of_problems()

    assert len(found) > 15
    assert {code: path for code, path in found.items() if code not in MESSAGES} == {}


def test_every_words_belong_to_a_problem() -> None:
    assert set(MESSAGES) - set(literals()) == set()


ENDS = (".", "{why}", "{command}")  # the reason is a sentence of its own; a command is copied without a full stop


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_words_are_the_same_in_both_languages_and_plain(code: str) -> None:
    german, english = MESSAGES[code]

    values = [{name for _, name, _, _ in Formatter().parse(text) if name is not None} for text in (german, english)]
    assert values[0] == values[1]
    assert german.endswith(ENDS)
    assert english.endswith(ENDS)
    assert not set("ß!") & set(german + english)
    assert german != english


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_words_quote_in_the_way_of_their_language(code: str) -> None:
    german, english = MESSAGES[code]

    assert not set('“”„"') & set(german)
    assert not set('«»„"') & set(english)
    assert german.count("«") == german.count("»") == english.count("“") == english.count("”")
