"""All open connections: slots in total and per address, time limits, and a count of refused and closed connections.

When all slots are taken, a connection that waits for its client (unfinished header, idle, unread answer) is closed
for a new one: the one that has waited longest, of the address with the most of them. So unfinished requests, however
many, lock nobody out. Tabs of signed-in people have slots of their own and are not closed for others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_network

from core import metrics
from core.caller_networks import UNKNOWN, ip_of, networks_of
from web.limits.connection import TIME_LIMITS, Connection, State, Transport
from web.limits.connection_limits import ConnectionLimits
from web.limits.refusal_report import RefusalReport
from web.limits.slot_pool import Pool

SWEEP_SECONDS = 1.0
LEAST_READ = 16 * 2**10  # bytes that a client has to read within the time limit, which then begins again
# Seconds in which a new connection is not closed for another one, as long as `ConnectionLimits.spare` suffices.
GRACE_SECONDS = 0.25


class Connections:
    """All connections of the process. Not thread-safe: for the event loop only."""

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
        self._report = RefusalReport(clock)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, transport: Transport, host: str) -> Connection | None:
        """Return the new connection from `host`, or None if there is no slot and none can be freed."""
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
        """Set the state of a connection that is still open."""
        if self._open.get(connection.transport) is not connection:
            return
        connection.state, connection.since = state, self.clock()
        connection.mark = connection.transport.get_write_buffer_size()
        self.regroup(connection)

    def regroup(self, connection: Connection) -> None:
        """Put the connection into the pools that fit its state and session; a tab is in none."""
        if self._open.get(connection.transport) is not connection:
            return
        self._drop(connection)
        if not connection.is_tab:
            self._put(connection)

    def forget(self, transport: Transport) -> None:
        """Forget a connection that has ended; a second call does nothing."""
        connection = self._open.pop(transport, None)
        if connection is not None:
            self._drop(connection)
            metrics.connections_open(len(self._open))

    def refused(self, reason: str, address: str) -> None:
        """Count a connection that was refused or closed; `reason` is one of metrics.REFUSALS."""
        metrics.connection_refused(reason)
        self._report.count(reason, address)

    async def watch(self) -> None:
        """Apply the time limits every second, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def sweep(self) -> None:
        """Close connections over their time limit, and write the report to the log when it is due."""
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
        self._report.log_if_due()

    def _is_proxy(self, host: str) -> bool:
        address = ip_of(host) if self._proxies else None
        return address is not None and any(address in proxy for proxy in self._proxies)

    def _make_room(self, pool: Pool, slots: int) -> bool:
        """Close connections until a slot is free; return False if none can be closed."""
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
        self.forget(connection.transport)
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


def address_of(host: str) -> str:
    """Return the key under which limits count: an IPv4 address, the /64 network of an IPv6 address, else `host`."""
    narrowest = networks_of(host)[0]
    return host if narrowest == UNKNOWN else narrowest
