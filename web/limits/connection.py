"""One open connection: its state, the time limit of each state, and its place in the ASGI scope."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from starlette.types import Scope

if TYPE_CHECKING:
    from web.limits.connections import Connections

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
