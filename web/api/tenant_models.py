"""The models of tenants and their switches."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from web.api.contact_models import Contact
from web.api.envelope import Model
from web.api.models import ProblemText
from web.api.onboarding_models import Onboarding


class Tenant(Model):
    tenant_id: str
    slug: str
    name: str
    enabled: bool = Field(description="Whether it is read at all.")
    monitoring: bool = Field(description="Whether its shortages alarm.")
    listed: bool = Field(description="Whether it has a row in the SharePoint tenant list.")
    missing_since: datetime | None = Field(description="Since when that row has vanished; the last switches hold.")
    certificate_expires: datetime | None
    certificate_days: int | None = Field(description="Whole days until the certificate ends; negative: ended.")
    level: str = Field(description="Key of its level of service.")
    refresh_minutes: int | None = Field(description="Minutes between two refreshes by its level; null: the setting's.")
    late: bool = Field(description="Whether its last reading is older than two refreshes of its own.")
    last_read_at: datetime | None
    last_attempt_at: datetime | None
    failing: bool
    failing_since: datetime | None
    problem: ProblemText | None
    subscriptions_read_at: datetime | None
    subscriptions_problem: ProblemText | None
    contacts: list[Contact] | None = Field(description="null for the role viewer, which may not see them.")
    onboarding: Onboarding | None = Field(description="While the tenant is being added.")
    licenses: int
    shortages: int
    waiting: int = Field(description="Shortages whose alarm is on its way.")
    unanswered: int = Field(description="Shortages whose alarm the flow has not answered in time.")


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


def _optional(description: str) -> Any:
    """Return a field that may be missing but not null; `model_fields_set` contains it if it is present."""
    return Field(None, description=description, json_schema_extra=_without_default)


class TenantChange(Model):
    """New values of the switches; a switch that is missing here stays unchanged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    enabled: StrictBool = _optional("Whether it is read at all.")
    monitoring: StrictBool = _optional("Whether its shortages alarm.")

    @model_validator(mode="after")
    def _has_a_switch(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("enabled or monitoring must be there")
        return self
