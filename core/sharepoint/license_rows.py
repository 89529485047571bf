"""Make the rows that the licence list should have from tenants and licences of the cache. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.cache.readings import StoredLicense
from core.licenses.alarm_rules import Rules
from core.licenses.judge import judge
from core.licenses.skus import Catalogue
from core.licenses.units import License
from core.name_key import name_key

Key = tuple[str, str]  # of a licence: tenant id, SKU id


@dataclass(frozen=True, slots=True)
class Row:
    """A licence as the licence list should show it."""

    tenant_id: str
    sku_id: str
    tenant: str
    sku_part_number: str
    product: str
    available: int
    used: int
    shortage: bool
    monitored: bool
    short_since: datetime | None = None  # identifies the shortage: a later one has another start

    @property
    def key(self) -> Key:
        return self.tenant_id, self.sku_id

    @property
    def alarms(self) -> bool:
        """Return True if the shortage is to be reported."""
        return self.shortage and self.monitored


def in_lists(tenant: Any) -> bool:
    """Return True if the licence list shows the tenant: enabled, with a row in the tenant list or one that vanished."""
    return bool(tenant.enabled and (tenant.listed or tenant.missing_since is not None))


def rows_to_show(
    tenants: Mapping[str, Any],
    licenses: Mapping[str, Mapping[str, StoredLicense]],
    trial: set[tuple[str, str]],
    catalogue: Catalogue,
    rules: Rules,
    language: str,
) -> Iterator[Row]:
    """Yield every licence of every tenant that is `in_lists`.

    `tenants`: tenant id -> its row in the database; `licenses`: tenant id -> SKU id -> licence; `trial`: SKUs
    bought only as a trial.
    """
    for tenant_id, tenant in tenants.items():
        if not in_lists(tenant):
            continue
        for sku_id, stored in licenses.get(tenant_id, {}).items():
            is_trial = (tenant_id, sku_id) in trial
            units = units_of(stored)
            judged = judge(units, catalogue, rules, tenant_id=tenant_id, is_trial=is_trial, present=stored["present"])
            yield Row(
                tenant_id=tenant_id,
                sku_id=sku_id,
                tenant=tenant.name,
                sku_part_number=units.sku_part_number,
                product=catalogue.product(sku_id, units.sku_part_number).name(language),
                available=stored["enabled"],
                used=stored["consumed"],
                shortage=judged.shortage,
                monitored=tenant.monitored,
                short_since=stored["short_since"],
            )


def units_of(stored: StoredLicense) -> License:
    """Return the units of a stored licence; an empty part number is replaced by the SKU id."""
    named = name_key(stored["sku_part_number"])
    return License(
        stored["sku_id"],
        stored["sku_part_number"] if named else stored["sku_id"],
        stored["enabled"],
        stored["consumed"],
        warning=stored["warning"],
        capability_status=stored["capability_status"],
        applies_to=stored["applies_to"],
    )
