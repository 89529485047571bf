"""The rows that the licence list should have, made of the tenants and licences in the cache. Pure."""

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

Key = tuple[str, str]  # tenant id, SKU id: what a licence is, everywhere


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
    short_since: datetime | None = None  # the name of this shortage: another one has another beginning

    @property
    def key(self) -> Key:
        return self.tenant_id, self.sku_id

    @property
    def alarms(self) -> bool:
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
        for sku_id, license_ in licenses.get(tenant_id, {}).items():
            named = license_["sku_part_number"]
            sku_part_number = named if name_key(named) else sku_id
            units = License(
                sku_id,
                sku_part_number,
                license_["enabled"],
                license_["consumed"],
                warning=license_["warning"],
                capability_status=license_["capability_status"],
                applies_to=license_["applies_to"],
            )
            is_trial = (tenant_id, sku_id) in trial
            judged = judge(units, catalogue, rules, tenant_id=tenant_id, is_trial=is_trial, present=license_["present"])
            yield Row(
                tenant_id=tenant_id,
                sku_id=sku_id,
                tenant=tenant.name,
                sku_part_number=sku_part_number,
                product=catalogue.product(sku_id, sku_part_number).name(language),
                available=license_["enabled"],
                used=license_["consumed"],
                shortage=judged.shortage,
                monitored=tenant.monitored,
                short_since=license_["short_since"],
            )
