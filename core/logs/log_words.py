"""The language of the log: sentences of log calls in the words of `locales/<language>/LC_MESSAGES/log.po`.

The key of a sentence is its English text with the places of its values: "syslog %s is back". Log calls stay as they
are; a value that is a word of ours is marked with `word`, and problems are passed as they are.
"""

from __future__ import annotations

from core import texts
from core.masking import MOST_BYTES
from core.problems import Problem


class word(str):
    """A word of ours as a value of a log call, which is translated, too: word("all tenants")."""

    __slots__ = ()


class LogWords:
    """The words of one language; English needs none. Its files are read here and not while a line is written."""

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._words = texts.log_words(language)

    def sentence(self, template: str) -> str:
        """Return the template in the language; itself if there is no other, as for lines of foreign packages."""
        return self._words.get(template, template)

    def value(self, value: object) -> object:
        """Return a value of a log call in the language: a problem, the problem of an error, or a word; cut if long."""
        problem = value if isinstance(value, Problem) else getattr(value, "problem", None)
        if isinstance(problem, Problem):
            return problem.text(self._language)[:MOST_BYTES]
        if isinstance(value, word):
            return self._words.get(value, value)
        return value[:MOST_BYTES] if isinstance(value, str | bytes) else value
