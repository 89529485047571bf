"""Judge a licence: its kind, its state, if it is a shortage, and why. Pure functions, no clock, no I/O.

Refresh, licence list, frames, conditions and the preview of a rule all call `judge` or `judge_kind`;
tests/test_architecture.py checks that none of them calls the functions behind it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

from core.licenses.alarm_rules import RuleLevel, Rules
from core.licenses.skus import Catalogue, Kind, Reason
from core.licenses.units import State, state_of

# How far a licence is from a shortage; its timeline has an entry for each change. "over" is a shortage, too.
Stage = Literal["ok", "low", "short", "over", "gone"]
SHORT_STAGES: tuple[Stage, ...] = ("short", "over")


class Units(Protocol):
    """The values that are judged: those of a `core.licenses.units.License`, or of a row with its fields."""

    @property
    def sku_id(self) -> str: ...
    @property
    def sku_part_number(self) -> str: ...
    @property
    def applies_to(self) -> str: ...
    @property
    def capability_status(self) -> str: ...
    @property
    def enabled(self) -> int: ...
    @property
    def consumed(self) -> int: ...
    @property
    def warning(self) -> int: ...


class Judgement(NamedTuple):  # a tuple because a page of 10,000 licences makes as many of them
    """The judgement about one licence of one tenant.

    kind, kind_reason   the kind of the product, and the rule of `Catalogue.kind` that decided it
    state               the first that applies, see `state_of`
    shortage            True if too few seats are free, by the threshold, and kind and rules let the licence alarm
    alarms              False if kind or rules never let it alarm
    threshold           a shortage has this number of free seats or fewer
    warn_level          a low licence has this number of free seats or fewer
    hidden              True if a rule hides it
    decided_by          the field of the rule that decided about the alarm, "" if no rule did
    level, reason       the level of that rule, and the reason that its author has given
    """

    kind: Kind
    kind_reason: Reason
    state: State
    shortage: bool
    alarms: bool
    threshold: int
    warn_level: int
    hidden: bool
    decided_by: str
    level: RuleLevel
    reason: str

    @property
    def low(self) -> bool:
        """Return True for a licence that can alarm, has few free seats and is no shortage yet."""
        return self.state == "low" and self.alarms and not self.shortage

    @property
    def stage(self) -> Stage:
        """Return the stage of the licence: a state that alarms nobody is "ok", a shortage in grace is "short"."""
        if self.shortage:
            return "over" if self.state == "over" else "short"
        if self.state == "gone":
            return "gone"
        return "low" if self.low else "ok"


def judge(
    units: Units, catalogue: Catalogue, rules: Rules, *, tenant_id: str, is_trial: bool, present: bool = True
) -> Judgement:
    """Return the judgement about a licence of a tenant.

    `rules` are those of the day of the judgement. `is_trial`: every subscription of the SKU is a trial;
    `present`: Graph still lists the SKU.
    """
    kind, kind_reason = catalogue.kind(
        units.sku_id, units.sku_part_number, applies_to=units.applies_to, enabled=units.enabled, is_trial=is_trial
    )
    return judge_kind(
        kind,
        kind_reason,
        rules,
        tenant_id=tenant_id,
        sku_id=units.sku_id,
        enabled=units.enabled,
        consumed=units.consumed,
        warning=units.warning,
        capability_status=units.capability_status,
        present=present,
    )


def judge_shown(rules: Rules, row: Any) -> Judgement:
    """Return the judgement about a row of the frame of licences under other rules; by its seats, not by its stage."""
    units = {"enabled": row.enabled, "consumed": row.consumed}
    return judge_kind(row.kind, row.kind_reason, rules, tenant_id=row.tenant_id, sku_id=row.sku_id, **units)


def judge_kind(
    kind: Kind,
    kind_reason: Reason,
    rules: Rules,
    *,
    tenant_id: str,
    sku_id: str,
    enabled: int,
    consumed: int,
    warning: int = 0,
    capability_status: str = "",
    present: bool = True,
) -> Judgement:
    """Return the judgement about a licence of a given kind; the other parameters are those of `judge`."""
    decision = rules.decide(tenant_id, sku_id, kind)
    return Judgement(
        kind,
        kind_reason,
        state_of(enabled, consumed, warning, capability_status, present=present, warn=decision.warn),
        decision.short(enabled, consumed),
        decision.alarms,
        decision.threshold,
        decision.warn_level(enabled),
        decision.hidden,
        decision.decided_by,
        decision.level,
        decision.reason,
    )
