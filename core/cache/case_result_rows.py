"""How each case went that has ended: written when it ends, so that figures need no events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from core.cache.schema import case_results
from core.cache.sql import upsert


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case; each field is described at its column in core.cache.schema."""

    case_id: str
    level: str
    level_version: int
    calendar: str
    calendar_version: int
    distributor: str
    reaction_seconds: int | None
    lead_seconds: int
    customer_seconds: int
    reaction_kept: bool | None
    work_kept: bool | None
    delivery_kept: bool | None
    stars: int | None = None


def save_results(connection: Connection, results: Sequence[CaseResult]) -> None:
    """Store how these cases went, in the place of what is stored of an end before."""
    upsert(connection, case_results, [asdict(result) for result in results])
