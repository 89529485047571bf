"""The age of the figures and the number of tenants behind them, counted and in words. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

import pandas as pd

from core.attention.conditions import late_after
from core.clock import elapsed
from ui import format as fmt
from ui.frame.language import Language
from ui.texts import plural, text


@dataclass(frozen=True, slots=True)
class Age:
    """The readings of `total` tenants: the last attempt succeeded for `read` and failed for `failing`; `never` were
    never read. `oldest_name` is the tenant with the oldest reading; `oldest_read` is the oldest reading of a tenant
    whose last attempt succeeded.
    """

    total: int
    read: int
    failing: int
    never: int
    newest: datetime | None
    oldest: datetime | None
    oldest_name: str = ""
    oldest_read: datetime | None = None

    @property
    def complete(self) -> bool:
        return self.total > 0 and self.read == self.total


def age_of(active: pd.DataFrame) -> Age:
    """Return the age of the figures of the tenants `active`."""
    times = active["last_read_at"]
    readings = times.dropna()
    failing = active["problem"].notna()
    read = times[times.notna() & ~failing]
    return Age(
        total=len(active),
        read=len(read),
        failing=int(failing.sum()),
        never=int(times.isna().sum()),
        newest=readings.max().to_pydatetime() if len(readings) else None,
        oldest=readings.min().to_pydatetime() if len(readings) else None,
        oldest_name=str(active.loc[times == readings.min(), "tenant"].iloc[0]) if len(readings) else "",
        oldest_read=read.min().to_pydatetime() if len(read) else None,
    )


def is_stale(age: Age, now: datetime, refresh_minutes: float) -> bool:
    """Return True if a reading is older than two refreshes or in the future; never without a background refresh.

    The old readings of tenants that fail do not count while others are read: their number says that.
    """
    if age.newest is None or not refresh_minutes:
        return False
    oldest = age.oldest_read or age.newest
    return max(elapsed(oldest, now), elapsed(age.newest, now)) > late_after(refresh_minutes)


def colour(age: Age, now: datetime, refresh_minutes: float) -> str:
    """Return the colour of the line: red if it is older than it should be, orange if a tenant could not be read."""
    if age.total and (age.newest is None or is_stale(age, now, refresh_minutes)):
        return "red"
    return "orange" if age.read < age.total else "gray"


def line(age: Age, now: datetime, language: Language, zone: tzinfo) -> str:
    """Return the line below the title: "Stand 14:05 · 48 von 50 Tenants · älteste Angabe 3 h"."""
    if age.newest is None or age.oldest is None:
        return text("age.nothing", language)
    return plural(
        "age.line",
        age.total,
        language,
        time=fmt.clock(age.newest, now, language, zone),
        read=fmt.number(age.read, language),
        total=fmt.number(age.total, language),
        oldest=fmt.since(age.oldest, now, language),
    )


def details(age: Age, now: datetime, language: Language, zone: tzinfo) -> str:
    """Return the exact times, for the tooltip."""
    if age.newest is None or age.oldest is None:
        return text("age.nothing_help", language)
    parts = [
        text(
            "age.newest", language, time=fmt.moment(age.newest, language, zone), ago=fmt.ago(age.newest, now, language)
        ),
        text("age.oldest", language, time=fmt.moment(age.oldest, language, zone), tenant=age.oldest_name),
    ]
    if age.failing:
        parts.append(text("age.failing", language, count=age.failing))
    if age.never:
        parts.append(text("age.never", language, count=age.never))
    return " ".join(parts)
