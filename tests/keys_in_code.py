"""The keys of texts that the product uses, found in its source.

A key is used where it stands as a text of its own in the code or in `text("...")` of a template. Keys that are composed
must be so where they are seen: as an f-string that begins with a constant part up to a dot (`f"state.{mark}"`;
`text("plain.reason_" ~ why)` in a template), or as a constant that ends in a dot (`"rule.mode."`), after which anything
may come.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("app.py", "dashboard.py", "pages", "ui", "web", "core")
CALLS = ("text", "plural", "Problem")  # whose first argument is a key


@lru_cache
def nodes() -> tuple[tuple[str, ast.Constant | ast.JoinedStr | ast.Call], ...]:
    """(file, node) of every constant, f-string and call of the product."""
    paths = [path for room in ROOMS for path in [ROOT / room, *(ROOT / room).rglob("*.py")] if path.is_file()]
    return tuple(
        (path.relative_to(ROOT).as_posix(), node)
        for path in sorted(paths)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.Call)
    )


def templates() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (ROOT / "web/templates").glob("*.html")}


@lru_cache
def constants() -> dict[str, str]:
    """Every text of its own in the code, and every key in a template -> a file that has it."""
    found = {
        node.value: path for path, node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for name, content in templates().items():
        found |= dict.fromkeys(re.findall(r'text\("([^"]+)"\)', content), name)
    return found


@lru_cache
def compositions() -> dict[str, str]:
    """Every way in which keys are composed, as a regular expression -> a file that has it."""
    written = ((pattern_of(node), path) for path, node in nodes() if isinstance(node, ast.JoinedStr))
    found = {pattern: path for pattern, path in written if re.match(r"[a-z_]+\\\.", pattern)}
    for name, content in templates().items():
        for first, last in re.findall(r'text\("([^"]+)" ~ \w+(?: ~ "(\w+)")?\)', content):
            found[f"{re.escape(first)}.*{last}"] = name
    prefixes = {text: path for text, path in constants().items() if re.fullmatch(r"([a-z_]+\.)+", text)}
    return found | {re.escape(prefix) + ".*": path for prefix, path in prefixes.items()}


def pattern_of(node: ast.JoinedStr) -> str:
    """The f-string as a regular expression."""
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values)


@lru_cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """(file, function, call) of every call that takes a key."""
    found = [(path, name_of(node), node) for path, node in nodes() if isinstance(node, ast.Call) and node.args]
    return [call for call in found if call[1] in CALLS]


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def key_of(call: ast.Call) -> str:
    """The key of a call where it is written out, else ""."""
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
