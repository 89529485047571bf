"""The queries of every page and of the API, by the address of the page: what a drill asks a restored database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from core import audit
from core.access import accounts, api_tokens
from core.access.sessions import open_sessions
from core.attention.facts import known_facts
from core.cache import event_rows, frames, history_rows, lists_read, readings
from core.cache.api_queries import runs_page
from core.cache.backup_rows import latest_backups
from core.cache.calendar_rows import all_calendars
from core.cache.case_lists import CaseFilter, case_page
from core.cache.case_read_rows import unread_cases
from core.cache.channel_rows import all_channels
from core.cache.contact_rows import contact_rows
from core.cache.distributor_rows import all_distributors
from core.cache.health_reading import read_health
from core.cache.level_rows import all_levels
from core.cache.message_rows import list_messages
from core.cache.onboarding_rows import all_onboardings
from core.cache.order_rows import overdue_orders
from core.cache.product_frame import products_frame
from core.cache.rule_rows import all_rules
from core.cache.run_rows import latest_run
from core.cache.shared_frames import newest_figures
from core.cases.detail import case_detail
from core.cases.figure_report import figure_report
from core.cases.figures import FigureFilter
from core.roles import Actor
from core.settings import Settings
from core.views.saved_views import views_for

YEARS = timedelta(days=1096)
PAGE = 500  # rows
DETAILS = 50  # cases that are read whole


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who opens every page: of the database of `engine`, with these settings, at `now`."""

    engine: Engine
    settings: Settings
    actor: Actor
    now: datetime


def _figures(reader: Reader) -> Any:
    return newest_figures(reader.engine, reader.settings)


def _licenses(reader: Reader) -> object:
    return _figures(reader).licenses.to_dict("records")


def _start(reader: Reader) -> object:
    catalogue = _figures(reader).catalogue
    facts = known_facts(reader.engine, reader.settings, catalogue, reader.now)
    late = overdue_orders(reader.engine, reader.now.astimezone(reader.settings.zone).date())
    return (
        facts,
        late,
        latest_run(reader.engine),
        event_rows.events_since(reader.engine, reader.now - timedelta(days=7)),
    )


def _cases(reader: Reader) -> object:
    """Read the cases as a page of their list has them, with the events of each."""
    listed, _ = case_page(reader.engine, CaseFilter(), sort="changed", descending=True, limit=PAGE)
    unread_cases(reader.engine, reader.actor.name, [one.case.case_id for one in listed])
    return [case_detail(reader.engine, one.case.case_id, reader.now) for one in listed[:DETAILS]]


def _products(reader: Reader) -> object:
    figures = _figures(reader)
    return products_frame(figures.licenses, figures.license_index)


def _tenants(reader: Reader) -> None:
    """Read what the page of each tenant shows, with the longest history of one of its licences."""
    since = (reader.now - YEARS).date()
    contact_rows(reader.engine)
    for tenant_id, skus in readings.stored_licenses(reader.engine).items():
        frames.subscriptions_frame(reader.engine, tenant_id)
        event_rows.events_of(reader.engine, tenant_id, most=PAGE)
        history_rows.history_page(reader.engine, tenant_id, since, limit=1)
        if skus:
            frames.history_frame(reader.engine, tenant_id, min(skus), since)


def _audit(reader: Reader) -> object:
    verification = audit.verify(reader.engine, reader.actor)
    if verification.broken_at is not None:
        raise ValueError(f"the audit is broken at row {verification.broken_at}")
    return audit.find(reader.engine, reader.actor, audit.Search(), limit=PAGE)


QUERIES: Mapping[str, Callable[[Reader], object]] = {
    "": _start,
    "faelle": _cases,
    "fall": _cases,
    "auswertung": lambda of: figure_report(of.engine, FigureFilter(), "month", of.now, of.settings.zone),
    "alle-tenants": _licenses,
    "produkte": _products,
    "tenant": _tenants,
    "tenant-aufnehmen": lambda of: all_onboardings(of.engine),
    "stufen": lambda of: (all_levels(of.engine), all_calendars(of.engine)),
    "benachrichtigungen": lambda of: (all_channels(of.engine), list_messages(of.engine, limit=PAGE)),
    "haendler": lambda of: all_distributors(of.engine),
    "monitoring": lambda of: (lists_read.sharepoint_status(of.engine), lists_read.tenant_list_rows(of.engine)),
    "regeln": lambda of: all_rules(of.engine),
    "konten": lambda of: (accounts.list_accounts(of.engine, of.actor), open_sessions(of.engine, of.actor, of.now)),
    "programme": lambda of: api_tokens.list_tokens(of.engine, of.actor),
    "protokoll": _audit,
    "betrieb": lambda of: latest_backups(of.engine),
    "mein-konto": lambda of: views_for(of.engine, of.actor),
    "api": lambda of: runs_page(of.engine, limit=PAGE),
    "health": lambda of: read_health(of.engine),
}
