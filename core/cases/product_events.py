"""Events of a case that nobody but the product has caused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.cache.case_rows import CaseEvent
from core.roles import schedule_actor

PRODUCT = schedule_actor()


def by_product(case_id: str, seq: int, at: datetime, kind: str, data: Mapping[str, Any]) -> CaseEvent:
    """Return an event that nobody but the product has caused."""
    return CaseEvent(case_id, seq, at, PRODUCT.name, kind, data, PRODUCT.shown)
