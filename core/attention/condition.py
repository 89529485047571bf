"""A condition that needs attention, and its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Literal

from core.licenses.skus import Product
from core.problems import Problem
from core.texts import has_text

# A note only describes the configuration; the other three mean that something needs attention.
Level = Literal["note", "notice", "warning", "error"]
RANK: dict[Level, int] = {"error": 0, "warning": 1, "notice": 2, "note": 3}
NAMED = 3  # tenants or products named in a text about many


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that needs attention.

    `subject` is a tenant, a file or a list, `slug` the tenant to look at. The values of the sentence
    are those of `problem`, `moments` as the reader writes times, `product` by its name, and `cause`, whose
    own sentence stands for {why}.
    """

    level: Level
    problem: Problem
    subject: str = ""
    slug: str = ""
    cause: Problem | None = None
    moments: Mapping[str, datetime | date] = field(default_factory=dict)
    product: Product | None = None

    def settled(
        self, language: str, when: Callable[[Any], str], show: Callable[[str, str], str] = lambda _name, value: value
    ) -> Problem:
        """Return the problem with every value of its sentence in `language`.

        `when` writes a time or a day, `show` (name, value) makes a value fit for where it will stand.
        """
        values = {**self.problem.params, "product": self.product.name(language) if self.product else ""}
        if self.cause is not None:
            why = _sentence(self.cause, language).removeprefix(f"{self.subject}: ")
            values["why"] = why[:1].upper() + why[1:]  # a sentence of its own once the name is gone
        shown = {name: show(name, value) for name, value in values.items() if value}
        times = {name: when(value) for name, value in self.moments.items()}
        return Problem(self.problem.code, shown | times, self.problem.detail)


def as_written(zone: tzinfo) -> Callable[[Any], str]:
    """Return the function that writes a time or a day of a text for programs and logs."""

    def when(value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(zone):%d.%m.%Y %H:%M}"
        return f"{value:%d.%m.%Y}"

    return when


def _sentence(problem: Problem, language: str) -> str:
    """Return the text of a problem, or its code if an earlier version has stored one that is unknown now."""
    return problem.text(language) if has_text(problem.code) else f"{problem.code}."


def count_and_names(names: Sequence[str]) -> dict[str, str]:
    """Return the values `count` and `names` of a text about these tenants or products."""
    return {"count": str(len(names)), "names": ", ".join(sorted(names)[:NAMED]) + (" …" if len(names) > NAMED else "")}
