"""The one judgement about a licence: its kind, its state, whether it is a shortage, and why. Pure, no clock, no I/O.

The refresh, the licence list, the frames, the conditions and the preview of a rule ask here and compose nothing
themselves; tests/test_architecture.py holds that.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from core.licenses.alarm_rules import Level, Rules
from core.licenses.skus import Catalogue, Kind, Reason
from core.licenses.units import State, state_of


class Units(Protocol):
    """What is asked of a licence: a `core.licenses.units.License`, or a row with its names and units."""

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
    """What holds for one licence of one tenant.

    kind, kind_reason   what sort of product it is, and the rule of `Catalogue.kind` that decided so
    state               the first that applies, see `state_of`
    shortage            True if nobody new can get the licence, somebody may need it and the rules let it alarm
    alarms              False if neither kind nor rules let it ever alarm
    threshold           the licence is a shortage at so many free seats or fewer
    warn_level          the licence is low at so many free seats or fewer
    hidden              True if a rule hides it
    decided_by          the field of the rule that decided about the alarm, "" if no rule did
    level, reason       where that rule stands and why somebody made it
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
    level: Level
    reason: str

    @property
    def low(self) -> bool:
        """True if few seats are left of a licence that alarms but is no shortage yet."""
        return self.state == "low" and self.alarms and not self.shortage


def judge(
    units: Units, catalogue: Catalogue, rules: Rules, *, tenant_id: str, is_trial: bool, present: bool = True
) -> Judgement:
    """Return the judgement about a licence of a tenant.

    `rules` are those that hold on the day of the judgement. `is_trial`: every subscription of the SKU is a trial;
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
    """Return the judgement about a licence whose kind is known already; all else as in `judge`."""
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
