"""Conditions that need attention, for the pages and `check`. Pure functions of facts and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from core.attention.backup_conditions import backup_conditions
from core.attention.condition import RANK, Condition, Level, count_and_names
from core.attention.facts import Certificate, Facts, TenantFacts
from core.attention.list_conditions import LEVEL_BY_LIST_PROBLEM, list_conditions
from core.attention.message_conditions import message_conditions
from core.attention.order_conditions import order_conditions
from core.cache.onboarding_rows import FIRST_READ, Onboarding
from core.cache.run_rows import Run
from core.clock import elapsed
from core.licenses.units import State
from core.problems import Problem
from core.profiles.profile_faults import HARMLESS
from core.profiles.profile_files import CERT_OPTIONS

CERTIFICATE_LEVELS: tuple[tuple[int, Level], ...] = ((7, "error"), (14, "warning"), (30, "notice"))
CERTIFICATE_DAYS = CERTIFICATE_LEVELS[-1][0]
UNFINISHED_LONG = timedelta(days=1)
MOST_SUMMARIES = 2  # of first readings with a condition each
UNREADABLE_LONG = timedelta(days=1)
LEAST_PATIENCE = timedelta(minutes=30)  # figures that are younger are never late, however short the interval is
SHORTAGE_STATES: tuple[State, ...] = ("over", "grace", "suspended")  # counted separately wherever shortages are counted


def conditions(facts: Facts, run: Run | None, now: datetime, refresh_minutes: float) -> list[Condition]:
    """Return all conditions, the worst first; `run` is the latest refresh."""
    unsorted = [
        *refresh_conditions(
            run, now, expected_minutes((one.refresh_minutes for one in facts.tenants), refresh_minutes)
        ),
        *_tenants(facts, now),
        *_certificates(facts, now),
        *_profiles(facts),
        *name_conditions(facts),
        *removal_conditions(facts),
        *list_conditions(facts),
        *gone_conditions(facts),
        *onboarding_conditions(facts, now),
        *leaving_conditions(facts),
        *(backup_conditions(facts.backups, now) if facts.backups else ()),
        *(message_conditions(facts.messages, now) if facts.messages else ()),
        *order_conditions(facts.late_orders),
    ]
    return sorted(unsorted, key=lambda condition: RANK[condition.level])


def late_after(refresh_minutes: float) -> timedelta:
    """Return how old figures or the latest refresh may be: two intervals, at least half an hour."""
    return max(timedelta(minutes=2 * refresh_minutes), LEAST_PATIENCE)


def is_late(read_at: datetime, own_minutes: float | None, refresh_minutes: float, now: datetime) -> bool:
    """Return True if a reading is too old for its tenant; never without a background refresh (`refresh_minutes` 0).

    `own_minutes`: the interval of the tenant's level, None for that of the setting.
    """
    minutes = refresh_minutes if own_minutes is None else own_minutes
    return bool(refresh_minutes) and elapsed(read_at, now) > late_after(minutes)


def expected_minutes(own: Iterable[int | None], refresh_minutes: float) -> float:
    """Return the minutes until the next refresh of any tenant: the shortest interval in use, 0 for no refreshes.

    `own` are the intervals of the tenants' levels, None for that of the setting (`refresh_minutes`).
    """
    in_use = (refresh_minutes if minutes is None else minutes for minutes in own)
    return min(in_use, default=refresh_minutes) if refresh_minutes else 0


def refresh_conditions(run: Run | None, now: datetime, refresh_minutes: float) -> Iterator[Condition]:
    """Yield a condition if the latest refresh failed as a whole, and one if the next is overdue."""
    if run is None:
        return
    if run.state == "failed":
        yield Condition("error", Problem("refresh.failed"))
    last = run.finished_at or run.started_at or run.requested_at
    if refresh_minutes > 0 and elapsed(last, now) > late_after(refresh_minutes):
        problem = Problem("refresh.overdue", {"minutes": f"{refresh_minutes:g}"})
        yield Condition("error", problem, moments={"since": last})


def certificate_level(days: int) -> Level | None:
    """Return the level of a certificate that ends in `days` whole days (negative: has ended); None if there is time."""
    return next((level for least, level in CERTIFICATE_LEVELS if days < least), None)


def certificate_conditions(ending: Certificate, now: datetime) -> Iterator[Condition]:
    """Yield a condition if the certificate ends soon or has ended."""
    days = (ending.expires - now).days
    level = certificate_level(days)
    if level is None:
        return
    code = "check.certificate_ended" if days < 0 else "check.certificate_ends"
    if 0 <= days < 2:
        code = "check.certificate_ends_now"
    params = {"tenant": ending.name, "days": str(days), "slug": f"{ending.slug}{CERT_OPTIONS[ending.kind]}"}
    yield Condition(level, Problem(code, params), ending.name, ending.slug, moments={"until": ending.expires})


def _certificates(facts: Facts, now: datetime) -> Iterator[Condition]:
    reported_slugs = {
        problem.params.get("slug", "")
        for problems in facts.faults.values()
        for problem in problems
        if problem.code == "profile.cert_expired"
    }
    for one in sorted(facts.certificates, key=lambda one: one.expires):
        if one.slug not in reported_slugs:  # a fault of the profile has the same text already
            yield from certificate_conditions(one, now)
    if facts.site_certificate is not None:
        for condition in certificate_conditions(facts.site_certificate, now):
            yield Condition(condition.level, condition.problem, condition.subject, moments=condition.moments)


def unreadable_condition(tenant: TenantFacts, now: datetime) -> Condition | None:
    """Return the condition of a tenant that cannot be read; it is an error after a day, a warning before."""
    since = tenant.failing_since
    if tenant.problem is None or since is None:
        return None
    moments, level, code = {"since": since}, "warning", "check.unreadable"
    if tenant.problem.code == "graph.rows_unreadable":
        code, level = "check.partly_unreadable", "error" if now - since > UNREADABLE_LONG else "warning"
    elif now - since > UNREADABLE_LONG:
        level, code = "error", "check.unreadable_never"
        if tenant.last_read_at is not None:
            code, moments = "check.unreadable_long", {"since": since, "read": tenant.last_read_at}
    problem = Problem(code, {"tenant": tenant.name}, tenant.problem.detail)
    return Condition(level, problem, tenant.name, tenant.slug, tenant.problem, moments)  # type: ignore[arg-type]


def _tenants(facts: Facts, now: datetime) -> Iterator[Condition]:
    for tenant in sorted(facts.tenants, key=lambda tenant: tenant.failing_since or now):
        condition = unreadable_condition(tenant, now)
        if condition is not None:
            yield condition
    waiting = [tenant.name for tenant in facts.tenants if tenant.last_read_at is None and tenant.problem is None]
    if waiting:
        yield Condition("notice", Problem("check.never_read", count_and_names(waiting)))


def _profiles(facts: Facts) -> Iterator[Condition]:
    for file, problems in facts.faults.items():
        for problem in problems:
            yield Condition("warning" if problem.code in HARMLESS else "error", problem, file)


def name_conditions(facts: Facts) -> Iterator[Condition]:
    """Yield a condition if the file with the product names is faulty."""
    if facts.names_fault:
        yield Condition("warning", Problem("check.names", {"fault": facts.names_fault.splitlines()[0]}), "SKU")


def removal_conditions(facts: Facts) -> Iterator[Condition]:
    """Yield a condition for monitored tenants whose profile was removed."""
    if facts.removed:
        problem = Problem("check.profiles_gone", count_and_names(list(facts.removed)))
        yield Condition("warning", problem, "profiles", moments={"read": max(facts.removed.values())})


def conditions_after_refresh(facts: Facts) -> Iterator[Condition]:
    """Yield what a refresh reports besides its failures: the lists, tenants without row or profile, product names."""
    for condition in list_conditions(facts):
        of_the_lists = condition.problem.code in LEVEL_BY_LIST_PROBLEM or condition.problem.code.startswith("check.")
        if of_the_lists and condition.level != "note":
            yield condition
    yield from removal_conditions(facts)
    yield from name_conditions(facts)


def onboarding_conditions(facts: Facts, now: datetime) -> Iterator[Condition]:
    """Yield a condition for each tenant that is not added after a day, and each summary nobody has acknowledged."""
    for one in facts.unfinished:
        if elapsed(one.created_at, now) > UNFINISHED_LONG:
            step = one.next_step or FIRST_READ
            cause = one.step(step).problem or Problem(f"onboarding.needs.{step}", {"tenant": one.name})
            problem = Problem("onboarding.unfinished", {"tenant": one.name})
            yield Condition("warning", problem, one.name, cause=cause, moments={"since": one.created_at})
    yield from _first_readings(facts.unseen)


def leaving_conditions(facts: Facts) -> Iterator[Condition]:
    """Yield a condition for each tenant that should be deleted and cannot be."""
    for one in facts.stuck:
        problem = Problem("leaving.stuck", {"tenant": one.name})
        yield Condition("warning", problem, one.name, cause=one.problem, moments={"since": one.due_at})


def _first_readings(unseen: Sequence[Onboarding]) -> Iterator[Condition]:
    """Yield a condition for each summary that nobody has acknowledged; one for all if they are many."""
    if len(unseen) > MOST_SUMMARIES:
        problem = Problem("onboarding.shortages_found_many", count_and_names([one.name for one in unseen]))
        yield Condition("notice", problem, moments={"since": min(one.ended_at or one.created_at for one in unseen)})
        return
    for one in unseen:
        shortages = [str(shortage["product"]) for shortage in (one.summary or {}).get("shortages", ())]
        problem = Problem("onboarding.shortages_found", {"tenant": one.name, **count_and_names(shortages)})
        yield Condition("notice", problem, one.name, one.slug, moments={"since": one.ended_at or one.created_at})


def gone_conditions(facts: Facts) -> Iterator[Condition]:
    """Yield a condition for each licence that had holders in the last days and is no longer listed."""
    for license_, product in facts.gone:
        params = {"tenant": license_.tenant, "count": str(license_.consumed)}
        yield Condition(
            "warning",
            Problem("check.gone", params),
            license_.tenant,
            license_.slug,
            moments={"day": license_.day},
            product=product,
        )
