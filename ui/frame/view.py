"""The reader's view of times and texts in one run of a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from core import runtime
from ui.frame import language


@dataclass(frozen=True, slots=True)
class View:
    """Moment, language and time zone of one run, and the minutes between two background refreshes (0: none)."""

    now: datetime
    language: language.Language
    zone: ZoneInfo
    refresh_minutes: float

    @property
    def today(self) -> date:
        """Return the day it is where the reader works."""
        return self.now.astimezone(self.zone).date()


def current_view() -> View:
    settings = runtime.current().settings
    return View(datetime.now(UTC), language.current(), settings.zone, settings.refresh_minutes)
