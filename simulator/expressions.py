"""Expressions of the Workflow Definition Language: just the functions that the exported flows use.

Anything else is an ExpressionError, so that a definition cannot use what nobody has tried.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>[A-Za-z]+)|(?P<sign>\?\[|[\[\](),]))")
CONSTANTS = {"true": True, "false": False, "null": None}
LONGEST_TEXT = 131_072  # https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-config
DATE_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}
Functions = Mapping[str, Callable[..., Any]]
Tree = tuple[Any, ...]  # ("value", x), ("call", name, [trees]), ("property", tree, tree, may_be_missing)


class ExpressionError(Exception):
    """The service would refuse the expression, or fail when it evaluates it."""


def evaluate(content: Any, context: Functions) -> Any:
    """Return the JSON value with all its expressions evaluated; `context` has the functions of this run."""
    if isinstance(content, str):
        return _text(content, context)
    if isinstance(content, list):
        return [evaluate(one, context) for one in content]
    if isinstance(content, dict):
        return {unescaped_key(name): evaluate(one, context) for name, one in content.items()}
    return content


def unescaped_key(name: str) -> str:
    """Return the name of a property; an expression in it is an error."""
    if re.search(r"(?<!@)@\{", name) or re.match(r"@(?!@)", name):
        raise ExpressionError(f"an expression in the name {name!r}")
    return name.removeprefix("@").replace("@@{", "@{") if name.startswith("@@") else name.replace("@@{", "@{")


def check(content: Any, known: set[str]) -> list[Tree]:
    """Return the calls in all expressions of a JSON value; raise ExpressionError for a function that is not known."""
    calls: list[Tree] = []
    if isinstance(content, str):
        for piece in pieces(content):
            if not isinstance(piece, str):
                calls += _calls(piece)
    elif isinstance(content, dict | list):
        for one in content.values() if isinstance(content, dict) else content:
            calls += check(one, known)
    if unknown := {call[1] for call in calls} - known - set(FUNCTIONS):
        raise ExpressionError(f"unknown function {min(unknown)}")
    return calls


def pieces(text: str) -> list[str | Tree]:
    """Return literal texts and parsed expressions of a JSON string, in their order."""
    if text.startswith("@") and not text.startswith(("@@", "@{")):
        tree, end = _parse(text, 1)
        if text[end:].strip():
            raise ExpressionError(f"more than an expression: {text}")
        return [tree]
    found: list[str | Tree] = []
    position = 0
    while (start := text.find("@", position)) >= 0:
        if not text.startswith("@{", start):
            raise ExpressionError(f"a @ outside of an expression: {text}")
        tree, end = _parse(text, start + 2)
        if not text.startswith("}", end):
            raise ExpressionError(f"an expression without its end: {text}")
        found += [text[position:start], tree]
        position = end + 1
    return [*found, text[position:]]


def _text(text: str, context: Functions) -> Any:
    found = [piece if isinstance(piece, str) else _value(piece, context) for piece in pieces(text)]
    whole = text.startswith("@") and not text.startswith("@{")
    return found[0] if whole else "".join(_shown(one) for one in found)


def _parse(text: str, position: int) -> tuple[Tree, int]:
    kind, token, position = _next(text, position)
    tree: Tree
    if kind == "text":
        tree = ("value", token[1:-1].replace("''", "'"))
    elif kind == "number":
        tree = ("value", int(token))
    elif kind == "word" and token in CONSTANTS:
        tree = ("value", CONSTANTS[token])
    elif kind == "word":
        tree, position = _parse_call(token, text, position)
    else:
        raise ExpressionError(f"unexpected {token!r} in {text}")
    while (after := TOKEN.match(text, position)) and after["sign"] in ("?[", "["):
        name, end = _parse(text, after.end())
        tree = ("property", tree, name, after["sign"] == "?[")
        position = _expect("]", text, end)
    return tree, position


def _parse_call(name: str, text: str, position: int) -> tuple[Tree, int]:
    position = _expect("(", text, position)
    arguments: list[Tree] = []
    if (end := TOKEN.match(text, position)) and end["sign"] == ")":
        return ("call", name, arguments), end.end()
    while True:
        argument, position = _parse(text, position)
        arguments.append(argument)
        _, token, position = _next(text, position)
        if token == ")":
            return ("call", name, arguments), position
        if token != ",":
            raise ExpressionError(f"unexpected {token!r} in {text}")


def _next(text: str, position: int) -> tuple[str, str, int]:
    match = TOKEN.match(text, position)
    if match is None or match.lastgroup is None:
        raise ExpressionError(f"not an expression: {text[position:]!r}")
    return match.lastgroup, match[match.lastgroup], match.end()


def _expect(sign: str, text: str, position: int) -> int:
    _, token, position = _next(text, position)
    if token != sign:
        raise ExpressionError(f"{token!r} in place of {sign!r} in {text}")
    return position


def _calls(tree: Tree) -> list[Tree]:
    if tree[0] == "call":
        return [tree, *(call for argument in tree[2] for call in _calls(argument))]
    return [*_calls(tree[1]), *_calls(tree[2])] if tree[0] == "property" else []


def _value(tree: Tree, context: Functions) -> Any:
    if tree[0] == "value":
        return tree[1]
    if tree[0] == "call":
        function = context.get(tree[1]) or FUNCTIONS[tree[1]]
        arguments = [_value(argument, context) for argument in tree[2]]
        try:
            return function(*arguments)
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise ExpressionError(f"{tree[1]}{tuple(arguments)}: {error}") from None
    owner, name = _value(tree[1], context), _value(tree[2], context)
    if owner is None and tree[3]:
        return None
    if not isinstance(owner, dict):
        raise ExpressionError(f"no property {name!r} in {owner!r}")
    if name not in owner and not tree[3]:
        raise ExpressionError(f"no property {name!r}")
    return owner.get(name)


def _shown(value: Any) -> str:
    """Return a value within a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)  # "True", as .NET writes it
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _within_limit(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"more than {LONGEST_TEXT} characters")
    return text


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _in_format(moment: dt.datetime, pattern: str) -> str:
    if set(re.sub("|".join(DATE_PARTS), "", pattern)) - set("-.:TZ0123456789"):
        raise ValueError(f"format {pattern}")
    return moment.strftime(re.sub("|".join(DATE_PARTS), lambda part: DATE_PARTS[part[0]], pattern))


def _number(value: float, pattern: str) -> str:
    if pattern != "0" or isinstance(value, bool):
        raise ValueError(f"format {pattern} of {value}")
    return str(round(value))


def _texts(*values: Any) -> list[str]:
    """Return the arguments of a function that takes texts only."""
    if not all(isinstance(value, str) for value in values):
        raise TypeError("not a text")
    return list(values)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


FUNCTIONS: Functions = {
    "addDays": lambda moment, days, pattern: _in_format(_moment(moment) + dt.timedelta(days=days), pattern),
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "concat": lambda *values: "".join(_shown(value) for value in values),
    "contains": lambda whole, part: _texts(part)[0] in _texts(whole)[0],
    "equals": _same,
    "first": lambda rows: rows[0] if rows else None,
    "formatDateTime": lambda moment, pattern: _in_format(_moment(moment), pattern),
    "formatNumber": _number,
    "greater": lambda one, other: one > other,
    "if": lambda test, yes, no: yes if _bool(test) else no,
    "int": int,
    "join": lambda rows, between: between.join(_texts(*rows)),
    "length": len,
    "not": lambda test: not _bool(test),
    "or": lambda *tests: any(_bool(test) for test in tests),
    "replace": lambda whole, old, new: _texts(whole)[0].replace(old, new),
    "string": lambda value: _within_limit(value if isinstance(value, str) else _json(value)),
    "take": lambda rows, count: rows[:count],
    "toLower": lambda text: _texts(text)[0].lower(),
    "trim": lambda text: _texts(text)[0].strip(),
}
