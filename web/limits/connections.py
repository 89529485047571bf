"""Open connections: places for all and per address, time limits, and a count of what was refused or closed.

A connection that waits for its client (unfinished header, idle, an answer that is not read) gives its place to a new
one: of the address with the most of them the one that has waited longest. So half requests, however many and fast, keep
nobody out. Tabs of signed-in people
have places of their own, which they never give up for others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from enum import StrEnum
from ipaddress import ip_network
from typing import Protocol

from starlette.types import Scope

from core import metrics
from core.caller_networks import UNKNOWN, ip_of, networks_of
from web.limits.connection_limits import ConnectionLimits

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
REPORT_SECONDS = 60.0
MOST_ADDRESSES = 1000  # that are told apart for the log
LEAST_READ = 16 * 2**10  # bytes that a client has to read within its time limit to be given another one
# Seconds in which a new connection is not closed for another one, as long as `ConnectionLimits.spare` suffices.
GRACE_SECONDS = 0.25
# So many requests of a session at a time keep their places, the rest counts as strangers'; a browser opens six.
SLOTS_OF_SESSION = 12
EXTENSION = "lizenztool.connection"  # key in the ASGI scope's extensions


class State(StrEnum):
    """What a connection is at."""

    IDLE = "idle"  # nothing has been asked
    HEADER = "header"  # the client has not sent the whole header
    BODY = "body"  # the client has not sent the whole body
    READING = "reading"  # the client has not read what was written
    CLOSING = "closing"  # closed by the server, but not everything that was written is read
    LEAVING = "leaving"  # a tab that is being sent to another page
    WORKING = "working"  # the server is at the request
    TAB = "tab"


# Seconds from the beginning of a state. A browser sends header and body at once.
TIME_LIMITS = {
    State.IDLE: 5.0,
    State.HEADER: 10.0,
    State.BODY: 30.0,
    State.READING: 20.0,
    State.CLOSING: 20.0,
    State.LEAVING: 5.0,
}


class Transport(Protocol):
    """The methods of asyncio.Transport that are used here."""

    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...


class Connection:
    """One open connection. Its protocol reports the state, the gate reports whose it is."""

    __slots__ = ("_connections", "address", "is_tab", "mark", "session", "since", "state", "stop_reading", "transport")

    def __init__(self, connections: Connections, transport: Transport, address: str) -> None:
        self._connections = connections
        self.transport = transport
        self.address = address
        self.state = State.IDLE
        self.since = connections.clock()
        self.mark = 0  # unread bytes at `since`
        self.session = ""  # whose request is under way
        self.is_tab = False  # it is a tab
        self.stop_reading: Callable[[], None] = lambda: None

    def enter(self, state: State) -> None:
        """Note that `state` begins; nothing happens when it is the present one."""
        if state is self.state:
            return
        if state in (State.HEADER, State.IDLE):
            self.session = ""  # a proxy sends requests of many people over one connection
        self._connections.move(self, state)

    def assign_session(self, session: str) -> None:
        """The request belongs to this session: the connection keeps its place while the server works on it."""
        self.session = session
        self._connections.regroup(self)

    def become_tab(self) -> None:
        """The connection is the tab of a session."""
        self.is_tab = True
        self.enter(State.TAB)

    def leave(self) -> None:
        """The tab has ended: what the client still sends is not read, and it has TIME_LIMITS[LEAVING] to go."""
        self.is_tab = False
        self.stop_reading()
        self.enter(State.LEAVING)


class NoConnection:
    """In place of a Connection where another server than ours accepts them (`streamlit run`)."""

    def assign_session(self, session: str) -> None: ...
    def become_tab(self) -> None: ...
    def leave(self) -> None: ...


def connection_of(scope: Scope) -> Connection | NoConnection:
    """Return the connection over which this request or websocket came."""
    connection: Connection | NoConnection = scope.get("extensions", {}).get(EXTENSION) or NoConnection()
    return connection


class ConnectionsByAddress:
    """Connections in the order in which they came, by address: whoever has most of them gives way first."""

    def __init__(self) -> None:
        self._by_address: dict[str, OrderedDict[Connection, None]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, connection: Connection) -> None:
        self._by_address.setdefault(connection.address, OrderedDict())[connection] = None
        self._size += 1

    def discard(self, connection: Connection) -> None:
        own = self._by_address.get(connection.address, OrderedDict())
        if connection in own:
            del own[connection]
            self._size -= 1
            if not own:
                del self._by_address[connection.address]

    def oldest_of_most(self) -> Connection | None:
        """Return the oldest of the address with the most connections; of addresses with as many the first one's."""
        most = max(self._by_address.values(), key=len, default=None)
        return next(iter(most)) if most else None


class Pool:
    """Connections that compete for the same places, in the order in which their states began."""

    def __init__(self) -> None:
        self._waiting = ConnectionsByAddress()
        self._strangers = ConnectionsByAddress()
        self._kept: dict[Connection, str] = {}  # with the session for which it was put here
        self._of_session: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._strangers) + len(self._kept)

    def put(self, connection: Connection) -> None:
        self.drop(connection)
        session = connection.session
        if connection.state in TIME_LIMITS:
            self._waiting.add(connection)
        elif session and self._of_session[session] < SLOTS_OF_SESSION:
            self._of_session[session] += 1
            self._kept[connection] = session
        else:
            self._strangers.add(connection)

    def drop(self, connection: Connection) -> None:
        self._waiting.discard(connection)
        self._strangers.discard(connection)
        if session := self._kept.pop(connection, ""):
            self._of_session[session] -= 1
            if not self._of_session[session]:
                del self._of_session[session]

    def to_close_first(self) -> Connection | None:
        """Return one that waits for its client, else a request of a stranger: the oldest of whoever has most."""
        return self._waiting.oldest_of_most() or self._strangers.oldest_of_most()


class Connections:
    """All connections of the process. To be used on the event loop alone."""

    def __init__(
        self,
        limits: ConnectionLimits,
        proxies: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._proxies = [ip_network(proxy) for proxy in proxies]
        self._open: dict[Transport, Connection] = {}
        self._all = Pool()
        self._pools: dict[str, Pool] = {}
        self._report = Report(clock)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, transport: Transport, host: str) -> Connection | None:
        """Return the new connection from `host`, or None when nothing gives way to it."""
        address = address_of(host)
        pool = self._pools.get(address, Pool())
        has_slot = self._is_proxy(host) or self._make_room(pool, self.limits.per_address)
        if not (has_slot and self._make_room(self._all, self.limits.connections)):
            self.refused("full", address)
            return None
        self._open[transport] = connection = Connection(self, transport, address)
        self._put(connection)
        metrics.connections_open(len(self._open))
        return connection

    def of(self, transport: Transport) -> Connection | None:
        return self._open.get(transport)

    def move(self, connection: Connection, state: State) -> None:
        """Begin `state`, unless the connection has been lost."""
        if self._open.get(connection.transport) is not connection:
            return
        connection.state, connection.since = state, self.clock()
        connection.mark = connection.transport.get_write_buffer_size()
        self.regroup(connection)

    def regroup(self, connection: Connection) -> None:
        """Let the connection compete for places with those that are like it; a tab does not."""
        if self._open.get(connection.transport) is not connection:
            return
        self._drop(connection)
        if not connection.is_tab:
            self._put(connection)

    def lost(self, transport: Transport) -> None:
        """The connection has ended; a second call does nothing."""
        connection = self._open.pop(transport, None)
        if connection is not None:
            self._drop(connection)
            metrics.connections_open(len(self._open))

    def refused(self, reason: str, address: str) -> None:
        """Count a connection that was refused or closed; `reason` is one of metrics.REFUSALS."""
        metrics.connection_refused(reason)
        self._report.count(reason, address)

    async def watch(self) -> None:
        """Apply the time limits; runs until it is cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def sweep(self) -> None:
        """Close connections over their time limit, and log once a minute what was refused or closed."""
        now = self.clock()
        for connection in list(self._open.values()):
            if connection.transport.is_closing():
                connection.enter(State.CLOSING)
            unread = connection.transport.get_write_buffer_size()
            if unread and connection.mark - unread >= LEAST_READ:
                connection.since, connection.mark = now, unread
            if now - connection.since > TIME_LIMITS.get(connection.state, float("inf")):
                if connection.state is not State.IDLE:  # browsers open spare connections and never use them
                    self.refused("time", connection.address)
                self._close(connection)
        self._report.tell()

    def _is_proxy(self, host: str) -> bool:
        address = ip_of(host) if self._proxies else None
        return address is not None and any(address in proxy for proxy in self._proxies)

    def _make_room(self, pool: Pool, slots: int) -> bool:
        """Close what gives way until a place is free; return False when nothing does."""
        while len(pool) >= slots:
            connection = pool.to_close_first()
            if connection is None:
                return False
            if self.clock() - connection.since < GRACE_SECONDS and len(pool) < slots + self.limits.spare:
                return True
            if connection.state is not State.IDLE:
                self.refused("room", connection.address)
            self._close(connection)
        return True

    def _close(self, connection: Connection) -> None:
        self.lost(connection.transport)
        connection.transport.abort()

    def _put(self, connection: Connection) -> None:
        self._all.put(connection)
        self._pools.setdefault(connection.address, Pool()).put(connection)

    def _drop(self, connection: Connection) -> None:
        self._all.drop(connection)
        pool = self._pools.get(connection.address)
        if pool is not None:
            pool.drop(connection)
            if not pool:
                del self._pools[connection.address]


class Report:
    """Counts refusals and logs them once a minute in one line."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told = float("-inf")
        self._reasons: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def count(self, reason: str, address: str) -> None:
        self._reasons[reason] += 1
        if address in self._addresses or len(self._addresses) < MOST_ADDRESSES:
            self._addresses[address] += 1

    def tell(self) -> None:
        now = self._clock()
        if not self._reasons or now - self._told < REPORT_SECONDS:
            return
        address, times = self._addresses.most_common(1)[0]
        log.warning(
            "%d connections were refused or closed in the last minute (%s), most of them from %s (%d)",
            self._reasons.total(),
            ", ".join(f"{reason}: {number}" for reason, number in sorted(self._reasons.items())),
            address or "an unknown address",
            times,
        )
        self._told = now
        self._reasons.clear()
        self._addresses.clear()


def address_of(host: str) -> str:
    """Return what shares one budget: an IPv4 address, the /64 network of an IPv6 address, else `host` as it is."""
    narrowest = networks_of(host)[0]
    return host if narrowest == UNKNOWN else narrowest
