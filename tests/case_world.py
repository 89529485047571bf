"""A licence desk for tests: readings go straight into the database, as a refresh stores them, and its cases follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select, update

from core.cache.case_rows import (
    COLUMNS,
    Case,
    CaseEvent,
    cases_since,
    events_of_cases,
    known_cases,
)
from core.cache.readings import Reading, StoredLicense, save_readings, stored_licenses
from core.cache.schema import cases, tenants
from core.cache.sql import transaction
from core.cache.tenant_rows import ProfileTenant, save_profiles, tenant_rows
from core.cases.fold import fold
from core.cases.opening import CaseWatch
from core.licenses.alarm_rules import Rule, Rules
from core.licenses.judge import Judgement, judge
from core.licenses.skus import Catalogue
from core.licenses.units import License
from core.roles import Actor

ZURICH = ZoneInfo("Europe/Zurich")
NOON = datetime(2027, 1, 15, 11, tzinfo=UTC)  # a Friday
SCHOOL, OFFICE = "11111111-0000-0000-0000-000000000001", "11111111-0000-0000-0000-000000000002"
SPB, E3 = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "05e9a617-0261-4cee-bb44-138d3ef5d965"
ANNA, BEN = Actor("anna", "support", "page", "Anna"), Actor("ben", "support", "page", "Ben")
CATALOGUE = Catalogue([])


def all_cases(engine: Engine) -> list[Case]:
    """Every case, by its number."""
    with transaction(engine) as connection:
        return [Case(*row) for row in connection.execute(select(*COLUMNS).order_by(cases.c.number))]


def wrong_folds(engine: Engine, stored: Sequence[Case]) -> list[str]:
    """Which of the cases are not what their events say."""
    events = events_of_cases(engine, [case.case_id for case in stored])
    folded = [(case, fold(events[case.case_id])) for case in stored]
    return [f"{case} is stored, its events say {said}" for case, said in folded if case != said]


class Desk:
    """A database with two customers; `now` moves with each reading. The rules are those of `rules`."""

    def __init__(self, engine: Engine, now: datetime = NOON) -> None:
        self.engine, self.now, self.rules = engine, now, Rules()
        self.first: Collection[str] = ()
        expires = now + timedelta(days=90)
        save_profiles(
            engine, [ProfileTenant(SCHOOL, "hoeri", "Höri", expires), ProfileTenant(OFFICE, "bau", "Bau", expires)], {}
        )

    def mute(self, mode: str = "hidden") -> None:
        """Let no product of the school alarm."""
        rule = Rule(SCHOOL, "", "on purpose", "anna", self.now, mode=mode)  # type: ignore[arg-type]
        self.rules = Rules.of([rule], self.now.date())

    def monitor(self, *, monitored: bool) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(tenants).values(monitored=monitored))

    def judged(self, row: StoredLicense) -> Judgement:
        units = License(
            row["sku_id"], row["sku_part_number"], row["enabled"], row["consumed"], row["warning"],
            capability_status=row["capability_status"],
        )  # fmt: skip
        return judge(units, CATALOGUE, self.rules, tenant_id=row["tenant_id"], is_trial=False, present=row["present"])

    def read(
        self, enabled: int, consumed: int, *, minutes: float = 30, tenant: str = SCHOOL, refused: Sequence[str] = (),
        warning: int = 0,
    ) -> None:  # fmt: skip
        """A reading of one product, `minutes` after the one before."""
        self.read_all(
            [License(SPB, "SPB", enabled, consumed, warning)], minutes=minutes, tenant=tenant, refused=refused
        )

    def read_all(
        self, licenses: Sequence[License], *, minutes: float = 30, tenant: str = SCHOOL, refused: Sequence[str] = ()
    ) -> None:
        self.now += timedelta(minutes=minutes)
        before, rows = stored_licenses(self.engine, [tenant]), tenant_rows(self.engine)
        stages = {
            one.sku_id: judge(one, CATALOGUE, self.rules, tenant_id=tenant, is_trial=False).stage for one in licenses
        }
        watch = CaseWatch(
            judge_row=self.judged,
            zone=ZURICH,
            monitored={tenant_id for tenant_id, row in rows.items() if row.monitored},
            known=known_cases(self.engine, [tenant]),
            first=self.first,
            since=cases_since(self.engine),
        )
        reading = Reading(tenant, licenses, stages, self.now, refused)
        save_readings(self.engine, [reading], before, (), self.now.date(), watch.follow)

    @property
    def cases(self) -> list[Case]:
        """All cases by number, each checked against its events."""
        found = all_cases(self.engine)
        assert wrong_folds(self.engine, found) == []
        return found

    @property
    def case(self) -> Case:
        """The only case."""
        (case,) = self.cases
        return case

    def events(self, case: Case) -> list[CaseEvent]:
        return events_of_cases(self.engine, [case.case_id])[case.case_id]

    def kinds(self, case: Case) -> list[str]:
        """What happened in a case, the oldest first."""
        return [event.kind for event in self.events(case)]
