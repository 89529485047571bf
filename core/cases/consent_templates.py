"""The templates of questions to customers, one for each language of contacts: shown, changed by admins, taken back.

LetterFaults   a template has faults; `by_field` has the problem of each field
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from core.audit import Entry
from core.cache import template_rows
from core.cache.sql import Transaction
from core.cache.template_rows import StoredTemplate, TemplateChanged
from core.cases.templates import TemplateFault, render
from core.customer_texts import FALLBACK, customer_languages
from core.problems import Problem, ProblemsError
from core.roles import Action, Actor

KIND = "consent"
DEFAULTS = Path(__file__).parent / "defaults"
LONGEST_SUBJECT = 250
_BLANK_LINES = re.compile(r"\n{3,}")  # where a part of the template has shown nothing


@dataclass(frozen=True, slots=True)
class Letter:
    """The template of a text with its subject; `version` counts the changes, 0 is the one of the product."""

    language: str
    subject: str
    body: str
    version: int = 0


class LetterFaults(ProblemsError):
    """A template has faults; `by_field` has the problem of each field."""

    def __init__(self, by_field: Mapping[str, Problem]) -> None:
        super().__init__(list(by_field.values()))
        self.by_field = dict(by_field)


def default_letter(language: str) -> Letter:
    """Return the template that comes with the product: the first line of its file is the subject."""
    subject, _, body = _file(language if language in customer_languages() else FALLBACK).partition("\n")
    return Letter(language, subject.strip(), body.strip())


@lru_cache
def _file(language: str) -> str:
    return (DEFAULTS / f"{KIND}.{language}.txt").read_text("utf-8")


def letter_in(connection: Transaction, language: str) -> Letter:
    """Return the template in force."""
    stored = template_rows.stored_template(connection, KIND, language)
    return _letter(stored) if stored else default_letter(language)


def letters(engine: Engine) -> dict[str, Letter]:
    """Return language -> the template in force. Raises DatabaseError."""
    stored = {one.language: _letter(one) for one in template_rows.stored_templates(engine, KIND)}
    return {language: stored.get(language) or default_letter(language) for language in customer_languages()}


def rendered(letter: Letter, values: Mapping[str, Any]) -> tuple[str, str]:
    """Return (subject, text) with these values. Raises LetterFaults."""
    made, faults = {}, {}
    for field, source in (("subject", letter.subject), ("body", letter.body)):
        try:
            made[field] = _BLANK_LINES.sub("\n\n", render(source, values)).strip()
        except TemplateFault as fault:
            faults[field] = fault.problem
        else:
            if not made[field]:
                faults[field] = Problem("template.empty")
    if faults:
        raise LetterFaults(faults)
    return " ".join(made["subject"].split())[:LONGEST_SUBJECT], made["body"]


def keep_letter(engine: Engine, actor: Actor, letter: Letter, sample: Mapping[str, Any], now: datetime) -> None:
    """Store a changed template; `letter.version` is the one that the actor has seen.

    Raises NotAllowed, LetterFaults, DatabaseError.
    """
    actor.need(Action.TEMPLATES)
    rendered(letter, sample)
    stored = StoredTemplate(KIND, letter.language, letter.subject, letter.body, letter.version, actor.name, now)
    try:
        template_rows.save_template(engine, stored, Entry(actor, "template.changed", _target(letter.language)), now)
    except TemplateChanged as error:
        raise LetterFaults({"body": Problem("template.changed_meanwhile")}) from error


def reset_letter(engine: Engine, actor: Actor, language: str, now: datetime) -> None:
    """Take the template of the product again. Raises NotAllowed, DatabaseError."""
    actor.need(Action.TEMPLATES)
    template_rows.delete_template(engine, KIND, language, Entry(actor, "template.reset", _target(language)), now)


def _target(language: str) -> str:
    return f"{KIND} ({language})"


def _letter(stored: StoredTemplate) -> Letter:
    return Letter(stored.language, stored.subject, stored.body, stored.version)
