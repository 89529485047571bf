"""The models of what is asked of customers and ordered from distributors for a case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from core.cases.consent_rules import LONGEST_COMMENT, LONGEST_TYPED_NAME
from core.cases.consents import LONGEST_OFFER
from web.api.case_models import NOTE_SIGNS, CaseDetail, Quantity, Reason
from web.api.contact_models import Day
from web.api.envelope import Model
from web.api.models import PLAIN

Offer = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_OFFER, pattern=PLAIN)]
Short = Annotated[str, StringConstraints(strict=True, max_length=60, pattern=PLAIN)]


class _Given(Model):
    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class ConsentRequest(_Given):
    """What a customer is asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"contactId": "0123456789ab", "quantity": 5, "price": "CHF 10.00 im Monat", "send": True}
    ]})  # fmt: skip

    contact_id: Annotated[str, StringConstraints(strict=True, pattern="^[0-9a-f]{12}$")]
    quantity: Quantity | None = Field(None, description="null: what the case wants.")
    price: Offer = ""
    term: Offer = ""
    reason: Reason = ""
    send: bool = Field(False, strict=True, description="Mail the link; else hand it over yourself.")


class NewConsent(_Given):
    """What a customer has said by phone, by mail or in person."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"decision": "given", "name": "Petra Muster", "channel": "phone", "quantity": 4},
        {"decision": "refused", "name": "Petra Muster", "channel": "mail", "comment": "Erst im Sommer"},
    ]})  # fmt: skip

    decision: Literal["given", "refused"]
    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_TYPED_NAME, pattern=PLAIN)]
    channel: Literal["phone", "mail", "meeting"]
    quantity: Quantity | None = Field(None, description="At most what was asked; null: all of it.")
    comment: Annotated[str, StringConstraints(strict=True, max_length=LONGEST_COMMENT, pattern=NOTE_SIGNS)] = ""


class AskedConsent(Model):
    consent_id: str
    url: str = Field(description="The page on which the customer decides; shown this once, nobody can read it again.")
    expires_at: datetime
    channel: str = Field(description="mail or link.")
    case: CaseDetail


class NewOrder(_Given):
    """What is ordered."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"distributor": "Lizenzhandel Nord", "quantity": 5, "mcaAccepted": True}, {"quantity": 5, "send": False},
    ]})  # fmt: skip

    distributor: Annotated[str, StringConstraints(strict=True, max_length=60, pattern=PLAIN)] = Field(
        "", description="Id or name; may be empty only without `send`."
    )
    quantity: Quantity | None = Field(None, description="null: what the case wants.")
    send: bool = Field(True, strict=True, description="False: it was ordered elsewhere and is only noted.")
    term: Short = ""
    cost_centre: Short | None = Field(None, description="null: that of the customer at the distributor.")
    customer_number: Short | None = None
    mca_accepted: bool = Field(False, strict=True, description="The customer has accepted Microsoft's agreement.")
    reference: Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PLAIN)] = ""
    expected_at: Day | None = Field(None, description="null: after the distributor's usual time.")
    order_key: Short = Field(
        "", description="Send it again to repeat an order whose answer was lost: it is placed once."
    )


class PlacedOrder(Model):
    order_key: str = Field(description="Goes out with the order, so that a repetition can be seen.")
    distributor: str
    how: str = Field(description="mail, file, webhook or outside.")
    expected_at: date
    reference: str
    case: CaseDetail
