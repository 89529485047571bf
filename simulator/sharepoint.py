"""SharePoint through Graph: sites, lists, columns, items, delta, and the errors that writes can get."""

import re
from typing import Any
from urllib.parse import quote

from . import definitions, queries
from .columns import FieldError
from .lists import Item, ItemList
from .rendering import deleted_json, field_values, item_json, list_row, site_row
from .replies import Call, GraphError, Reply, as_json, dumps, encode_token
from .site import HOST, SharePoint
from .world import Token, World

APP = {"application": {"displayName": "Lizenztool"}}
# What a permission of the app, or the grant on the site with Sites.Selected, allows; each includes the ones before it.
LEVELS = ("read", "write", "manage", "fullcontrol")
ROLES = {
    "Sites.Read.All": "read",
    "Sites.ReadWrite.All": "write",
    "Sites.Manage.All": "manage",
    "Sites.FullControl.All": "fullcontrol",
}
ETAG = re.compile(r'"\{[0-9A-Fa-f-]{36}\},\d+"')
ITEM_OPTIONS = {"expand", "select", "top", "filter", "skiptoken", "orderby", "count"}


def answer(world: World, token: Token, call: Call) -> Reply:
    """Answer `sites/{id}[/lists[/{list}[/...]]]`; `{host}:/{path}:` names a site as well as its id."""
    parts = call.parts[1:]
    site, rest = _site(world, token, parts)
    _check_permission(site, token, call)
    if not rest:
        return _charged(world, token, 1, as_json(site_row(site)))
    if rest[0] != "lists":
        raise _missing()
    if len(rest) == 1 and call.method == "POST":
        return _charged(world, token, 2, _create_list(site, call))
    if len(rest) == 1:
        return _charged(world, token, 2, as_json({"value": [list_row(site, items) for items in site.lists]}))
    items = next((i for i in site.lists if rest[1].lower() in (i.id, i.title.lower())), None)
    if items is None:
        raise GraphError(404, "itemNotFound", "The specified list was not found.")
    if call.method in items.forbidden and "items" in rest[2:3]:
        raise GraphError(403, "accessDenied", "Access denied")
    return _list(world, token, call, site, items, rest[2:])


def _list(world: World, token: Token, call: Call, site: SharePoint, items: ItemList, rest: list[str]) -> Reply:
    match (call.method, *rest):
        case ("GET",):
            return _charged(world, token, 1, as_json(list_row(site, items)))
        case ("GET", "columns"):
            rows = [column.row(items.id) for column in items.columns.values() if column.name != "id"]
            return _charged(world, token, 2, as_json({"value": rows}))
        case ("POST", "columns"):
            return _charged(world, token, 2, _create_column(items, call))
        case ("PATCH", "columns", column_id):
            return _charged(world, token, 2, _change_column(items, column_id, call))
        case ("GET", "items"):
            headers = world.meter.charge(token.tenant_id, 2)
            return _with(headers, _page(world, call, site, items))
        case ("POST", "items"):
            headers = world.meter.charge(token.tenant_id, 2)
            return _with(headers, _create(world, call, site, items))
        case ("GET", "items", "delta"):
            headers = world.meter.charge(token.tenant_id, 1 if "token" in call.query else 2)
            return _with(headers, _delta(world, call, site, items))
        case (_, "items", item_id, *below):
            headers = world.meter.charge(token.tenant_id, 1 if call.method == "GET" else 2)
            return _with(headers, _item(world, call, site, items, item_id, below))
    raise _missing()


def _create_list(site: SharePoint, call: Call) -> Reply:
    body = call.json()
    title, template, columns = definitions.title_and_columns(body)
    if title.casefold() in (items.title.casefold() for items in site.lists):
        raise GraphError(409, "nameAlreadyExists", "The specified name already exists.")
    made = site.add_list(title, columns, template=template)
    made.description = str(body.get("description") or "")
    made.change_column("Title", required=True)  # as in a list that a person makes
    return as_json(list_row(site, made), 201)


def _create_column(items: ItemList, call: Call) -> Reply:
    column = definitions.new_column(call.json())
    if column.name in items.columns:
        raise GraphError(409, "nameAlreadyExists", "A duplicate field name was found.")
    items.columns[column.name] = column
    return as_json(column.row(items.id), 201)


def _change_column(items: ItemList, column_id: str, call: Call) -> Reply:
    named = (column for column in items.columns.values() if column_id in (column.row(items.id)["id"], column.name))
    column = next(named, None)
    if column is None:
        raise GraphError(404, "itemNotFound", "The specified column was not found.")
    return as_json(definitions.change_column(items, column.name, call.json()).row(items.id))


def _item(world: World, call: Call, site: SharePoint, items: ItemList, item_id: str, below: list[str]) -> Reply:
    item = items.by_id.get(int(item_id)) if item_id.isdigit() else None
    if item is None:
        raise GraphError(404, "itemNotFound", "The specified item was not found.")
    match (call.method, *below):
        case ("GET",):
            return Reply(200, item_json(world, site, items, item, queries.expanded(call.query)), {"ETag": item.etag})
        case ("GET", "fields"):
            return as_json(field_values(world, items, item))
        case ("PATCH", "fields"):
            _check_etag(call, item)
            _write(items, lambda: items.update(item.id, items.checked(call.json(), internal_only=True), APP))
            return as_json(field_values(world, items, item))
        case ("DELETE",):
            _check_etag(call, item)
            items.delete(item.id)
            return Reply(204)
    raise _missing()


def _create(world: World, call: Call, site: SharePoint, items: ItemList) -> Reply:
    body = call.json()
    fields = body.get("fields", {}) if isinstance(body, dict) else {}
    item: Item = _write(items, lambda: items.add(items.checked(fields, internal_only=True), APP))
    if items.swallows:
        items.delete(item.id)
    return Reply(201, item_json(world, site, items, item, ()), {"ETag": item.etag})


def _page(world: World, call: Call, site: SharePoint, items: ItemList) -> Reply:
    foreign = set(call.query) - ITEM_OPTIONS
    if foreign:
        raise GraphError(400, "invalidRequest", f"Query option '{min(foreign)}' is not supported.")
    honoured = "HonorNonIndexedQueriesWarningMayFailRandomly" in call.headers.get("prefer", "")
    selected = queries.filtered(items, call.query, honoured=honoured)
    after = queries.position(call.query)
    size = queries.page_size(call.query)
    rest = [item for item in selected if item.id > after] if after else selected
    page, expand = rest[:size], queries.expanded(call.query)
    content: dict[str, Any] = {"@odata.context": f"{world.graph_url}/v1.0/$metadata#listItems"}
    if len(rest) > size:
        kept = {name: value for name, value in call.query.items() if name != "skiptoken"}
        kept["skiptoken"] = encode_token(f"Paged=TRUE&p_ID={page[-1].id}")
        content["@odata.nextLink"] = _link(call, kept)
    return Reply(200, _spliced(content, [item_json(world, site, items, item, expand) for item in page]))


def _delta(world: World, call: Call, site: SharePoint, items: ItemList) -> Reply:
    """Answer with a page of the changes since the token, oldest first; without a token with all items.

    An item that changes while the client reads the pages comes again on a later page.
    """
    since = queries.delta_position(items, call.query.get("token", ""), f"{world.graph_url}{quote(call.path)}")
    entries: list[tuple[int, Item | int]] = [(item.changed, item) for item in items.changed_since(since)]
    if since:
        entries = sorted([*entries, *((at, gone) for gone, at in items.deleted_since(since))], key=lambda e: e[0])
    size, expand = queries.page_size(call.query), queries.expanded(call.query)
    page, more = entries[:size], len(entries) > size
    until = page[-1][0] if more else items.sequence
    kept = {name: value for name, value in call.query.items() if name != "token"}
    kept["token"] = encode_token(f"{items.id};{items.epoch};{until}")
    link = "@odata.nextLink" if more else "@odata.deltaLink"
    content = {"@odata.context": f"{world.graph_url}/v1.0/$metadata#listItems", link: _link(call, kept)}
    rows = [
        deleted_json(site, entry) if isinstance(entry, int) else item_json(world, site, items, entry, expand)
        for _, entry in page
    ]
    return Reply(200, _spliced(content, rows))


def _site(world: World, token: Token, parts: list[str]) -> tuple[SharePoint, list[str]]:
    own = [site for site in world.sites if site.tenant_id == token.tenant_id]
    host, comma, _ = parts[0].partition(",") if parts else ("", "", "")
    if "." in host and not comma:
        if host.rstrip(":").lower() != HOST:
            raise GraphError(400, "invalidRequest", "Invalid hostname for this tenancy")
        path, colon, rest = "/".join(parts[1:]).partition(":")
        named = [site for site in own if site.path.strip("/").casefold() == path.strip("/").casefold()]
        return _first(named), rest.strip("/").split("/") if colon and rest else []
    return _first([site for site in own if parts and site.site_id == parts[0].lower()]), parts[1:]


def _first(sites: list[SharePoint]) -> SharePoint:
    if not sites:
        raise GraphError(404, "itemNotFound", "Requested site could not be found")
    return sites[0]


def _check_permission(site: SharePoint, token: Token, call: Call) -> None:
    """Raise GraphError 403 without permission; with Sites.Selected the grant on the site counts."""
    given = [ROLES[role] for role in token.roles if role in ROLES]
    if "Sites.Selected" in token.roles and site.grant is not None:
        given.append(site.grant)
    least = _least(call, token)
    if not any(LEVELS.index(level) >= LEVELS.index(least) for level in given):
        raise GraphError(403, "accessDenied", "Access denied")


def _least(call: Call, token: Token) -> str:
    """Return the least level for a call; a list needs "manage", for which Sites.ReadWrite.All is documented, too."""
    if call.method == "GET":
        return "read"
    if call.parts[-1] == "lists" and "Sites.ReadWrite.All" in token.roles:
        return "write"
    return "manage" if call.parts[-1] in ("lists", "columns") or "columns" in call.parts[-2:] else "write"


def _check_etag(call: Call, item: Item) -> None:
    expected = call.headers.get("if-match", "*")
    if expected == "*":
        return
    if not ETAG.fullmatch(expected):
        raise GraphError(400, "invalidRequest", "The If-Match header holds a malformed entity tag.")
    if expected != item.etag:
        raise GraphError(412, "resourceModified", "ETag does not match current item's value")


def _write(items: ItemList, work: Any) -> Any:
    try:
        return work()
    except FieldError as error:
        raise GraphError(*items.refusal, str(error)) from None


def _charged(world: World, token: Token, units: int, reply: Reply) -> Reply:
    return _with(world.meter.charge(token.tenant_id, units), reply)


def _with(headers: dict[str, str], reply: Reply) -> Reply:
    reply.headers.update(headers)
    return reply


def _spliced(content: dict[str, Any], rows: list[bytes]) -> bytes:
    return dumps(content)[:-1] + b',"value":[' + b",".join(rows) + b"]}"


def _link(call: Call, query: dict[str, str]) -> str:
    """Return the link to the next page with the whole query in it, so that the client needs no other options."""
    text = "&".join(f"{'' if name == 'token' else '$'}{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{call.graph_url}{quote(call.path, safe='/,:')}?{text}"


def _missing() -> GraphError:
    return GraphError(404, "itemNotFound", "The resource could not be found.")
