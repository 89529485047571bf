"""What the rows of the audit say, in words. Pure functions; nothing here knows the page."""

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
# Told by the columns of the row already.
SILENT = frozenset({"author", "created_at", "tenant_id", "sku_id"})
CODES = {"provider": "provider.", "mode": "rule.mode."}  # field -> with what the keys of its codes begin
_RULE = re.compile(r"tenant (?P<tenant>\S+), product (?P<product>\S+)")
_ALL = "(all)"
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(T[\d:.+-]*Z?)?$")


def difference(before: str, after: str, language: str) -> str:
    """What a change has changed, from the two JSON documents of its row ("" for none).

    "Rolle: support → admin"; of what is new its values, of what is gone "bisher ...".
    """
    old, new = _parsed(before), _parsed(after)
    if old == new:
        return ""
    if isinstance(old, dict) and isinstance(new, dict):
        return "; ".join(
            f"{_field(name, language)}: {_of(name, old, language)}{ARROW}{_of(name, new, language)}"
            for name in {**old, **new}
            if name not in SILENT and old.get(name) != new.get(name)
        )
    if old is None:
        return _told(new, language)
    if new is None:
        return text("audit.was", language, values=_told(old, language))
    return f"{_told(old, language)}{ARROW}{_told(new, language)}"


def action_words(code: str, language: str) -> str:
    """The action in words; an unknown one is shown as it is."""
    return _or_code(f"audit.action.{code}", code, language)


def result_words(code: str, reason: str, language: str) -> str:
    """ "misslungen: SharePoint antwortet nicht" """
    words = _or_code(f"audit.result.{code}", code, language)
    return f"{words}: {_or_code(f'audit.why.{reason}', reason, language)}" if reason else words


def who_words(shown: str, source: str, language: str) -> str:
    """What people call the actor; the timetable and somebody unknown have no name of their own."""
    if source == "schedule":
        return text("audit.source.schedule", language)
    return shown or text("audit.nobody", language)


def origin_words(source: str, address: str, language: str) -> str:
    """ "Dashboard · 10.0.0.7" """
    words = _or_code(f"audit.source.{source}", source, language)
    return f"{words} · {address}" if address else words


def target_words(target: str, names: Mapping[str, str], language: str) -> str:
    """The target with names in the place of the ids that `names` knows."""
    if found := _RULE.fullmatch(target):
        tenant = _of_rule(found["tenant"], names, text("audit.rule_all_tenants", language))
        product = _of_rule(found["product"], names, text("audit.rule_all_products", language))
        return text("audit.rule_target", language, tenant=tenant, product=product)
    return names.get(target) or _or_code(f"audit.file.{target}", target, language)


def _of_rule(id_: str, names: Mapping[str, str], everything: str) -> str:
    return everything if id_ == _ALL else names.get(id_, id_)


def _parsed(document: str) -> Any:
    if not document:
        return None
    try:
        return json.loads(document)
    except ValueError:
        return document


def _told(value: Any, language: str) -> str:
    if isinstance(value, dict):
        shown = [f"{_field(name, language)}: {_of(name, value, language)}" for name in value if name not in SILENT]
        return "; ".join(shown)
    return _value(value, language)


def _of(name: str, document: Mapping[str, Any], language: str) -> str:
    """The value of a field, in words where it is a code."""
    value = document.get(name)
    if name in CODES and isinstance(value, str) and value:
        return _or_code(f"{CODES[name]}{value}", value, language)
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
    return _words(value, language) if isinstance(value, str) else str(value)


def _words(value: str, language: str) -> str:
    """A date or a moment as people write it; any other text as it is."""
    found = _DATE.match(value)
    try:
        return fmt.day(date.fromisoformat(found[1]), language) if found else value
    except ValueError:
        return value


def _field(name: str, language: str) -> str:
    return _or_code(f"audit.field.{name}", name, language)


def _or_code(key: str, code: str, language: str) -> str:
    return text(key, language) if has_text(key) else code
