"""The age of the figures and the number of tenants behind them, counted and in words. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

import pandas as pd

from core.attention.conditions import is_late
from core.clock import elapsed
from ui import format as fmt
from ui.frame.language import Language
from ui.texts import plural, text


@dataclass(frozen=True, slots=True)
class Age:
    """The readings of `total` tenants: the last attempt succeeded for `read` and failed for `failing`; `never` were
    never read. `oldest_name` is the tenant with the oldest reading. `oldest_by_minutes` has the oldest reading of the
    tenants whose last attempt succeeded, by the interval of their level, None for that of the setting.
    """

    total: int
    read: int
    failing: int
    never: int
    newest: datetime | None
    oldest: datetime | None
    oldest_name: str = ""
    oldest_by_minutes: Mapping[float | None, datetime] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.total > 0 and self.read == self.total


def age_of(active: pd.DataFrame) -> Age:
    """Return the age of the figures of the tenants `active`."""
    times = active["last_read_at"]
    readings = times.dropna()
    failing = active["problem"].notna()
    read = active[times.notna() & ~failing]
    minutes = read["refresh_minutes"]
    oldest = {one: read.loc[minutes == one, "last_read_at"].min() for one in minutes.dropna().unique()}
    if minutes.isna().any():
        oldest[None] = read.loc[minutes.isna(), "last_read_at"].min()
    return Age(
        total=len(active),
        read=len(read),
        failing=int(failing.sum()),
        never=int(times.isna().sum()),
        newest=readings.max().to_pydatetime() if len(readings) else None,
        oldest=readings.min().to_pydatetime() if len(readings) else None,
        oldest_name=str(active.loc[times == readings.min(), "tenant"].iloc[0]) if len(readings) else "",
        oldest_by_minutes={minutes: at.to_pydatetime() for minutes, at in oldest.items()},
    )


def is_stale(age: Age, now: datetime, refresh_minutes: float) -> bool:
    """Return True if a reading is older than two refreshes of its tenant or in the future.

    Never without a background refresh. The old readings of tenants that fail do not count while others are read: their
    number says that.
    """
    if age.newest is None or not refresh_minutes:
        return False
    oldest = age.oldest_by_minutes or {None: age.newest}
    late = (is_late(at, minutes, refresh_minutes, now) for minutes, at in oldest.items())
    return any(late) or elapsed(age.newest, now) == timedelta.max


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
