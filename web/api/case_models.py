"""The models of shortage cases in requests and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from core.cases import clocks, next_step
from core.cases.changes import LARGEST_QUANTITY, LONGEST_REASON, LONGEST_TEXT
from core.cases.transitions import Kind, State
from web.api.contact_models import Day, unchanged
from web.api.envelope import Model
from web.api.models import PLAIN

NOTE_SIGNS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # as PLAIN, but with line breaks and tabs
Quantity = Annotated[int, Field(strict=True, ge=1, le=LARGEST_QUANTITY)]
Waiting = Annotated[int, Field(strict=True, ge=0, le=LARGEST_QUANTITY)]
Reason = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_REASON, pattern=NOTE_SIGNS)]
Note = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_TEXT, pattern=NOTE_SIGNS)]
Words = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_TEXT, pattern=NOTE_SIGNS)]
Priority = Literal["critical", "high", "medium", "low"]
Target = Literal["open", "approved", "ordered", "partly_delivered", "postponed", "closed"]
AN_ID = "00000000-0000-4000-8000-000000000001"


class Clock(Model):
    due_at: datetime | None = Field(description="null: not begun, or pausing.")
    done_at: datetime | None
    remaining_seconds: int | None = Field(description="Of working time; negative when it is overdue.")
    state: clocks.State


class Clocks(Model):
    first_reaction: Clock
    own_work: Clock
    customer: Clock = Field(description="From a question until its answer.")
    supplier: Clock = Field(description="From an order until its delivery.")


class NextStep(Model):
    action: next_step.Step
    due_at: datetime | None


class Case(Model):
    """A shortage of a tenant's licence, from the alarm to the delivery."""

    case_id: str
    number: str = Field(description="For people.", examples=["2026-0042"])
    tenant_id: str
    tenant: str
    sku_id: str
    sku_part_number: str = Field(alias="partNumber")
    product: str = Field(description="In the language of the call.")
    state: State
    priority: Priority
    owner: str = Field(description="An account; empty in the common queue.")
    owner_name: str
    quantity: int = Field(description="Seats that are wanted.")
    under_way: int = Field(description="Seats that are ordered and not delivered yet.")
    waiting: int = Field(description="People who wait for a seat.")
    ordered: int
    delivered: int
    free: int = Field(description="As the newest event knows it.")
    cause: str = Field(description="shortage, ahead (opened by a person), first_reading or taken_over.")
    note: str
    wanted_at: date | None
    postponed_until: date | None
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    outcome: str = Field(description="delivered, recovered, gone, refused or closed; empty while it is open.")
    clocks: Clocks
    next: NextStep
    version: int = Field(description="Also the ETag of an answer with one case; send it in If-Match.")


class CaseEvent(Model):
    """What happened in a case."""

    seq: int
    at: datetime
    kind: Kind
    by: str
    data: dict[str, JsonValue] = Field(
        description="What belongs to its kind: quantity, reason, text, owner, until, ..."
    )


class CaseDetail(Case):
    events: list[CaseEvent] = Field(description="The oldest first.")


class _Given(Model):
    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class NewCase(_Given):
    """Seats that will be needed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "tenantId": "schule-hoeri", "skuId": AN_ID, "quantity": 10, "wantedAt": "2027-08-01",
        "note": "10 neue Lehrpersonen",
    }]})  # fmt: skip

    tenant_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255, pattern=PLAIN)] = Field(
        description="Id, short name or name."
    )
    sku_id: Annotated[
        str, StringConstraints(strict=True, pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
    ]
    quantity: Quantity
    wanted_at: Day = Field(description="From today to three years ahead.")
    note: Note = ""
    waiting: Waiting = 0


class CaseMove(_Given):
    """The state into which the case is to go."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"to": "postponed", "until": "2027-01-31", "note": "Budget im Januar"},
        {"to": "approved", "quantity": 5, "note": "Rahmenvertrag"},
    ]})  # fmt: skip

    to: Target = Field(description="What is possible depends on the state; a postponed case goes back where it was.")
    note: Reason = Field("", description="The reason, which all but the return of a postponed case need.")
    until: Day | None = Field(None, description="For postponed: the day on which it returns.")
    quantity: Quantity | None = Field(None, description="For approved without asking the customer.")


class NewComment(_Given):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Händler ruft am Nachmittag zurück."}]})

    text: Words


class CaseChange(_Given):
    """New values of one kind: the owner, the priority, or quantity and waiting."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "examples": [{"owner": "anna"}, {"quantity": 12}]})

    owner: Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PLAIN)] = unchanged(
        description="An account; empty: back into the common queue."
    )
    priority: Priority = unchanged()
    quantity: Quantity = unchanged()
    waiting: Waiting = unchanged(description="Together with quantity.")
    reason: Reason = Field("", description="Why; kept with the change.")

    @model_validator(mode="after")
    def _is_one_change(self) -> Self:
        given = self.model_fields_set - {"reason"}
        if given not in ({"owner"}, {"priority"}, {"quantity"}, {"quantity", "waiting"}):
            names = ", ".join(sorted(map(to_camel, given))) or "nothing"
            raise ValueError(f"must be owner, or priority, or quantity with or without waiting, but there is {names}")
        return self
