"""Expressions of the Workflow Definition Language as data, and their text in a definition.

https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference. Names and texts come from
outside; they are quoted here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments: `concat('a', 'b')`."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an object, null if object or property is missing: `item()?['Title']`."""

    owner: Expression
    name: str


Expression = Call | Property
Operand = Expression | str | int | bool | None


def call(name: str, *arguments: Operand) -> Call:
    """Return the call of a function."""
    return Call(name, arguments)


def source(operand: Operand) -> str:
    """Return the text of an operand within an expression."""
    match operand:
        case Call(name, arguments):
            return f"{name}({', '.join(source(argument) for argument in arguments)})"
        case Property(owner, name):
            return f"{source(owner)}?[{source(name)}]"
        case None | bool():
            return {None: "null", True: "true", False: "false"}[operand]
        case int():
            return str(operand)
    return "'" + operand.replace("'", "''") + "'"


def value(operand: Operand) -> Any:
    """Return the JSON value that gives this operand."""
    if isinstance(operand, str):
        return joined(operand)
    return f"@{source(operand)}" if isinstance(operand, Call | Property) else operand


def joined(*pieces: str | Expression) -> str:
    """Return the JSON string that gives the pieces one after the other; a `str` stands for itself."""
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str | Expression) -> str:
    if isinstance(piece, str) and "@" not in piece:
        return piece
    # How several @ in a row are read is documented for none but the simplest case; within quotes they mean nothing.
    whole = call("concat", piece, "") if isinstance(piece, str) else piece
    return f"@{{{source(whole)}}}"


def key(name: str) -> str:
    """Return the name of a JSON property that gives `name`; an expression would be read in it as in a value."""
    return ("@" if name.startswith("@") else "") + name.replace("@{", "@@{")


def condition(test: Call) -> dict[str, Any]:
    """Return the test of a condition in the form that the designer shows as rows: `{"equals": [a, b]}`."""
    if test.name not in ("and", "or", "not"):
        return {test.name: [value(argument) for argument in test.arguments]}
    inner = [condition(part) for part in test.arguments if isinstance(part, Call)]
    return {test.name: inner[0] if test.name == "not" else inner}


def parts(sentence: str, values: Mapping[str, Expression]) -> Iterable[str | Expression]:
    """Yield literal text and expressions of a sentence in which each value stands as its name between two NUL."""
    for index, part in enumerate(sentence.split("\0")):
        yield values[part] if index % 2 else part
