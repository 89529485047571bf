"""JSON of sites, lists and list items in Graph's format."""

from typing import Any

from .lists import Item, ItemList
from .replies import dumps, stamp
from .site import HOST, SharePoint
from .world import World

CONTENT_TYPE = {"id": "0x0100A1B2C3D4E5F60718293A4B5C6D7E8F90", "name": "Element"}
Expand = tuple[str, ...] | None
"""None: no `$expand=fields`; empty: all fields; else the selected ones."""


def item_json(world: World, site: SharePoint, items: ItemList, item: Item, expand: Expand) -> bytes:
    """Return the item as JSON, rendered once per version: rendering a page of 5,000 anew would delay other requests."""
    key = (expand, world.float_numbers)
    if key not in item.rendered:
        item.rendered[key] = dumps(_item(world, site, items, item, expand))
    return item.rendered[key]


def field_values(world: World, items: ItemList, item: Item, select: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a fieldValueSet: the values of the columns and SharePoint's own. Counts and lookups are strings."""
    numbers = {name for name, column in items.columns.items() if column.kind == "number"} if world.float_numbers else ()
    own = {name: float(value) if name in numbers else value for name, value in item.fields.items()}
    added = {
        "LinkTitle": own.get("Title"),
        "id": str(item.id),
        "ContentType": CONTENT_TYPE["name"],
        "Modified": stamp(item.modified),
        "Created": stamp(item.created),
        "AuthorLookupId": "6" if "user" in item.author else "1073741822",
        "EditorLookupId": "6" if "user" in item.editor else "1073741822",
        "_UIVersionString": f"{item.version}.0",
        "Attachments": False,
        "Edit": "",
        "LinkTitleNoMenu": own.get("Title"),
        "ItemChildCount": "0",
        "FolderChildCount": "0",
        "_ComplianceFlags": "",
        "_ComplianceTag": "",
        "_ComplianceTagWrittenTime": "",
        "_ComplianceTagUserId": "",
    }
    values = {name: value for name, value in {**own, **added}.items() if value is not None}
    chosen = {name: value for name, value in values.items() if name in select} if select else values
    return {"@odata.etag": item.etag, **chosen}


def deleted_json(site: SharePoint, item_id: int) -> bytes:
    content_type = {"contentType": CONTENT_TYPE, "deleted": {"state": "deleted"}}
    return dumps({"id": str(item_id), "parentReference": {"siteId": site.site_id}, **content_type})


def list_row(site: SharePoint, items: ItemList) -> dict[str, Any]:
    return {
        "id": items.id,
        "name": items.title,
        "displayName": items.title,
        "description": items.description,
        "eTag": f'"{items.id},{items.sequence}"',
        "webUrl": f"https://{HOST}{site.path}/Lists/{items.title}",
        "parentReference": {"siteId": site.site_id},
        "list": {"contentTypesEnabled": False, "hidden": False, "template": items.template},
    }


def site_row(site: SharePoint) -> dict[str, Any]:
    return {
        "id": site.site_id,
        "name": site.path.rsplit("/", 1)[-1],
        "displayName": site.name,
        "webUrl": f"https://{HOST}{site.path}",
        "root": {},
        "siteCollection": {"hostname": HOST},
    }


def _item(world: World, site: SharePoint, items: ItemList, item: Item, expand: Expand) -> dict[str, Any]:
    row = {
        "@odata.etag": item.etag,
        "createdDateTime": stamp(item.created),
        "eTag": item.etag,
        "id": str(item.id),
        "lastModifiedDateTime": stamp(item.modified),
        "webUrl": f"https://{HOST}{site.path}/Lists/{items.title}/{item.id}_.000",
        "createdBy": item.author,
        "lastModifiedBy": item.editor,
        "parentReference": {"id": items.id, "siteId": site.site_id},
        "contentType": CONTENT_TYPE,
    }
    if expand is None:
        return row
    of_list = f"{world.graph_url}/v1.0/$metadata#sites('{site.site_id}')/lists('{items.id}')"
    context = f"{of_list}/items('{item.id}')/fields/$entity"
    return {**row, "fields@odata.context": context, "fields": field_values(world, items, item, expand)}
