"""The top of the tenant page: the choice of the tenant, its status line, its switches and its last error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.attention.conditions import certificate_level
from core.problems import Problem
from ui import format as fmt
from ui.escaping import plain
from ui.frame import navigation, url
from ui.frame.view import View
from ui.problems import reason, technical_lines
from ui.snapshots import Snapshot
from ui.switch_actions import show_results
from ui.tables.frame_rows import moment, rows
from ui.tenant.certificate_dialog import certificate_button, certificate_dialog
from ui.tenant.switch_controls import tenant_switches
from ui.texts import text

_KEY, _UNKNOWN = "chosen_tenant", "_unknown_tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant as the page shows it; a missing value is None."""

    tenant_id: str
    slug: str
    name: str
    enabled: bool
    monitored: bool
    level_name: str
    cert_days: int | None
    cert_expires: datetime | None
    last_read_at: datetime | None
    failing_since: datetime | None
    problem: Problem | None
    subscriptions_read_at: datetime | None
    subscriptions_problem: Problem | None


def tenant_of(row: Any) -> Tenant:
    """Return the tenant of a row of `tenants_frame`."""
    return Tenant(
        tenant_id=row.tenant_id,
        slug=row.slug,
        name=row.tenant,
        enabled=bool(row.enabled),
        monitored=bool(row.monitored),
        level_name=row.level_name,
        cert_days=None if pd.isna(row.cert_days) else int(row.cert_days),
        cert_expires=moment(row.cert_expires),
        last_read_at=moment(row.last_read_at),
        failing_since=moment(row.failing_since),
        problem=_problem(row.problem),
        subscriptions_read_at=moment(row.subscriptions_read_at),
        subscriptions_problem=_problem(row.subscriptions_problem),
    )


def choose_tenant(snapshot: Snapshot) -> Tenant | None:
    """Show the choice, kept in the URL as `?tenant=<slug>`; return the chosen tenant.

    A slug that does not exist (any more) gives a warning and None: another customer's figures and switches would be
    taken for those of the asked one.
    """
    names = snapshot.names
    _choose(names)
    navigation.link(navigation.LICENSES, text("tenant.back"), **url.kept_params(navigation.LICENSES))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.container(width="stretch")
        slug = st.selectbox(
            text("tenant.choose"), list(names), key=_KEY, index=None, width=300,
            format_func=lambda slug: names.get(slug, slug), placeholder=text("tenant.choose"),
        )  # fmt: skip
    unknown = st.session_state[_UNKNOWN]
    title.title(plain(names[slug]) if slug else text("nav.tenant"), anchor=False)
    url.keep_params(navigation.TENANT, {"tenant": [slug or unknown]})
    if slug is None:
        st.warning(text("tenant.unknown", slug=plain(unknown)), icon=":material/warning:")
        return None
    frame = snapshot.tenants
    return tenant_of(next(rows(frame[frame["slug"] == slug])))


def _choose(names: Mapping[str, str]) -> None:
    """Set the control to the slug of the URL or the last chosen one; to None if no tenant has it (any more)."""
    arrived = url.new_params(navigation.TENANT, ("tenant",))
    asked = st.session_state.get(_KEY) or st.session_state.get(_UNKNOWN)
    if arrived is not None:
        asked = (arrived.get("tenant") or [""])[0]
    asked = asked or next(iter(names))
    st.session_state[_KEY] = asked if asked in names else None
    st.session_state[_UNKNOWN] = "" if asked in names else asked


def tenant_header(snapshot: Snapshot, tenant: Tenant, view: View) -> None:
    """Show the status line ("aktiv, überwacht · Stufe Premium · gelesen 14:05 ...") and the switches."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="tenant_header"
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            *parts, certificate = status_parts(tenant, view)
            st.markdown(" · ".join(parts), width="content")
            certificate_button("tenant", tenant.slug, tenant.name, certificate)
        tenant_switches(snapshot, tenant.tenant_id)
    certificate_dialog(view)
    show_results(snapshot)


def status_parts(tenant: Tenant, view: View) -> list[str]:
    switches = text("tenant.active" if tenant.enabled else "tenant.inactive")
    if tenant.enabled:
        switches += ", " + text("tenant.monitored" if tenant.monitored else "tenant.not_monitored")
    read = text("tenant.never_read")
    if tenant.last_read_at is not None:
        time = fmt.clock(tenant.last_read_at, view.now, view.language, view.zone)
        read = text("tenant.read", time=time, ago=fmt.ago(tenant.last_read_at, view.now, view.language))
    return [switches, text("tenant.level", level=plain(tenant.level_name)), read, _certificate(tenant, view)]


def _certificate(tenant: Tenant, view: View) -> str:
    if tenant.cert_days is None or tenant.cert_expires is None:
        return text("tenant.cert_unknown")
    until = fmt.day(tenant.cert_expires.astimezone(view.zone), view.language)
    key = "tenant.cert_ended" if tenant.cert_days < 0 else "tenant.cert_days"
    words = text(key, days=tenant.cert_days, until=until)
    level = certificate_level(tenant.cert_days)
    if level is None:
        return words
    return f":red[{words}]" if level == "error" else f":orange[{words}]"


def last_error(tenant: Tenant, view: View) -> None:
    """Show the error of the last attempt to read the tenant, since when it fails, and the next step."""
    if tenant.problem is None:
        return
    since = "?"
    if tenant.failing_since is not None:
        since = fmt.clock(tenant.failing_since, view.now, view.language, view.zone)
    why = plain(reason(tenant.problem, tenant.name))
    key = "tenant.failing" if tenant.last_read_at else "tenant.failing_never"
    if tenant.problem.code == "graph.rows_unreadable":
        key = "tenant.partly"
    st.error(text(key, since=since, why=why), icon=":material/error:")
    technical_lines(tenant.problem)


def _problem(value: Any) -> Problem | None:
    return Problem.from_json(value) if isinstance(value, str) else None
