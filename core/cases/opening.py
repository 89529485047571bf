"""Open, continue and end cases by what a refresh reads, in the transaction that stores the readings.

A shortage opens a case if it alarms: the judge calls it one, by kind and rules, and the tenant is monitored. An open
case follows its licence whether or not that still alarms: rules and switches suppress messages, never a state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from uuid import uuid4

from core.cache.case_rows import (
    Case,
    CaseEvent,
    KnownCase,
    LicenseKey,
    last_number,
    lock_cases,
    newest_cases_of,
)
from core.cache.event_rows import LicenseEvent
from core.cache.order_rows import newest_orders
from core.cache.readings import Reading, StoredLicense
from core.cache.sql import Transaction
from core.cases.alarms import NewAlarm, ProductName, opening_of, write_alarms
from core.cases.delivery import Baseline, Delivery, baseline_of, delivery
from core.cases.demand import missing_seats, priority_of_shortage, proposed_quantity
from core.cases.storing import Change, store
from core.cases.transitions import transition
from core.cases.writing import PRODUCT
from core.licenses.judge import SHORT_STAGES, Judgement

AGAIN_WITHIN = timedelta(days=7)  # a shortage that comes back belongs to the case that ended less long ago
TAKEN_OVER_FOR = timedelta(days=7)  # after the upgrade; a tenant that is read later has its shortages told


Row = StoredLicense
Rows = Mapping[str, Mapping[str, Row]]


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


@dataclass(slots=True)
class CaseWatch:
    """What a refresh must know to let the cases follow its readings.

    monitored   ids of the tenants whose shortages alarm
    known       the licences with an open case as the refresh began, and what the case knows of their units
    first       ids of tenants of which this is the first reading: its summary tells their shortages
    quiet       ids of tenants whose shortages are taken over without a message
    since       when this database got its cases; shortages that are older are taken over without a message
    product     name of a product in messages: SKU id, part number, language
    """

    judge_row: Callable[[Row], Judgement]
    zone: tzinfo
    monitored: Collection[str]
    known: InitVar[Mapping[LicenseKey, KnownCase]]
    first: Collection[str] = ()
    quiet: Collection[str] = ()
    since: datetime | None = None
    product: ProductName = lambda _sku_id, sku_part_number, _language: sku_part_number
    _cases_of: dict[str, dict[str, KnownCase]] = field(init=False)  # tenant id -> SKU id -> what its case knows by now

    def __post_init__(self, known: Mapping[LicenseKey, KnownCase]) -> None:
        self._cases_of = {}
        for (tenant_id, sku_id), case in known.items():
            self._cases_of.setdefault(tenant_id, {})[sku_id] = case

    def follow(self, connection: Transaction, readings: Sequence[Reading], rows: Rows) -> None:
        """Write what these readings mean for the cases; `rows`: tenant id -> SKU id -> its row afterwards.

        Asks the database only about licences with something new.
        """
        news = [
            seen
            for reading in readings
            for row in self._asked(reading, rows[reading.tenant_id])
            if (seen := self._news(row, reading.read_at)) is not None
        ]
        if news:
            self._write(connection, news)

    def _asked(self, reading: Reading, rows: Mapping[str, Row]) -> list[Row]:
        """Return the rows that are newly short or differ from what their case knows: usually none, of thousands."""
        cases = self._cases_of.get(reading.tenant_id, {})
        asked = [sku_id for sku_id, stage in reading.stages.items() if stage in SHORT_STAGES and sku_id not in cases]
        asked += [
            sku_id for sku_id, known in cases.items() if sku_id in rows and not lasts_as_known(known, rows[sku_id])
        ]
        return [rows[sku_id] for sku_id in asked if is_read(sku_id, reading)]

    def _news(self, row: Row, at: datetime) -> Seen | None:
        """Return the licence if its case may have to be opened or written; None if nothing is new."""
        key, alarms = (row["tenant_id"], row["sku_id"]), row["stage"] in SHORT_STAGES
        known = self._cases_of.get(key[0], {}).get(key[1])
        if known is None and not (alarms and key[0] in self.monitored):
            return None
        judgement = self.judge_row(row)
        seen = Seen(key, at, row, judgement, alarms or is_short(row, judgement), alarms and key[0] in self.monitored)
        return seen if known is None or is_new(known, seen) else None

    def _write(self, connection: Transaction, news: Sequence[Seen]) -> None:
        """Write the events of these licences, and the cases as they are afterwards."""
        year = news[0].at.astimezone(self.zone).year
        lock_cases(connection)
        last = last_number(connection, year)
        newest = newest_cases_of(connection, {seen.key for seen in news})
        orders = newest_orders(connection, [case.case_id for case in newest.values() if case.under_way])
        changes: list[tuple[Seen, Change]] = []
        for seen in news:
            before = newest.get(seen.key)
            if opens_new(before, seen):
                last += 1
                changes.append((seen, Change(None, [self._opened(seen, f"{year}-{last:04d}", before)])))
            elif before is not None:
                baseline = baseline_of(orders[before.case_id]) if before.case_id in orders else None
                if added := further(before, seen, baseline):
                    changes.append((seen, Change(before, added)))
        stored = store(connection, [change for _, change in changes], (year, last))
        for case in stored:
            self._remember(case)
        openings = [
            NewAlarm(case, opening_of(case, change.events, self._cause(seen)))
            for case, (seen, change) in zip(stored, changes, strict=True)
            if seen.alarms
        ]
        write_alarms(connection, [alarm for alarm in openings if alarm.opening], self.product, self.zone)

    def _remember(self, case: Case) -> None:
        """Know the case for a later reading of the same refresh."""
        if case.is_open:
            known = KnownCase(*(getattr(case, name) for name in KnownCase._fields))
            self._cases_of.setdefault(case.tenant_id, {})[case.sku_id] = known
        else:
            self._cases_of.get(case.tenant_id, {}).pop(case.sku_id, None)

    def _opened(self, seen: Seen, number: str, before: Case | None) -> CaseEvent:
        tenant_id, sku_id = seen.key
        data = {
            "number": number,
            "tenant_id": tenant_id,
            "sku_id": sku_id,
            "sku_part_number": seen.row["sku_part_number"],
            "cause": self._cause(seen),
            "priority": priority_of_shortage(seen.judgement),
            "quantity": proposed_quantity(seen.missing),
            "follows": before.case_id if before else "",
            "follows_number": before.number if before else "",
            **seen.data,
        }
        return by_product(uuid4().hex, 1, seen.at, "opened", data)

    def _cause(self, seen: Seen) -> str:
        """Return why the case opens; only "shortage" is told at once."""
        if seen.key[0] in self.first:
            return "first_reading"
        since = seen.row["short_since"]
        old = self.since is not None and since is not None and since < self.since
        if seen.key[0] in self.quiet or (old and self.since and seen.at - self.since <= TAKEN_OVER_FOR):
            return "taken_over"
        return "shortage"


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


def by_product(case_id: str, seq: int, at: datetime, kind: str, data: Mapping[str, Any]) -> CaseEvent:
    """Return an event that nobody but the product has caused."""
    return CaseEvent(case_id, seq, at, PRODUCT.name, kind, data, PRODUCT.shown)


def tell_cases(connection: Transaction, reports: Sequence[LicenseEvent]) -> None:
    """Add to the open cases that their shortages were told, or count as told; in the transaction that stores it."""
    lock_cases(connection)
    keys = {(one.tenant_id, one.sku_id) for one in reports}
    newest = {key: case for key, case in newest_cases_of(connection, keys).items() if case.is_open} if keys else {}
    events: dict[LicenseKey, list[CaseEvent]] = {}
    for report in sorted(reports, key=lambda one: one.at):
        key = report.tenant_id, report.sku_id
        if (case := newest.get(key)) is not None:
            seq = case.version + 1 + len(events.setdefault(key, []))
            events[key].append(by_product(case.case_id, seq, report.at, "told", {"what": report.what}))
    store(connection, [Change(newest[key], added) for key, added in events.items()])
