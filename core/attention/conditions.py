"""What needs somebody's attention, as data: judged by one rule for the pages and `check`. Pure: facts and time in."""

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
from core.profiles.profile_check import HARMLESS
from core.texts import has_text

# A note is a way of working; the other three are never "all is well".
Level = Literal["note", "notice", "warning", "error"]
RANK: dict[Level, int] = {"error": 0, "warning": 1, "notice": 2, "note": 3}

CERTIFICATE_LEVELS: tuple[tuple[int, Level], ...] = ((7, "error"), (14, "warning"), (30, "notice"))
CERTIFICATE_DAYS = CERTIFICATE_LEVELS[-1][0]
UNREADABLE_LONG = timedelta(days=1)
LEAST_PATIENCE = timedelta(minutes=30)  # below that nobody needs to worry, however often is refreshed
SHORTAGE_STATES: tuple[State, ...] = ("over", "grace", "suspended")  # told apart wherever shortages are counted
NAMED = 3  # so many tenants are named in a sentence about many
# What is found in lists that can be read; every other problem of SharePoint means that they cannot be used.
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
    """One thing that is not as it should be.

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
    """Return how programs and logs write a time, or a day, of a sentence."""

    def when(value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(zone):%d.%m.%Y %H:%M}"
        return f"{value:%d.%m.%Y}"

    return when


def _sentence(problem: Problem, language: str) -> str:
    """Also for a code that an older version has stored: a sentence with less is better than none."""
    return problem.text(language) if has_text(problem.code) else f"{problem.code}."


def conditions(facts: Facts, run: Run | None, now: datetime, refresh_minutes: float) -> list[Condition]:
    """All that needs attention, the worst first; `run` is the latest refresh."""
    found = [
        *refreshes(run, now, refresh_minutes),
        *_tenants(facts, now),
        *_certificates(facts, now),
        *_profiles(facts),
        *names(facts),
        *removed(facts),
        *sharepoint(facts),
        *gone(facts),
    ]
    return sorted(found, key=lambda condition: RANK[condition.level])


def late_after(refresh_minutes: float) -> timedelta:
    """How old figures, or the latest refresh, may be: two refreshes, and never less than half an hour."""
    return max(timedelta(minutes=2 * refresh_minutes), LEAST_PATIENCE)


def refreshes(run: Run | None, now: datetime, refresh_minutes: float) -> Iterator[Condition]:
    """The latest refresh failed as a whole, or none has come for longer than expected."""
    if run is None:
        return
    if run.state == "failed":
        yield Condition("error", Problem("refresh.failed"))
    last = run.finished_at or run.started_at
    if refresh_minutes > 0 and elapsed(last, now) > late_after(refresh_minutes):
        problem = Problem("refresh.overdue", {"minutes": f"{refresh_minutes:g}"})
        yield Condition("error", problem, moments={"since": last})


def certificate_level(days: int) -> Level | None:
    """How urgent a certificate is that ends in `days` whole days (negative: has ended); None: not yet."""
    return next((level for least, level in CERTIFICATE_LEVELS if days < least), None)


def certificate(found: Certificate, now: datetime) -> Iterator[Condition]:
    """Nothing while there is time enough."""
    days = (found.expires - now).days
    level = certificate_level(days)
    if level is None:
        return
    code = "check.certificate_ended" if days < 0 else "check.certificate_ends"
    if 0 <= days < 2:
        code = "check.certificate_ends_now"
    params = {"tenant": found.name, "days": str(days), "slug": found.slug}
    yield Condition(level, Problem(code, params), found.name, found.slug, moments={"until": found.expires})


def _certificates(facts: Facts, now: datetime) -> Iterator[Condition]:
    told = {
        problem.params.get("slug", "")
        for problems in facts.faults.values()
        for problem in problems
        if problem.code == "profile.cert_expired"
    }
    for found in sorted(facts.certificates, key=lambda found: found.expires):
        if found.slug not in told:  # the fault of the profile says it already
            yield from certificate(found, now)
    if facts.site_certificate is not None:
        for condition in certificate(facts.site_certificate, now):
            yield Condition(condition.level, condition.problem, condition.subject, moments=condition.moments)


def unreadable(tenant: TenantFacts, now: datetime) -> Condition | None:
    """Since when and why a tenant cannot be read; after a day it is worse, for then its figures are old."""
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
        found = unreadable(tenant, now)
        if found is not None:
            yield found
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
    """The file with the product names is broken."""
    if facts.names_fault:
        yield Condition("warning", Problem("check.names", {"fault": facts.names_fault.splitlines()[0]}), "SKU")


def sharepoint(facts: Facts) -> Iterator[Condition]:
    """What the last contact with the lists found, and since when there is none."""
    status = facts.sharepoint
    in_files = {problem.to_json() for problems in facts.faults.values() for problem in problems}
    for problem in status.problems:
        if problem.to_json() not in in_files:
            yield _of_the_lists(problem, status)
    silent = any(problem.code == "sharepoint.flow_silent" for problem in status.problems)
    if facts.unanswered and not silent:  # found before the lists went away
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
    """Tenants whose row in the tenant list has vanished, and tenants that never had one."""
    missing = {tenant.name: tenant.missing_since for tenant in tenants if tenant.missing_since is not None}
    if missing:
        problem = Problem("check.rows_vanished", _some(list(missing)))
        yield Condition("error", problem, "SharePoint", moments={"since": min(missing.values())})
    unlisted = [tenant.name for tenant in tenants if not tenant.listed and tenant.missing_since is None]
    if unlisted:
        yield Condition("notice", Problem("check.not_listed", _some(unlisted)), "SharePoint")


def removed(facts: Facts) -> Iterator[Condition]:
    """Tenants that alarmed until their profile was taken away."""
    if facts.removed:
        problem = Problem("check.profiles_gone", _some(list(facts.removed)))
        yield Condition("warning", problem, "profiles", moments={"read": max(facts.removed.values())})


def after_refresh(facts: Facts) -> Iterator[Condition]:
    """What a refresh tells beside what failed in it: the lists, tenants without row or profile, product names."""
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
    """Licences that had holders in the last days and are no longer listed at all."""
    for found, product in facts.gone:
        params = {"tenant": found.tenant, "count": str(found.consumed)}
        yield Condition(
            "warning",
            Problem("check.gone", params),
            found.tenant,
            found.slug,
            moments={"day": found.day},
            product=product,
        )
