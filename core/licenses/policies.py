"""Which rule decides about an alarm: standard -> tenant -> tenant and product. Pure functions, no clock, no I/O.

Each field inherits on its own from the next level that sets it. "edge" is a threshold too: none left is
fine, below that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args

from core.licenses import units
from core.licenses.units import DEFAULT_THRESHOLD

Mode = Literal["", "alarm", "edge", "show_only", "hidden", "anyway"]
Level = Literal["standard", "tenant", "sku"]
Scope = tuple[str, str]  # tenant id, SKU id; "" = all

MODES: tuple[Mode, ...] = get_args(Mode)
SILENT = ("show_only", "hidden")
EDGE_THRESHOLD = -1
LARGEST = 100_000
LONGEST_REASON, LONGEST_AUTHOR = 300, 100


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule. What is None, or "" as a mode, is inherited.

    `threshold`: alarm at so many free seats or fewer; `warn`: low at so many free seats or fewer.
    `mode`: "alarm", "edge" (zero is fine), "show_only" and "hidden" (never alarm), "anyway" (alarms
    although the product is free, a trial or not per user). It counts up to and with the day `until`.
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
    def level(self) -> Level:
        if not self.tenant_id:
            return "standard"
        return "sku" if self.sku_id else "tenant"

    def counts(self, today: date) -> bool:
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for one licence. `rule` names the field that decided ("" = nobody changed anything),
    `level` and `reason` where it comes from; `warn` is None for the usual share of the seats."""

    threshold: int = DEFAULT_THRESHOLD
    warn: int | None = None
    alarms: bool = True
    hidden: bool = False
    rule: str = ""
    level: Level = "standard"
    reason: str = ""

    def short(self, enabled: int, consumed: int) -> bool:
        """Whether these units are a shortage: the one place that decides it."""
        return self.alarms and units.is_shortage("paid", enabled, consumed, threshold=self.threshold)

    def warn_level(self, enabled: int) -> int:
        return units.warn_level(enabled) if self.warn is None else self.warn


def decide(kind: str, policies: Sequence[Policy]) -> Decision:
    """The decision for a licence of `kind`; `policies` are those that count for it, one per level, narrowest first."""
    mode = next((policy for policy in policies if policy.mode), None)
    threshold = next((policy for policy in policies if _threshold(policy) is not None), None)
    warn = next((policy for policy in policies if _warn(policy) is not None), None)
    said = mode.mode if mode else ""
    alarms = said not in SILENT and (kind == "paid" or said == "anyway")
    # Where the kind forbids the alarm no threshold decides anything.
    rule, origin = _origin(policies, mode, threshold, warn) if alarms or said in SILENT else ("", None)
    limit = _threshold(threshold) if threshold else None
    return Decision(
        threshold=DEFAULT_THRESHOLD if limit is None else limit,
        warn=_warn(warn) if warn else None,
        alarms=alarms,
        hidden=said == "hidden",
        rule=rule,
        level=origin.level if origin else "standard",
        reason=origin.reason if origin else "",
    )


def _threshold(policy: Policy) -> int | None:
    return EDGE_THRESHOLD if policy.mode == "edge" else policy.threshold


def _warn(policy: Policy) -> int | None:
    """Who wants to be at the edge is not warned on the way there."""
    return 0 if policy.mode == "edge" and policy.warn is None else policy.warn


def _origin(
    policies: Sequence[Policy], mode: Policy | None, threshold: Policy | None, warn: Policy | None
) -> tuple[str, Policy | None]:
    """The field that decided and its policy: silence first, then the narrower of mode and threshold."""
    if mode and mode.mode in SILENT:
        return mode.mode, mode
    for policy in policies:
        if policy is mode and policy.mode != "alarm":
            return policy.mode, policy
        if policy is threshold:
            return "threshold", policy
        if policy is mode:
            return policy.mode, policy
    return ("warn", warn) if warn else ("", None)


def faults_of(policy: Policy) -> list[tuple[str, str]]:
    """What is wrong with a policy: (field, code) of each fault; the words stand where they are told."""
    wide = not policy.tenant_id
    checks = (
        ("tenant_id", "missing", wide and bool(policy.sku_id)),
        ("reason", "missing", not policy.reason.strip()),
        ("reason", "too_long", len(policy.reason) > LONGEST_REASON),
        ("author", "too_long", len(policy.author) > LONGEST_AUTHOR),
        ("mode", "unknown", policy.mode not in MODES),
        ("mode", "not_for_all", wide and bool(policy.mode)),
        ("mode", "needs_product", policy.mode == "anyway" and not policy.sku_id),
        ("threshold", "out_of_range", policy.threshold is not None and abs(policy.threshold) > LARGEST),
        ("threshold", "not_with_edge", policy.threshold is not None and policy.mode == "edge"),
        ("warn", "out_of_range", policy.warn is not None and not 0 <= policy.warn <= LARGEST),
        ("mode", "changes_nothing", not policy.mode and policy.threshold is None and policy.warn is None),
    )
    return [(name, code) for name, code, wrong in checks if wrong]


_USUAL = {paid: Decision(alarms=paid) for paid in (True, False)}


@dataclass(frozen=True, slots=True)
class Rules:
    """All policies that count on one day, to be asked for each licence."""

    by_scope: dict[Scope, Policy] = field(default_factory=dict)

    @classmethod
    def of(cls, policies: Iterable[Policy], today: date) -> Rules:
        return cls({policy.scope: policy for policy in policies if policy.counts(today)})

    def decide(self, tenant_id: str, sku_id: str, kind: str) -> Decision:
        if not self.by_scope:
            return _USUAL[kind == "paid"]
        scopes = ((tenant_id, sku_id), (tenant_id, ""), ("", ""))
        found = [policy for scope in scopes if (policy := self.by_scope.get(scope))]
        return decide(kind, found) if found else _USUAL[kind == "paid"]
