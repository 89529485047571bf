"""What is kept about one tenant: the rows of every table, and the files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.backup.backup_folder import backups_in
from core.cache.mentions import TenantKeys
from core.cache.onboarding_rows import find_onboarding
from core.cache.sql import transaction
from core.cache.tenant_data import count_rows, find_keys, rows_of
from core.leaving.leave import LeavingRefused
from core.leaving.tenant_export import plain_value
from core.leaving.tenant_files import exports_of, keys_of_tenant, profiles_of
from core.problems import Problem, ProblemError
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import read_certificate
from core.refresh.services import Services
from core.roles import Action, Actor
from core.tenants.data import TENANT_TABLES, TenantTable

FileKind = Literal["profile", "certificate", "export", "backup"]


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that holds something of the tenant; `ends`: the last day of its certificate, "" for other files."""

    kind: FileKind
    path: str
    ends: str = ""


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """What is kept: how many rows of each table, and the files; backups may hold it or not."""

    keys: TenantKeys
    counts: Mapping[str, int]
    files: list[KeptFile]


def report_on(services: Services, wanted: str, actor: Actor) -> PrivacyReport:
    """Return what is kept about the tenant with this id, short name or name, also while it is added or leaves.

    Raises NotAllowed; LeavingRefused if there is no such tenant; DatabaseError, OSError.
    """
    actor.need(Action.LEAVING)
    keys = _keys(services, wanted)
    with transaction(services.engine) as connection:
        counts = {line.name: count_rows(connection, line.name, line.finder, keys) for line in TENANT_TABLES}
    return PrivacyReport(keys, counts, _files(services, keys))


def kept_rows(services: Services, report: PrivacyReport, line: TenantTable) -> list[dict[str, Any]]:
    """Return the rows of one table, without the columns that hold secrets."""
    with transaction(services.engine) as connection:
        rows = rows_of(connection, line.name, line.finder, report.keys)
        return [{name: plain_value(row[name]) for name in line.shown} for row in rows]


def _keys(services: Services, wanted: str) -> TenantKeys:
    keys = find_keys(services.engine, wanted)
    if keys is not None:
        return keys
    added = find_onboarding(services.engine, wanted)
    if added is None:
        raise LeavingRefused(Problem("command.tenant_unknown", {"wanted": wanted}))
    return TenantKeys(added.tenant_id, added.slug, added.name, (added.name,))


def _files(services: Services, keys: TenantKeys) -> list[KeptFile]:
    settings = services.settings
    files = [KeptFile("profile", str(path)) for path in profiles_of(settings, keys.tenant_id, keys.slug)]
    files += [_certificate(path) for path in keys_of_tenant(settings, keys.tenant_id, keys.slug)]
    files += [KeptFile("export", str(path)) for path in exports_of(settings, keys.tenant_id)]
    if settings.backup_dir:
        with contextlib.suppress(ProblemError):  # the page of operations tells that the folder cannot be read
            files += [KeptFile("backup", str(backup.path)) for backup in backups_in(Path(settings.backup_dir))]
    return files


def _certificate(path: Path) -> KeptFile:
    """Return a file of the key folder by its name alone, with the end of the certificate in it; never its content."""
    try:
        return KeptFile("certificate", str(path), read_certificate(path).expires.date().isoformat())
    except (CertificateError, OSError):
        return KeptFile("certificate", str(path))
