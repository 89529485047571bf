"""The step first_read: ask for a refresh of the tenant; whichever refresh has read it ends the onboarding."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.audit import Entry
from core.cache import onboarding_rows, run_rows
from core.cache.onboarding_rows import FIRST_READ, Onboarding, find_onboarding
from core.cache.tenant_rows import tenant_rows
from core.onboarding.job import Job, Outcome
from core.problems import Problem
from core.roles import Action, Actor


def is_being_read(engine: Engine, new: Onboarding) -> bool:
    """Return True if only the refresh that was asked for is missing, and it has not ended."""
    if new.next_step != FIRST_READ or not new.run_id:
        return False
    run = run_rows.run(engine, new.run_id)
    return run is not None and run.is_open


def read_first(job: Job) -> Outcome | None:
    """Ask for a refresh of the tenant, or see how it has ended; None if the onboarding is over by now."""
    new, engine = job.onboarding, job.services.engine
    run = run_rows.run(engine, new.run_id) if new.run_id else None
    if run is not None and run.is_open:
        return Outcome("waiting", Problem("onboarding.reading", job.names))
    now = find_onboarding(engine, new.onboarding_id)
    if now is None or not now.is_open:
        return None
    if run is not None:
        row = tenant_rows(engine, [new.tenant_id]).get(new.tenant_id)
        problem = Problem.from_json(row.problem) if row is not None and row.problem else None
        return Outcome("failed", problem or Problem("onboarding.not_read", job.names), {"run_id": ""})
    if job.refresher is None:
        return None
    run_id = job.refresher.request(job.actor, [new.tenant_id])
    return Outcome("waiting", Problem("onboarding.reading", job.names), {"run_id": run_id})


def acknowledge_summary(engine: Engine, onboarding: Onboarding, actor: Actor, now: datetime) -> bool:
    """Store that somebody knows the summary, which ends its condition; return False if somebody did before.

    Raises NotAllowed.
    """
    actor.need(Action.FIRST_READING)
    entry = Entry(actor, "tenant.summary_seen", onboarding.name)
    return onboarding_rows.acknowledge(engine, onboarding.onboarding_id, actor.shown, entry, now)
