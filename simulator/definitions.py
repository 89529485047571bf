"""Column definitions and lists that a client sends, checked as SharePoint checks them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .columns import FACETS, Column, FieldError, encoded
from .lists import ItemList
from .replies import GraphError

TEMPLATES = ("genericList", "documentLibrary")
MOST_INDEXES = 20
FACET_NAMES = {name for facet in FACETS.values() for name in facet}
NO_UNIQUE = {"boolean", "note", "richText", "hyperlinkOrPicture", "calculated"}
SETTINGS = {
    "displayName": "display",
    "indexed": "indexed",
    "enforceUniqueValues": "unique",
    "required": "required",
    "hidden": "hidden",
}  # of a columnDefinition -> of a Column


def title_and_columns(body: Any) -> tuple[str, str, list[Column]]:
    """Return (title, template, columns) of a list to be made. Raise GraphError 400 if SharePoint refuses it."""
    if not isinstance(body, Mapping) or not isinstance(body.get("displayName"), str) or not body["displayName"].strip():
        raise _refused("The list needs a displayName.")
    template = (body.get("list") or {}).get("template", "genericList")
    if template not in TEMPLATES:
        raise _refused(f"Unknown list template '{template}'.")
    columns = [new_column(one) for one in body.get("columns", [])]
    if sum(column.indexed for column in columns) > MOST_INDEXES:
        raise _refused("A list may not have more than 20 indexed columns.")
    return body["displayName"].strip(), template, columns


def new_column(body: Any) -> Column:
    """Return the column for a columnDefinition. Raise GraphError 400 if SharePoint refuses it."""
    if not isinstance(body, Mapping) or not body.get("name"):
        raise _refused("The column needs a name.")
    facets = sorted(FACET_NAMES & set(body))
    if len(facets) != 1:
        raise _refused("A column needs exactly one type.")
    facet = body[facets[0]] or {}
    name = str(body["name"])
    values = {ours: body[theirs] for theirs, ours in SETTINGS.items() if theirs in body}
    column = Column(encoded(name), **{"display": name, **values}, kind=_kind(facets[0], facet), default=_default(body))
    if facet.get("choices"):
        column = replace(column, choices=tuple(facet["choices"]))
    _check(column)
    return column


def change_column(items: ItemList, name: str, body: Any) -> Column:
    """Change the settings of a column, and return it. Raise GraphError if SharePoint refuses them."""
    if not isinstance(body, Mapping) or not set(body) <= {*SETTINGS, "defaultValue"}:
        raise _refused("The property cannot be changed.")
    values = {SETTINGS[theirs]: value for theirs, value in body.items() if theirs in SETTINGS}
    values |= {"default": _default(body)} if "defaultValue" in body else {}
    column = replace(items.columns[name], **values)
    _check(column)
    if column.unique and items.duplicates(name):
        raise _refused("The column has duplicate values.")
    if (
        sum(one.indexed for one in items.columns.values() if one.name not in ("ID", name)) + column.indexed
        > MOST_INDEXES
    ):
        raise _refused("A list may not have more than 20 indexed columns.")
    return items.change_column(name, **values)


def _check(column: Column) -> None:
    if column.unique and (not column.indexed or column.kind in NO_UNIQUE):
        raise _refused("A column with unique values needs an index and a type that has one.")
    if column.indexed and column.kind in ("note", "richText", "hyperlinkOrPicture", "calculated"):
        raise _refused("The column cannot be indexed.")
    try:
        column.first_value  # noqa: B018 - raises if the default does not fit the type
    except FieldError as error:
        raise _refused(str(error)) from None


def _kind(facet: str, settings: Mapping[str, Any]) -> str:
    """Return the kind of column, a key of FACETS, for a facet."""
    if facet == "text" and settings.get("allowMultipleLines"):
        return "richText" if settings.get("textType") == "richText" else "note"
    if facet == "dateTime":
        return "date" if settings.get("format", "dateOnly") == "dateOnly" else "dateTime"
    return facet


def _default(body: Mapping[str, Any]) -> str:
    given = body.get("defaultValue")
    return str(given.get("value") or "") if isinstance(given, Mapping) else ""


def _refused(message: str) -> GraphError:
    return GraphError(400, "invalidRequest", message)
