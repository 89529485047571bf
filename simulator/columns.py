"""List columns: internal and display name, and the form in which SharePoint stores a value of each kind."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from .profiles import guid
from .replies import stamp

SITE_ZONE = ZoneInfo("Europe/Zurich")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
FACETS: dict[str, dict[str, Any]] = {
    "text": {"text": {"allowMultipleLines": False, "linesForEditing": 0, "maxLength": 255}},
    "number": {"number": {"decimalPlaces": "automatic", "displayAs": "number"}},
    "boolean": {"boolean": {}},
    "date": {"dateTime": {"displayAs": "standard", "format": "dateOnly"}},
    "dateTime": {"dateTime": {"displayAs": "standard", "format": "dateTime"}},
    "note": {"text": {"allowMultipleLines": True, "linesForEditing": 6, "textType": "plain"}},
    "richText": {"text": {"allowMultipleLines": True, "linesForEditing": 6, "textType": "richText"}},
    "choice": {"choice": {"allowTextEntry": False, "choices": ["Ja", "Nein"], "displayAs": "dropDownMenu"}},
    "currency": {"currency": {"locale": "de-CH"}},
    "lookup": {"lookup": {"allowMultipleValues": False, "columnName": "Title"}},
    "personOrGroup": {"personOrGroup": {"allowMultipleSelection": False}},
    "hyperlinkOrPicture": {"hyperlinkOrPicture": {"isPicture": False}},
    "calculated": {"calculated": {"format": "dateOnly", "formula": '=""', "outputType": "text"}},
}
BY_ID = ("lookup", "personOrGroup")  # written as `<name>LookupId` alone


class FieldError(ValueError):
    """SharePoint refuses a write: unknown or read-only column, or a value of the wrong kind."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `kind` is a key of FACETS, `choices` is for a choice, `least` and `most` are the bounds of a number.

    `default` is what a new item gets, as SharePoint writes it: "1" and "0" for yes and no.
    """

    name: str
    display: str
    kind: str = "text"
    indexed: bool = False
    read_only: bool = False
    hidden: bool = False
    required: bool = False
    unique: bool = False
    default: str = ""
    choices: tuple[str, ...] = ("Ja", "Nein")
    least: float | None = None
    most: float | None = None

    def row(self, list_id: str) -> dict[str, Any]:
        """Return the column as Graph's columnDefinition."""
        return {
            "columnGroup": "Custom Columns",
            "description": "",
            "displayName": self.display,
            "enforceUniqueValues": self.unique,
            "hidden": self.hidden,
            "id": guid("column", list_id, self.name),
            "indexed": self.indexed,
            "name": self.name,
            "readOnly": self.read_only,
            "required": self.required,
            **({"defaultValue": {"value": self.default}} if self.default else {}),
            **self._facet(),
        }

    def _facet(self) -> dict[str, Any]:
        """Return the facet, the one property that names the type of the column."""
        if self.kind == "choice":
            return {"choice": {**FACETS["choice"]["choice"], "choices": list(self.choices)}}
        limits = {"minimum": self.least, "maximum": self.most}
        bounds = {name: limit for name, limit in limits.items() if limit is not None}
        return {"number": {**FACETS["number"]["number"], **bounds}} if bounds else FACETS[self.kind]

    def stored(self, value: Any, zone: ZoneInfo = SITE_ZONE) -> Any:
        """Return the value as SharePoint stores it on a site in `zone`; None clears the field. May raise FieldError."""
        if self.read_only or self.kind == "calculated":
            raise FieldError(f"Field '{self.name}' is read-only")
        if self.kind in BY_ID:
            raise FieldError(f"Field '{self.name}' is written by its LookupId")
        if value is None:
            return None
        if not _fits(self.kind, value):
            raise FieldError(f"Cannot convert the value of field '{self.name}' to {self.kind}")
        self._within_bounds(value)
        if self.kind in ("date", "dateTime"):
            return _stored_time(self, value, zone)
        if self.kind == "richText" and not value.startswith("<div"):
            return f'<div class="ExternalClass">{value}</div>'
        return value

    @property
    def first_value(self) -> Any:
        """Return the value of a new item that is created without one; None for no value."""
        if self.read_only:
            return None
        if self.kind == "boolean":
            return self.default == "1"
        return self.stored(self.default) if self.default else None

    def answer(self, yes: bool) -> Any:
        """Return the value that a person enters for yes or no: a boolean or one of two choices."""
        return yes if self.kind == "boolean" else self.choices[0 if yes else 1]

    def retyped(self, value: Any) -> Any:
        """Return a value of the replaced column converted to the kind of this one; None if it is lost."""
        if isinstance(value, bool):
            value = value if self.kind == "boolean" else self.choices[0 if value else 1]
        if self.kind in ("number", "currency"):
            return float(value) if NUMBER.fullmatch(str(value)) else None
        if self.kind in ("boolean", "date", "dateTime"):
            return value if _fits(self.kind, value) else None
        return str(value)

    def _within_bounds(self, value: Any) -> None:
        if self.kind == "choice" and value not in self.choices:
            raise FieldError(f"The value of field '{self.name}' is none of its choices")
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise FieldError(f"The value of field '{self.name}' is outside of its minimum and maximum")


BUILT_IN = (
    Column("Title", "Titel"),
    Column("ID", "ID", "number", indexed=True, read_only=True),
    Column("id", "ID", "number", read_only=True, hidden=True),
    Column("ContentType", "Inhaltstyp", read_only=True),
    Column("Modified", "Geändert", "dateTime", read_only=True),
    Column("Created", "Erstellt", "dateTime", read_only=True),
    Column("Author", "Erstellt von", read_only=True),
    Column("AuthorLookupId", "Erstellt von", read_only=True, hidden=True),
    Column("Editor", "Geändert von", read_only=True),
    Column("EditorLookupId", "Geändert von", read_only=True, hidden=True),
    Column("_UIVersionString", "Version", read_only=True),
    Column("Attachments", "Anlagen", "boolean", read_only=True),
    Column("LinkTitle", "Titel", read_only=True),
    Column("LinkTitleNoMenu", "Titel", read_only=True),
)


def encoded(display: str) -> str:
    """Return the internal name SharePoint gives a column: `Verfügbar` -> `Verf_x00fc_gbar`, cut at 32 characters."""
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"_x{ord(c):04x}_" for c in display)[:32]


def _fits(kind: str, value: Any) -> bool:
    if kind in ("text", "choice"):
        return isinstance(value, str) and len(value) <= 255
    if kind in ("note", "richText"):
        return isinstance(value, str)
    if kind == "hyperlinkOrPicture":
        return isinstance(value, dict)
    if kind in ("number", "currency"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str | dt.date)


def _stored_time(column: Column, value: str | dt.date, zone: ZoneInfo) -> str:
    """Return the time in UTC; a date-only column stores midnight in `zone`, often the evening before in UTC."""
    text = value if isinstance(value, str) else value.isoformat()
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(f"Cannot convert the value of field '{column.name}' to a date") from None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    if column.kind == "date":
        at = dt.datetime.combine(at.astimezone(zone).date(), dt.time(), zone)
    return stamp(at)
