"""Read from the database what the conditions (core.attention.conditions) are derived from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.attention.backup_conditions import BackupFacts, backup_facts
from core.attention.message_conditions import MessageFacts
from core.cache.attention_queries import (
    GoneLicense,
    broken_profiles,
    gone_licenses,
    removed_profiles,
    unanswered_alarms,
)
from core.cache.backup_rows import latest_backups
from core.cache.channel_rows import URGENT, has_route
from core.cache.leaving_rows import Leaving, all_leavings
from core.cache.level_rows import all_levels, level_of
from core.cache.lists_read import SharePointStatus, sharepoint_status
from core.cache.message_rows import outbox_state
from core.cache.onboarding_rows import Onboarding, all_onboardings, unseen_summaries
from core.cache.order_rows import OrderUnderWay
from core.cache.rule_rows import rules_at
from core.cache.tenant_rows import tenant_rows
from core.licenses.judge import judge
from core.licenses.skus import Catalogue, Product
from core.licenses.units import License
from core.problems import Problem
from core.profiles.profile_files import Kind
from core.profiles.profile_store import ProfileStore
from core.profiles.sharepoint_profile import SharePointProfile
from core.profiles.tenant_profile import TenantProfile
from core.settings import Settings

GONE_FOR = timedelta(days=7)
REMOVED_FOR = timedelta(days=30)  # a profile taken away is reported for so long: it may have been a mistake


@dataclass(frozen=True, slots=True)
class Certificate:
    """The end of the certificate with which the profile `name` signs in; `kind` is that of the profile."""

    name: str
    slug: str
    expires: datetime
    kind: Kind = "tenant"


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """A tenant that is read; `missing_since`: its row in the SharePoint tenant list has vanished.

    `refresh_minutes`: the interval of its level, None for that of the setting.
    """

    name: str
    slug: str
    listed: bool
    last_read_at: datetime | None = None
    failing_since: datetime | None = None
    problem: Problem | None = None
    missing_since: datetime | None = None
    refresh_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The data that the conditions depend on, besides the latest run and the time."""

    tenants: Sequence[TenantFacts] = ()
    certificates: Sequence[Certificate] = ()
    site_certificate: Certificate | None = None
    faults: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    names_fault: str = ""
    sharepoint: SharePointStatus = field(default_factory=SharePointStatus)
    unanswered: int = 0
    flow_minutes: float = 60
    gone: Sequence[tuple[GoneLicense, Product]] = ()
    removed: Mapping[str, datetime] = field(default_factory=dict)  # tenant whose profile is gone -> last attempt
    unfinished: Sequence[Onboarding] = ()  # tenants that are being added
    unseen: Sequence[Onboarding] = ()  # tenants whose first reading has found shortages, which nobody has acknowledged
    stuck: Sequence[Leaving] = ()  # tenants that are due but cannot be removed yet
    backups: BackupFacts | None = None  # None: not asked for
    messages: MessageFacts | None = None  # None: not asked for
    late_orders: Sequence[OrderUnderWay] = ()  # they change between two refreshes: whoever shows them asks for them
    site_gone_since: datetime | None = None  # time of the last read, if the SharePoint profile was removed after it


def known_facts(
    engine: Engine, settings: Settings, catalogue: Catalogue, now: datetime, names_fault: str = ""
) -> Facts:
    """Return all facts; the number of queries does not depend on the number of tenants. Raises DatabaseError."""
    rows = [row for row in tenant_rows(engine).values() if row.enabled]
    site = ProfileStore(settings.profiles_dir).sharepoint(now)
    return replace(
        list_facts(engine, now, names_fault),
        certificates=[Certificate(row.name, row.slug, row.cert_expires) for row in rows if row.cert_expires],
        site_certificate=certificate_of(site) if site else None,
        faults=broken_profiles(engine),
        unanswered=unanswered_alarms(engine, now - timedelta(minutes=settings.flow_timeout_minutes)),
        flow_minutes=settings.flow_timeout_minutes,
        gone=_alarming(engine, settings, catalogue, now),
        unfinished=all_onboardings(engine),
        unseen=unseen_summaries(engine),
        stuck=[one for one in all_leavings(engine) if one.problem is not None],
        backups=backup_facts(settings, latest_backups(engine)),
        messages=message_facts(engine),
    )


def message_facts(engine: Engine) -> MessageFacts:
    """Return the facts about messages. Raises DatabaseError."""
    told = sharepoint_status(engine).configured or has_route(engine, URGENT)
    return MessageFacts(outbox_state(engine), told)


def list_facts(engine: Engine, now: datetime, names_fault: str = "") -> Facts:
    """Return the facts about tenants, lists and names alone, as a refresh needs them. Raises DatabaseError."""
    status, levels = sharepoint_status(engine), all_levels(engine)
    gone = not status.configured and status.read_at is not None and now - status.read_at < REMOVED_FOR
    return Facts(
        tenants=[
            TenantFacts(
                name=row.name,
                slug=row.slug,
                listed=row.listed,
                last_read_at=row.last_read_at,
                failing_since=row.failing_since,
                problem=Problem.from_json(row.problem) if row.problem else None,
                missing_since=row.missing_since,
                refresh_minutes=level_of(row, levels).refresh_minutes,
            )
            for row in tenant_rows(engine).values()
            if row.enabled
        ],
        names_fault=names_fault,
        sharepoint=status,
        removed=removed_profiles(engine, now - REMOVED_FOR),
        site_gone_since=status.read_at if gone else None,
    )


def _alarming(
    engine: Engine, settings: Settings, catalogue: Catalogue, now: datetime
) -> list[tuple[GoneLicense, Product]]:
    """Return the licences gone lately whose shortage would alarm, each with its product."""
    gone_lately = gone_licenses(engine, (now - GONE_FOR).astimezone(settings.zone).date())
    if not gone_lately:
        return []
    rules = rules_at(engine, now, settings.zone)
    alarming = []
    for gone in gone_lately:
        units = License(gone.sku_id, gone.sku_part_number, gone.enabled, gone.consumed, applies_to=gone.applies_to)
        judged = judge(units, catalogue, rules, tenant_id=gone.tenant_id, is_trial=gone.is_trial, present=False)
        if judged.alarms:
            alarming.append((gone, catalogue.product(gone.sku_id, gone.sku_part_number)))
    return alarming


def certificate_of(profile: TenantProfile | SharePointProfile) -> Certificate:
    if isinstance(profile, TenantProfile):
        return Certificate(profile.name, profile.slug, profile.certificate.expires)
    return Certificate(f"SharePoint ({profile.name})", profile.slug, profile.certificate.expires, "sharepoint")
