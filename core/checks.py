"""`check`: everything that must be right for the tool to work, asked one by one. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core import attention, auth_profiles
from core.attention import Condition
from core.cache.runs import latest_run
from core.cache.troubles import shortage_states
from core.catalogue import load_catalogue
from core.facts import Facts, certificate_of, known_facts
from core.graph import GraphClient, GraphError, PermissionMissing, subscribed_skus, subscriptions
from core.problems import Problem
from core.profiles import Profiles, SharePointProfile, TenantProfile, folder_problem
from core.run import Tools
from core.sharepoint import ListError, check_parameters


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is a profile, a tenant or a list; `problem` is None when all is well."""

    subject: str
    level: Literal["ok", "warning", "error"]
    problem: Problem | None = None
    note: str = ""


def check_all(tools: Tools) -> list[Finding]:
    """Profiles, certificates, sign-in, permissions, lists, the flow's parameters, then what the cache knows."""
    profiles = tools.profiles.load(tools.now())
    findings = [
        Finding(fault.file, "warning" if fault.usable else "error", problem)
        for fault in [*profiles.faults, *auth_profiles.faults(tools.settings.profiles_dir)]
        for problem in fault.problems
    ]
    if not profiles.tenants and all(fault.of_sharepoint for fault in profiles.faults):
        folder = tools.settings.profiles_dir
        none = Problem("check.no_profile", {"folder": str(folder)})
        findings.append(Finding("profiles", "error", folder_problem(folder) or none))
    findings += _certificates(tools, profiles)
    for found in tools.workers.map(lambda profile: list(_tenant(tools, profile)), profiles.tenants):
        findings += found
    site = _sharepoint(tools, profiles.sharepoint) if profiles.sharepoint else []
    findings += site
    if not profiles.sharepoint and not any(fault.of_sharepoint for fault in profiles.faults):
        findings.append(Finding("SharePoint", "warning", Problem("check.no_sharepoint")))
    return findings + list(_known(tools, {finding.problem.code for finding in site if finding.problem}))


def _certificates(tools: Tools, profiles: Profiles) -> Iterator[Finding]:
    found: list[TenantProfile | SharePointProfile] = [*profiles.tenants]
    found += [profiles.sharepoint] if profiles.sharepoint else []
    for profile in found:
        yield from _findings(tools, attention.certificate(certificate_of(profile), tools.now()))


def _client(tools: Tools, profile: TenantProfile | SharePointProfile) -> GraphClient:
    return GraphClient(profile, tools.settings.graph_url, tools.tokens, tools.http)


def _tenant(tools: Tools, profile: TenantProfile) -> Iterator[Finding]:
    client = _client(tools, profile)
    try:
        count = len(subscribed_skus(client))
    except GraphError as error:
        yield Finding(profile.name, "error", error.problem)
        return
    yield Finding(profile.name, "ok", note=f"{count} SKU")
    try:
        subscriptions(client)
    except PermissionMissing:
        yield Finding(profile.name, "warning", Problem("check.no_renewals", {"tenant": profile.name}))
    except GraphError as error:
        yield Finding(profile.name, "warning", error.problem)


def _sharepoint(tools: Tools, profile: SharePointProfile) -> list[Finding]:
    try:
        lists = tools.publisher.lists(profile)
        counts = [len(lists.items(part)) for part in (lists.tenants, lists.licenses)]
        parameters = lists.read_parameters()
    except (GraphError, ListError) as error:
        return [Finding(profile.name, "error", error.problem)]
    findings = [Finding(profile.name, "ok", note=f"Tenantliste {counts[0]}, Lizenzstatusliste {counts[1]}")]
    return findings + [Finding(profile.name, "error", problem) for problem in check_parameters(parameters)]


def _known(tools: Tools, asked: set[str]) -> Iterator[Finding]:
    """What no question of this moment tells: how long it lasts already; `asked`: codes found in SharePoint just now."""
    now, engine = tools.now(), tools.engine
    catalogue, fault = load_catalogue(engine)
    facts = known_facts(engine, tools.settings, catalogue, now, fault)
    yield from _findings(tools, attention.refreshes(latest_run(engine), now, tools.settings.refresh_minutes))
    yield from _findings(tools, _lasting(facts, now, asked))
    for tenant, states in shortage_states(engine).items():
        counts: dict[str, str] = {state: str(states.count(state)) for state in attention.SHORTAGE_STATES}
        problem = Problem("check.shortages", {"tenant": tenant, "count": str(len(states)), **counts})
        yield Finding(tenant, "warning", problem)


def _lasting(facts: Facts, now: datetime, asked: set[str]) -> Iterator[Condition]:
    for tenant in facts.tenants:
        found = attention.unreadable(tenant, now)
        if found is not None and found.level == "error":
            yield found
    for condition in attention.sharepoint(facts):
        lasts = condition.problem.code == "sharepoint.flow_silent" or (
            condition.cause is not None and condition.cause.code in asked
        )
        if lasts:
            yield condition
    yield from attention.names(facts)
    yield from attention.gone(facts)


def _findings(tools: Tools, found: Iterable[Condition]) -> Iterator[Finding]:
    language, zone = tools.settings.language, tools.settings.zone

    def when(value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(zone):%d.%m.%Y %H:%M}"
        return f"{value:%d.%m.%Y}"

    for condition in found:
        level: Literal["warning", "error"] = "error" if condition.level == "error" else "warning"
        yield Finding(condition.subject, level, condition.settled(language, when))
