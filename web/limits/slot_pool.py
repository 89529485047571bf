"""Pools of connections that compete for the same slots, and the order in which they are closed."""

from __future__ import annotations

from collections import Counter, OrderedDict

from web.limits.connection import TIME_LIMITS, Connection

# A session keeps the slots of so many requests at a time; further ones have no priority. A browser opens six.
SLOTS_OF_SESSION = 12


class ConnectionsByAddress:
    """Connections by address, in the order in which they were added."""

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
        """Return the oldest connection of the address with the most of them (the first such address), or None."""
        most = max(self._by_address.values(), key=len, default=None)
        return next(iter(most)) if most else None


class Pool:
    """Connections that compete for the same slots, in the order in which their states began."""

    def __init__(self) -> None:
        self._waiting = ConnectionsByAddress()
        self._strangers = ConnectionsByAddress()
        self._kept: dict[Connection, str] = {}  # connection -> its session when it was put here
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
        """Return the connection to close for a new one, or None.

        Those that wait for their clients come first, then requests without a priority; of these the oldest one of the
        address with the most.
        """
        return self._waiting.oldest_of_most() or self._strangers.oldest_of_most()
