"""Limits for connections and tabs, computed from the settings and the number of files the process may open."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

# asyncio accepts so many connections in one turn of its loop, and a connection is counted three turns later.
BACKLOG = 32
SPARE = 160  # new connections that are allowed beyond the limit for a moment
# File descriptors for other purposes: database, log, Graph, threads, and connections that are not counted yet.
RESERVE = 128 + 3 * BACKLOG + SPARE
QUEUE = 1024  # connections that wait in the operating system to be accepted
# Streamlit keeps the sessions of 128 closed tabs in case they return; each has an event loop with three descriptors.
KEPT_SESSIONS = 3 * 128
PER_TAB = 4  # descriptors: the socket, and the event loop of its Streamlit session
PER_CONNECTION = 2  # descriptors: the socket, and the file that is sent
ENOUGH = 1_000_000  # stands for no limit

# Measured: a page opens six connections for less than two seconds and one tab for as long as it is open. 40 suffice for
# a browser that restores 20 tabs while the server still holds their old sockets; 80 for two such browsers.
TABS_OF_SESSION, TABS_OF_ACCOUNT = 40, 80


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Largest numbers of connections and tabs; only signed-in people have tabs, so strangers cannot use those up."""

    connections: int = 512  # without the tabs
    per_address: int = 256  # connections, and as many tabs
    spare: int = SPARE
    tabs: int = 512
    tabs_of_session: int = TABS_OF_SESSION
    tabs_of_account: int = TABS_OF_ACCOUNT


def limits_for(connections: int, per_address: int, descriptors: int) -> ConnectionLimits:
    """Return limits that share `connections` (fewer if `descriptors` do not suffice) between requests and tabs.

    One address gets at most three quarters of the slots for requests, and one account at most half of the tabs, so that
    some are left for others.
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
    """Raise the soft limit of open files to the hard limit; return the limit that then applies."""
    if sys.platform == "win32":  # sockets are no descriptors there
        return ENOUGH
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems say "infinity" and refuse it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
