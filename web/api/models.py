"""The models of data in requests and answers; their names are ours in Python and camelCase in JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints

from core.licenses.skus import Kind
from core.licenses.units import State
from core.problems import Problem
from web.api.envelope import Model

PLAIN = r"^[^\x00-\x1f\x7f]*$"  # no control characters: PostgreSQL refuses NUL, and no name contains one
Alarm = Literal["no_sharepoint", "not_monitored", "pending", "waiting", "unanswered", "told"]
RunState = Literal["waiting", "running", "done", "failed", "interrupted"]


# ---------------------------------------------------------------- licences


class License(Model):
    """A product of a tenant: its seats, and what they mean."""

    tenant_id: str
    tenant: str
    slug: str = Field(description="Short name of the tenant, as in the addresses of the dashboard.")
    sku_id: str
    sku_part_number: str
    product_de: str
    product_en: str
    kind: Kind
    kind_reason: str = Field(description="The rule that decided the kind.")
    enabled: int = Field(description="Seats that may be used.")
    consumed: int = Field(description="Seats in use.")
    free: int = Field(description="enabled - consumed; negative when more are assigned than there are.")
    under_way: int = Field(description="Seats that are ordered and not delivered yet.")
    waiting: int = Field(description="People who wait for a seat, as its open case knows.")
    case: str = Field(description="Number of its open case; empty if it has none.")
    warning: int = Field(description="Seats in the time of grace.")
    suspended: int
    locked_out: int
    utilisation: float | None = Field(description="consumed / enabled; null without seats.")
    state: State
    shortage: bool = Field(description="Nobody new can get it, and the rules let it alarm.")
    short_since: datetime | None
    first_seen_at: datetime
    renews_at: datetime | None = Field(description="When one of its subscriptions next changes its status.")
    alarm: Literal["", Alarm] = Field(description="How far the alarm is; empty without a shortage.")
    alarm_at: datetime | None
    alarms: bool = Field(description="Whether the rules let it alarm at all.")
    threshold: int = Field(description="A shortage from so many free seats down.")
    warn_level: int = Field(description="Low from so many free seats down.")
    hidden: bool = Field(description="Hidden by a rule.")
    rule: str = Field(description="The field of a rule that decided; empty for the standard.")
    rule_level: str = Field(description="Where that field stands: sku, tenant, service_level or standard.")
    rule_reason: str
    read_at: datetime | None = Field(description="How old these figures are.")
    failing: bool = Field(description="The tenant could not be read last time; the figures are those of readAt.")


# ---------------------------------------------------------------- tenants


class ProblemText(Model):
    code: str
    message: str
    detail: str = ""

    @classmethod
    def of(cls, stored: str | None, language: str) -> Self | None:
        """Return the text of a stored problem, None for none."""
        if stored is None:
            return None
        problem = Problem.from_json(stored)
        return cls(code=problem.code, message=problem.text(language), detail=problem.detail)


class HistoryDay(Model):
    day: date
    enabled: int
    consumed: int
    free: int
    warning: int
    suspended: int


class SkuHistory(Model):
    """The daily figures of one product, oldest first, without days on which it was not read."""

    sku_id: str
    sku_part_number: str
    product_de: str
    product_en: str
    days: list[HistoryDay]


# ---------------------------------------------------------------- runs


class RefreshRequest(Model):
    """The tenants to read; none means all."""

    model_config = ConfigDict(extra="forbid")

    tenants: list[Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255, pattern=PLAIN)]] = Field(
        [], max_length=1000, description="Ids, short names or names."
    )


class Run(Model):
    """A refresh; one in the state `waiting` begins after the running one."""

    run_id: str
    state: RunState
    source: str = Field(description="page, api, command, schedule or read-only.")
    requested_by: str
    tenants: list[str] = Field(description="The tenants it is for; empty for all.")
    started_at: datetime | None
    finished_at: datetime | None
    step: str = Field(description="profiles, lists, tenants or sharepoint while it runs.")
    done: int
    total: int
    seconds: float | None
    request_id: str


class FailedTenant(Model):
    tenant: str = ""
    code: str = ""
    message: str = ""


class SkippedTenant(Model):
    tenant: str = ""
    reason: str = ""


class SharePointCounts(Model):
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    triggers_set: int = 0
    resets: int = 0
    failed: int = 0
    remaining: int = 0
    problem: ProblemText | None = None


class RunSummary(Model):
    """The result of a refresh, the same as `python -m core sync --json` prints."""

    tenants: int = 0
    ok: int = 0
    failed: list[FailedTenant] = Field([])
    skipped: list[SkippedTenant] = Field([])
    licenses: int = 0
    shortages: int = 0
    sharepoint: SharePointCounts = SharePointCounts()
    requests: int = 0
    problem: ProblemText | None = None


class RunDetail(Run):
    summary: RunSummary | None = Field(description="null until it is over.")
