"""The three lists as the product makes them: columns, their names and types, indexes, unique values. Data and pure
functions, shared by `lists provision`, `lists check`, the manual and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.profiles.sharepoint_profile import DEFAULT_COLUMNS
from core.sharepoint.list_columns import COLUMNS, KINDS, LIST_NAMES, Column

DESCRIPTION = "Angelegt von Lizenztool"  # of a list that the product has made: only there it changes what is there
TEMPLATE = "genericList"
TITLE = "Title"  # the column that every new list has
TITLE_SHOWN = {"Title", "Titel", "Titre", "Titolo"}  # its name for people in a new list, by the language of the site
PARAMETERS = ("sendermail", "recipientmail", "communication")  # rows of the parameter list that the flow reads
NO, YES = "0", "1"  # default values of a yes/no column


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column as the product makes it: internal name (ASCII), name for people, index, unique values, default value.

    SharePoint needs an index for unique values, and has none of them for a yes/no column. A licence name is not unique:
    several tenants have the same licence. The internal names are those that the flow of the older tool reads.
    """

    name: str
    shown: str
    indexed: bool = False
    unique: bool = False
    default: str = ""


NEW_COLUMNS: dict[str, dict[str, NewColumn]] = {
    "license": {
        "name": NewColumn(TITLE, "Lizenzname", indexed=True),
        "tenant": NewColumn("tenant", "Tenant", indexed=True),
        "available": NewColumn("Verfuegbar", "Verfügbar"),
        "used": NewColumn("Gebraucht", "Gebraucht"),
        "free": NewColumn("Frei", "Frei"),
        "trigger": NewColumn("trigger_inform_supporter", "Support informieren", indexed=True, default=NO),
        "informed": NewColumn("technician_informed", "Support informiert", default=NO),
    },
    "tenant": {
        "title": NewColumn(TITLE, "Tenant", indexed=True, unique=True),
        "enabled": NewColumn("enabled", "Aktiv", default=YES),
        "monitoring": NewColumn("monitoring", "Überwachung", default=NO),
        "cert_expires": NewColumn("cert_expires", "Zertifikat gültig bis", indexed=True),
    },
    "parameter": {
        "name": NewColumn("Parameter", "Parameter", indexed=True, unique=True),
        "value": NewColumn("Parameterwert", "Parameterwert"),
    },
}
FACETS: dict[str, dict[str, Any]] = {
    "text": {"text": {"allowMultipleLines": False, "maxLength": 255}},
    "boolean": {"boolean": {}},
    "number": {"number": {"decimalPlaces": "none"}},
    "dateTime": {"dateTime": {"format": "dateOnly", "displayAs": "standard"}},
}  # by the names of Graph, https://learn.microsoft.com/graph/api/resources/columndefinition


def candidates(kind: str, word: str) -> Sequence[str]:
    """Return the names by which a column is looked for in a list that exists: the older tool's first, then ours."""
    field = COLUMNS[kind][word].field
    return [*dict.fromkeys([DEFAULT_COLUMNS.get(field, field), NEW_COLUMNS[kind][word].name])]


def column_body(kind: str, word: str) -> dict[str, Any]:
    """Return the columnDefinition with which the column is made."""
    column = NEW_COLUMNS[kind][word]
    body: dict[str, Any] = {"name": column.name, "displayName": column.shown}
    body |= FACETS[KINDS[COLUMNS[kind][word].role]]
    body |= {"indexed": True} if column.indexed else {}
    body |= {"enforceUniqueValues": True} if column.unique else {}
    return body | ({"defaultValue": {"value": column.default}} if column.default else {})


def list_body(kind: str) -> dict[str, Any]:
    """Return the list with its columns as it is made; SharePoint adds the title."""
    made = [column_body(kind, word) for word, column in NEW_COLUMNS[kind].items() if column.name != TITLE]
    return {
        "displayName": LIST_NAMES[kind],
        "description": DESCRIPTION,
        "list": {"template": TEMPLATE},
        "columns": made,
    }


def missing_settings(kind: str, columns: Mapping[str, Column]) -> dict[str, dict[str, Any]]:
    """Return internal name -> settings that a column of a list that the product has made does not have yet.

    `columns` are those of the list by internal name. A name that a person has given to the title stays.
    """
    wanted = {new.name: new for new in NEW_COLUMNS[kind].values()}
    missing: dict[str, dict[str, Any]] = {}
    for name, new in wanted.items():
        if (column := columns.get(name)) is None:
            continue
        settings: dict[str, Any] = {"displayName": new.shown} if column.shown in TITLE_SHOWN - {new.shown} else {}
        settings |= {"indexed": True} if new.indexed and not column.indexed else {}
        settings |= {"enforceUniqueValues": True} if new.unique and not column.unique else {}
        missing |= {name: settings} if settings else {}
    if (
        TITLE not in wanted and TITLE in columns and columns[TITLE].must_be_filled
    ):  # else nobody could save a row in the browser
        missing[TITLE] = {"required": False}
    return missing
