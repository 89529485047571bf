"""Figures of the licence desk: how soon it reacts and delivers, what was kept, and how old open cases are.

Pure functions of the frames of `core.cache.case_frames`. Times are seconds of working time, shares are 0 to 1;
None where there is nothing to tell them by. `known_results` keeps the frame of the ended cases until a case changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd
from sqlalchemy import Engine

from core.cache.case_frames import results_frame
from core.cache.case_reads import ReadOnce

Group = Literal["month", "level", "owner", "distributor", "tenant"]
GROUPS: tuple[Group, ...] = get_args(Group)
COLUMN = {"month": "month", "level": "level", "owner": "owner", "distributor": "distributor", "tenant": "tenant_id"}
KEPT = ("reaction_kept", "work_kept", "delivery_kept")
SECONDS = ("reaction_seconds", "lead_seconds", "customer_seconds")
MOST = 0.9  # the share of the cases within the longer of two times
AGES = (1, 3, 7, 14, 30)  # days that part the ages of open cases
DAY = pd.Timedelta(days=1)


class Times(NamedTuple):
    """The time within which half of the cases were done, and within which 90 % were."""

    median: float | None = None
    p90: float | None = None


class CaseFigures(NamedTuple):
    """Figures of some ended cases.

    lead          from the opening to the delivery, of delivered cases
    lead_own      the same without waiting for the customer
    rating        mean of the stars that customers gave, 1 to 5; `rated` of the cases have some
    ..._kept      share of the cases in which the clock was met
    """

    key: str = ""
    ended: int = 0
    delivered: int = 0
    reaction: Times = Times()
    lead: Times = Times()
    lead_own: Times = Times()
    reaction_kept: float | None = None
    work_kept: float | None = None
    delivery_kept: float | None = None
    rating: float | None = None
    rated: int = 0


class AgeCount(NamedTuple):
    """Open cases from `days` (of the calendar) on, and younger than `until`; None for the oldest."""

    days: int
    until: int | None
    cases: int


@dataclass(frozen=True, slots=True)
class FigureFilter:
    """Which ended cases count; empty fields take all. The days are those on which a case ended, both included."""

    since: date | None = None
    until: date | None = None
    tenant_ids: Sequence[str] = ()
    levels: Sequence[str] = ()
    owners: Sequence[str] = ()
    distributors: Sequence[str] = ()


_once: ReadOnce[pd.DataFrame] = ReadOnce()


def known_results(engine: Engine, zone: tzinfo) -> pd.DataFrame:
    """Return the ended cases with the day of their end; read again only after a case has changed. Not to be written to.

    Raises DatabaseError.
    """
    return _once.of(engine, lambda: with_days(results_frame(engine), zone), str(zone))


def with_days(results: pd.DataFrame, zone: tzinfo) -> pd.DataFrame:
    """Return the results with the first moment of the day and of the month in which a case ended, in `zone`."""
    ended = pd.to_datetime(results["closed_at"], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    shares = {name: results[name].map({True: 1.0, False: 0.0}).astype(float) for name in KEPT}
    times = {name: pd.to_numeric(results[name]).astype(float) for name in SECONDS}
    stars = pd.to_numeric(results["stars"]).astype(float)
    return results.assign(day=ended.dt.normalize(), month=ended.dt.to_period("M"), stars=stars, **shares, **times)


def chosen(results: pd.DataFrame, wanted: FigureFilter, tenants: Mapping[str, str]) -> pd.DataFrame:
    """Return the ended cases that count; `tenants`: id -> name of those that are shown."""
    mask = results["tenant_id"].isin(wanted.tenant_ids or tenants) & results["tenant_id"].isin(tenants)
    for name, values in (("level", wanted.levels), ("owner", wanted.owners), ("distributor", wanted.distributors)):
        if values:
            mask &= results[name].isin(values)
    if wanted.since is not None:
        mask &= results["day"] >= pd.Timestamp(wanted.since)
    if wanted.until is not None:
        mask &= results["day"] <= pd.Timestamp(wanted.until)
    return results[mask]


def total_figures(results: pd.DataFrame) -> CaseFigures:
    """Return the figures of all these cases together."""
    return next(iter(_figures(results, pd.Series("", index=results.index))), CaseFigures())


def grouped_figures(results: pd.DataFrame, by: Group) -> list[CaseFigures]:
    """Return the figures of each month ("2026-11", the newest first), or of each level and so on, largest first."""
    found = _figures(results, results[COLUMN[by]])
    return found[::-1] if by == "month" else sorted(found, key=lambda one: -one.ended)


def _figures(results: pd.DataFrame, keys: pd.Series) -> list[CaseFigures]:
    """Return the figures of each group of cases with the same key, by key."""
    delivered = results["outcome"] == "delivered"
    lead = results["lead_seconds"].where(delivered)
    times = {"reaction": results["reaction_seconds"], "lead": lead, "lead_own": lead - results["customer_seconds"]}
    groups = results[[*KEPT, "stars"]].assign(delivered=delivered, **times).groupby(keys, sort=True)
    half, most = (groups[list(times)].quantile(share) for share in (0.5, MOST))
    means, sizes, counts = groups[[*KEPT, "stars"]].mean(), groups.size(), groups["delivered"].sum()
    rated = groups["stars"].count()
    return [
        CaseFigures(
            key=str(key),
            ended=int(sizes[key]),
            delivered=int(counts[key]),
            reaction=_times(half, most, key, "reaction"),
            lead=_times(half, most, key, "lead"),
            lead_own=_times(half, most, key, "lead_own"),
            reaction_kept=_known(means.at[key, "reaction_kept"]),
            work_kept=_known(means.at[key, "work_kept"]),
            delivery_kept=_known(means.at[key, "delivery_kept"]),
            rating=_known(means.at[key, "stars"]),
            rated=int(rated[key]),
        )
        for key in sizes.index
    ]


def _times(half: pd.DataFrame, most: pd.DataFrame, key: Any, name: str) -> Times:
    return Times(_known(half.at[key, name]), _known(most.at[key, name]))


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def open_ages(opened: pd.DataFrame, wanted: FigureFilter, tenants: Mapping[str, str], now: datetime) -> list[AgeCount]:
    """Return how many open cases are how old, the youngest first; days and distributors of the filter do not count."""
    mask = opened["tenant_id"].isin(wanted.tenant_ids or tenants) & opened["tenant_id"].isin(tenants)
    for name, values in (("level", wanted.levels), ("owner", wanted.owners)):
        if values:
            mask &= opened[name].isin(values)
    ages = (pd.Timestamp(now) - pd.to_datetime(opened.loc[mask, "opened_at"], utc=True)) / DAY
    places = pd.Series(AGES).searchsorted(ages, side="right")  # a clock that was set back makes a case 0 days old
    counts = pd.Series(places).value_counts()
    bounds = zip((0, *AGES), (*AGES, None), strict=True)
    return [AgeCount(days, until, int(counts.get(place, 0))) for place, (days, until) in enumerate(bounds)]
