"""What a reading means for the case of a licence: opened, continued, ended, or nothing new. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from core.cache.case_rows import Case, CaseEvent, KnownCase, LicenseKey
from core.cache.readings import Reading, StoredLicense
from core.cases.delivery import Baseline, Delivery, delivery
from core.cases.demand import missing_seats, priority_of_shortage, proposed_quantity
from core.cases.product_events import by_product
from core.cases.transitions import transition
from core.licenses.judge import SHORT_STAGES, Judgement

AGAIN_WITHIN = timedelta(days=7)  # a shortage that comes back belongs to the case that ended less long ago

Row = StoredLicense


class Seen(NamedTuple):
    """A licence as a good reading shows it; `short`: too few seats are free, whether or not that alarms."""

    key: LicenseKey
    at: datetime
    row: Row
    judgement: Judgement
    short: bool
    alarms: bool

    @property
    def missing(self) -> int:
        """Return how many more seats end the shortage, at least 1 while it lasts."""
        units = self.row["enabled"], self.row["consumed"]
        return max(1, missing_seats(*units, self.judgement.threshold)) if self.short else 0

    @property
    def data(self) -> dict[str, Any]:
        """Return the units for the data of an event."""
        row = self.row
        since = row["short_since"]
        return {
            "enabled": row["enabled"],
            "consumed": row["consumed"],
            "free": row["enabled"] - row["consumed"],
            "missing": self.missing,
            "stage": row["stage"] or "ok",
            "short": self.short,
            "short_since": since.isoformat() if since else None,
        }


def is_read(sku_id: str, reading: Reading) -> bool:
    """Return True if the row of the SKU comes from this reading; what could not be understood keeps its former row."""
    if not reading.refused or any(license_.sku_id == sku_id for license_ in reading.licenses):
        return True
    return "" not in reading.refused and sku_id not in reading.refused


def is_short(row: Row, judgement: Judgement) -> bool:
    """Return True if too few seats are free, whether or not that alarms; an empty 0 of 0 is never short."""
    used = row["present"] and (row["enabled"] or row["consumed"])
    return bool(used) and row["enabled"] - row["consumed"] <= judgement.threshold


def lasts_as_known(known: KnownCase, row: Row) -> bool:
    """Return True if the shortage of the case alarms as before and no more seats are missing: the usual case."""
    same = known.good_since is None and known.stage == row["stage"] and known.enabled == row["enabled"]
    return same and row["stage"] in SHORT_STAGES and row["enabled"] - row["consumed"] >= known.free


def is_new(known: Case | KnownCase, seen: Seen) -> bool:
    """Return True if the open case has to be written: stage or seats changed, more are missing, it is over or not."""
    return (
        known.stage != (seen.row["stage"] or "ok")
        or known.enabled != seen.row["enabled"]
        or seen.missing > known.missing
        or (not seen.short and known.missing > 0)
        or (seen.short and known.good_since is not None)
        or ends(known, seen)
    )


def ends(case: Case | KnownCase, seen: Seen) -> bool:
    """Return True if the shortage of the case is over: another good reading after the first one, by whatever clock.

    A case that was opened ahead of time waits for its seats; one with an order waits for its delivery.
    """
    if case.good_since is None or seen.short or case.cause == "ahead":
        return False
    return seen.at != case.good_since and transition("recovered", case.state, case.resumes) is not None


def opens_new(newest: Case | None, seen: Seen) -> bool:
    """Return True if the shortage needs a new case; `newest` is the newest one of its licence, None if it had none."""
    if not seen.alarms or (newest is not None and newest.is_open):
        return False
    return newest is None or not (is_covered(newest, seen) or comes_back(newest, seen))


def is_covered(ended: Case, seen: Seen) -> bool:
    """Return True if somebody has decided about this very shortage, and it is not larger.

    What the customer has refused is decided for a week, also if the shortage ends and comes back in that time.
    """
    undecided = ended.outcome in ("recovered", "gone", "delivered")
    if undecided or ended.closed_at is None or seen.missing > ended.missing:
        return False
    same = seen.row["short_since"] is not None and ended.short_since == seen.row["short_since"]
    lately = timedelta(0) <= seen.at - ended.closed_at <= AGAIN_WITHIN
    return same or (ended.outcome == "refused" and lately)


def comes_back(ended: Case, seen: Seen) -> bool:
    """Return True if the shortage continues a case that has ended a short time ago; a refused one never does."""
    if ended.outcome == "refused" or ended.closed_at is None:
        return False
    return seen.at - ended.closed_at <= AGAIN_WITHIN


def further(case: Case, seen: Seen, baseline: Baseline | None = None) -> list[CaseEvent]:
    """Return the events that a reading adds to the newest case of the licence, in their order.

    `baseline`: what there was when the newest order was placed; None if none is under way.
    """
    return [
        by_product(case.case_id, case.version + number, seen.at, kind, data)
        for number, (kind, data) in enumerate(_news_of(case, seen, baseline), 1)
    ]


def _news_of(case: Case, seen: Seen, baseline: Baseline | None) -> list[tuple[str, dict[str, Any]]]:
    """Return the events as kind and data."""
    if not case.is_open:
        if not seen.alarms or is_covered(case, seen) or not comes_back(case, seen):
            return []
        return [_reopening(case, seen), *_priority(case, seen)]
    if ends(case, seen):
        return [("recovered", {"outcome": "recovered" if seen.row["present"] else "gone", **seen.data})]
    if not is_new(case, seen):
        return []
    if baseline is None or not case.under_way or not seen.row["present"]:
        return [("units_seen", seen.data), *_priority(case, seen)]
    return _delivery(case, seen, delivery(case, baseline, seen.row["enabled"]))


def _delivery(case: Case, seen: Seen, arrived: Delivery) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a reading while an order is under way: the last seats close the case.

    A shortage that lasts although all has come opens it again at once.
    """
    units = {**seen.data, "delivered": arrived.delivered}
    if arrived.delivered < case.ordered:
        return [("units_seen", units), *_priority(case, seen)]
    surplus = {"surplus": arrived.surplus} if arrived.surplus else {}
    done: list[tuple[str, dict[str, Any]]] = [
        ("units_seen", units), ("delivered", {**units, **surplus}), ("closed", {})
    ]  # fmt: skip
    return [*done, _reopening(case, seen)] if seen.alarms else done


def _reopening(case: Case, seen: Seen) -> tuple[str, dict[str, Any]]:
    quantity = proposed_quantity(seen.missing, case.waiting)
    return "reopened", {"reason": "shortage", "quantity": quantity, **seen.data}


def _priority(case: Case, seen: Seen) -> list[tuple[str, dict[str, Any]]]:
    """Return the event of another priority, which a worse shortage has, unless a person has chosen one."""
    wanted = priority_of_shortage(seen.judgement, case.waiting)
    if not seen.short or case.priority_set or wanted == case.priority:
        return []
    return [("priority_changed", {"priority": wanted, "by_rule": True})]
