"""How many connections and tabs the server holds at a time, derived from the settings and the process's descriptors."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

# asyncio accepts so many connections in a turn of its loop, and it takes three turns until one is counted.
BACKLOG = 32
SPARE = 160  # connections beyond the limit that have just come
# Descriptors that are not for visitors: database, log, Graph, threads.
RESERVE = 128 + 3 * BACKLOG + SPARE
QUEUE = 1024  # connections that wait in the system for being accepted
# Streamlit keeps the sessions of 128 closed tabs for their return, with three descriptors of an event loop each.
KEPT_SESSIONS = 3 * 128
PER_TAB = 4  # the socket, and the event loop of its Streamlit session
PER_CONNECTION = 2  # the socket, and the file that is being sent
ENOUGH = 1_000_000  # where nothing limits them

# Measured: a page opens six connections for less than two seconds and one tab for as long as it is open. 40 is a
# browser that restores 20 tabs while the server still holds the sockets of before; 80 the same with two browsers.
TABS_OF_SESSION, TABS_OF_ACCOUNT = 40, 80


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Upper bounds; `tabs` are for signed-in people alone, so that strangers cannot take them."""

    connections: int = 512  # without the tabs
    per_address: int = 256  # of connections, and of tabs
    spare: int = SPARE
    tabs: int = 512
    tabs_of_session: int = TABS_OF_SESSION
    tabs_of_account: int = TABS_OF_ACCOUNT


def limits_for(connections: int, per_address: int, descriptors: int) -> ConnectionLimits:
    """Share `connections`, or as many as `descriptors` suffice for, between requests and tabs.

    No address gets more than three quarters of the requests' places, and no account more than half of the tabs, so
    that others find one.
    """
    affordable = (descriptors - RESERVE - KEPT_SESSIONS) * 2 // (PER_TAB + PER_CONNECTION)
    half = max(4, min(connections, affordable) // 2)
    return ConnectionLimits(
        connections=half,
        per_address=min(per_address, max(3, half * 3 // 4)),
        spare=min(SPARE, half),
        tabs=half,
        tabs_of_session=min(TABS_OF_SESSION, max(2, half // 4)),
        tabs_of_account=min(TABS_OF_ACCOUNT, max(2, half // 2)),
    )


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; return what holds then."""
    if sys.platform == "win32":  # sockets are no descriptors there
        return ENOUGH
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems say "infinity" and refuse it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
