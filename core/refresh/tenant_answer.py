"""Read one tenant, and judge its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core import tracing
from core.cache.readings import StoredLicense
from core.graph import GraphClient, GraphError, subscribed_skus, subscriptions
from core.licenses.units import License, RefusedRow, Subscription
from core.logs.setup import tenant_in_log
from core.problems import Problem
from core.profiles.tenant_profile import TenantProfile
from core.refresh.run_stop import Stopped

log = logging.getLogger(__name__)

EMPTY_FOR = timedelta(days=1)  # an answer without any licence counts as a failed read for this time


@dataclass(slots=True)
class TenantAnswer:
    """The answer of one tenant; `subscriptions` is None if they were not requested or are not permitted."""

    profile: TenantProfile
    licenses: list[License] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    subscriptions: list[Subscription] | None = None
    subscriptions_asked: bool = False
    subscriptions_problem: Problem | None = None
    problem: Problem | None = None
    read_at: datetime | None = None


def read_tenant(
    profile: TenantProfile,
    client_for: Callable[[TenantProfile], GraphClient],
    now: Callable[[], datetime],
    *,
    with_subscriptions: bool,
) -> TenantAnswer:
    """Return the answer of the tenant; any error becomes its problem. `client_for` returns the client of a profile."""
    answer = TenantAnswer(profile)
    with tenant_in_log(profile.name), tracing.span("tenant.read"):
        try:
            client = client_for(profile)
            skus = subscribed_skus(client)
            answer.licenses, answer.refused = skus.licenses, skus.refused
            answer.read_at = now()
            if with_subscriptions:
                _read_subscriptions(client, answer)
        except GraphError as error:
            answer.problem = error.problem
            log.warning("cannot be read: %s [%s]", error, error.problem.detail)
        except Stopped:
            answer.problem = Problem("refresh.stopped", {"tenant": profile.name})
        except Exception as error:
            # An error of one tenant must not end the read of the others.
            answer.problem = Problem("refresh.unexpected", {"tenant": profile.name}, type(error).__name__)
            log.exception("unexpected error")
    return answer


def _read_subscriptions(client: GraphClient, answer: TenantAnswer) -> None:
    answer.subscriptions_asked = True
    try:
        answer.subscriptions = subscriptions(client)
    except GraphError as error:
        answer.subscriptions_problem = error.problem
        log.info("renewal dates cannot be read: %s", error)


def nothing_left(tenant: str, licenses: Mapping[str, StoredLicense], row: Any, now: datetime) -> Problem | None:
    """Return the problem with an answer without a licence, None if it is credible; `licenses` are the stored ones.

    The end of a single licence is credible: its subscription ended. The end of several at once is credible after
    EMPTY_FOR; `row`, the row of the tenant, has the time of the first such answer.
    """
    count = sum(license_["present"] for license_ in licenses.values())
    if count < 2:
        return None
    problem = Problem("graph.nothing_left", {"tenant": tenant, "count": str(count)})
    stored = Problem.from_json(row.problem) if row is not None and row.problem else None
    if stored is not None and stored.code == problem.code and now - row.failing_since >= EMPTY_FOR:
        return None
    return problem


def update_trials(trial: set[tuple[str, str]], tenant_id: str, subscriptions: Sequence[Subscription]) -> None:
    """Add to `trial` the SKUs of the tenant with only trial subscriptions; remove its others."""
    bought = {row.sku_id for row in subscriptions if not row.is_trial}
    for row in subscriptions:
        key = (tenant_id, row.sku_id)
        if row.is_trial and row.sku_id not in bought:
            trial.add(key)
        else:
            trial.discard(key)
