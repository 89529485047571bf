"""The values of audit rows in words: action, result, person, origin, target and change. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from core.texts import has_text
from ui import format as fmt
from ui.texts import plural, text

ARROW, NOTHING = " → ", "–"
# The columns of the row show these already, or, of the case before, another field its number.
SHOWN_ELSEWHERE = frozenset({"author", "created_at", "follows", "tenant_id", "sku_id"})
CODES = {
    "provider": "provider.",
    "mode": "rule.mode.",
    "contact_role": "contact.role.",
    "language": "contact.language.",
    "state": "case.state.",
    "priority": "level.priority.",
    "how": "distributor.how.",
    "cause": "audit.cause.",
    "stage": "audit.stage.",
}  # field -> the beginning of the keys of its codes
_RULE = re.compile(r"tenant (?P<tenant>\S+), product (?P<product>\S+)")
_ALL = "(all)"
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(T[\d:.+-]*Z?)?$")


def difference(before: str, after: str, language: str) -> str:
    """Return the fields that differ between the two JSON documents of a row: "Rolle: support → admin".

    If one document is empty, return the values of the other one, after "bisher" if the new one is empty.
    """
    old, new = _parsed(before), _parsed(after)
    if old == new:
        return ""
    if isinstance(old, dict) and isinstance(new, dict):
        return "; ".join(
            f"{_field_name(name, new.get(name, old.get(name)), language)}: {_field_value(name, old, language)}"
            f"{ARROW}{_field_value(name, new, language)}"
            for name in {**old, **new}
            if name not in SHOWN_ELSEWHERE and old.get(name) != new.get(name)
        )
    if old is None:
        return _document_words(new, language)
    if new is None:
        return text("audit.was", language, values=_document_words(old, language))
    return f"{_document_words(old, language)}{ARROW}{_document_words(new, language)}"


def action_words(code: str, language: str) -> str:
    """Return the name of an action; an unknown code as it is."""
    return _text_or_code(f"audit.action.{code}", code, language)


def result_words(code: str, reason: str, language: str) -> str:
    """Return the result with its reason: "misslungen: SharePoint antwortet nicht"."""
    words = _text_or_code(f"audit.result.{code}", code, language)
    return f"{words}: {_text_or_code(f'audit.why.{reason}', reason, language)}" if reason else words


def who_words(shown: str, source: str, language: str) -> str:
    """Return the name of the actor, or words for the timetable and for an actor without a name."""
    if source == "schedule":
        return text("audit.source.schedule", language)
    return shown or text("audit.nobody", language)


def origin_words(source: str, address: str, language: str) -> str:
    """Return where a request came from: "Dashboard · 10.0.0.7"."""
    words = _text_or_code(f"audit.source.{source}", source, language)
    return f"{words} · {address}" if address else words


def target_words(target: str, names: Mapping[str, str], language: str) -> str:
    """Return the target, with names instead of ids as far as `names` has them."""
    if rule := _RULE.fullmatch(target):
        tenant = _name_or_id(rule["tenant"], names, text("audit.rule_all_tenants", language))
        product = _name_or_id(rule["product"], names, text("audit.rule_all_products", language))
        return text("audit.rule_target", language, tenant=tenant, product=product)
    return names.get(target) or _text_or_code(f"audit.file.{target}", target, language)


def _name_or_id(id_: str, names: Mapping[str, str], everything: str) -> str:
    return everything if id_ == _ALL else names.get(id_, id_)


def _parsed(document: str) -> Any:
    if not document:
        return None
    try:
        return json.loads(document)
    except ValueError:
        return document


def _document_words(value: Any, language: str) -> str:
    if isinstance(value, dict):
        shown = [
            f"{_field_name(name, value.get(name), language)}: {_field_value(name, value, language)}"
            for name in value
            if name not in SHOWN_ELSEWHERE
        ]
        return "; ".join(shown)
    return _value(value, language)


def _field_value(name: str, document: Mapping[str, Any], language: str) -> str:
    """Return the value of a field; a code as its words."""
    value = document.get(name)
    if name in CODES and isinstance(value, str) and value:
        return _text_or_code(f"{CODES[name]}{value}", value, language)
    return _value(value, language)


def _value(value: Any, language: str) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return text("audit.yes" if value else "audit.no", language)
    if isinstance(value, list):
        return plural("audit.entries", len(value), language)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return _date_or_text(value, language) if isinstance(value, str) else str(value)


def _date_or_text(value: str, language: str) -> str:
    """Return a date or time as people write it; any other text as it is."""
    match = _DATE.match(value)
    try:
        return fmt.day(date.fromisoformat(match[1]), language) if match else value
    except ValueError:
        return value


def _field_name(name: str, value: Any, language: str) -> str:
    """Return the name of a field; `enabled` is a switch, or how many units a licence has."""
    if name == "enabled" and type(value) is int:
        return text("audit.field.enabled_units", language)
    return _text_or_code(f"audit.field.{name}", name, language)


def _text_or_code(key: str, code: str, language: str) -> str:
    return text(key, language) if has_text(key) else code
