"""Parse licences and subscriptions of Graph; state and shortage of a licence. Pure functions, no clock, no I/O.

The rules are in section "The domain" of docs/architecture.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from core.bounds import LONGEST_NAME, bounded_text, count, parse_time
from core.interned import interned
from core.name_key import guid_key, name_key

State = Literal["ok", "low", "short", "over", "grace", "suspended", "gone"]
STATES: tuple[State, ...] = get_args(State)

DEFAULT_THRESHOLD = 0
WARN_SHARE = 0.05
WARN_FROM_SEATS = 20
SKU_ID = re.compile(r"[0-9a-z._-]{1,36}")  # a GUID, or another id that fits the column
LONGEST_WORD, LONGEST_ID = 50, 64  # as in core.cache.schema
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
    """One purchase behind a SKU (`directory/subscriptions`); its status next changes at `next_lifecycle_at`."""

    subscription_id: str
    sku_id: str
    sku_part_number: str
    status: str
    total: int
    is_trial: bool
    created_at: datetime | None
    next_lifecycle_at: datetime | None


def warn_level(enabled: int) -> int:
    """Return the number of free seats at which a licence is low: 5 % of 20 or more seats, at least 1; else 0."""
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

    A SKU without enabled units and units in grace is suspended, whatever its suspended and locked-out units. `present`
    is False if Graph no longer lists the SKU; `warn` is a warn level other than the usual one.
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
    """Return True for a paid licence with seats or holders whose free seats are at or below the threshold.

    The state does not matter: a licence in grace, or suspended with holders, can be a shortage; 0 of 0 seats never is.
    """
    return kind == "paid" and enabled - consumed <= threshold and (enabled > 0 or consumed > 0)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of `subscribedSkus` that cannot be understood; `sku_id` is "" if the row has no valid one."""

    sku_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SubscribedSkus:
    """The answer of a tenant: its licences, one per SKU id, and the rows that cannot be understood."""

    licenses: list[License]
    refused: list[RefusedRow]


def parse_licenses(rows: Iterable[Any]) -> SubscribedSkus:
    """Return the licences in rows of `subscribedSkus`, and the rows that cannot be understood. Never raises."""
    licenses: dict[str, License] = {}
    refused: list[RefusedRow] = []
    for row in rows:
        try:
            license_ = parse_license(row)
        except ValueError as error:
            refused.append(RefusedRow(sku_id_of(row), str(error)))
        else:
            licenses[license_.sku_id] = license_
    return SubscribedSkus(list(licenses.values()), [row for row in refused if row.sku_id not in licenses])


def sku_id_of(row: Any) -> str:
    """Return the SKU id of a row in lower case, "" if the row has no valid one."""
    value = row.get("skuId") if isinstance(row, Mapping) else None
    sku_id = guid_key(value) or name_key(value) if isinstance(value, str) else ""
    return interned(sku_id) if SKU_ID.fullmatch(sku_id) else ""


def parse_license(row: Any) -> License:
    """Return the licence in a row of `subscribedSkus`; lockedOut and appliesTo are missing in some clouds.

    Raises ValueError if the row has no skuId or a unit is no number of seats (core.bounds).
    """
    sku_id = sku_id_of(row)
    if not sku_id:
        raise ValueError("a row without skuId")
    units = row.get("prepaidUnits") or {}
    if not isinstance(units, Mapping):
        raise ValueError("prepaidUnits is no object")  # noqa: TRY004 - as for every other invalid row
    return License(
        sku_id=sku_id,
        sku_part_number=interned(bounded_text(row.get("skuPartNumber"), LONGEST_NAME)),
        enabled=_count(units, "enabled"),
        consumed=_count(row, "consumedUnits"),
        warning=_count(units, "warning"),
        suspended=_count(units, "suspended"),
        locked_out=_count(units, "lockedOut"),
        capability_status=interned(bounded_text(row.get("capabilityStatus"), LONGEST_WORD)),
        applies_to=interned(bounded_text(row.get("appliesTo"), LONGEST_WORD)),
    )


def parse_subscriptions(rows: Iterable[Any]) -> list[Subscription]:
    """Return the subscriptions in rows of `directory/subscriptions`, one per id.

    Raises ValueError for a row that is no object.
    """
    parsed = [parse_subscription(row) for row in rows]
    return list({row.subscription_id or row.sku_id: row for row in parsed}.values())


def parse_subscription(row: Any) -> Subscription:
    """Return the subscription in a row of `directory/subscriptions`; every field except the id may be null or invalid.

    An invalid number of seats counts as 0, and only isTrial true is a trial, so neither hides a shortage. Raises
    ValueError if the row is no object.
    """
    if not isinstance(row, Mapping):
        raise ValueError("a row that is no object")  # noqa: TRY004 - a value of the answer, not of a call
    names = (bounded_text(row.get(name), LONGEST_ID) for name in ("id", "commerceSubscriptionId"))
    try:
        total = count(row.get("totalLicenses"))
    except ValueError:
        total = 0
    return Subscription(
        subscription_id=next(filter(None, names), ""),
        sku_id=sku_id_of(row),
        sku_part_number=bounded_text(row.get("skuPartNumber"), LONGEST_NAME),
        status=bounded_text(row.get("status"), LONGEST_WORD),
        total=total,
        is_trial=row.get("isTrial") is True,
        created_at=parse_time(row.get("createdDateTime")),
        next_lifecycle_at=parse_time(row.get("nextLifecycleDateTime")),
    )


def _count(source: Mapping[str, Any], name: str) -> int:
    try:
        return count(source.get(name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
