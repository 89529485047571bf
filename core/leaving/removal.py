"""Remove the tenants whose time is over: files, then SharePoint, then all rows with the proof in the audit.

Every step may be repeated: whatever interrupts a removal, the next look goes on with it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.audit import Entry
from core.cache.leaving_rows import Leaving, all_leavings, begin_removal, finish_leaving, save_progress
from core.cache.mentions import TenantKeys
from core.cache.sql import Transaction
from core.cache.tenant_data import Mentioning, anonymise_rows, delete_rows, find_keys
from core.leaving.list_rows import remove_from_lists
from core.leaving.tenant_files import exports_of, keys_of_tenant, profiles_of, remove_files
from core.problems import Problem, ProblemError
from core.refresh.lock import RefreshLock
from core.refresh.services import Services
from core.roles import schedule_actor
from core.tenants.data import TENANT_TABLES

log = logging.getLogger(__name__)

RETRY_EVERY = timedelta(hours=1)  # after a step that failed


def finish_due(services: Services) -> list[Leaving]:
    """Remove the tenants that are due, and return those whose removal waits for something.

    Waits for no refresh: while one runs, the next call goes on. Raises DatabaseError.
    """
    if not all_leavings(services.engine):
        return []
    begin_removal(services.engine, services.now())
    waiting = []
    for leaving in all_leavings(services.engine):
        now = services.now()
        if leaving.state == "going" and not _was_tried(leaving, now):
            problem = _remove(services, leaving)
            if problem is not None:
                log.warning("%s cannot be removed yet: %s", leaving.name, problem)
                waiting.append(replace(leaving, tried_at=now, problem=problem))
    return waiting


def _was_tried(leaving: Leaving, now: datetime) -> bool:
    """Return True if the last try has failed a short time ago; a clock that was set back does not count."""
    if leaving.tried_at is None or leaving.problem is None:
        return False
    return timedelta(0) <= now - leaving.tried_at < RETRY_EVERY


def _remove(services: Services, leaving: Leaving) -> Problem | None:
    """Remove the tenant while nothing is refreshed; return the problem if something is left."""
    lock = RefreshLock(services.settings.data_dir, services.engine)
    if not (lock.free() and lock.take()):
        return None  # the next look comes in a minute
    try:
        return _remove_all(services, leaving)
    finally:
        lock.release()


def _remove_all(services: Services, leaving: Leaving) -> Problem | None:
    stored = find_keys(services.engine, leaving.tenant_id)
    keys = stored or TenantKeys(leaving.tenant_id, leaving.slug, leaving.name, (leaving.name,))
    removed = dict(leaving.removed)
    for remove in (_remove_files, _remove_items):
        gone, problem = remove(services, leaving, keys)
        removed |= {name: removed.get(name, 0) + count for name, count in gone.items() if count}
        save_progress(services.engine, leaving, removed, problem, services.now())
        if problem is not None:
            return problem
    after = {"tenant_id": keys.tenant_id, "slug": keys.slug, "since": leaving.started_at.isoformat(),
             "by": leaving.started_by, "export_sha256": leaving.export_sha256, "removed": removed}  # fmt: skip

    def remove_rows(connection: Transaction) -> Entry:
        return Entry(schedule_actor(), "tenant.removed", leaving.name, None, after | {"rows": _rows(connection, keys)})

    if finish_leaving(services.engine, leaving, remove_rows, services.now()):
        log.info("%s has left: everything that was kept about it is deleted", leaving.name)
    return None


Gone = tuple[Mapping[str, int], Problem | None]


def _remove_files(services: Services, leaving: Leaving, _keys: TenantKeys) -> Gone:
    """Delete the keys first: they are found through the profile."""
    settings, tenant_id, slug = services.settings, leaving.tenant_id, leaving.slug
    gone: dict[str, int] = {}
    try:
        gone["keys"] = remove_files(keys_of_tenant(settings, tenant_id, slug))
        gone["profiles"] = remove_files(profiles_of(settings, tenant_id, slug))
        gone["exports"] = remove_files(exports_of(settings, tenant_id))
    except OSError as error:
        place = {"place": error.filename or "", "reason": error.strerror or type(error).__name__}
        return gone, Problem("leaving.file_stays", {"tenant": leaving.name, **place})
    return gone, None


def _remove_items(services: Services, _leaving: Leaving, keys: TenantKeys) -> Gone:
    try:
        return remove_from_lists(services, keys)
    except ProblemError as error:
        return {}, error.problem


def _rows(connection: Transaction, keys: TenantKeys) -> dict[str, int]:
    """Delete or change all rows of the tenant, as core/tenants/data.py says; return table -> how many."""
    counts = {}
    for line in reversed(TENANT_TABLES):
        if line.at_leaving == "deleted":
            counts[line.name] = delete_rows(connection, line.name, line.finder, keys)
        elif line.at_leaving == "anonymised" and isinstance(line.finder, Mentioning):
            counts[line.name] = anonymise_rows(connection, line.name, line.finder, keys)
    return {name: count for name, count in sorted(counts.items()) if count}
