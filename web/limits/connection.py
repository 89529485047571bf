"""One open connection: its state, the time limit of each state, and how an app finds it in the ASGI scope."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from starlette.types import Scope

if TYPE_CHECKING:
    from web.limits.connections import Connections

EXTENSION = "lizenztool.connection"  # key in the ASGI scope's extensions


class State(StrEnum):
    """The state of a connection."""

    IDLE = "idle"  # no request has begun
    HEADER = "header"  # the client has not sent the whole header
    BODY = "body"  # the client has not sent the whole body
    READING = "reading"  # the client has not read the answer
    CLOSING = "closing"  # closed by the server, but the client has not read everything
    LEAVING = "leaving"  # a tab that is redirected to another page
    WORKING = "working"  # the server works on the request
    TAB = "tab"


# Seconds since the state began; states that are not listed have no limit. A browser sends header and body at once.
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
    """One open connection. The protocol class sets its state, the gate sets its session."""

    __slots__ = ("_connections", "address", "is_tab", "mark", "session", "since", "state", "stop_reading", "transport")

    def __init__(self, connections: Connections, transport: Transport, address: str) -> None:
        self._connections = connections
        self.transport = transport
        self.address = address
        self.state = State.IDLE
        self.since = connections.clock()
        self.mark = 0  # unread bytes at `since`
        self.session = ""  # the session (or token) of the present request
        self.is_tab = False
        self.stop_reading: Callable[[], None] = lambda: None

    def enter(self, state: State) -> None:
        """Begin `state`; do nothing if it is the present one."""
        if state is self.state:
            return
        if state in (State.HEADER, State.IDLE):
            self.session = ""  # a proxy sends requests of several people over one connection
        self._connections.move(self, state)

    def assign_session(self, session: str) -> None:
        """Note the session of the request: the connection keeps its slot while the server works on it."""
        self.session = session
        self._connections.regroup(self)

    def become_tab(self) -> None:
        """Mark the connection as a tab of a session; tabs have slots of their own."""
        self.is_tab = True
        self.enter(State.TAB)

    def leave(self) -> None:
        """End the tab: read nothing more, and close the connection after TIME_LIMITS[LEAVING] at the latest."""
        self.is_tab = False
        self.stop_reading()
        self.enter(State.LEAVING)


class NoConnection:
    """Stands for a Connection under a server that does not manage connections (`streamlit run`); does nothing."""

    def assign_session(self, session: str) -> None: ...
    def become_tab(self) -> None: ...
    def leave(self) -> None: ...


def connection_of(scope: Scope) -> Connection | NoConnection:
    """Return the connection of this request or websocket."""
    connection: Connection | NoConnection = scope.get("extensions", {}).get(EXTENSION) or NoConnection()
    return connection
