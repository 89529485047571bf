"""The step first_read: one refresh of the tenant, and one summary in place of a message per product."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from core.audit import Entry
from core.cache import onboarding_rows, run_rows
from core.cache.catalogue import load_catalogue
from core.cache.onboarding_rows import Onboarding
from core.cache.readings import stored_licenses, trial_skus
from core.cache.rule_rows import rules_at
from core.cache.tenant_rows import tenant_rows
from core.licenses.judge import judge
from core.problems import Problem
from core.refresh.next_push import take_over_first_reading
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint.license_rows import units_of
from core.tenants.onboarding.job import Job, Outcome

NAMED = 5  # products named in a text about many


def read_first(job: Job) -> Outcome | None:
    """Ask for a refresh of the tenant, or see how it has ended; `done` has the summary in its values."""
    new, engine = job.onboarding, job.services.engine
    run = run_rows.run(engine, new.run_id) if new.run_id else None
    if run is None:
        if job.refresher is None:
            return None
        run_id = job.refresher.request(job.actor, [new.tenant_id])
        return Outcome("waiting", Problem("onboarding.reading", job.names), {"run_id": run_id})
    if run.is_open:
        return Outcome("waiting", Problem("onboarding.reading", job.names))
    row = tenant_rows(engine).get(new.tenant_id)
    if row is None or row.last_read_at is None or row.last_read_at < new.created_at or row.problem:
        problem = Problem.from_json(row.problem) if row is not None and row.problem else None
        return Outcome("failed", problem or Problem("onboarding.not_read", job.names), {"run_id": ""})
    take_over_first_reading(engine, job.services.settings, new.tenant_id, job.services.now())
    summary = summary_of(job.services, new.tenant_id)
    return Outcome("done", said_of(new, summary), {"summary": summary})


def summary_of(services: Services, tenant_id: str) -> dict[str, Any]:
    """Return the number of products that the tenant has, and those that are short, by name."""
    engine, settings = services.engine, services.settings
    catalogue, _ = load_catalogue(engine)
    rules, trial = rules_at(engine, services.now(), settings.zone), trial_skus(engine)
    stored = [row for row in stored_licenses(engine).get(tenant_id, {}).values() if row["present"]]
    short = []
    for row in stored:
        is_trial = (tenant_id, row["sku_id"]) in trial
        if judge(units_of(row), catalogue, rules, tenant_id=tenant_id, is_trial=is_trial).shortage:
            product = catalogue.product(row["sku_id"], row["sku_part_number"]).name(settings.language)
            short.append({"sku_id": row["sku_id"], "product": product, "free": row["enabled"] - row["consumed"]})
    return {"products": len(stored), "shortages": sorted(short, key=lambda one: str(one["product"]))}


def said_of(new: Onboarding, summary: dict[str, Any]) -> Problem:
    """Return the summary as a text."""
    names = [one["product"] for one in summary["shortages"]]
    values = {"tenant": new.name, "slug": new.slug, "products": str(summary["products"]), "count": str(len(names))}
    values["names"] = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    return Problem("onboarding.read_with_shortages" if names else "onboarding.read", values)


def acknowledge_summary(engine: Engine, onboarding: Onboarding, actor: Actor, services_now: Any) -> bool:
    """Store that somebody knows the summary, which ends its condition; False if somebody did before.

    Raises NotAllowed.
    """
    actor.need(Action.FIRST_READING)
    entry = Entry(actor, "tenant.summary_seen", onboarding.name)
    return onboarding_rows.acknowledge(engine, onboarding.onboarding_id, actor.shown, entry, services_now)
