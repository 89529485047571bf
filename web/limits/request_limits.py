"""Limits for the size of a request's head, which the gate checks before anything else. Pure functions.

h11 refuses an unfinished head from 64 kB on, but accepts a larger one that comes in one piece.
"""

from __future__ import annotations

from starlette.types import Scope

# Bytes. Measured: a browser sends 1 kB; programs on the same host name may add cookies, a proxy its own headers.
LARGEST_HEADERS = 32 * 2**10
MOST_HEADERS = 100
# Bytes of path and query: that of 300 chosen tenants is 15 kB.
LONGEST_ADDRESS = 32 * 2**10
MOST_PARAMETERS = 1000


def too_large(scope: Scope) -> int:
    """Return the HTTP status for an oversized head: 414 (address) or 431 (headers); 0 if the size is allowed."""
    query: bytes = scope.get("query_string", b"")
    if len(query) + len(scope["path"]) > LONGEST_ADDRESS or query.count(b"&") >= MOST_PARAMETERS:
        return 414
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    return 431 if len(headers) > MOST_HEADERS or size > LARGEST_HEADERS else 0
