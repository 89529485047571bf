"""Microsoft Graph over HTTP: tokens, pages, batches, throttling, errors, and the two licence reads."""

from __future__ import annotations

from collections.abc import Sequence

from core.graph.access_tokens import Credentials, TokenSource
from core.graph.batch import BatchAnswer, BatchRequest, chunks
from core.graph.client import GraphClient
from core.graph.errors import (
    BadAnswer,
    Conflict,
    GraphError,
    Intercepted,
    NotFound,
    PermissionMissing,
    SignInRefused,
    Throttled,
    Unreachable,
    error_for,
)
from core.graph.http import Http
from core.licenses.units import RefusedRow, SubscribedSkus, Subscription, parse_licenses, parse_subscriptions
from core.problems import Problem

__all__ = [
    "BadAnswer", "BatchAnswer", "BatchRequest", "Conflict", "Credentials", "GraphClient", "GraphError", "Http",
    "Intercepted", "NotFound", "PermissionMissing", "SignInRefused", "Throttled", "TokenSource", "Unreachable",
    "chunks", "error_for", "refused_rows", "subscribed_skus", "subscriptions",
]  # fmt: skip

ROWS_UNREADABLE = "graph.rows_unreadable"
NAMED = 3  # rows named in a text
SKU_FIELDS = "skuId,skuPartNumber,appliesTo,capabilityStatus,consumedUnits,prepaidUnits"


def subscribed_skus(client: GraphClient) -> SubscribedSkus:
    """Return every licence of the tenant, one per SKU id, and the rows that cannot be understood.

    https://learn.microsoft.com/graph/api/subscribedsku-list; needs LicenseAssignment.Read.All or
    Organization.Read.All. `$select` leaves out the service plans, most of the bytes; if a cloud
    refuses it the request is repeated without. Raises GraphError, also if no row can be understood.
    """
    try:
        rows = list(client.rows("/subscribedSkus", {"$select": SKU_FIELDS}))
    except BadAnswer as error:
        if error.status != 400:
            raise
        rows = list(client.rows("/subscribedSkus"))
    skus = parse_licenses(rows)
    if rows and not skus.licenses:
        raise _unreadable(client, "subscribedSkus", skus.refused[0].reason)
    return skus


def refused_rows(client_name: str, refused: Sequence[RefusedRow]) -> Problem | None:
    """Return the problem of a tenant with rows that cannot be understood; None without any."""
    if not refused:
        return None
    reasons = dict.fromkeys(row.reason for row in refused)
    params = {"tenant": client_name, "count": str(len(refused)), "why": ", ".join([*reasons][:NAMED])}
    return Problem(ROWS_UNREADABLE, params, "SKU " + ", ".join([row.sku_id or "?" for row in refused][:NAMED]))


def subscriptions(client: GraphClient) -> list[Subscription]:
    """Return the subscriptions of the tenant with their next dates.

    https://learn.microsoft.com/graph/api/directory-list-subscriptions; needs Organization.Read.All.
    Raises GraphError; PermissionMissing means only that the renewal dates stay unknown.
    """
    try:
        return parse_subscriptions(client.rows("/directory/subscriptions"))
    except ValueError as error:
        raise _unreadable(client, "subscriptions", str(error)) from error


def _unreadable(client: GraphClient, what: str, detail: str) -> BadAnswer:
    return BadAnswer(Problem("graph.unreadable", {"tenant": client.name, "what": what}, detail))
