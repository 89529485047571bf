"""Problems as data: a code and values, from which a text is made in the language of the reader."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core import texts
from core.masking import without_credentials


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem; `code` is the key of its text in `locales/`, `params` are the values in the text.

    `detail` is the technical line (status, request id, AADSTS text); it has no secret. User and password are removed
    from addresses in `params` and `detail`, because problems are shown, stored and logged.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "params", {name: without_credentials(str(value)) for name, value in self.params.items()}
        )
        object.__setattr__(self, "detail", without_credentials(self.detail))

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str = "de") -> str:
        """Return the text in `language`: what happened and what to do next; the code if there is no text for it.

        A text that needs the technical line contains it as `{detail}`.
        """
        values = {"detail": self.detail.rstrip(".") or "–", **self.params}
        return texts.text(self.code, language, **values)

    def to_json(self) -> str:
        return json.dumps({"code": self.code, "params": dict(self.params), "detail": self.detail})

    @classmethod
    def from_json(cls, text: str) -> Problem:
        return cls(**json.loads(text))


class ProblemsError(Exception):
    """Base class of errors with several problems, a line each; `str()` returns them in English."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = list(problems)

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str) -> str:
        """Return the texts in `language`, one line for each problem."""
        return "\n".join(problem.text(language) for problem in self.problems)


class ProblemError(Exception):
    """Base class of errors that an operator can act on; `str()` returns the English text."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem.text("en")
