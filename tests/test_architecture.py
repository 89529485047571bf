"""What must stay true of the house as a whole: who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

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
# The rooms of core as docs/architecture.md draws them: an import goes to a room further down.
ORDER = [
    "commands", "operations", "backup", "rotation", "onboarding", "leaving", "views", "refresh", "cases", "messages",
    "tenants",
    "sharepoint", "access", "attention", "graph", "secrets", "profiles", "cache", "licenses", "logs",
]  # fmt: skip
CORE_ROOMS = {path.parent.name for path in (ROOT / "core").glob("*/__init__.py")}


def sources(*rooms: str) -> Iterator[Path]:
    """Every Python file of these rooms, a file or a folder each."""
    for room in rooms:
        single = ROOT / f"{room}.py"
        yield from [single] if single.is_file() else sorted((ROOT / room).rglob("*.py"))


NAMED = ((ast.Name, "id"), (ast.arg, "arg"), (ast.Attribute, "attr"), (ast.ClassDef, "name"), (ast.FunctionDef, "name"))


@dataclass
class Source:
    """What the tests ask about a file; a pass over its whole tree for each of them would take a second each."""

    imported: list[tuple[str, str]] = field(default_factory=list)  # (module, name); `import x` as ("x", "")
    names: set[str] = field(default_factory=set)  # of variables, arguments, attributes, classes and functions
    docstrings: list[tuple[int, str, str]] = field(default_factory=list)  # (line, name, docstring) of functions
    calls: list[tuple[int, str]] = field(default_factory=list)  # (line, what is called, as far as it is a name)


@cache
def source(path: Path) -> Source:
    found = Source()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        found.names |= {getattr(node, attribute) for kind, attribute in NAMED if isinstance(node, kind)}
        if isinstance(node, ast.Import):
            found.imported += ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.imported += ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.docstrings.append((node.lineno, node.name, ast.get_docstring(node) or ""))
        elif isinstance(node, ast.Call):
            found.calls.append((node.lineno, dotted(node.func)))
    return found


def dotted(node: ast.expr) -> str:
    """The name of what is called, "?" for the part that is none: `f().a.b` is "?.a.b"."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def room_of(module: str) -> str:
    """`core.graph.errors` is in the room graph; a module beside the rooms (`core.clock`) stands for itself."""
    return module.split(".")[1]


def imports_of_core(path: Path) -> Iterator[str]:
    """The modules of core that this file imports, with a package for each name that is a module of it."""
    for module, name in source(path).imported:
        if module.partition(".")[0] == "core":
            inner = (ROOT / module.replace(".", "/") / f"{name}.py").is_file() or module == "core"
            yield f"{module}.{name}" if inner else module


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


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


def test_the_command_line_starts_without_what_takes_long_to_load() -> None:
    code = "import sys, core.__main__; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    found = {module.partition(".")[0] for module in loaded.stdout.split()}
    assert "core" in found
    assert found & {"pandas", "numpy", "alembic", "fastapi"} == set()


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_go_one_way(room: str) -> None:
    foreign = {
        f"{names(path)} imports {module}"
        for path in sources(room)
        for module, _ in source(path).imported
        if module.partition(".")[0] in {*ROOMS, "tests"} - {room} - MAY_IMPORT[room]
    }

    assert foreign == set()


def test_the_rooms_of_core_are_those_of_the_drawing() -> None:
    assert set(ORDER) == CORE_ROOMS


def test_arrows_between_the_rooms_of_core_go_down() -> None:
    upward = {
        f"{names(path)} imports {module}"
        for path in sources("core")
        for module in imports_of_core(path)
        if (here := path.relative_to(ROOT / "core").parts[0]) in CORE_ROOMS
        and (there := room_of(module)) in CORE_ROOMS
        and ORDER.index(there) < ORDER.index(here)
    }

    assert upward == set()


@pytest.mark.parametrize("depth", [2, None], ids=["rooms", "modules"])
def test_nothing_in_core_imports_itself_by_a_detour(depth: int | None) -> None:
    arrows: dict[str, set[str]] = {}
    for path in sources("core"):
        here = ".".join(module_of(path).split(".")[:depth])
        there = {".".join(module.split(".")[:depth]) for module in imports_of_core(path)}
        arrows.setdefault(here, set()).update(there - {here})

    assert "core.runtime" in list(TopologicalSorter(arrows).static_order())  # raises CycleError with the detour


def test_no_file_name_exists_three_times() -> None:
    paths = sources("app", "dashboard", "pages", "ui", "web", "core", "simulator", "benchmarks", "tests")
    count = Counter(path.name for path in paths if not path.name.startswith("__"))

    assert {name: times for name, times in count.items() if times > 2} == {}


FORMER_NAMES = {"Tools", "Copies", "Advice", "Turn", "Door", "Policy", "policies", "part_number", "renewal"}


def test_one_thing_has_one_name() -> None:
    """The glossary in docs/architecture.md has one name for each; those it had before do not come back."""
    used_by_path = {
        names(path): source(path).names
        for path in sources("app", "dashboard", "pages", "ui", "web", "core")
        if "migrations" not in path.parts
    }

    assert {path: found for path, used in used_by_path.items() if (found := used & FORMER_NAMES)} == {}


def test_sql_is_written_in_the_cache_alone() -> None:
    elsewhere = {
        f"{names(path)}: {name or module}"
        for path in sources("app", "dashboard", "pages", "ui", "web", "core")
        if "core/cache" not in names(path)
        for module, name in source(path).imported
        if module.partition(".")[0] in ("sqlalchemy", "sqlite3", "alembic", "psycopg")
        and name not in ("Engine", "make_url", "ArgumentError")
    }

    assert elsewhere == set()


# A function's docstring says what it does or returns; a sentence that begins so says what something is, or asks.
NO_VERB = re.compile(
    r"(The|A|An|What|Who|Whether|Where|When|How|Why|Which|If|True|False|All|Every|By|Of|Nobody|Somebody)\b"
)


def test_docstrings_of_functions_begin_with_what_they_do() -> None:
    without_verb = {
        f"{names(path)}:{line} {name}"
        for path in sources("app", "dashboard", "pages", "ui", "web", "core", "simulator")
        for line, name, docstring in source(path).docstrings
        if NO_VERB.match(docstring)
    }

    assert without_verb == set()


PART_OF_THE_JUDGEMENT = re.compile(r"(.*\.)?(catalogue\.kind|decide|state_of|is_shortage)")


def test_what_a_licence_means_is_judged_in_one_place() -> None:
    elsewhere = {
        f"{names(path)}:{line} calls {called}"
        for path in sources("app", "dashboard", "pages", "ui", "web", "core", "simulator")
        if "core/licenses" not in names(path)
        for line, called in source(path).calls
        if PART_OF_THE_JUDGEMENT.fullmatch(called)
    }

    assert elsewhere == set()


def test_core_prints_in_its_command_line_alone() -> None:
    printing = {names(path) for path in sources("core") for _, called in source(path).calls if called == "print"}

    assert {name for name in printing if "core/commands/" not in name} == {"core/__main__.py"}
