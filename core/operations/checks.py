"""Check profiles, sign-in, permissions and lists, for the command `check`; changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.attention import conditions
from core.attention.backup_conditions import backup_conditions
from core.attention.condition import Condition, as_written
from core.attention.facts import Facts, TenantFacts, certificate_of, known_facts
from core.attention.list_conditions import LEVEL_BY_LIST_PROBLEM, list_conditions, row_conditions
from core.attention.message_conditions import message_conditions
from core.attention.order_conditions import order_conditions
from core.cache.channel_rows import URGENT, has_route
from core.cache.order_rows import overdue_orders
from core.cache.readings import StoredLicense, stored_licenses
from core.cache.run_rows import latest_run
from core.cache.tenant_rows import tenant_rows
from core.graph import GraphClient, GraphError, PermissionMissing, refused_rows, subscribed_skus, subscriptions
from core.operations import file_modes
from core.problems import Problem
from core.profiles import auth_profiles
from core.profiles.profile_faults import HARMLESS
from core.profiles.profile_store import Profiles, folder_problem
from core.profiles.sharepoint_profile import SharePointProfile
from core.profiles.tenant_profile import TenantProfile
from core.refresh.next_push import ANNOUNCED_FROM, live_tenants, shortages_to_report
from core.refresh.run_stop import Stopped
from core.refresh.services import Services
from core.refresh.tenant_answer import TenantAnswer
from core.secrets import stored_secrets
from core.sharepoint import Item, ListError, check_parameters, list_faults, parameters_of
from core.sharepoint.writable import emptied_switches

PROBLEMS_OF_A_PUSH = {  # a read does not find them
    "sharepoint.flow_silent",
    "sharepoint.numbers_refused",
    "sharepoint.row_refused",
    "sharepoint.write_forbidden",
    "sharepoint.not_found_again",
    "sharepoint.list_emptied",
    "sharepoint.mark_refused",
    "sharepoint.write_failed",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `subject` is a profile, a tenant or a list, `problem` is None for success."""

    subject: str
    level: Literal["ok", "warning", "error"]
    problem: Problem | None = None
    note: str = ""


def check_all(services: Services) -> list[Finding]:
    """Return the findings on profiles, certificates, sign-in, permissions, lists and parameters, then on the cache."""
    profiles = services.profiles.load(services.now())
    findings = [*_profile_findings(services, profiles), *_certificates(services, profiles)]
    before = stored_licenses(services.engine)
    read = list(services.workers.map(lambda profile: _tenant(services, profile, before), profiles.tenants))
    findings += [finding for _, of_tenant in read for finding in of_tenant]
    site, lists = _sharepoint(services, profiles.sharepoint) if profiles.sharepoint else ([], None)
    findings += site
    if lists is not None and profiles.sharepoint:
        findings += _list_findings(services, profiles, profiles.sharepoint, [answer for answer, _ in read], lists)
    no_lists = not profiles.sharepoint and not any(fault.of_sharepoint for fault in profiles.faults)
    if no_lists and not has_route(services.engine, URGENT):
        findings.append(Finding("SharePoint", "warning", Problem("check.no_sharepoint")))
    findings += [Finding("files", one.level, one.problem) for one in file_modes.findings(services.settings)]
    for problem in stored_secrets.problems(services.engine):
        findings.append(Finding("secrets", "warning" if problem.code in stored_secrets.PASSING else "error", problem))
    current_codes = {finding.problem.code for finding in site if finding.problem}
    return findings + list(_from_history(services, current_codes, lists_read=lists is not None))


def _profile_findings(services: Services, profiles: Profiles) -> Iterator[Finding]:
    """Yield the faults of all profiles, and a finding if there is no profile of a tenant."""
    folder = services.settings.profiles_dir
    for fault in [*profiles.faults, *auth_profiles.faults(folder)]:
        for problem in fault.problems:
            yield Finding(fault.file, "warning" if problem.code in HARMLESS else "error", problem)
    if not profiles.tenants and all(fault.of_sharepoint for fault in profiles.faults):
        none = Problem("check.no_profile", {"folder": str(folder)})
        yield Finding("profiles", "error", folder_problem(folder) or none)


def _certificates(services: Services, profiles: Profiles) -> Iterator[Finding]:
    all_profiles: list[TenantProfile | SharePointProfile] = [*profiles.tenants]
    all_profiles += [profiles.sharepoint] if profiles.sharepoint else []
    for profile in all_profiles:
        yield from _findings(services, conditions.certificate_conditions(certificate_of(profile), services.now()))


def _client(services: Services, profile: TenantProfile | SharePointProfile) -> GraphClient:
    return GraphClient(profile, services.settings.graph_url, services.tokens, services.http)


def _tenant(
    services: Services, profile: TenantProfile, before: Mapping[str, Mapping[str, StoredLicense]]
) -> tuple[TenantAnswer, list[Finding]]:
    """Return the answer of the tenant and its findings; an unexpected error becomes a finding."""
    try:
        return _read_tenant(services, profile, before)
    except Stopped:
        raise
    except Exception as error:
        log.exception("unexpected error")
        problem = Problem("refresh.unexpected", {"tenant": profile.name}, type(error).__name__)
        return TenantAnswer(profile, problem=problem), [Finding(profile.name, "error", problem)]


def _read_tenant(
    services: Services, profile: TenantProfile, before: Mapping[str, Mapping[str, StoredLicense]]
) -> tuple[TenantAnswer, list[Finding]]:
    client, answer, name = _client(services, profile), TenantAnswer(profile), profile.name
    try:
        skus = subscribed_skus(client)
    except GraphError as error:
        answer.problem = error.problem
        return answer, [Finding(name, "error", error.problem)]
    answer.licenses, answer.refused = skus.licenses, skus.refused
    count = sum(license_["present"] for license_ in before.get(profile.tenant_id, {}).values())
    findings = [Finding(name, "ok", note=f"{len(skus.licenses)} SKU")]
    if problem := refused_rows(name, skus.refused):
        findings.append(Finding(name, "error", problem))
    if not answer.licenses and count > 1:
        answer.problem = Problem("graph.nothing_left", {"tenant": name, "count": str(count)})
        findings = [Finding(name, "warning", answer.problem)]
    try:
        answer.subscriptions = subscriptions(client)
    except PermissionMissing:
        findings.append(Finding(name, "warning", Problem("check.no_renewals", {"tenant": name})))
    except GraphError as error:
        findings.append(Finding(name, "warning", error.problem))
    return answer, findings


Read = tuple[list[Item], list[Item]]  # items of the tenant list, of the licence list


def _sharepoint(services: Services, profile: SharePointProfile) -> tuple[list[Finding], Read | None]:
    try:
        lists = services.publisher.lists(profile)
        read = lists.items(lists.tenants), lists.items(lists.licenses)
        parameter_items = lists.items(lists.parameters)
    except (GraphError, ListError) as error:
        return [Finding(profile.name, "error", error.problem)], None
    findings = [Finding(profile.name, "ok", note=f"Tenantliste {len(read[0])}, Lizenzstatusliste {len(read[1])}")]
    problems = [*list_faults(lists, *read), *check_parameters(parameters_of(parameter_items))]
    if foreign := services.publisher.owner.obstacle(lists, parameter_items):
        problems.append(foreign)
    errors = {code for code, level in LEVEL_BY_LIST_PROBLEM.items() if level == "error"}
    findings += [Finding(profile.name, "error" if one.code in errors else "warning", one) for one in problems]
    return findings, read


def _list_findings(
    services: Services, profiles: Profiles, site: SharePointProfile, answers: Sequence[TenantAnswer], read: Read
) -> Iterator[Finding]:
    """Yield lost values of switches, tenants without a row, and the number of shortages that a push would report."""
    list_items, license_items = read
    listed = services.publisher.lists(site).tenants
    tenants = live_tenants(profiles.tenants, tenant_rows(services.engine), listed, list_items, services.now())
    for problem in emptied_switches(listed, {tenant.name: tenant.emptied for tenant in tenants.values()}):
        yield Finding(site.name, "error", problem)
    facts = [
        TenantFacts(tenant.name, tenant.slug, tenant.listed, missing_since=tenant.missing_since)
        for tenant in tenants.values()
        if tenant.enabled
    ]
    yield from _findings(services, row_conditions(facts))
    good = [answer for answer in answers if answer.problem is None]
    list_key, now = services.publisher.lists(site).licenses.key, services.now()
    count = len(shortages_to_report(services.engine, services.settings, tenants, good, license_items, now, list_key))
    if count >= ANNOUNCED_FROM:
        yield Finding("SharePoint", "warning", Problem("check.first_push", {"count": str(count)}))


def _from_history(services: Services, current_codes: set[str], *, lists_read: bool) -> Iterator[Finding]:
    """Yield findings that need history, not only the current reading.

    `current_codes`: codes of problems found in SharePoint now. `lists_read`: the tenant list could be read now.
    """
    now, engine = services.now(), services.engine
    from core.cache.shared_frames import newest_figures  # pandas, which no other command needs

    figures = newest_figures(engine, services.settings)
    facts = known_facts(engine, services.settings, figures.catalogue, now, figures.names_fault)
    yield from _findings(
        services,
        conditions.refresh_conditions(
            latest_run(engine),
            now,
            conditions.expected_minutes(
                (one.refresh_minutes for one in facts.tenants), services.settings.refresh_minutes
            ),
        ),
    )
    yield from _findings(services, _lasting(facts, now, current_codes, lists_read))
    short = figures.licenses[figures.licenses["shortage"]]
    for tenant, states in short.groupby("tenant")["state"]:
        counts: dict[str, str] = {state: str(int((states == state).sum())) for state in conditions.SHORTAGE_STATES}
        problem = Problem("check.shortages", {"tenant": str(tenant), "count": str(len(states)), **counts})
        yield Finding(str(tenant), "warning", problem)
    if facts.backups is not None:
        yield from _findings(services, backup_conditions(facts.backups, now))
    if facts.messages is not None:
        yield from _findings(services, message_conditions(facts.messages, now))
    today = now.astimezone(services.settings.zone).date()
    yield from _findings(services, order_conditions(overdue_orders(engine, today)))


def _lasting(facts: Facts, now: datetime, current_codes: set[str], lists_read: bool) -> Iterator[Condition]:
    for tenant in facts.tenants:
        unreadable = conditions.unreadable_condition(tenant, now)
        if unreadable is not None and unreadable.level == "error":
            yield unreadable
    for condition in list_conditions(facts):
        lasts = condition.problem.code in {*PROBLEMS_OF_A_PUSH, "check.sharepoint_gone"} or (
            condition.cause is not None and condition.cause.code in current_codes
        )
        lasts |= condition.problem.code in ("check.rows_vanished", "check.not_listed") and not lists_read
        if lasts:
            yield condition
    yield from conditions.name_conditions(facts)
    yield from conditions.removal_conditions(facts)
    yield from conditions.gone_conditions(facts)
    yield from conditions.onboarding_conditions(facts, now)
    yield from conditions.leaving_conditions(facts)


def _findings(services: Services, of: Iterable[Condition]) -> Iterator[Finding]:
    language, when = services.settings.language, as_written(services.settings.zone)
    for condition in of:
        level: Literal["warning", "error"] = "error" if condition.level == "error" else "warning"
        yield Finding(condition.subject, level, condition.settled(language, when))
