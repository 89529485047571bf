"""SharePoint's resource units: an app has a budget per minute; beyond it come 429 until the minute is over."""

import math
import time
from dataclasses import dataclass, field

from .replies import GraphError


@dataclass(slots=True)
class Meter:
    """Counts the units of each tenant. Refused calls count too, as in SharePoint: repeated calls prolong the wait."""

    budget: int | None = None
    window: float = 60.0
    refused: int = 0
    whole_seconds: bool = True  # SharePoint rounds Retry-After; a test with a short window needs fractions
    _used: dict[str, tuple[float, int]] = field(default_factory=dict)

    def charge(self, tenant_id: str, units: int) -> dict[str, str]:
        """Return headers for the answer (from 80 % of the budget on). Raise GraphError 429 beyond the budget."""
        if self.budget is None:
            return {}
        now = time.monotonic()
        start, used = self._used.get(tenant_id, (now, 0))
        if now - start >= self.window:
            start, used = now, 0
        used += units
        self._used[tenant_id] = (start, used)
        headers = self._headers(used, start + self.window - now)
        if used > self.budget:
            self.refused += 1
            wait = headers["RateLimit-Reset"]
            raise GraphError(
                429, "activityLimitReached", "The request has been throttled.", {"Retry-After": wait, **headers}
            )
        return headers if used >= self.budget * 0.8 else {}

    def _headers(self, used: int, left: float) -> dict[str, str]:
        remaining = max(0, (self.budget or 0) - used)
        reset = str(max(1, math.ceil(left))) if self.whole_seconds else f"{left:.3f}"
        return {"RateLimit-Limit": str(self.budget), "RateLimit-Remaining": str(remaining), "RateLimit-Reset": reset}
