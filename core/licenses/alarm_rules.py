"""Alarm rules and the decision that follows from them. Pure functions, no clock, no I/O.

From wide to narrow: all tenants -> the level of service of a tenant -> a tenant -> a product of a tenant. Each field is
inherited on its own from the next wider one that sets it. The mode "edge" is the threshold -1: no free seat is fine,
fewer is a shortage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from core.licenses import units
from core.licenses.units import DEFAULT_THRESHOLD

Mode = Literal["", "alarm", "edge", "show_only", "hidden", "anyway"]
RuleLevel = Literal["standard", "service_level", "tenant", "sku"]
Scope = tuple[str, str]  # tenant id, SKU id; "" = all

MODES: tuple[Mode, ...] = get_args(Mode)
SILENT = ("show_only", "hidden")
EDGE_THRESHOLD = -1
LARGEST = 100_000
LONGEST_REASON, LONGEST_AUTHOR = 300, 100


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A field that is None, or the mode "", is inherited.

    `threshold`: alarm at so many free seats or fewer; `warn`: low at so many free seats or fewer.
    `mode`: "alarm", "edge" (zero is fine), "show_only" and "hidden" (never alarm), "anyway" (alarms
    although the product is free, a trial or not per user). The last day of the rule is `until`.
    """

    tenant_id: str
    sku_id: str
    reason: str
    author: str
    created_at: datetime
    threshold: int | None = None
    warn: int | None = None
    mode: Mode = ""
    until: date | None = None

    @property
    def scope(self) -> Scope:
        return self.tenant_id, self.sku_id

    @property
    def level(self) -> RuleLevel:
        if not self.tenant_id:
            return "standard"
        return "sku" if self.sku_id else "tenant"

    def is_valid_on(self, today: date) -> bool:
        """Return True up to and including the last day of the rule."""
        return self.until is None or today <= self.until


class LevelRule(NamedTuple):
    """What a level of service says about the alarms of its tenants; `reason` is the name of the level."""

    reason: str
    threshold: int | None = None
    warn: int | None = None
    mode: Literal[""] = ""
    level: Literal["service_level"] = "service_level"


AnyRule = Rule | LevelRule


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision for one licence.

    `decided_by` is the field of a rule that decided, "" if no rule did; `level` and `reason` are those of that rule.
    `warn` is None for the usual share of the seats.
    """

    threshold: int = DEFAULT_THRESHOLD
    warn: int | None = None
    alarms: bool = True
    hidden: bool = False
    decided_by: str = ""
    level: RuleLevel = "standard"
    reason: str = ""

    def short(self, enabled: int, consumed: int) -> bool:
        """Return True if these units are a shortage."""
        return self.alarms and units.is_shortage("paid", enabled, consumed, threshold=self.threshold)

    def warn_level(self, enabled: int) -> int:
        return units.warn_level(enabled) if self.warn is None else self.warn


def decide(kind: str, rules: Sequence[AnyRule]) -> Decision:
    """Return the decision for a licence of `kind`; `rules` are those of the licence, one per level, narrowest first."""
    mode = next((rule for rule in rules if rule.mode), None)
    threshold = next((rule for rule in rules if _threshold(rule) is not None), None)
    warn = next((rule for rule in rules if _warn(rule) is not None), None)
    mode_name = mode.mode if mode else ""
    alarms = mode_name not in SILENT and (kind == "paid" or mode_name == "anyway")
    # A threshold decides only if the kind lets the licence alarm.
    decided_by, origin = _origin(rules, mode, threshold, warn) if alarms or mode_name in SILENT else ("", None)
    limit = _threshold(threshold) if threshold else None
    return Decision(
        threshold=DEFAULT_THRESHOLD if limit is None else limit,
        warn=_warn(warn) if warn else None,
        alarms=alarms,
        hidden=mode_name == "hidden",
        decided_by=decided_by,
        level=origin.level if origin else "standard",
        reason=origin.reason if origin else "",
    )


def _threshold(rule: AnyRule) -> int | None:
    return EDGE_THRESHOLD if rule.mode == "edge" else rule.threshold


def _warn(rule: AnyRule) -> int | None:
    """Return the warn level of a rule, None if it inherits; a rule with the mode "edge" sets 0 if it has no level."""
    return 0 if rule.mode == "edge" and rule.warn is None else rule.warn


def _origin(
    rules: Sequence[AnyRule], mode: AnyRule | None, threshold: AnyRule | None, warn: AnyRule | None
) -> tuple[str, AnyRule | None]:
    """Return the deciding field and its rule: a mode that never alarms, else the narrower of mode and threshold."""
    if mode and mode.mode in SILENT:
        return mode.mode, mode
    for rule in rules:
        if rule is mode and rule.mode != "alarm":
            return rule.mode, rule
        if rule is threshold:
            return "threshold", rule
        if rule is mode:
            return rule.mode, rule
    return ("warn", warn) if warn else ("", None)


def faults_of(rule: Rule) -> list[tuple[str, str]]:
    """Return the faults of a rule as (field, code); pages and command line have a text for each code."""
    wide = not rule.tenant_id
    checks = (
        ("tenant_id", "missing", wide and bool(rule.sku_id)),
        ("reason", "missing", not rule.reason.strip()),
        ("reason", "too_long", len(rule.reason) > LONGEST_REASON),
        ("author", "too_long", len(rule.author) > LONGEST_AUTHOR),
        ("mode", "unknown", rule.mode not in MODES),
        ("mode", "not_for_all", wide and bool(rule.mode)),
        ("mode", "needs_product", rule.mode == "anyway" and not rule.sku_id),
        ("threshold", "out_of_range", rule.threshold is not None and abs(rule.threshold) > LARGEST),
        ("threshold", "not_with_edge", rule.threshold is not None and rule.mode == "edge"),
        ("warn", "out_of_range", rule.warn is not None and not 0 <= rule.warn <= LARGEST),
        ("mode", "changes_nothing", not rule.mode and rule.threshold is None and rule.warn is None),
    )
    return [(name, code) for name, code, wrong in checks if wrong]


_USUAL = {paid: Decision(alarms=paid) for paid in (True, False)}


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that are valid on one day, by scope, and what the levels of service say: tenant id -> LevelRule."""

    by_scope: dict[Scope, Rule] = field(default_factory=dict)
    by_level: Mapping[str, LevelRule] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[Rule], today: date, by_level: Mapping[str, LevelRule] | None = None) -> Rules:
        return cls({rule.scope: rule for rule in rules if rule.is_valid_on(today)}, by_level or {})

    def decide(self, tenant_id: str, sku_id: str, kind: str) -> Decision:
        if not (self.by_scope or self.by_level):
            return _USUAL[kind == "paid"]
        in_order = (
            self.by_scope.get((tenant_id, sku_id)),
            self.by_scope.get((tenant_id, "")),
            self.by_level.get(tenant_id),
            self.by_scope.get(("", "")),
        )
        matching = [rule for rule in in_order if rule is not None]
        return decide(kind, matching) if matching else _USUAL[kind == "paid"]
