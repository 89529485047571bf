"""Open, continue and end cases by what a refresh reads, in the transaction that stores the readings.

A shortage opens a case if it alarms: the judge calls it one, by kind and rules, and the tenant is monitored. An open
case follows its licence whether or not that still alarms: rules and switches suppress messages, never a state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta, tzinfo
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
from core.cache.readings import Reading
from core.cache.sql import Transaction
from core.cases.alarms import NewAlarm, opening_of, write_alarms
from core.cases.delivery import baseline_of
from core.cases.delivery_news import arrival_of, write_deliveries
from core.cases.demand import priority_of_shortage, proposed_quantity
from core.cases.desk_news import ProductName
from core.cases.product_events import by_product
from core.cases.reading_rules import (
    Row,
    Seen,
    further,
    is_new,
    is_read,
    is_short,
    lasts_as_known,
    opens_new,
)
from core.cases.storing import Change, store
from core.licenses.judge import SHORT_STAGES, Judgement

TAKEN_OVER_FOR = timedelta(days=7)  # after the upgrade; a tenant that is read later has its shortages told

Rows = Mapping[str, Mapping[str, Row]]


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
        arrivals = [
            (case, arrival)
            for case, (_, change) in zip(stored, changes, strict=True)
            if (arrival := arrival_of(change.before, change.events)) is not None
        ]
        write_deliveries(connection, arrivals, self.product)

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
