"""Conditions that need attention, for the pages and `check`. Pure functions of facts and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Literal

from core.attention.facts import Certificate, Facts, TenantFacts
from core.cache.lists_read import SharePointStatus
from core.cache.run_rows import Run
from core.clock import elapsed
from core.licenses.skus import Product
from core.licenses.units import State
from core.problems import Problem
from core.profiles.profile_faults import HARMLESS
from core.texts import has_text

# A note only describes the configuration; the other three mean that something needs attention.
Level = Literal["note", "notice", "warning", "error"]
RANK: dict[Level, int] = {"error": 0, "warning": 1, "notice": 2, "note": 3}

CERTIFICATE_LEVELS: tuple[tuple[int, Level], ...] = ((7, "error"), (14, "warning"), (30, "notice"))
CERTIFICATE_DAYS = CERTIFICATE_LEVELS[-1][0]
UNREADABLE_LONG = timedelta(days=1)
LEAST_PATIENCE = timedelta(minutes=30)  # figures that are younger are never late, however short the interval is
SHORTAGE_STATES: tuple[State, ...] = ("over", "grace", "suspended")  # counted separately wherever shortages are counted
NAMED = 3  # tenants named in a text about many
# Level of each problem of lists that can be read; every other problem of SharePoint means that they cannot be used.
IN_THE_LISTS: dict[str, Level] = {
    "sharepoint.flow_silent": "error",
    "sharepoint.parameter_missing": "error",
    "sharepoint.channel_unknown": "error",
    "sharepoint.write_failed": "warning",
    "sharepoint.not_found_again": "error",
    "sharepoint.duplicate_title": "warning",
    "sharepoint.column_required": "warning",
    "sharepoint.values_missing": "error",
    "sharepoint.values_ambiguous": "error",
    "sharepoint.values_twice": "error",
    "sharepoint.type_of_key": "error",
    "sharepoint.type_of_flag": "error",
    "sharepoint.type_of_switch": "error",
    "sharepoint.type_of_number": "error",
    "sharepoint.type_of_date": "error",
    "sharepoint.type_of_parameter": "error",
    "sharepoint.read_only_key": "error",
    "sharepoint.read_only_flag": "error",
    "sharepoint.read_only_switch": "warning",
    "sharepoint.read_only_number": "error",
    "sharepoint.odd_switch": "error",
    "sharepoint.switch_emptied": "error",
    "sharepoint.odd_flag": "error",
    "sharepoint.numbers_refused": "error",
    "sharepoint.row_refused": "error",
    "sharepoint.write_forbidden": "error",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that needs attention.

    `subject` is a tenant, a file or a list, `slug` the tenant to look at. The values of the sentence
    are those of `problem`, `moments` as the reader writes times, `product` by its name, and `cause`, whose
    own sentence stands for {why}.
    """

    level: Level
    problem: Problem
    subject: str = ""
    slug: str = ""
    cause: Problem | None = None
    moments: Mapping[str, datetime | date] = field(default_factory=dict)
    product: Product | None = None

    def settled(
        self, language: str, when: Callable[[Any], str], show: Callable[[str, str], str] = lambda _name, value: value
    ) -> Problem:
        """The problem with every value of its sentence in `language`.

        `when` writes a time or a day, `show` (name, value) makes a value fit for where it will stand.
        """
        values = {**self.problem.params, "product": self.product.name(language) if self.product else ""}
        if self.cause is not None:
            why = _sentence(self.cause, language).removeprefix(f"{self.subject}: ")
            values["why"] = why[:1].upper() + why[1:]  # a sentence of its own once the name is gone
        shown = {name: show(name, value) for name, value in values.items() if value}
        times = {name: when(value) for name, value in self.moments.items()}
        return Problem(self.problem.code, shown | times, self.problem.detail)


def as_written(zone: tzinfo) -> Callable[[Any], str]:
    """Return the function that writes a time or a day of a text for programs and logs."""

    def when(value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(zone):%d.%m.%Y %H:%M}"
        return f"{value:%d.%m.%Y}"

    return when


def _sentence(problem: Problem, language: str) -> str:
    """Return the text of a problem, or its code if an earlier version has stored one that is unknown now."""
    return problem.text(language) if has_text(problem.code) else f"{problem.code}."


def conditions(facts: Facts, run: Run | None, now: datetime, refresh_minutes: float) -> list[Condition]:
    """Return all conditions, the worst first; `run` is the latest refresh."""
    unsorted = [
        *refreshes(run, now, refresh_minutes),
        *_tenants(facts, now),
        *_certificates(facts, now),
        *_profiles(facts),
        *names(facts),
        *removed(facts),
        *sharepoint(facts),
        *gone(facts),
    ]
    return sorted(unsorted, key=lambda condition: RANK[condition.level])


def late_after(refresh_minutes: float) -> timedelta:
    """Return how old figures or the latest refresh may be: two intervals, at least half an hour."""
    return max(timedelta(minutes=2 * refresh_minutes), LEAST_PATIENCE)


def refreshes(run: Run | None, now: datetime, refresh_minutes: float) -> Iterator[Condition]:
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


def certificate(ending: Certificate, now: datetime) -> Iterator[Condition]:
    """Yield a condition if the certificate ends soon or has ended."""
    days = (ending.expires - now).days
    level = certificate_level(days)
    if level is None:
        return
    code = "check.certificate_ended" if days < 0 else "check.certificate_ends"
    if 0 <= days < 2:
        code = "check.certificate_ends_now"
    params = {"tenant": ending.name, "days": str(days), "slug": ending.slug}
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
            yield from certificate(one, now)
    if facts.site_certificate is not None:
        for condition in certificate(facts.site_certificate, now):
            yield Condition(condition.level, condition.problem, condition.subject, moments=condition.moments)


def unreadable(tenant: TenantFacts, now: datetime) -> Condition | None:
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
        condition = unreadable(tenant, now)
        if condition is not None:
            yield condition
    waiting = [tenant.name for tenant in facts.tenants if tenant.last_read_at is None and tenant.problem is None]
    if waiting:
        yield Condition("notice", Problem("check.never_read", _some(waiting)))


def _some(names: Sequence[str]) -> dict[str, str]:
    return {"count": str(len(names)), "names": ", ".join(sorted(names)[:NAMED]) + (" …" if len(names) > NAMED else "")}


def _profiles(facts: Facts) -> Iterator[Condition]:
    for file, problems in facts.faults.items():
        for problem in problems:
            yield Condition("warning" if problem.code in HARMLESS else "error", problem, file)


def names(facts: Facts) -> Iterator[Condition]:
    """Yield a condition if the file with the product names is faulty."""
    if facts.names_fault:
        yield Condition("warning", Problem("check.names", {"fault": facts.names_fault.splitlines()[0]}), "SKU")


def sharepoint(facts: Facts) -> Iterator[Condition]:
    """Yield the problems of the last read of the lists, and of a missing SharePoint profile."""
    status = facts.sharepoint
    in_files = {problem.to_json() for problems in facts.faults.values() for problem in problems}
    for problem in status.problems:
        if problem.to_json() not in in_files:
            yield _of_the_lists(problem, status)
    silent = any(problem.code == "sharepoint.flow_silent" for problem in status.problems)
    if facts.unanswered and not silent:  # also while the lists cannot be read
        params = {"count": str(facts.unanswered), "minutes": f"{facts.flow_minutes:g}"}
        yield _of_the_lists(Problem("sharepoint.flow_silent", params), status)
    if not status.configured:
        yield Condition("note", Problem("check.no_sharepoint"), "SharePoint")
    if status.configured and status.read_at is not None:
        yield from tenant_list(facts.tenants)
    if facts.site_gone_since is not None:
        yield Condition(
            "error", Problem("check.sharepoint_gone"), "SharePoint", moments={"since": facts.site_gone_since}
        )


def tenant_list(tenants: Sequence[TenantFacts]) -> Iterator[Condition]:
    """Yield conditions for tenants whose row in the tenant list has vanished, and for those that never had one."""
    missing = {tenant.name: tenant.missing_since for tenant in tenants if tenant.missing_since is not None}
    if missing:
        problem = Problem("check.rows_vanished", _some(list(missing)))
        yield Condition("error", problem, "SharePoint", moments={"since": min(missing.values())})
    unlisted = [tenant.name for tenant in tenants if not tenant.listed and tenant.missing_since is None]
    if unlisted:
        yield Condition("notice", Problem("check.not_listed", _some(unlisted)), "SharePoint")


def removed(facts: Facts) -> Iterator[Condition]:
    """Yield a condition for monitored tenants whose profile was removed."""
    if facts.removed:
        problem = Problem("check.profiles_gone", _some(list(facts.removed)))
        yield Condition("warning", problem, "profiles", moments={"read": max(facts.removed.values())})


def after_refresh(facts: Facts) -> Iterator[Condition]:
    """Yield what a refresh reports besides its failures: the lists, tenants without row or profile, product names."""
    for condition in sharepoint(facts):
        of_the_lists = condition.problem.code in IN_THE_LISTS or condition.problem.code.startswith("check.")
        if of_the_lists and condition.level != "note":
            yield condition
    yield from removed(facts)
    yield from names(facts)


def _of_the_lists(problem: Problem, status: SharePointStatus) -> Condition:
    level = IN_THE_LISTS.get(problem.code)
    if level is not None or status.read_at is None:
        return Condition(level or "error", problem, "SharePoint")
    away = Problem("sharepoint.away", detail=problem.detail)
    return Condition("error", away, "SharePoint", cause=problem, moments={"since": status.read_at})


def gone(facts: Facts) -> Iterator[Condition]:
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
