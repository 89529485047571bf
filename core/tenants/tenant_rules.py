"""Save and delete alarm rules; export all of them to a file and import them.

RuleFileError   the file has faults, each with its entry and field; no rule was changed
RuleChanged     somebody else has changed the rule since it was shown; it was not changed
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine

from core.audit import Entry, note_export
from core.bounds import FIRST_YEAR, LAST_YEAR, bounded_text, parse_time
from core.cache.readings import stored_licenses
from core.cache.rule_rows import (
    ANY_VERSION,
    OtherVersion,
    Version,
    all_rules,
    delete_rule,
    replace_rules,
    save_rule,
)
from core.cache.tenant_rows import tenant_rows
from core.licenses.alarm_rules import LARGEST, LONGEST_AUTHOR, LONGEST_REASON, MODES, Rule, Scope, faults_of
from core.name_key import guid_key
from core.problems import Problem, ProblemError
from core.roles import Action, Actor

log = logging.getLogger(__name__)

FILE_VERSION = 1
FIELDS: dict[str, type] = {
    "tenant_id": str, "sku_id": str, "mode": str, "reason": str, "author": str, "created_at": str, "until": str,
    "threshold": int, "warn": int, "tenant": str, "part_number": str,
}  # fmt: skip
WORDS = {
    "missing": "is missing",
    "too_long": "is too long",
    "unknown": f"is not one of {', '.join(mode for mode in MODES if mode)}",
    "not_for_all": "is possible for a tenant or a product only, not for all tenants",
    "needs_product": "anyway needs a product (sku_id)",
    "out_of_range": f"is not between 0 and {LARGEST}; a threshold may be negative",
    "not_with_edge": "is not possible beside mode edge, which is the threshold -1",
    "changes_nothing": "or threshold or warn must be set, else the rule says nothing",
}


class RuleFileError(Exception):
    """`faults` has one line for each fault of the file."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


class RuleChanged(ProblemError):
    """Somebody else has changed the rule since the caller read it; it was not changed."""


@contextlib.contextmanager
def _rule_changed() -> Iterator[None]:
    try:
        yield
    except OtherVersion as error:
        raise RuleChanged(Problem("access.rule_changed")) from error


def keep(engine: Engine, rule: Rule, actor: Actor, *, version: Version = ANY_VERSION) -> None:
    """Save a rule in the place of the one with the same scope.

    `version`: `created_at` of the rule that the actor has seen there, None for no rule; another one is not overwritten.
    Raises NotAllowed, RuleChanged; ValueError if the rule has faults.
    """
    actor.need(Action.RULES)
    reason, author = bounded_text(rule.reason, LONGEST_REASON + 1), bounded_text(rule.author, LONGEST_AUTHOR)
    rule = replace(rule, reason=reason, author=author)
    if faults := faults_of(rule):
        raise ValueError(faults)
    with _rule_changed():
        entry = Entry(actor, "rule.set", _where(rule.scope))
        save_rule(engine, rule, entry, datetime.now(UTC), version=version)
    log.info("%s set the rule for %s: %s", rule.author, _where(rule.scope), _fields(rule))


def end(engine: Engine, scope: Scope, actor: Actor, *, version: Version = ANY_VERSION) -> None:
    """Delete a rule, if it is still there; `version` as in `keep`.

    Raises NotAllowed, RuleChanged.
    """
    actor.need(Action.RULES)
    with _rule_changed():
        ended = delete_rule(
            engine, scope, Entry(actor, "rule.ended", _where(scope)), datetime.now(UTC), version=version
        )
    if ended:
        log.info("%s ended the rule for %s", actor.shown, _where(scope))


def _where(scope: Scope) -> str:
    return f"tenant {scope[0] or '(all)'}, product {scope[1] or '(all)'}"


def _fields(rule: Rule) -> dict[str, Any]:
    values = {"threshold": rule.threshold, "warn": rule.warn, "mode": rule.mode or None, "until": rule.until}
    return {name: value for name, value in values.items() if value is not None}


def export(engine: Engine, actor: Actor) -> str:
    """Return all rules as JSON; `tenant` and `part_number` are only for people. Raises NotAllowed."""
    names = {tenant_id: row.name for tenant_id, row in tenant_rows(engine).items()}
    parts = {
        sku_id: row["sku_part_number"] for rows in stored_licenses(engine).values() for sku_id, row in rows.items()
    }
    entries = [_entry(rule, names, parts) for rule in all_rules(engine)]
    note_export(engine, actor, "rules", len(entries))
    return json.dumps({"version": FILE_VERSION, "rules": entries}, ensure_ascii=False, indent=2) + "\n"


def _entry(rule: Rule, names: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, Any]:
    entry = {
        "tenant_id": rule.tenant_id,
        "tenant": names.get(rule.tenant_id, ""),
        "sku_id": rule.sku_id,
        "part_number": parts.get(rule.sku_id, ""),
        **_fields(rule),
        "reason": rule.reason,
        "author": rule.author,
        "created_at": rule.created_at.isoformat(),
    }
    if rule.until:
        entry["until"] = rule.until.isoformat()
    return {name: value for name, value in entry.items() if value != ""}


def import_(engine: Engine, content: str, actor: Actor) -> int:
    """Replace all rules by those of a file; return their number. Raises NotAllowed, RuleFileError.

    With a fault in the file no rule is changed.
    """
    actor.need(Action.RULES)
    rules = parse(content, datetime.now(UTC))
    replace_rules(engine, rules, Entry(actor, "rules.imported"), datetime.now(UTC))
    log.info("rules imported: %d", len(rules))
    return len(rules)


def parse(content: str, now: datetime) -> list[Rule]:
    """Return the rules of a file. Raises RuleFileError with all its faults."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:  # includes numbers and depths that Python refuses
        raise RuleFileError([f"The file is no JSON: {error}."]) from error
    entries = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(entries, list) or document.get("version") != FILE_VERSION:
        raise RuleFileError([f'The file must be an object with "version": {FILE_VERSION} and a list "rules".'])
    faults: list[str] = []
    rules: dict[Scope, Rule] = {}
    for number, entry in enumerate(entries, 1):
        entry_faults = list(_faults(entry))
        if not entry_faults:
            rule = _rule(entry, now)
            entry_faults = [f"{name}: {WORDS[code]}" for name, code in faults_of(rule)]
            if rule.scope in rules:
                entry_faults.append("sku_id: an earlier rule has the same tenant and product")
            rules[rule.scope] = rule
        faults += [f"rule {number}, {fault}." for fault in entry_faults]
    if faults:
        raise RuleFileError(faults)
    return list(rules.values())


def _faults(entry: Any) -> Iterator[str]:
    """Yield the faults of an entry as "field: fault"."""
    if not isinstance(entry, dict):
        yield "the entry: is no object"
        return
    for name, value in entry.items():
        if name not in FIELDS:
            yield f"{name}: there is no such field"
        elif not isinstance(value, FIELDS[name]) or isinstance(value, bool):
            yield f"{name}: {value!r} is no {'number' if FIELDS[name] is int else 'text'}"
        elif name in ("tenant_id", "sku_id") and value and not guid_key(str(value)):
            yield f"{name}: {value!r} is no id such as 00000000-0000-0000-0000-000000000000"
        elif name == "until" and not _is_day(str(value)):
            yield f"until: {value!r} is no day such as 2027-05-31"
        elif name == "created_at" and not parse_time(str(value)):
            yield f"created_at: {value!r} is no time with zone such as 2027-05-31T12:00:00+00:00"


def _rule(entry: dict[str, Any], now: datetime) -> Rule:
    return Rule(
        tenant_id=guid_key(entry.get("tenant_id", "")),
        sku_id=guid_key(entry.get("sku_id", "")),
        reason=bounded_text(entry.get("reason", "").strip(), LONGEST_REASON + 1),
        author=bounded_text(entry.get("author", "import"), LONGEST_AUTHOR + 1),
        created_at=parse_time(entry.get("created_at", "")) or now,
        threshold=entry.get("threshold"),
        warn=entry.get("warn"),
        mode=entry.get("mode", ""),
        until=date.fromisoformat(entry["until"]) if entry.get("until") else None,
    )


def _is_day(text: str) -> bool:
    try:
        return FIRST_YEAR <= date.fromisoformat(text).year <= LAST_YEAR
    except ValueError:
        return False
