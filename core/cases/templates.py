"""Texts that admins write for customers and distributors: Jinja2 in its sandbox, cut down to what a letter needs.

A template may show variables, decide with `if` and go through a list with `for`; nothing in it can run long or call
anything. Values become one line each, so that no name of a customer adds a line to an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.bounds import bounded_text
from core.problems import Problem, ProblemError
from core.text_files import shown

LONGEST_TEMPLATE, LONGEST_VALUE = 10_000, 1_000  # characters
FILTERS = ("upper", "lower", "title", "trim", "default", "length", "first", "last")
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Filter, nodes.If, nodes.For,
    nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
)  # fmt: skip

Values = Mapping[str, Any]  # name -> text, number, or a list of such mappings

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


class TemplateFault(ProblemError):
    """The template has a fault, or uses a variable that does not exist; the problem says which, and in which line."""


def need_template(template: str, sample: Values) -> None:
    """Raise TemplateFault unless the template can be rendered with values like those of `sample`."""
    render(template, sample)


def render(template: str, values: Values) -> str:
    """Return the template with its values. Raises TemplateFault."""
    tree = _parsed(template)
    for name in sorted(find_undeclared_variables(tree) - set(values)):
        raise TemplateFault(_unknown(name, list(values)))
    try:
        return _compiled(template).render(_lines(values))
    except TemplateError as error:
        raise TemplateFault(Problem("template.unknown_part", _part(error))) from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise TemplateFault(Problem("template.does_not_fit", {}, str(error)[:200])) from error


def _parsed(template: str) -> nodes.Template:
    if len(template) > LONGEST_TEMPLATE:
        raise TemplateFault(Problem("template.too_long", {"most": str(LONGEST_TEMPLATE)}))
    try:
        tree = _environment.parse(template)
        for node, loops in _walk(tree, 0):
            if not isinstance(node, _ALLOWED) or loops > 1 or (isinstance(node, nodes.For) and node.recursive):
                raise TemplateFault(Problem("template.not_allowed", {"line": str(node.lineno)}))
            if isinstance(node, nodes.Filter) and node.name not in FILTERS:
                params = {"filter": shown(node.name), "line": str(node.lineno), "filters": ", ".join(FILTERS)}
                raise TemplateFault(Problem("template.no_filter", params))
    except TemplateSyntaxError as error:
        params = {"line": str(error.lineno)}
        raise TemplateFault(Problem("template.syntax", params, str(error.message or "")[:200])) from error
    except RecursionError as error:
        raise TemplateFault(Problem("template.too_long", {"most": str(LONGEST_TEMPLATE)})) from error
    return tree


def _walk(node: nodes.Node, loops: int) -> Iterator[tuple[nodes.Node, int]]:
    """Yield each part of the template, and how many loops it is in, itself included."""
    loops += isinstance(node, nodes.For)
    yield node, loops
    for child in node.iter_child_nodes():
        yield from _walk(child, loops)


@lru_cache(maxsize=200)
def _compiled(template: str) -> Template:
    return _environment.from_string(template)


def _lines(value: Any) -> Any:
    """Return the values with each text as one line of bounded length."""
    if isinstance(value, str):
        return bounded_text(value, LONGEST_VALUE).strip()
    if isinstance(value, Mapping):
        return {name: _lines(one) for name, one in value.items()}
    return [_lines(one) for one in value] if isinstance(value, Sequence) else value


def _unknown(name: str, known: Sequence[str]) -> Problem:
    near = get_close_matches(name, known, 1)
    params = {"name": shown(name), "names": ", ".join(sorted(known)), "near": near[0] if near else ""}
    return Problem("template.unknown_near" if near else "template.unknown", params)


def _part(error: TemplateError) -> dict[str, str]:
    """Return what Jinja2 says of a part that a value does not have, such as the name of a column of a list."""
    return {"said": shown(str(error.message or error))}
