"""The models of the figures of the licence desk."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.cases.figures import Group
from web.api.contact_models import Day
from web.api.envelope import Model
from web.api.queries import NoParameters, Text


class FigureQuery(NoParameters):
    by: Group = Field("month", description="What the ended cases are grouped by.")
    since: Day | None = Field(None, alias="from", description="The first day on which a case ended.")
    until: Day | None = Field(None, alias="to", description="The last day on which a case ended.")
    tenant: list[Text] = Field([], alias="filter[tenant]", max_length=100, description="Id, short name or name.")
    level: list[Text] = Field([], alias="filter[level]", max_length=100, description="Key of a level of service.")
    owner: list[Text] = Field([], alias="filter[owner]", max_length=100, description="An account.")
    distributor: list[Text] = Field([], alias="filter[distributor]", max_length=100)


class Times(Model):
    """Seconds of working time; null without cases."""

    median: float | None = Field(description="Within which half of the cases were done.")
    p90: float | None = Field(description="Within which 90 % were done.")


class CaseFigures(Model):
    """Figures of some ended cases; shares are 0 to 1, null where no clock ran."""

    key: str = Field(description="The month (2026-11), level, owner, distributor or tenant id; empty for none or all.")
    name: str = Field(description="For people.")
    ended: int
    delivered: int
    reaction: Times = Field(description="Until somebody took, commented or asked.")
    lead: Times = Field(description="From the opening to the delivery, of delivered cases.")
    lead_own: Times = Field(description="The same without waiting for the customer.")
    reaction_kept: float | None
    work_kept: float | None = Field(description="The licence desk's own work, in time.")
    delivery_kept: float | None = Field(description="The distributor's deliveries, in time.")
    rating: float | None = Field(description="Mean of the customers' ratings, 1 to 5; null without one.")
    rated: int = Field(description="How many cases were rated.")


class AgeCount(Model):
    """Open cases from `days` on and younger than `until`."""

    days: int
    until: int | None = Field(description="null: without end.")
    cases: int


class Figures(Model):
    total: CaseFigures
    groups: list[CaseFigures] = Field(description="Months the newest first, others the most cases first.")
    open_by_age: list[AgeCount] = Field(description="Days of the calendar since the opening, today.")
    read_at: datetime
