"""What the delivery of an alarm means for its case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.cache.case_rows import events_of_case, lock_cases
from core.cache.event_rows import LicenseEvent, add_events
from core.cache.sql import Transaction
from core.cases.opening import tell_cases


def note_told(connection: Transaction, data: dict[str, Any], at: datetime) -> bool:
    """Add to the case of a delivered alarm that its shortage was told; return False if an earlier delivery has.

    `data` is that of the message. For databases without SharePoint, where nothing else tells.
    """
    lock_cases(connection)
    events = events_of_case(connection, str(data["caseId"]), after=max(0, int(data["version"]) - 1))
    if any(event.kind == "told" for event in events):
        return False
    event = LicenseEvent(str(data["tenantId"]), str(data["skuId"]), at, "told")
    add_events(connection, [event])
    tell_cases(connection, [event])
    return True
