"""Tables of the shortage cases and their events: read and written in the transaction of what changes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, bindparam, insert, select, tuple_, update

from core.bounds import visible
from core.cache.schema import case_events, case_numbers, cases, licenses, sku_names
from core.cache.sql import document, increase_version, lock_for_writing, of_tenants, transaction, upsert

LicenseKey = tuple[str, str]  # tenant id, SKU id
CASES_SINCE = "cases_since"  # the document with the time at which this database got its table of cases
CASES_VERSION = "cases_version"  # the document that is increased with every event
AT_A_TIME = 500  # keys in one query


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """An event of a case; `seq` counts from 1 within it, `actor` is the account, `data` a small JSON document."""

    case_id: str
    seq: int
    at: datetime
    actor: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    actor_name: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A shortage case; each field is described at its column in core.cache.schema."""

    case_id: str
    number: str
    tenant_id: str
    sku_id: str
    sku_part_number: str
    cause: str
    state: str
    opened_at: datetime
    changed_at: datetime
    state_since: datetime
    version: int = 1
    resumes: str = ""
    outcome: str = ""
    priority: str = "low"
    priority_set: bool = False
    owner: str = ""
    owner_name: str = ""
    quantity: int = 1
    waiting: int = 0
    ordered: int = 0
    delivered: int = 0
    wanted_at: date | None = None
    note: str = ""
    enabled: int = 0
    free: int = 0
    missing: int = 0
    stage: str = "ok"
    short_since: datetime | None = None
    good_since: datetime | None = None
    closed_at: datetime | None = None
    postponed_until: date | None = None
    follows: str = ""
    bundle_id: str = ""

    @property
    def key(self) -> LicenseKey:
        return self.tenant_id, self.sku_id

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def under_way(self) -> int:
        """Return the seats that are ordered and not delivered yet."""
        return max(0, self.ordered - self.delivered)


COLUMNS = [cases.c[one.name] for one in fields(Case)]
_EVENT_COLUMNS = [case_events.c[one.name] for one in fields(CaseEvent)]
_OPEN = cases.c.closed_at.is_(None)
_CHANGE = update(cases).where(cases.c.case_id == bindparam("of_case"), cases.c.version == bindparam("version_before"))


class StoredStep(NamedTuple):
    """The next step of a case, for lists: what is to be done, and when it is due."""

    next_action: str
    due_at: datetime | None


class OtherVersion(Exception):
    """The case has got another event since it was read; nothing was changed."""


class KnownCase(NamedTuple):
    """What a refresh must know of an open case and its licence."""

    case_id: str
    cause: str
    state: str
    resumes: str
    enabled: int
    free: int
    missing: int
    stage: str
    short_since: datetime | None
    good_since: datetime | None


def known_cases(engine: Engine, tenant_ids: Collection[str] | None = None) -> dict[LicenseKey, KnownCase]:
    """Return the open cases and what they know of their licences; of `tenant_ids` alone if it is given."""
    query = select(cases.c.tenant_id, cases.c.sku_id, *(cases.c[name] for name in KnownCase._fields)).where(_OPEN)
    with transaction(engine) as connection:
        rows = connection.execute(of_tenants(query, cases, tenant_ids))
        return {(row[0], row[1]): KnownCase(*row[2:]) for row in rows}


def cases_since(engine: Engine) -> datetime | None:
    """Return the time from which on shortages open cases as they begin; None if it is unknown."""
    stored = document(engine, CASES_SINCE)
    return datetime.fromisoformat(stored) if stored else None


def open_cases_of(connection: Connection, keys: Collection[LicenseKey]) -> dict[LicenseKey, Case]:
    """Return the open case of each licence that has one, locked against other writers."""
    return {case.key: case for case in _of_licenses(connection, keys, select(*COLUMNS).where(_OPEN).with_for_update())}


def newest_cases_of(connection: Connection, keys: Collection[LicenseKey]) -> dict[LicenseKey, Case]:
    """Return the newest case of each licence that ever had one, open or not, locked against other writers."""
    query = select(*COLUMNS).order_by(cases.c.opened_at, cases.c.number).with_for_update()
    found = _of_licenses(connection, keys, query)
    return {case.key: case for case in sorted(found, key=lambda case: (case.is_open, case.opened_at, case.number))}


def _of_licenses(connection: Connection, keys: Collection[LicenseKey], query: Select[Any]) -> list[Case]:
    ordered, key = sorted(keys), tuple_(cases.c.tenant_id, cases.c.sku_id)
    pieces = [ordered[start : start + AT_A_TIME] for start in range(0, len(ordered), AT_A_TIME)]
    return [Case(*row) for piece in pieces for row in connection.execute(query.where(key.in_(piece)))]


def locked_case(connection: Connection, case_id: str) -> Case | None:
    """Return the case with this id or number, locked against other writers in this transaction; None if unknown."""
    row = connection.execute(select(*COLUMNS).where(_named(case_id)).with_for_update()).first()
    return Case(*row) if row else None


def stored_case(engine: Engine, case_id: str) -> Case | None:
    """Return the case with this id or number; None if there is none."""
    with transaction(engine) as connection:
        return unlocked_case(connection, case_id)


def unlocked_case(connection: Connection, case_id: str) -> Case | None:
    """Return the same as `stored_case`, in a transaction that is open."""
    row = connection.execute(select(*COLUMNS).where(_named(case_id))).first()
    return Case(*row) if row else None


def _named(case_id: str) -> ColumnElement[bool]:
    named = visible(case_id)
    return (cases.c.case_id == named) | (cases.c.number == named)


def cases_of_bundle(connection: Connection, bundle_id: str) -> list[Case]:
    """Return the cases that are joined, by number, locked against other writers."""
    return _joined(connection, select(*COLUMNS).with_for_update(), bundle_id)


def bundled_cases(connection: Connection, bundle_id: str) -> list[Case]:
    """Return the cases that are joined, by number, for reading."""
    return _joined(connection, select(*COLUMNS), bundle_id)


def _joined(connection: Connection, query: Select[Any], bundle_id: str) -> list[Case]:
    of_bundle = query.where(cases.c.bundle_id == bundle_id).order_by(cases.c.number)
    return [Case(*row) for row in connection.execute(of_bundle)] if bundle_id else []


def stored_units(connection: Connection, tenant_id: str, sku_id: str) -> Mapping[str, Any] | None:
    """Return the row of a licence as last read; None if the tenant never had it."""
    query = select(licenses).where(licenses.c.tenant_id == tenant_id, licenses.c.sku_id == sku_id)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def part_number_of(connection: Connection, sku_id: str) -> str | None:
    """Return the part number of a product that any tenant has, or that Microsoft's list names; None if unknown."""
    for table in (licenses, sku_names):
        query = select(table.c.sku_part_number).where(table.c.sku_id == sku_id).limit(1)
        if (sku_part_number := connection.execute(query).scalar()) is not None:
            return str(sku_part_number)
    return None


def events_of_case(connection: Connection, case_id: str, *, after: int = 0) -> list[CaseEvent]:
    """Return the events of a case in their order; those after the number `after`."""
    query = select(*_EVENT_COLUMNS).where(case_events.c.case_id == case_id, case_events.c.seq > after)
    return [CaseEvent(*row) for row in connection.execute(query.order_by(case_events.c.seq))]


def events_of_cases(engine: Engine, case_ids: Collection[str]) -> dict[str, list[CaseEvent]]:
    """Return case id -> its events in their order."""
    with transaction(engine) as connection:
        return events_in(connection, case_ids)


def events_in(connection: Connection, case_ids: Collection[str]) -> dict[str, list[CaseEvent]]:
    """Return the same as `events_of_cases`, in a transaction that is open."""
    found: dict[str, list[CaseEvent]] = {case_id: [] for case_id in case_ids}
    ordered = sorted(found)
    for start in range(0, len(ordered), AT_A_TIME):
        of_piece = case_events.c.case_id.in_(ordered[start : start + AT_A_TIME])
        query = select(*_EVENT_COLUMNS).where(of_piece).order_by(case_events.c.case_id, case_events.c.seq)
        for row in connection.execute(query):
            found[row.case_id].append(CaseEvent(*row))
    return found


def lock_cases(connection: Connection) -> None:
    """Keep all others from writing cases until this transaction ends; to be called before cases are read in it.

    It takes the write lock of SQLite, and is the first lock of cases in every transaction: so two never wait for each
    other, and no number is taken twice.
    """
    lock_for_writing(connection, case_numbers)


def last_number(connection: Connection, year: int) -> int:
    """Return the last number of the year, 0 if there is none; `lock_cases` comes before."""
    last = connection.execute(select(case_numbers.c.last).where(case_numbers.c.year == year)).scalar()
    return int(last or 0)


def add_cases(connection: Connection, opened: Sequence[tuple[Case, StoredStep]], year: int, last: int) -> None:
    """Store new cases; `last` is the number of the last of them in this year."""
    if opened:
        upsert(connection, case_numbers, [{"year": year, "last": last}])
        connection.execute(insert(cases), [asdict(case) | step._asdict() for case, step in opened])


def change_cases(connection: Connection, changed: Iterable[tuple[Case, Case, StoredStep]]) -> None:
    """Store cases as they are now, in the place of what they were before. Raises OtherVersion."""
    for before, after, step in changed:
        values = asdict(after) | step._asdict() | {"of_case": after.case_id, "version_before": before.version}
        del values["case_id"], values["number"]
        if connection.execute(_CHANGE, values).rowcount != 1:
            raise OtherVersion(after.case_id)


def add_case_events(connection: Connection, events: Sequence[CaseEvent]) -> None:
    """Store new events, the last thing that a transaction does with cases."""
    if events:
        increase_version(connection, CASES_VERSION)
        connection.execute(insert(case_events), [asdict(event) for event in events])
