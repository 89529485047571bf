"""Changes that SharePoint refuses in one push, and their reduction to the values of the alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.graph import BatchAnswer, error_for
from core.graph.errors import error_of
from core.problems import Problem
from core.sharepoint.license_rows import Key
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.plan import Change

# Names identify an item, trigger and informed are the alarm. All other columns are only for people.
ESSENTIAL = {"name", "tenant", "trigger", "informed"}
ALARM = {"trigger", "informed"}
NOT_THE_VALUES = {0, 401, 404, 409, 410, 412, 429, 503, 504}  # refused for another reason, or the result is unknown
TIMES = 2  # server errors until the change counts as refused


class Refusals:
    """The refusals of one writer, by the key of the change. Safe to call from its threads."""

    def __init__(self, kind: str, name: str) -> None:
        """`kind` is the list, `name` the site, for messages."""
        self._kind, self._name = kind, name
        self._errors: Counter[tuple[Key, frozenset[str]]] = Counter()
        self._answers: dict[Key, BatchAnswer] = {}
        self._whole: set[Key] = set()
        self._forbidden: set[Key] = set()

    def part(self, change: Change) -> Change | None:
        """Return the change, after a refusal only its alarm values, or None if nothing is left to send."""
        if change.key not in self._answers or change.delete:
            return change
        values = _essential(change)
        return replace(change, values=values) if values and change.key not in self._whole else None

    def note(self, change: Change, answer: BatchAnswer) -> bool:
        """Store a refusal; return True if the rest of the change may be sent at once."""
        if answer.ok:
            self._forbidden.discard(change.key)  # a reduced change was accepted, so it was the values
        if change.delete or answer.ok or answer.status in NOT_THE_VALUES:
            return False
        if answer.status >= 500:
            same = change.key, frozenset(change.values)
            self._errors[same] += 1
            if self._errors[same] < TIMES:
                return False
        self._answers[change.key] = answer
        if answer.status == 403:
            self._forbidden.add(change.key)
        if len(_essential(change)) == len(change.values):
            self._whole.add(change.key)
        # A new item may have been created in spite of a server error, so the list is read first.
        return self.part(change) is not None and not (change.item is None and answer.status >= 500)

    def problems(self) -> list[Problem]:
        """Return a problem for forbidden, refused and partly refused rows, with number and most frequent answer."""
        codes = ("sharepoint.write_forbidden", "sharepoint.row_refused", "sharepoint.numbers_refused")
        answers_of: dict[str, dict[Key, BatchAnswer]] = {code: {} for code in codes}
        for key, answer in self._answers.items():
            code = codes[0] if key in self._forbidden else codes[1] if key in self._whole else codes[2]
            answers_of[code][key] = answer
        return [self._problem(code, answers) for code, answers in answers_of.items() if answers]

    def _problem(self, code: str, answers: Mapping[Key, BatchAnswer]) -> Problem:
        said = Counter(_said(answer) for answer in answers.values()).most_common(1)[0][0]
        answer = next(answer for answer in answers.values() if _said(answer) == said)
        detail = error_for(answer.status, answer.body, what="items", name=self._name).problem.detail
        return Problem(code, {"list": LIST_NAMES[self._kind], "count": str(len(answers)), "said": said}, detail)

    def __len__(self) -> int:
        return len(self._answers)


def _essential(change: Change) -> dict[str, Any]:
    words = ESSENTIAL if change.item is None else ALARM
    return {word: value for word, value in change.values.items() if word in words}


def _said(answer: BatchAnswer) -> str:
    code, message = error_of(answer.body)
    return message or code or f"HTTP {answer.status}"
