"""A problem as data: a code and its values, put into words only where somebody reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from core import texts
from core.masking import without_credentials


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, told by `code` (the key of its sentence in `locales/`) and the values its sentence needs.

    `detail` is the technical line (status, request id, AADSTS text); it never holds a secret. Of addresses, in it and
    in the values, user and password are taken out: problems are shown, stored and logged.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", {name: without_credentials(str(it)) for name, it in self.params.items()})
        object.__setattr__(self, "detail", without_credentials(self.detail))

    def text(self, language: str = "de") -> str:
        """Return what happened and what to do next, in `language`; the code if there is no sentence for it.

        Where the next step needs the technical line, it is in the sentence: `{detail}`.
        """
        values = {"detail": self.detail.rstrip(".") or "–", **self.params}
        return texts.text(self.code, language, **values)

    def to_json(self) -> str:
        return json.dumps({"code": self.code, "params": dict(self.params), "detail": self.detail})

    @classmethod
    def from_json(cls, text: str) -> Problem:
        return cls(**json.loads(text))


class ProblemError(Exception):
    """Base of every error that an operator can act on; `str()` of it is the English sentence."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem.text("en")
