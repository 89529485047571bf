"""The models of tenants that are being added, and of the test of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from core.cache import onboarding_rows
from core.cache.onboarding_rows import Step
from core.onboarding.request import LONGEST_CONTACT, LONGEST_LEVEL
from core.problems import Problem
from web.api.envelope import Model
from web.api.models import PLAIN, ProblemText

EXAMPLE: dict[str, JsonValue] = {
    "name": "Schule Höri", "tenant": "schule-hoeri.example", "contact": "Petra Muster <petra@schule-hoeri.example>",
}  # fmt: skip
StepState = Literal["open", "waiting", "failed", "done", "skipped"]
Needed = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255, pattern=PLAIN)]
ClientId = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PLAIN)]
LevelName = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_LEVEL, pattern=PLAIN)]
ContactLine = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_CONTACT, pattern=PLAIN)]


class NewTenant(Model):
    """A tenant to add, as in a line of an import."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False, json_schema_extra={"examples": [EXAMPLE]})

    name: Needed = Field(description="As it will stand in the lists.")
    tenant: Needed = Field(description="Tenant id or domain.")
    client_id: ClientId = Field("", description="Of its app registration; empty: the provider's, or not yet there.")
    level: LevelName = ""
    contact: ContactLine = Field("", description="An e-mail address, or Name <address@example.com>.")


class Onboarding(Model):
    """How far a tenant is that is being added."""

    onboarding_id: str
    tenant_id: str
    name: str
    slug: str
    app: Literal["own", "shared"] = Field(description="Whose app registration: the tenant's own, or the provider's.")
    state: Literal["open", "done", "cancelled"]
    next_step: Step | None = Field(description="null when it is over.")
    step_state: StepState | None = Field(description="Of that step; open: somebody has to do something.")
    problem: ProblemText | None = Field(description="What the step waits for or failed with.")
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, stored: onboarding_rows.Onboarding, language: str) -> Self:
        step = stored.next_step
        row = stored.step(step) if step else None
        return cls(
            onboarding_id=stored.onboarding_id,
            tenant_id=stored.tenant_id,
            name=stored.name,
            slug=stored.slug,
            app=stored.app,  # type: ignore[arg-type] # validated here
            state=stored.state,  # type: ignore[arg-type]
            next_step=step,
            step_state=row.state if row else None,  # type: ignore[arg-type]
            problem=problem_text(row.problem, language) if row and row.problem else None,
            started_at=stored.created_at,
            ended_at=stored.ended_at,
        )


class TriedStep(Model):
    level: Literal["ok", "warning", "error"]
    code: str
    message: str
    detail: str


class TenantTest(Model):
    """What was tried, up to the first error: token, permission and reading, renewal dates."""

    tenant_id: str
    passed: bool = Field(description="Whether the tenant can be read; a warning alone does not keep it from that.")
    results: list[TriedStep]


def problem_text(problem: Problem, language: str) -> ProblemText:
    return ProblemText(code=problem.code, message=problem.text(language), detail=problem.detail)
