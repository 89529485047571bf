"""The models of contacts in requests and answers."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, WithJsonSchema, model_validator

from core.cache import contact_rows
from core.cache.contact_rows import Language, Role
from core.tenants.contact_rules import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PHONE, Validity, validity_of
from web.api.envelope import Model
from web.api.models import PLAIN, ProblemText

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
EXAMPLE: dict[str, JsonValue] = {
    "name": "Petra Muster", "email": "petra.muster@example.ch", "phone": "+41 44 123 45 67", "language": "de",
    "role": "approver", "until": "2027-12-31",
}  # fmt: skip


def _day_alone(value: Any) -> Any:
    """Return the value if it is a text of a day: pydantic would also take a number and a time. Raises ValueError."""
    if value is not None and not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise ValueError("must be a day like 2027-01-31")
    return value


Day = Annotated[date, BeforeValidator(_day_alone)]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_NAME, pattern=PLAIN)]
Email = Annotated[
    str,
    StringConstraints(strict=True, min_length=3, max_length=LONGEST_EMAIL, pattern=PLAIN),
    WithJsonSchema({"type": "string", "format": "email", "minLength": 3, "maxLength": LONGEST_EMAIL}),
]
Phone = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_PHONE, pattern=PLAIN)]
FROM, UNTIL = "The first day; null: always.", "The last day; null: without end."


class Contact(Model):
    """A person at the customer. Which of them a consent is asked of: approvers that are valid, else substitutes."""

    contact_id: str
    name: str
    email: str
    phone: str
    language: Language
    role: Role
    valid_from: date | None = Field(alias="from", description=FROM)
    valid_until: date | None = Field(alias="until", description=UNTIL)
    state: Validity = Field(description="Today, in the zone of the setting.")
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, contact: contact_rows.Contact, today: date, **more: Any) -> Self:
        """Return the contact as it is on that day."""
        values = {name: getattr(contact, name) for name in Contact.model_fields if name != "state"}
        return cls(**values, state=validity_of(contact, today), **more)


class StoredContact(Contact):
    warnings: list[ProblemText] = Field(description="What may be a mistake, though it is stored.")


class _Given(Model):
    """What is given; a name in Python is no other name for a field."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class NewContact(_Given):
    """A contact to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    email: Email
    phone: Phone = ""
    language: Language = "de"
    role: Role = "approver"
    valid_from: Day | None = Field(None, alias="from", description=FROM)
    valid_until: Day | None = Field(None, alias="until", description=UNTIL)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


def unchanged(**more: Any) -> Any:
    """Return a field that stays unchanged if it is missing."""
    return Field(None, json_schema_extra=_without_default, **more)


class ContactChange(_Given):
    """New values; what is missing here stays unchanged."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "examples": [{"language": "fr", "until": None}]})

    name: Name = unchanged()
    email: Email = unchanged()
    phone: Phone = unchanged()
    language: Language = unchanged()
    role: Role = unchanged()
    valid_from: Day | None = unchanged(alias="from", description=FROM)
    valid_until: Day | None = unchanged(alias="until", description=UNTIL)

    @model_validator(mode="after")
    def _has_a_field(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("at least one field must be there")
        return self
