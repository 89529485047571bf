"""The common parts of all answers of the API: data, pagination, meta, errors."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Meta(Model):
    timestamp: datetime = Field(description="When this was answered.")
    omitted: int = Field(0, description="Rows of this page that cannot be shown; the log says why.")
    request_id: str = Field(description="Also in the header X-Request-Id, in the audit and in the run it started.")


class Pagination(Model):
    page: int
    page_size: int
    total_items: int
    total_pages: int


class Answer(Model, Generic[T]):
    success: Literal[True] = True
    data: T
    meta: Meta


class PageAnswer(Model, Generic[T]):
    success: Literal[True] = True
    data: list[T]
    pagination: Pagination
    meta: Meta


class ErrorDetail(Model):
    field: str | None = Field(None, description="The parameter or field of the body that is wrong.")
    problem: str | None = Field(None, description="The code of a problem that the dashboard knows too.")
    message: str


class ErrorBody(Model):
    code: str = Field(examples=["VALIDATION_FAILED"], pattern="^[A-Z_]+$")
    message: str
    details: list[ErrorDetail]


class Failure(Model):
    success: Literal[False]
    error: ErrorBody
    meta: Meta
