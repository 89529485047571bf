"""Save and delete alarm rules; export all of them to a file and import them.

RuleFileError   the file has faults, each with its entry and field; no rule was changed
RuleChanged     somebody else has changed the rule since it was shown; it was not changed
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
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
from core.logs.log_words import word
from core.name_key import guid_key
from core.problems import Problem, ProblemError, ProblemsError
from core.roles import Action, Actor

log = logging.getLogger(__name__)

ALL = word("(all)")

FILE_VERSION = 1
FIELDS: dict[str, type] = {
    "tenant_id": str, "sku_id": str, "mode": str, "reason": str, "author": str, "created_at": str, "until": str,
    "threshold": int, "warn": int, "tenant": str, "part_number": str,
}  # fmt: skip


class RuleFileError(ProblemsError):
    """The file has faults; `problems` has each of them."""


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
    log.info("%s set the rule for tenant %s, product %s: %s", rule.author, *_names(rule.scope), _fields(rule))


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
        log.info("%s ended the rule for tenant %s, product %s", actor.shown, *_names(scope))


def _where(scope: Scope) -> str:
    return "tenant {}, product {}".format(*_names(scope))


def _names(scope: Scope) -> tuple[str, str]:
    """Return tenant and product of the scope, for log and audit."""
    return scope[0] or ALL, scope[1] or ALL


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
        raise RuleFileError([Problem("rule_file.no_json", {"why": str(error)})]) from error
    entries = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(entries, list) or document.get("version") != FILE_VERSION:
        raise RuleFileError([Problem("rule_file.no_object", {"version": str(FILE_VERSION)})])
    faults: list[Problem] = []
    rules: dict[Scope, Rule] = {}
    for number, entry in enumerate(entries, 1):
        entry_faults = list(_faults(entry))
        if not entry_faults:
            rule = _rule(entry, now)
            entry_faults = [(name, code, "") for name, code in faults_of(rule)]
            if rule.scope in rules:
                entry_faults.append(("sku_id", "twice", ""))
            rules[rule.scope] = rule
        faults += [_problem(number, *fault) for fault in entry_faults]
    if faults:
        raise RuleFileError(faults)
    return list(rules.values())


def _problem(number: int, field: str, fault: str, value: str) -> Problem:
    """Return the problem of a field of the entry with this number, counted from 1."""
    limits = {"modes": ", ".join(mode for mode in MODES if mode), "largest": str(LARGEST)}
    return Problem(f"rule_file.{fault}", {"number": str(number), "field": field, "value": value, **limits})


def _faults(entry: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the faults of an entry: field, fault, value."""
    if not isinstance(entry, dict):
        yield "", "no_entry", ""
        return
    for name, value in entry.items():
        if name not in FIELDS:
            yield name, "no_field", ""
        elif not isinstance(value, FIELDS[name]) or isinstance(value, bool):
            yield name, "no_number" if FIELDS[name] is int else "no_text", repr(value)
        elif name in ("tenant_id", "sku_id") and value and not guid_key(str(value)):
            yield name, "no_id", repr(value)
        elif name == "until" and not _is_day(str(value)):
            yield name, "no_day", repr(value)
        elif name == "created_at" and not parse_time(str(value)):
            yield name, "no_time", repr(value)


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
