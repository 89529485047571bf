"""What a licence is: its units, its state and when it is a shortage. Pure functions, no clock, no I/O.

The rules are those of section "The domain" in docs/architecture.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from core.name_key import name_key
from core.words import once

State = Literal["ok", "low", "short", "over", "grace", "suspended", "gone"]
STATES: tuple[State, ...] = get_args(State)

DEFAULT_THRESHOLD = 0
WARN_SHARE = 0.05
WARN_FROM_SEATS = 20
ENDED = ("suspended", "lockedout", "deleted")  # capabilityStatus, as name_key writes it


@dataclass(frozen=True, slots=True)
class License:
    """One SKU of one tenant as `subscribedSkus` reports it; all units are seats and may be 0."""

    sku_id: str
    sku_part_number: str
    enabled: int
    consumed: int
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    capability_status: str = ""
    applies_to: str = ""

    @property
    def free(self) -> int:
        return self.enabled - self.consumed


@dataclass(frozen=True, slots=True)
class Subscription:
    """One purchase behind a SKU (`directory/subscriptions`); `next_lifecycle_at` is its term's end, if known."""

    subscription_id: str
    sku_id: str
    sku_part_number: str
    status: str
    total: int
    is_trial: bool
    created_at: datetime | None
    next_lifecycle_at: datetime | None


def warn_level(enabled: int) -> int:
    """Seats below which a licence is low: 5 % of the seats, at least 1, for 20 seats or more; else 0."""
    return max(1, math.floor(enabled * WARN_SHARE)) if enabled >= WARN_FROM_SEATS else 0


def state_of(
    enabled: int,
    consumed: int,
    warning: int = 0,
    capability_status: str = "",
    *,
    present: bool = True,
    warn: int | None = None,
) -> State:
    """Return the state of a SKU: the first that applies, in the order of docs/architecture.md.

    Suspended and locked-out units are not asked for: without enabled units, and none in grace, the SKU is suspended.
    `present` is False when Graph no longer lists the SKU; `warn` is a level other than the usual one.
    """
    free = enabled - consumed
    if not present:
        return "gone"
    if enabled == 0 and warning > 0:
        return "grace"
    if enabled == 0 or name_key(capability_status) in ENDED:
        return "suspended"
    if free <= 0:
        return "over" if free < 0 else "short"
    return "low" if free <= (warn_level(enabled) if warn is None else warn) else "ok"


def is_shortage(kind: str, enabled: int, consumed: int, *, threshold: int = DEFAULT_THRESHOLD) -> bool:
    """Whether nobody new can get this licence although somebody may need it.

    Whatever its state: grace and suspended with holders count, an empty 0/0 never does.
    """
    return kind == "paid" and enabled - consumed <= threshold and (enabled > 0 or consumed > 0)


def parse_license(row: Mapping[str, Any]) -> License:
    """A row of `subscribedSkus` -> License; lockedOut and appliesTo are missing in some clouds.

    Raises ValueError when the row has no skuId or a unit is no number.
    """
    sku_id = row.get("skuId")
    if not isinstance(sku_id, str) or not sku_id:
        raise ValueError("a row without skuId")
    units = row.get("prepaidUnits") or {}
    return License(
        sku_id=once(sku_id.lower()),
        sku_part_number=once(row.get("skuPartNumber") or ""),
        enabled=_count(units.get("enabled")),
        consumed=_count(row.get("consumedUnits")),
        warning=_count(units.get("warning")),
        suspended=_count(units.get("suspended")),
        locked_out=_count(units.get("lockedOut")),
        capability_status=once(row.get("capabilityStatus") or ""),
        applies_to=once(row.get("appliesTo") or ""),
    )


def parse_subscription(row: Mapping[str, Any]) -> Subscription:
    """A row of `directory/subscriptions` -> Subscription; every field but the id may be null."""
    return Subscription(
        subscription_id=str(row.get("id") or row.get("commerceSubscriptionId") or ""),
        sku_id=str(row.get("skuId") or "").lower(),
        sku_part_number=row.get("skuPartNumber") or "",
        status=row.get("status") or "",
        total=_count(row.get("totalLicenses")),
        is_trial=bool(row.get("isTrial")),
        created_at=parse_time(row.get("createdDateTime")),
        next_lifecycle_at=parse_time(row.get("nextLifecycleDateTime")),
    )


def parse_time(text: Any) -> datetime | None:
    """ISO 8601 with zone -> aware datetime; None for nothing or for what is no time."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
    return moment if moment is not None and moment.tzinfo else None


def _count(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number of units")
    return int(value)
