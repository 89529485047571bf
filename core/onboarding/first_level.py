"""Give a new tenant the level of service that was asked for, once the cache knows the tenant."""

from __future__ import annotations

from core.cache.tenant_rows import tenant_rows
from core.onboarding.job import Job
from core.problems import Problem
from core.tenants.levels import STANDARD, LevelError, assign, find, levels
from core.text_files import shown


def give_level(job: Job) -> None:
    """Give the tenant the level of the onboarding, unless it has another than the standard one; the log says so.

    It never keeps an onboarding from going on: the level may have been deleted since. Raises DatabaseError.
    """
    new, engine = job.onboarding, job.services.engine
    row = tenant_rows(engine, [new.tenant_id]).get(new.tenant_id)
    if not new.level or row is None or row.level != STANDARD:
        return
    known = levels(engine)
    level = find(known, new.level)
    if level is None:
        names = ", ".join(one.name for one in known.values())
        job.log("list", Problem("onboarding.no_level", job.names | {"value": shown(new.level), "levels": names}))
    elif level.key != STANDARD:
        try:
            assign(engine, level, [new.tenant_id], job.actor)
        except LevelError as error:
            job.log("list", error.problem)
        else:
            job.log("list", Problem("onboarding.level_given", job.names | {"level": level.name}))
