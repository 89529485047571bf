"""Microsoft Graph: permissions, and the answers about licences, subscriptions and the organization."""

from typing import Any
from urllib.parse import urlencode

from . import app_keys, catalog, sharepoint
from .replies import Call, GraphError, Reply, as_json, decode_token, encode_token
from .tenants import Sku, Tenant, subscription_row
from .world import Token, World

READ_ALL = {"Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
READ_LICENSES = READ_ALL | {"LicenseAssignment.Read.All"}
NO_TOKEN = "Access token is empty."
BAD_TOKEN = "Lifetime validation failed, the token is expired."


def answer(world: World, call: Call) -> Reply:
    """Carry out one call under the lock, so that no other call sees a part of it."""
    with world.lock:
        try:
            return _route(world, call)
        except GraphError as error:
            return error.reply(call.headers.get("client-request-id", ""))


def bad_token(call: Call) -> Reply:
    """Return the 401 for a missing, unknown or expired token."""
    message = BAD_TOKEN if call.authorization else NO_TOKEN
    headers = {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'}
    error = GraphError(401, "InvalidAuthenticationToken", message, headers)
    return error.reply(call.headers.get("client-request-id", ""))


def _route(world: World, call: Call) -> Reply:
    token = world.token(call.authorization)
    if token is None:
        return bad_token(call)
    parts = call.parts
    if parts[0] == "sites":
        return sharepoint.answer(world, token, call)
    if parts[0].startswith("applications"):
        return app_keys.answer(world, token, call)
    tenant = world.apps[token.tenant_id]
    if call.method != "GET" or not isinstance(tenant, Tenant):
        raise _not_found(call)
    if parts[0] == "subscribedSkus" and len(parts) < 3:
        return _subscribed_skus(world, tenant, token, call)
    if parts == ["directory", "subscriptions"]:
        return _subscriptions(world, tenant, token, call)
    if parts == ["organization"]:
        _need(token, READ_ALL)
        return as_json({"value": [{"id": tenant.tenant_id, "displayName": tenant.name, "tenantType": "AAD"}]})
    raise _not_found(call)


def _subscribed_skus(world: World, tenant: Tenant, token: Token, call: Call) -> Reply:
    """Answer `subscribedSkus`: never in pages, and `$select` is the only query option."""
    _need(token, READ_LICENSES)
    foreign = set(call.query) - {"select"}
    if foreign:
        raise GraphError(400, "Request_UnsupportedQuery", f"Query option '{min(foreign)}' is not supported.")
    select = tuple(name for name in call.query.get("select", "").split(",") if name)
    headers = {"x-ms-resource-unit": "2" if select else "3"}
    if len(call.parts) == 2:
        row = next((row for row in _sku_rows(world, tenant, select) if row["id"] == call.parts[1]), None)
        if row is None:
            raise _not_found(call)
        return as_json(row, headers=headers)
    body = tenant.body(
        ("subscribedSkus", select, world.without_locked_out),
        lambda: {
            "@odata.context": f"{call.graph_url}/v1.0/$metadata#subscribedSkus",
            "value": _sku_rows(world, tenant, select),
        },
    )
    return Reply(200, body, headers)


def _sku_rows(world: World, tenant: Tenant, select: tuple[str, ...]) -> list[dict[str, Any]]:
    ids: dict[str, list[str]] = {}
    for subscription in tenant.subscriptions:
        ids.setdefault(subscription.part_number, []).append(subscription.id)
    rows = [_sku_row(world, tenant, sku, ids[sku.part_number]) for sku in tenant.skus.values()]
    return [{name: v for name, v in row.items() if not select or name in select or name == "id"} for row in rows]


def _sku_row(world: World, tenant: Tenant, sku: Sku, subscription_ids: list[str]) -> dict[str, Any]:
    units = {"enabled": sku.enabled, "suspended": sku.suspended, "warning": sku.warning, "lockedOut": sku.locked_out}
    if world.without_locked_out:
        del units["lockedOut"]
    return {
        "accountName": tenant.slug,
        "accountId": tenant.tenant_id,
        "appliesTo": sku.applies_to,
        "capabilityStatus": sku.status,
        "consumedUnits": sku.consumed,
        "id": f"{tenant.tenant_id}_{sku.sku_id}",
        "skuId": sku.sku_id,
        "skuPartNumber": sku.part_number,
        "subscriptionIds": subscription_ids,
        "prepaidUnits": units,
        "servicePlans": catalog.service_plans(sku.part_number),
    }


def _subscriptions(world: World, tenant: Tenant, token: Token, call: Call) -> Reply:
    """Answer `directory/subscriptions`; LicenseAssignment.Read.All is not enough for it (403)."""
    _need(token, READ_ALL)
    rows = tenant.subscriptions
    skip = int(decode_token(call.query["skiptoken"])) if "skiptoken" in call.query else 0
    page = rows[skip : skip + world.page_size] if world.page_size else rows
    content: dict[str, Any] = {"@odata.context": f"{call.graph_url}/v1.0/$metadata#directory/subscriptions"}
    if skip + len(page) < len(rows):
        following = urlencode({"$skiptoken": encode_token(str(skip + len(page)))}, safe="$")
        content["@odata.nextLink"] = f"{call.graph_url}/v1.0/directory/subscriptions?{following}"
    content["value"] = [subscription_row(tenant, subscription) for subscription in page]
    return as_json(content)


def _need(token: Token, roles: set[str]) -> None:
    if not token.roles & roles:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _not_found(call: Call) -> GraphError:
    name = call.parts[0]
    return GraphError(404, "ResourceNotFound", f"Resource not found for the segment '{name}'.")
