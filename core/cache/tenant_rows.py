"""Table of tenants: store what the profiles say, and return the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from core.cache.case_rows import CASES_VERSION
from core.cache.leaving_rows import leaves
from core.cache.schema import profile_faults, tenants
from core.cache.sql import increase_version, of_tenants, transaction, upsert
from core.problems import Problem

_ALL = select(tenants)
_WITH_PROFILE = _ALL.where(tenants.c.has_profile)
HIDDEN = select(tenants.c.tenant_id).where(tenants.c.has_profile.is_(False))  # they leave, or have no profile any more


@dataclass(frozen=True, slots=True)
class ProfileTenant:
    """A tenant from its profile; written before the tenant is read."""

    tenant_id: str
    slug: str
    name: str
    cert_expires: datetime


def save_profiles(
    engine: Engine, current: Sequence[ProfileTenant], faults: Mapping[str, tuple[str, list[Problem]]]
) -> None:
    """Store new, changed and removed profiles; `current` are the valid ones, `faults` is file -> (slug, problems).

    A tenant without a profile keeps its history but is not shown; one with a faulty profile stays shown. Former names
    are stored, so that the SharePoint items of the tenant are still matched. A tenant that leaves does not come back.
    """
    with transaction(engine) as connection:
        gone = leaves(connection)
        current = [tenant for tenant in current if tenant.tenant_id not in gone]
        broken = {slug for slug, _ in faults.values()} - {tenant.slug for tenant in current}
        rows = {row.tenant_id: row for row in connection.execute(_ALL)}
        if new := [_new_row(tenant) for tenant in current if tenant.tenant_id not in rows]:
            connection.execute(insert(tenants), new)
        for tenant in current:
            if (row := rows.get(tenant.tenant_id)) is not None:
                _save_changes(connection, tenant, row)
        valid_ids = {tenant.tenant_id for tenant in current}
        for row in rows.values():
            shown = row.tenant_id not in gone and (row.tenant_id in valid_ids or row.slug in broken)
            if row.has_profile != shown:
                _change(connection, row.tenant_id, has_profile=shown)
                increase_version(connection, CASES_VERSION)  # its cases are hidden, or shown again
        connection.execute(delete(profile_faults))
        upsert(
            connection,
            profile_faults,
            [
                {"file": file, "slug": slug, "problems": [problem.to_json() for problem in problems]}
                for file, (slug, problems) in faults.items()
            ],
        )


def _new_row(tenant: ProfileTenant) -> dict[str, Any]:
    return {"tenant_id": tenant.tenant_id, "former_names": [], **_values(tenant)}


def _values(tenant: ProfileTenant) -> dict[str, Any]:
    return {"slug": tenant.slug, "name": tenant.name, "cert_expires": tenant.cert_expires}


def _save_changes(connection: Connection, tenant: ProfileTenant, row: Any) -> None:
    values = _values(tenant)
    if any(getattr(row, key) != value for key, value in values.items()):
        former = [name for name in row.former_names if name != tenant.name]
        if row.name != tenant.name:
            former.append(row.name)
        _change(connection, tenant.tenant_id, former_names=former, **values)


def _change(connection: Connection, tenant_id: str, **values: Any) -> None:
    connection.execute(update(tenants).where(tenants.c.tenant_id == tenant_id).values(**values))


def tenant_rows(engine: Engine, tenant_ids: Collection[str] | None = None) -> dict[str, Any]:
    """Return tenant id -> row of the `tenants` table, for tenants with a profile; of `tenant_ids` alone if given."""
    with transaction(engine) as connection:
        rows = connection.execute(of_tenants(_WITH_PROFILE, tenants, tenant_ids))
        return {row.tenant_id: row for row in rows}


def tenant_name(connection: Connection, tenant_id: str) -> str:
    """Return the name of a tenant, "" for an unknown id."""
    return connection.execute(select(tenants.c.name).where(tenants.c.tenant_id == tenant_id)).scalar() or ""


def is_stored(engine: Engine, tenant_id: str) -> bool:
    """Return True if anything is stored of the tenant, also of an earlier profile."""
    with transaction(engine) as connection:
        query = select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id)
        return connection.execute(query).first() is not None


def forget_tenant(engine: Engine, tenant_id: str, *, hide: bool) -> None:
    """Delete the tenant with all that was read of it; with `hide` it stays, without profile and not monitored."""
    with transaction(engine) as connection:
        increase_version(connection)
        if hide:
            _change(connection, tenant_id, has_profile=False, monitored=False)
        else:
            connection.execute(delete(tenants).where(tenants.c.tenant_id == tenant_id))


def list_row_of(engine: Engine, tenant_id: str) -> str | None:
    """Return the id of the tenant's row in the SharePoint tenant list, as last read; None if it had none."""
    with transaction(engine) as connection:
        query = select(tenants.c.list_item_id).where(tenants.c.tenant_id == tenant_id)
        item_id: str | None = connection.execute(query).scalar()
        return item_id
