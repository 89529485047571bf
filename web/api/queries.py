"""The query parameters of each address: filters, order, page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, get_origin, get_type_hints

from fastapi import Query
from pydantic import ConfigDict, Field, StringConstraints

from core.bounds import LONGEST_SEARCH
from core.licenses.skus import Kind
from core.licenses.units import State
from web.api.envelope import Model
from web.api.models import PLAIN, Alarm

LARGEST_PAGE = 100
Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=PLAIN)]
YesNo = Literal["true", "false"]

LICENSE_ORDERS = (
    "severity", "tenant", "skuPartNumber", "productDe", "productEn", "kind", "state", "enabled", "consumed", "free",
    "utilisation", "shortSince", "firstSeenAt", "renewsAt", "readAt",
)  # fmt: skip
TENANT_ORDERS = (
    "name", "slug", "licenses", "shortages", "lastReadAt", "failingSince", "certificateExpires",
)  # fmt: skip
CASE_ORDERS = ("dueAt", "openedAt", "changedAt", "priority", "number")


def orders(*fields: str) -> str:
    """Return the pattern of `sort` over these fields."""
    return f"^({'|'.join(fields)})(:(asc|desc))?$"


class NoParameters(Model):
    """The parameters of an address without parameters; models of other addresses add theirs. Others are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


WithoutParameters = Annotated[NoParameters, Query()]


class Paged(NoParameters):
    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(25, ge=1, le=LARGEST_PAGE)


class _OfTenants(Paged):
    tenant: list[Text] = Field([], max_length=100, description="Id, short name or name; several are possible.")
    sku_part_number: list[Text] = Field([], max_length=100, description="Exactly, whatever its case.")
    kind: list[Kind] = Field([], max_length=10)
    q: str = Field(
        "",
        max_length=LONGEST_SEARCH,
        pattern=PLAIN,
        description="Words that must all occur in tenant, product or part number.",
    )


class LicenseQuery(_OfTenants):
    state: list[State] = Field([], max_length=10)
    shortage: list[YesNo] = Field([], max_length=2, description="Only shortages, or only what is none.")
    hidden: YesNo = Field("false", description="Also licences that a rule hides.")
    sort: str = Field("severity:asc", pattern=orders(*LICENSE_ORDERS))


class ShortageQuery(_OfTenants):
    alarm: list[Alarm] = Field([], max_length=10, description="How far the alarm is.")
    sort: str = Field("shortSince:asc", pattern=orders(*LICENSE_ORDERS))


class TenantQuery(Paged):
    q: str = Field(
        "", max_length=LONGEST_SEARCH, pattern=PLAIN, description="Words that must all occur in name or short name."
    )
    enabled: list[YesNo] = Field([], max_length=2)
    monitoring: list[YesNo] = Field([], max_length=2)
    failing: list[YesNo] = Field([], max_length=2, description="Could not be read the last time.")
    sort: str = Field("name:asc", pattern=orders(*TENANT_ORDERS))


class HistoryQuery(Paged):
    days: int = Field(30, ge=1, le=366, description="Up to and with today.")


class RunQuery(Paged):
    state: list[Literal["running", "done", "failed", "interrupted"]] = Field([], max_length=10)
    source: list[Literal["page", "api", "command", "schedule", "read-only"]] = Field([], max_length=10)
    sort: str = Field("startedAt:desc", pattern=orders("startedAt"))


@cache
def parameters_of(endpoint: Callable[..., Any]) -> dict[str, bool]:
    """Return the name of each parameter of an endpoint -> True if it may be repeated."""
    types = get_type_hints(endpoint).values()
    models = (type_ for type_ in types if isinstance(type_, type) and issubclass(type_, NoParameters))
    return {
        str(field.alias): get_origin(field.annotation) is list
        for model in models
        for field in model.model_fields.values()
    }


def order_of(sort: str) -> tuple[str, bool]:
    """Return (column, descending) of an order: ("short_since", True) for `shortSince:desc`."""
    field, _, direction = sort.partition(":")
    column = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in field)
    return column, direction == "desc"


def as_bools(wanted: list[YesNo]) -> list[bool]:
    return [value == "true" for value in wanted]
