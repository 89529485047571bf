"""Who keeps a place when places are short, and what is closed for taking too long: the rules, without a server."""

from dataclasses import dataclass, field

import pytest

from core.metrics import REGISTRY
from web.limits.connection import TIME_LIMITS, Connection, State
from web.limits.connection_limits import KEPT_SESSIONS, PER_CONNECTION, PER_TAB, RESERVE, ConnectionLimits, limits_for
from web.limits.connections import GRACE_SECONDS, Connections, address_of
from web.limits.slot_pool import SLOTS_OF_SESSION

SMALL = ConnectionLimits(connections=6, per_address=4, spare=0)
HERE, THERE = "10.0.0.1", "10.0.0.2"


@dataclass(eq=False)
class FakeTransport:
    aborted: bool = False
    closing: bool = False
    unread: int = 0

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unread


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    places: ConnectionLimits = SMALL
    proxies: tuple[str, ...] = ()
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.connections = Connections(self.places, self.proxies, self.clock)

    def open(self, host: str = HERE, state: State = State.HEADER, *, session: str = "") -> Connection:
        """A connection that has been at `state` for longer than the grace that a new one is given."""
        connection = self.connections.admit(FakeTransport(), host)
        assert connection is not None
        connection.enter(state)
        if session:
            connection.assign_session(session)
        self.clock.now += GRACE_SECONDS
        return connection


def gone(*connections: Connection) -> list[bool]:
    return [connection.transport.aborted for connection in connections]  # type: ignore[attr-defined]


def test_at_an_address_the_one_that_waits_longest_gives_way():
    world = World()
    others = [world.open(THERE)]
    half = [world.open() for _ in range(4)]

    world.open()

    assert gone(*half) == [True, False, False, False]
    assert gone(*others) == [False]


def test_in_all_the_one_that_waits_longest_gives_way():
    world = World()
    half = [world.open(f"10.0.1.{number}") for number in range(6)]

    world.open()

    assert gone(*half) == [True] + [False] * 5


def test_whoever_has_most_of_them_gives_way_first():
    world = World()
    honest = world.open(HERE)
    crowd = [world.open(THERE) for _ in range(3)]

    for _ in range(20):
        world.open("10.0.0.3")

    assert gone(honest) == [False]
    assert gone(*crowd)[0]


@pytest.mark.parametrize("state", TIME_LIMITS)
def test_whoever_waits_for_the_client_gives_way_before_whom_the_server_works_for(state: State):
    world = World()
    working = [world.open(state=State.WORKING) for _ in range(3)]
    waiting = world.open(state=state)

    world.open()

    assert gone(waiting, *working) == [True, False, False, False]


def test_the_oldest_request_of_a_stranger_gives_way_before_that_of_a_session():
    world = World()
    session = world.open(state=State.WORKING, session="anna")
    strangers = [world.open(state=State.WORKING) for _ in range(3)]

    world.open()

    assert gone(session, *strangers) == [False, True, False, False]


def test_where_all_places_are_used_for_sessions_nobody_comes_in():
    world = World()
    sessions = [world.open(state=State.WORKING, session=f"session {number}") for number in range(4)]

    assert world.connections.admit(FakeTransport(), HERE) is None
    assert gone(*sessions) == [False] * 4
    assert world.connections.admit(FakeTransport(), THERE) is not None


def test_one_session_keeps_some_places_and_not_all():
    world = World(ConnectionLimits(connections=100, per_address=SLOTS_OF_SESSION + 2, spare=0))
    requests = [world.open(state=State.WORKING, session="anna") for _ in range(SLOTS_OF_SESSION + 2)]

    world.open()

    assert [number for number, closed in enumerate(gone(*requests)) if closed] == [SLOTS_OF_SESSION]


def test_a_session_counts_for_the_request_and_not_for_the_next_one_on_the_connection():
    world = World()
    connection = world.open(state=State.WORKING, session="anna")

    connection.enter(State.IDLE)
    connection.enter(State.WORKING)

    assert connection.session == ""


def test_a_new_connection_has_a_moment_to_send_its_header():
    world = World(ConnectionLimits(connections=6, per_address=4, spare=2))
    world.clock.now += 1
    fresh = [world.connections.admit(FakeTransport(), HERE) for _ in range(6)]

    assert all(connection is not None for connection in fresh)
    assert gone(*filter(None, fresh)) == [False] * 6

    world.connections.admit(FakeTransport(), HERE)

    assert gone(*filter(None, fresh)) == [True] + [False] * 5


def test_tabs_take_no_place_of_others_and_give_way_to_nobody():
    world = World()
    tabs = [world.open(state=State.WORKING) for _ in range(4)]
    for tab in tabs:
        tab.become_tab()
        tab.enter(State.READING)

    half = [world.open() for _ in range(20)]

    assert gone(*tabs) == [False] * 4
    assert gone(*half).count(False) == 4


def test_a_tab_that_has_ended_gives_way_like_others():
    world = World()
    tab = world.open(state=State.WORKING)
    tab.become_tab()
    tab.leave()

    for _ in range(4):
        world.open()

    assert gone(tab) == [True]


@pytest.mark.parametrize("host", [HERE, f"::ffff:{HERE}"])
def test_a_named_proxy_speaks_for_many(host: str):
    world = World(proxies=("10.0.0.0/30",))

    half = [world.open(host) for _ in range(6)]

    assert gone(*half) == [False] * 6


@pytest.mark.parametrize("state", State)
def test_each_state_has_its_time_limit(state: State):
    world = World()
    connection = world.open(state=state)
    limit = TIME_LIMITS.get(state, 86_400)

    world.clock.now = connection.since + limit
    world.connections.sweep()
    before = gone(connection)
    world.clock.now += 1
    world.connections.sweep()

    assert (before, gone(connection)) == ([False], [state in TIME_LIMITS])


def test_a_byte_now_and_then_does_not_lengthen_the_time():
    world = World()
    connection = world.open()

    for _ in range(11):
        world.clock.now += 1
        connection.enter(State.HEADER)
        world.connections.sweep()

    assert gone(connection) == [True]


@pytest.mark.parametrize(("bytes_a_second", "dropped"), [(0, True), (500, True), (5_000, False)])
def test_whoever_reads_slowly_is_waited_for_as_long_as_it_goes_on(bytes_a_second: int, dropped: bool):
    world = World()
    connection = world.open(state=State.WORKING)
    transport = connection.transport
    assert isinstance(transport, FakeTransport)
    transport.unread = 1_000_000
    connection.enter(State.READING)

    for _ in range(100):
        world.clock.now += 1
        transport.unread -= bytes_a_second
        world.connections.sweep()

    assert transport.aborted == dropped


def test_what_is_closed_and_not_read_is_dropped_in_the_end():
    world = World()
    connection = world.open(state=State.WORKING)
    assert isinstance(connection.transport, FakeTransport)
    connection.transport.closing, connection.transport.unread = True, 100

    world.connections.sweep()
    world.clock.now += TIME_LIMITS[State.CLOSING] + 1
    world.connections.sweep()

    assert gone(connection) == [True]


def test_refusals_are_told_once_a_minute_in_one_line(caplog: pytest.LogCaptureFixture):
    world = World()
    for _ in range(10):
        world.open()
        world.connections.sweep()
    world.open(THERE)
    world.clock.now += 60
    world.connections.sweep()

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[1] == (
        "10 connections were refused or closed in the last minute (room: 5, time: 5), most of them from 10.0.0.1 (9)"
    )


def test_metrics_count_connections_and_refusals():
    def refused() -> float:
        return REGISTRY.get_sample_value("lizenztool_connections_refused_total", {"reason": "room"}) or 0

    world, before = World(), refused()

    for _ in range(6):
        world.open()

    assert REGISTRY.get_sample_value("lizenztool_connections") == 4
    assert refused() == before + 2


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::9", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_budget_for_an_address_and_for_a_network_of_ipv6(host: str, address: str):
    assert address_of(host) == address


@pytest.mark.parametrize("descriptors", [1024, 4096, 8192, 1_000_000])
def test_places_keep_below_the_open_files_that_the_system_allows(descriptors: int):
    places = limits_for(1024, 256, descriptors)

    used = places.connections * PER_CONNECTION + places.tabs * PER_TAB
    assert used + RESERVE + KEPT_SESSIONS <= descriptors
    assert places.per_address < places.connections
    assert places.tabs_of_session < places.tabs_of_account < places.tabs


def test_with_enough_files_the_settings_hold():
    places = limits_for(1024, 256, 8192)

    assert (places.connections, places.per_address, places.tabs, places.tabs_of_session) == (512, 256, 512, 40)
