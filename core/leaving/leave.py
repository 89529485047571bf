"""A tenant leaves: hidden at once, and removed after LEAVING_DAYS unless somebody undoes it before.

LeavingRefused    the tenant cannot leave, or cannot stay
"""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta
from pathlib import Path

from core.audit import Entry, record
from core.cache.leaving_rows import Leaving, add_leaving, leaving_of, undo_leaving
from core.cache.mentions import TenantKeys
from core.cache.onboarding_rows import all_onboardings
from core.cache.tenant_data import find_keys
from core.leaving.tenant_export import write_export
from core.leaving.tenant_files import export_folder
from core.name_key import name_key
from core.problems import Problem, ProblemError
from core.refresh.services import Services
from core.roles import Action, Actor

log = logging.getLogger(__name__)

LEAVING_DAYS = 30  # in which it can be undone


class LeavingRefused(ProblemError):
    """The tenant cannot leave, or cannot stay."""


def start_leaving(services: Services, wanted: str, typed_name: str, actor: Actor) -> Leaving:
    """Export the data of the tenant and let it leave; it is neither read nor shown from now on.

    `wanted`: its id, short name or name; `typed_name` must be its name, in any spelling of `name_key`. Raises
    NotAllowed, LeavingRefused, ExportFailed (then nothing has changed), DatabaseError.
    """
    actor.need(Action.LEAVING)
    keys = tenant_keys(services, wanted)
    if leaving_of(services.engine, keys.tenant_id):
        raise LeavingRefused(Problem("leaving.already", {"tenant": keys.name}))
    if any(one.tenant_id == keys.tenant_id for one in all_onboardings(services.engine)):
        raise LeavingRefused(Problem("leaving.is_added", {"tenant": keys.name, "slug": keys.slug}))
    if name_key(typed_name) != name_key(keys.name):
        raise LeavingRefused(Problem("leaving.wrong_name", {"tenant": keys.name}))
    now = services.now()
    file = export_folder(services.settings) / f"{keys.slug[:40]}-{keys.tenant_id}-{now:%Y%m%d-%H%M%S}.zip"
    export = write_export(services.engine, keys, file, now)
    new = Leaving(
        keys.tenant_id, keys.slug, keys.name, actor.shown, now, now + timedelta(days=LEAVING_DAYS), file.name,
        export.sha256,
    )  # fmt: skip
    after = {"tenant_id": keys.tenant_id, "due": new.due_at.isoformat(), "sha256": export.sha256}
    if not add_leaving(services.engine, new, Entry(actor, "tenant.leaving", new.name, None, after)):
        _drop(file)
        raise LeavingRefused(Problem("leaving.already", {"tenant": new.name}))
    log.info("%s: %s leaves, until %s it can be undone", actor.shown, new.name, new.due_at.isoformat())
    return new


def undo(services: Services, wanted: str, actor: Actor) -> Leaving:
    """Let a tenant stay that leaves, with all its data; return it as it was leaving.

    `wanted`: its id or short name. Raises NotAllowed; LeavingRefused if it is due or does not leave; DatabaseError.
    """
    actor.need(Action.LEAVING)
    leaving = leaving_of(services.engine, wanted)
    if leaving is None:
        raise LeavingRefused(Problem("leaving.none", {"wanted": wanted}))
    entry = Entry(actor, "tenant.stays", leaving.name)
    if not undo_leaving(services.engine, leaving.tenant_id, entry, services.now()):
        raise LeavingRefused(Problem("leaving.is_due", {"tenant": leaving.name}))
    _drop(export_folder(services.settings) / leaving.export_file)
    log.info("%s: %s stays", actor.shown, leaving.name)
    return leaving


def read_export(services: Services, leaving: Leaving, actor: Actor) -> bytes:
    """Return the export made when the tenant began to leave, after a note in the audit.

    Raises NotAllowed; LeavingRefused if the file is gone; DatabaseError.
    """
    actor.need(Action.LEAVING)
    try:
        content = (export_folder(services.settings) / leaving.export_file).read_bytes()
    except OSError as error:
        raise LeavingRefused(Problem("leaving.export_gone", {"tenant": leaving.name})) from error
    after = {"sha256": leaving.export_sha256}
    record(services.engine, actor, "export", f"tenant {leaving.name}", after=after, at=services.now())
    return content


def tenant_keys(services: Services, wanted: str) -> TenantKeys:
    """Return the keys of a tenant by its id, short name or name. Raises LeavingRefused if there is none."""
    keys = find_keys(services.engine, wanted)
    if keys is None:
        raise LeavingRefused(Problem("command.tenant_unknown", {"wanted": wanted}))
    return keys


def _drop(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
