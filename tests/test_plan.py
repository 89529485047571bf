"""The plan for the SharePoint lists: the trigger table, adoption, duplicates. Pure, so told as rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.bounds import clipped
from core.cache.lists_read import Alarm
from core.name_key import name_key
from core.sharepoint import Change, Item, Plan, Row, TenantRow, plan_licenses, plan_tenants
from core.sharepoint.item_matching import claim_items
from core.sharepoint.item_names import item_names
from core.sharepoint.trigger_table import taken_over, trigger_values

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
FLOW_TIMEOUT = timedelta(minutes=60)
NAMES = {"t1": ["Schule Höri", "Schule Hoeri"], "t2": ["Bau AG Chur"]}
ROW = Row(
    "t1", "sku-spb", "Schule Höri", "SPB", "Microsoft 365 Business Premium", 10, 10, shortage=True, monitored=True
)

flags = st.booleans()


def item(item_id: int = 1, *, name: str = "SPB", tenant: str = "Schule Höri", **fields: Any) -> Item:
    return Item(str(item_id), f'"{item_id},1"', NOW - timedelta(days=1), {"name": name, "tenant": tenant, **fields})


def plan(
    rows: Sequence[Row], items: Sequence[Item], alarms: Mapping[Any, Alarm] | None = None, now: datetime = NOW
) -> Plan:
    return plan_licenses(rows, items, alarms or {}, NAMES, {"t3"}, now=now, flow_timeout=FLOW_TIMEOUT)


def carry_out(items: Sequence[Item], changes: Sequence[Change]) -> list[Item]:
    """What a list looks like after the changes, as SharePoint would do them."""
    after = {known.item_id: known for known in items}
    for change in changes:
        if change.item is None:
            new = str(max(map(int, after), default=0) + 1)
            after[new] = Item(new, f'"{new},1"', NOW, dict(change.values))
        elif change.delete:
            del after[change.item.item_id]
        else:
            after[change.item.item_id] = replace(change.item, fields=change.item.fields | dict(change.values))
    return list(after.values())


# The trigger table, row by row


@pytest.mark.parametrize(
    ("shortage", "monitored", "informed", "trigger", "late", "written"),
    [
        pytest.param(True, True, False, False, False, {"trigger": True}, id="new-shortage"),
        pytest.param(True, True, False, True, False, {}, id="flow-has-its-time"),
        pytest.param(True, True, False, True, True, {"trigger": True}, id="flow-is-late"),
        pytest.param(True, True, True, False, False, {}, id="told"),
        pytest.param(True, True, True, True, True, {}, id="told-and-still-set"),
        pytest.param(True, False, False, True, False, {"trigger": False}, id="not-monitored"),
        pytest.param(True, False, True, False, False, {}, id="not-monitored-but-told"),
        pytest.param(False, True, True, False, False, {"informed": False}, id="over"),
        pytest.param(False, False, True, False, False, {"informed": False}, id="over-and-not-monitored"),
        pytest.param(False, True, False, True, False, {"trigger": False}, id="over-before-the-flow"),
        pytest.param(False, True, False, False, False, {}, id="all-well"),
    ],
)
def test_trigger_table(
    shortage: bool, monitored: bool, informed: bool, trigger: bool, late: bool, written: dict[str, bool]
) -> None:
    found = trigger_values(shortage=shortage, monitored=monitored, informed=informed, trigger=trigger, late=late)

    assert found == written


@given(shortage=flags, monitored=flags, informed=flags, trigger=flags)
def test_after_the_table_there_is_nothing_left_to_write(
    shortage: bool, monitored: bool, informed: bool, trigger: bool
) -> None:
    state = {"informed": informed, "trigger": trigger}
    state |= trigger_values(shortage=shortage, monitored=monitored, **state)

    assert trigger_values(shortage=shortage, monitored=monitored, **state) == {}


@given(monitored=flags, informed=flags, trigger=flags, late=flags)
def test_without_a_shortage_nobody_is_ever_told(monitored: bool, informed: bool, trigger: bool, late: bool) -> None:
    written = trigger_values(shortage=False, monitored=monitored, informed=informed, trigger=trigger, late=late)

    assert written.get("trigger") is not True


# Rules for any list


units = st.integers(min_value=0, max_value=30)
BRACKETS = ["Microsoft_365_E3_(no_Teams)", "ODD(", "CONTOSO_(500_seats_min)_HUB", "TRAIL ", ")(", "E3) (E5", "[x] (y)"]
part_numbers = st.one_of(
    st.sampled_from(["SPB", "spb", "SPE_E3", "VISIO", *BRACKETS]),
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t"), min_size=1, max_size=300).filter(name_key),
)
products = st.one_of(
    st.sampled_from(["Visio (Plan 2)", "Business Premium", "", "E3 [neu]", "X (SPB)"]), st.text(max_size=300)
)
rows = st.lists(
    st.builds(
        Row,
        tenant_id=st.sampled_from(["t1", "t2"]),
        sku_id=st.sampled_from(["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-1", "cccccccc-1", "dddddddd-1", "eeeeeeee-1"]),
        tenant=st.just(""),
        sku_part_number=part_numbers,
        product=products,
        available=units,
        used=units,
        shortage=flags,
        monitored=flags,
    ).map(lambda row: replace(row, tenant=NAMES[row.tenant_id][0])),
    max_size=6,
    unique_by=lambda row: row.key,
)
names = st.sampled_from(["SPB", "Alt (SPB)", "SPE_E3", "Irgendwas (SPE_E3) ", "VISIO", "Drucker", "", *BRACKETS])
fields = st.fixed_dictionaries(
    {"name": names, "tenant": st.sampled_from(["Schule Höri", "schule hoeri", "Bau AG Chur", "Fremd", "Alt AG"])},
    optional={"trigger": flags, "informed": flags, "available": units, "used": units, "free": units},
)
items = st.lists(fields, max_size=8).map(
    lambda found: [Item(str(n), f'"{n},1"', NOW, dict(values)) for n, values in enumerate(found, start=1)]
)


def quiet(wanted: Sequence[Row], before: Sequence[Item]) -> list[Item]:
    """Plan and carry out until nothing is left; new items get their trigger in the second step."""
    after = list(before)
    for _ in range(2):
        after = carry_out(after, plan(wanted, after).changes)
    return after


@given(rows, items)
def test_plan_then_apply_then_plan_is_empty(wanted: list[Row], before: list[Item]) -> None:
    assert plan(wanted, quiet(wanted, before)).changes == []


@given(rows, items)
def test_every_row_has_one_item_with_its_numbers(wanted: list[Row], before: list[Item]) -> None:
    after = quiet(wanted, before)

    claims = claim_items(wanted, item_names(wanted), after, {}, NAMES)
    for row in wanted:
        (found,) = claims.by_key[row.key]
        numbers = {word: found.fields[word] for word in ("tenant", "available", "used", "free")}
        assert numbers == {
            "tenant": row.tenant, "available": row.available, "used": row.used, "free": row.available - row.used
        }  # fmt: skip


@given(rows, items)
def test_an_item_of_another_tenant_is_not_touched(wanted: list[Row], before: list[Item]) -> None:
    ours = {name_key(name) for row in wanted for name in NAMES[row.tenant_id]}

    touched = [change.item for change in plan(wanted, before).changes if change.item]

    assert all(name_key(one.text("tenant")) in ours for one in touched)


@given(rows, items)
def test_a_new_item_never_carries_a_trigger(wanted: list[Row], before: list[Item]) -> None:
    assert all(change.item for change in plan(wanted, before).changes if change.sets_trigger)


def test_the_mark_of_a_deleted_item_is_written_in_a_second_step() -> None:
    row = replace(ROW, short_since=NOW)
    told = {ROW.key: Alarm(*ROW.key, item_id="7", told_at=NOW, short_since=NOW)}

    (first,) = plan([row], [], told).changes
    after = carry_out([], [first])
    (second,) = plan([row], after, told).changes

    # A creation may be carried out long after it was given up: it must say nothing about any shortage.
    assert (first.values["trigger"], first.values["informed"]) == (False, False)
    assert second.values == {"informed": True, "trigger": False}


@given(rows, items)
def test_alarms_are_written_first(wanted: list[Row], before: list[Item]) -> None:
    urgencies = [change.urgency for change in plan(wanted, before).changes]

    assert urgencies == sorted(urgencies)


# Times


def test_a_trigger_of_unknown_age_is_as_old_as_its_item() -> None:
    waiting = item(trigger=True, available=10, used=10, free=0)

    found = plan([ROW], [waiting])

    assert found.alarms[ROW.key].triggered_at == waiting.modified
    assert found.unanswered == [ROW.key]


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)], ids=["forward", "back"])
def test_a_clock_that_jumped_makes_no_flow_late_for_ever(jump: timedelta) -> None:
    waiting = replace(item(trigger=True, available=10, used=10, free=0), modified=NOW)
    known = {ROW.key: Alarm(*ROW.key, item_id="1", triggered_at=NOW + jump)}

    found = plan([ROW], [waiting], known)

    triggered_at = found.alarms[ROW.key].triggered_at
    assert triggered_at is not None
    assert triggered_at <= NOW


def test_a_trigger_of_a_disabled_tenant_is_taken_back_and_the_rest_left() -> None:
    names = {**NAMES, "t3": ["Still AG"]}
    left = item(7, tenant="Still AG", trigger=True, available=3)

    found = plan_licenses([], [left], {}, names, {"t3"}, now=NOW, flow_timeout=FLOW_TIMEOUT)

    assert [(change.item, change.values) for change in found.changes] == [(left, {"trigger": False})]


# The tenant list


@pytest.mark.parametrize(
    ("written", "changes"),
    [
        pytest.param("2027-05-18T22:00:00Z", 0, id="local-midnight-as-utc"),
        pytest.param("2027-05-19T12:00:00Z", 0, id="noon"),
        pytest.param("2027-05-19T22:00:00Z", 1, id="next-day"),
        pytest.param(None, 1, id="empty"),
    ],
)
def test_days_are_compared_in_the_zone_of_the_site(written: str | None, changes: int) -> None:
    ends = datetime(2027, 5, 19, 9, tzinfo=UTC)
    entry = _entry(1, "Schule Höri", cert_expires=written)

    found = plan_tenants([TenantRow("t1", "Schule Höri", [], ends)], {"t1": entry}, ZoneInfo("Europe/Zurich"))

    assert len(found) == changes


# Every hour and the quarters that exist, as a zone of a site that knows no summer time.
OFFSETS = [timezone(timedelta(minutes=minutes)) for minutes in range(-12 * 60, 14 * 60 + 1, 15)]
ZONES = [ZoneInfo(name) for name in (
    "Europe/Zurich", "America/Los_Angeles", "America/Santiago", "Pacific/Honolulu", "Pacific/Auckland",
    "Pacific/Chatham", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Tokyo",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca",
)]  # fmt: skip


@given(
    hours=st.integers(-45 * 365 * 24, 172 * 365 * 24),
    site=st.sampled_from([*OFFSETS, *ZONES]),
    setting=st.sampled_from([UTC, *ZONES]),
    only_days=st.booleans(),
    before=st.integers(-40, 40),
)
def test_the_end_of_a_certificate_is_written_once_whatever_the_zone_of_the_site(
    hours: int, site: tzinfo, setting: tzinfo, only_days: bool, before: int
) -> None:
    row = TenantRow("t1", "Schule Höri", [], clipped(datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours)))

    def stored(written: str) -> str:
        at = datetime.fromisoformat(written)
        return (midnight(at, site) if only_days else at).astimezone(UTC).isoformat()

    def written(value: str | None) -> str | None:
        found = plan_tenants([row], {"t1": _entry(1, "Schule Höri", cert_expires=value)}, setting)
        return found[0].values["cert_expires"] if found else None

    first = written(None)
    assert first is not None
    assert written(stored(first)) is None
    noon = datetime.fromisoformat(first).replace(hour=12).isoformat()
    assert written(stored(noon)) is None, "what a former version wrote is left alone"
    if abs(before) > 1:
        other = (datetime.fromisoformat(first) + timedelta(days=before)).isoformat()
        assert written(stored(other)) == first


@pytest.mark.parametrize("site", sorted({zone.key for zone in ZONES} - {"Pacific/Kiritimati", "Pacific/Pago_Pago"}))
@pytest.mark.parametrize("month", [1, 7])
def test_the_site_shows_the_day_on_which_the_certificate_ends(site: str, month: int) -> None:
    row = TenantRow("t1", "Schule Höri", [], datetime(2027, month, 19, 9, tzinfo=UTC))

    (change,) = plan_tenants([row], {"t1": _entry(1, "Schule Höri")}, ZoneInfo("Europe/Zurich"))

    assert datetime.fromisoformat(change.values["cert_expires"]).astimezone(ZoneInfo(site)).day == 19


def midnight(at: datetime, zone: tzinfo) -> datetime:
    """The beginning of the day in `zone`: what a date-only column makes of a time."""
    return datetime.combine(at.astimezone(zone).date(), time(), zone)


def _entry(item_id: int, title: str, **values: Any) -> Item:
    return Item(str(item_id), f'"{item_id},1"', NOW, {"title": title, **values})


# Any sequence of events: messages = shortages


@dataclass
class Flow:
    """Power Automate: told when the trigger is set at its poll."""

    messages: int = 0

    def poll(self, one: Item) -> Item:
        if not one.flag("trigger"):
            return one
        self.messages += 1
        return replace(one, fields=one.fields | {"trigger": False, "informed": True})


class AlarmMachine(RuleBasedStateMachine):
    """One licence whose seats, monitoring and flow do as they please; each refresh plans and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.used, self.seats, self.monitored, self.flow_works = NOW, 5, 10, True, True
        self.items: list[Item] = []
        self.alarms: dict[Any, Alarm] = {}
        self.flow = Flow()

    @rule(used=st.integers(7, 13))
    def use(self, used: int) -> None:
        self.used = used

    @rule(seats=st.integers(7, 13))
    def buy(self, seats: int) -> None:
        self.seats = seats

    @rule()
    def switch_monitoring(self) -> None:
        self.monitored = not self.monitored

    @rule()
    def break_or_mend_the_flow(self) -> None:
        self.flow_works = not self.flow_works

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def refresh(self) -> None:
        row = replace(
            ROW, available=self.seats, used=self.used, shortage=self.seats <= self.used, monitored=self.monitored
        )
        for _ in range(2):
            found = plan([row], self.items, self.alarms, self.now)
            self.alarms |= found.alarms
            self.items = carry_out(self.items, found.changes)
            for change in found.changes:
                if change.sets_trigger:
                    self.alarms[row.key] = replace(found.alarms[row.key], triggered_at=self.now)

    @rule()
    def flow_polls(self) -> None:
        if self.flow_works:
            told = [one.flag("informed") for one in self.items]
            before = self.flow.messages
            self.items = [self.flow.poll(one) for one in self.items]
            # Never while the team already knows.
            assert not any(told) or self.flow.messages == before

    @rule()
    def all_is_quiet(self) -> None:
        """After a working refresh and poll the team knows of a monitored shortage, and of nothing else is waiting."""
        self.flow_works = True
        self.refresh()
        self.flow_polls()
        before = self.flow.messages
        self.refresh()
        self.flow_polls()
        assert self.flow.messages == before
        (one,) = self.items
        assert not one.flag("trigger")
        if self.seats > self.used:
            assert not one.flag("informed")
        elif self.monitored:
            assert one.flag("informed")

    @invariant()
    def there_is_one_item_at_most(self) -> None:
        assert len(self.items) <= 1


TestAlarms = AlarmMachine.TestCase


# What will be told, and taking it over


@pytest.mark.parametrize(
    ("shortage", "monitored", "informed", "trigger", "tells"),
    [
        (True, True, False, False, True),
        (True, True, False, True, False),  # on its way
        (True, True, True, False, False),  # told
        (True, False, False, False, False),
        (False, True, False, False, False),
    ],
)
def test_a_plan_names_what_will_be_told(
    shortage: bool, monitored: bool, informed: bool, trigger: bool, tells: bool
) -> None:
    row = replace(ROW, shortage=shortage, monitored=monitored, short_since=NOW)
    set_now = {row.key: Alarm(*row.key, "1", triggered_at=NOW)}

    assert plan([row], [item(trigger=trigger, informed=informed)], set_now).to_report == ([row] if tells else [])
    assert plan([row], []).to_report == ([row] if shortage and monitored else [])  # the next step tells


def test_an_earlier_shortage_that_was_told_hides_no_later_one() -> None:
    row, told = replace(ROW, short_since=NOW), Alarm(*ROW.key, "1", None, 0, NOW, NOW - timedelta(days=3))

    assert plan([row], [item(informed=True)], {row.key: told}).to_report == [row]


@given(informed=flags, trigger=flags, there=flags, late=flags, earlier=flags)
def test_what_is_taken_over_is_marked_and_never_triggered(
    informed: bool, trigger: bool, there: bool, late: bool, earlier: bool
) -> None:
    row = replace(ROW, short_since=NOW)
    items = [item(informed=informed, trigger=trigger)] if there else []
    since = NOW - timedelta(hours=3 if late else 0)
    known = Alarm(*row.key, "1", since if trigger else None, 0, NOW if informed else None, NOW)
    alarms = {row.key: replace(known, short_since=NOW - timedelta(days=9) if earlier else NOW)} if there else {}
    tells = plan([row], items, alarms).to_report
    alarms |= taken_over(tells, alarms, NOW)

    for _ in range(4):
        made = plan([row], items, alarms)
        assert made.to_report == []
        assert not any(change.sets_trigger for change in made.changes)
        items, alarms = carry_out(items, made.changes), alarms | made.alarms

    assert made.changes == []  # it converges
    if tells:
        assert items[0].flag("informed")
        assert items[0].flag("trigger") == (there and informed and trigger)  # the flow is at it
        assert alarms[row.key].short_since == row.short_since
    assert plan([replace(row, short_since=NOW + timedelta(days=1))], items, alarms).to_report != [] or not tells


def test_a_shortage_without_a_known_beginning_is_not_taken_over() -> None:
    assert taken_over(plan([ROW], [item()]).to_report, {}, NOW) == {}
