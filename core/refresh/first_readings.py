"""The first reading of a tenant that is being added: one summary in place of a message per product.

The refresh that has read the tenant ends its onboarding, whoever asked for it: so the shortages of a tenant are held
back for one reading and not until somebody comes back to the page.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from core.audit import Entry
from core.cache.catalogue import load_catalogue
from core.cache.desk_queries import told_tenants
from core.cache.onboarding_rows import FIRST_READ, Onboarding, all_onboardings, end_onboarding
from core.cache.readings import StoredLicense, stored_licenses, trial_skus
from core.cache.rule_rows import rules_at
from core.cache.run_rows import Run
from core.cache.sql import Transaction
from core.cache.tenant_rows import tenant_rows
from core.licenses.judge import judge
from core.messages.outbox import queue_to_desk
from core.messages.routes import URGENT
from core.messages.wording import number, one_line, subject_and_body
from core.problems import Problem
from core.refresh.next_push import take_over_first_readings
from core.refresh.services import Services
from core.roles import Actor, schedule_actor
from core.sharepoint.license_rows import units_of

log = logging.getLogger(__name__)

NAMED = 5  # products named in a text about many


def end_first_readings(services: Services, run: Run) -> None:
    """End the onboardings whose tenant has been read, after `run` has written the lists; for the owner of the lock."""
    waiting = [one for one in all_onboardings(services.engine) if one.next_step == FIRST_READ]
    rows = tenant_rows(services.engine, [one.tenant_id for one in waiting])
    read = [one for one in waiting if was_read(one, rows.get(one.tenant_id))]
    if not read:
        return
    ids, now, schedule = [one.tenant_id for one in read], services.now(), schedule_actor()
    by = Actor(run.account or schedule.name, schedule.role, run.source, run.requested_by, request_id=run.request_id)
    take_over_first_readings(services.engine, services.settings, ids, now)
    summaries = summaries_of(services, ids)
    for new in read:
        summary = summaries[new.tenant_id]
        # A summary without shortages needs nobody's attention.
        ended = {"summary": summary, "seen_at": None if summary["shortages"] else now}
        entry = Entry(by, "tenant.onboarded", new.name, None, summary)
        also = partial(_tell, new, summary, now)
        end_onboarding(services.engine, new.onboarding_id, "done", said_of(new, summary), entry, now, also, **ended)
        log.info("%s is added: %d products, %d shortages", new.name, summary["products"], len(summary["shortages"]))


def _tell(new: Onboarding, summary: dict[str, Any], now: datetime, connection: Transaction) -> None:
    """Write the message with the summary, if the tenant has shortages."""
    if not summary["shortages"]:
        return
    tenant = told_tenants(connection, [new.tenant_id]).get(new.tenant_id)
    queue_to_desk(
        connection, URGENT, "first_reading", f"first_reading:{new.onboarding_id}",
        lambda language: _summary_texts(new.name, summary, language), now,
        tenant_id=new.tenant_id, recipients=tenant.recipients if tenant else (),
        data={"tenantId": new.tenant_id, "tenant": new.name, **summary},
    )  # fmt: skip


def _summary_texts(name: str, summary: dict[str, Any], language: str) -> tuple[str, str]:
    lines = [f"- {one_line(str(one['product']))}: {number(int(one['free']), language)}" for one in summary["shortages"]]
    values = {"tenant": one_line(name), "products": number(summary["products"], language), "lines": "\n".join(lines)}
    return subject_and_body("first_reading", language, values | {"count": number(len(lines), language)})


def was_read(new: Onboarding, row: Any) -> bool:
    """Return True if the tenant, by its row in the database, has been read since its onboarding began."""
    return bool(row is not None and row.last_read_at and row.last_read_at >= new.created_at and not row.problem)


def summaries_of(services: Services, tenant_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return tenant id -> the number of products that the tenant has, and those that are short, by name."""
    engine, settings = services.engine, services.settings
    catalogue, _ = load_catalogue(engine)
    rules, trial = rules_at(engine, services.now(), settings.zone, tenant_ids), trial_skus(engine, tenant_ids)
    stored = stored_licenses(engine, tenant_ids)

    def shortages(present: Iterable[StoredLicense]) -> Iterator[dict[str, Any]]:
        for row in present:
            key = row["tenant_id"], row["sku_id"]
            if judge(units_of(row), catalogue, rules, tenant_id=key[0], is_trial=key in trial).shortage:
                product = catalogue.product(row["sku_id"], row["sku_part_number"]).name(settings.language)
                yield {"sku_id": row["sku_id"], "product": product, "free": row["enabled"] - row["consumed"]}

    summaries = {}
    for tenant_id in tenant_ids:
        present = [row for row in stored.get(tenant_id, {}).values() if row["present"]]
        short = sorted(shortages(present), key=lambda one: str(one["product"]))
        summaries[tenant_id] = {"products": len(present), "shortages": short}
    return summaries


def said_of(new: Onboarding, summary: dict[str, Any]) -> Problem:
    """Return the summary as a text."""
    names = [one["product"] for one in summary["shortages"]]
    values = {"tenant": new.name, "slug": new.slug, "products": str(summary["products"]), "count": str(len(names))}
    values["names"] = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    return Problem("onboarding.read_with_shortages" if names else "onboarding.read", values)
