"""`check`: everything that must be right before the tool can work, asked one by one. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.graph import GraphClient, GraphError, PermissionMissing, subscribed_skus, subscriptions
from core.problems import Problem
from core.profiles import Profiles, SharePointProfile, TenantProfile
from core.run import Tools
from core.sharepoint import ListError, check_parameters

CERTIFICATE_WARNING_DAYS = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is a profile, a tenant or a list; `problem` is None when all is well."""

    subject: str
    level: Literal["ok", "warning", "error"]
    problem: Problem | None = None
    note: str = ""


def check_all(tools: Tools) -> list[Finding]:
    """Profiles, certificates, sign-in, permissions, lists and the flow's parameters, in this order."""
    profiles = tools.profiles.load(tools.now())
    findings = [
        Finding(fault.file, "warning" if fault.usable else "error", problem)
        for fault in profiles.faults
        for problem in fault.problems
    ]
    if not profiles.tenants and not profiles.faults:
        folder = str(tools.settings.profiles_dir)
        findings.append(Finding("profiles", "error", Problem("check.no_profile", {"folder": folder})))
    findings += _certificates(tools, profiles)
    for found in tools.workers.map(lambda profile: list(_tenant(tools, profile)), profiles.tenants):
        findings += found
    if profiles.sharepoint:
        findings += _sharepoint(tools, profiles.sharepoint)
    elif not any(fault.of_sharepoint for fault in profiles.faults):
        findings.append(Finding("SharePoint", "warning", Problem("check.no_sharepoint")))
    return findings


def _certificates(tools: Tools, profiles: Profiles) -> Iterator[Finding]:
    found: list[TenantProfile | SharePointProfile] = [*profiles.tenants]
    found += [profiles.sharepoint] if profiles.sharepoint else []
    for profile in found:
        days = (profile.certificate.expires - tools.now()).days
        if days < CERTIFICATE_WARNING_DAYS:
            params = {"tenant": profile.name, "days": str(days), "slug": profile.slug}
            yield Finding(profile.name, "warning", Problem("check.certificate_ends", params))


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


def _sharepoint(tools: Tools, profile: SharePointProfile) -> Iterator[Finding]:
    try:
        lists = tools.publisher.lists(profile)
        counts = [len(lists.items(part)) for part in (lists.tenants, lists.licenses)]
        parameters = lists.read_parameters()
    except (GraphError, ListError) as error:
        yield Finding(profile.name, "error", error.problem)
        return
    yield Finding(profile.name, "ok", note=f"Tenantliste {counts[0]}, Lizenzstatusliste {counts[1]}")
    for problem in check_parameters(parameters):
        yield Finding(profile.name, "error", problem)
