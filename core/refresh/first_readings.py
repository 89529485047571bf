"""The first reading of a tenant that is being added: one summary in place of a message per product.

The refresh that has read the tenant ends its onboarding, whoever asked for it: so the shortages of a tenant are held
back for one reading and not until somebody comes back to the page.
"""

from __future__ import annotations

import logging
from typing import Any

from core.audit import Entry
from core.cache.catalogue import load_catalogue
from core.cache.onboarding_rows import FIRST_READ, Onboarding, all_onboardings, end_onboarding
from core.cache.readings import stored_licenses, trial_skus
from core.cache.rule_rows import rules_at
from core.cache.run_rows import Run
from core.cache.tenant_rows import tenant_rows
from core.licenses.judge import judge
from core.problems import Problem
from core.refresh.next_push import take_over_first_reading
from core.refresh.services import Services
from core.roles import Actor, schedule_actor
from core.sharepoint.license_rows import units_of

log = logging.getLogger(__name__)

NAMED = 5  # products named in a text about many


def end_first_readings(services: Services, run: Run) -> None:
    """End the onboardings whose tenant has been read, after `run` has written the lists; for the owner of the lock."""
    waiting = [one for one in all_onboardings(services.engine) if one.next_step == FIRST_READ]
    if not waiting:
        return
    rows, now, schedule = tenant_rows(services.engine), services.now(), schedule_actor()
    by = Actor(run.account or schedule.name, schedule.role, run.source, run.requested_by, request_id=run.request_id)
    for new in waiting:
        if not was_read(new, rows.get(new.tenant_id)):
            continue
        take_over_first_reading(services.engine, services.settings, new.tenant_id, now)
        summary = summary_of(services, new.tenant_id)
        entry = Entry(by, "tenant.onboarded", new.name, None, summary)
        end_onboarding(services.engine, new.onboarding_id, "done", said_of(new, summary), entry, now, summary=summary)
        log.info("%s is added: %d products, %d shortages", new.name, summary["products"], len(summary["shortages"]))


def was_read(new: Onboarding, row: Any) -> bool:
    """Return True if the tenant, by its row in the database, has been read since its onboarding began."""
    return bool(row is not None and row.last_read_at and row.last_read_at >= new.created_at and not row.problem)


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
