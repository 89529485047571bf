"""Microsoft Graph over HTTP: tokens, pages, batches, throttling, errors, and the two licence reads."""

from __future__ import annotations

from core.graph.client import BatchAnswer, BatchRequest, GraphClient, chunks
from core.graph.errors import (
    BadAnswer,
    Conflict,
    GraphError,
    NotFound,
    PermissionMissing,
    SignInRefused,
    Throttled,
    Unreachable,
    error_for,
)
from core.graph.http import Http
from core.graph.tokens import Credentials, TokenSource
from core.licenses import License, Subscription, parse_license, parse_subscription
from core.problems import Problem

__all__ = [
    "BadAnswer", "BatchAnswer", "BatchRequest", "Conflict", "Credentials", "GraphClient", "GraphError", "Http",
    "NotFound", "PermissionMissing", "SignInRefused", "Throttled", "TokenSource", "Unreachable", "chunks",
    "error_for", "subscribed_skus", "subscriptions",
]  # fmt: skip

SKU_FIELDS = "skuId,skuPartNumber,appliesTo,capabilityStatus,consumedUnits,prepaidUnits"


def subscribed_skus(client: GraphClient) -> list[License]:
    """Every licence of the tenant, one per SKU id.

    https://learn.microsoft.com/graph/api/subscribedsku-list; needs LicenseAssignment.Read.All or
    Organization.Read.All. `$select` leaves out the service plans, most of the bytes; a cloud that
    refuses it is asked without. Raises GraphError.
    """
    try:
        rows = list(client.rows("/subscribedSkus", {"$select": SKU_FIELDS}))
    except BadAnswer as error:
        if error.status != 400:
            raise
        rows = list(client.rows("/subscribedSkus"))
    try:
        return list({row.sku_id: row for row in map(parse_license, rows)}.values())
    except (ValueError, AttributeError) as error:
        raise BadAnswer(
            Problem("graph.unreadable", {"tenant": client.name, "what": "subscribedSkus"}, str(error))
        ) from error


def subscriptions(client: GraphClient) -> list[Subscription]:
    """Every purchase of the tenant with its next date.

    https://learn.microsoft.com/graph/api/directory-list-subscriptions; needs Organization.Read.All.
    Raises GraphError; PermissionMissing is no failure of the tenant, its renewal dates are just unknown.
    """
    try:
        return [parse_subscription(row) for row in client.rows("/directory/subscriptions")]
    except (ValueError, AttributeError) as error:
        raise BadAnswer(
            Problem("graph.unreadable", {"tenant": client.name, "what": "subscriptions"}, str(error))
        ) from error
