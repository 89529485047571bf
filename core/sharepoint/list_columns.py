"""Find our columns in the three lists and check their types. Pure functions of Graph's definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.name_key import name_key
from core.problems import Problem, ProblemError

LIST_NAMES = {"license": "Lizenzstatusliste", "tenant": "Tenantliste", "parameter": "Parameterliste"}

# Use of a column. `key`: identifies an item; `flag`: the flow reads and writes it; `switch`: whether a tenant is read
# and monitored; `number`, `date`: for people; `parameter`: read by the flow.
Role = Literal["key", "flag", "switch", "number", "date", "parameter"]
KINDS: dict[Role, str] = {
    "key": "text",
    "flag": "boolean",
    "switch": "boolean",
    "number": "number",
    "date": "dateTime",
    "parameter": "text",
}  # Graph's names, https://learn.microsoft.com/graph/api/resources/columndefinition
WORKS_TOO: dict[Role, set[str]] = {"number": {"currency"}, "parameter": {"choice"}}
DISPENSABLE: set[Role] = {"number", "date"}  # alarms work without them
WITHOUT = {
    "sharepoint.column_missing": "sharepoint.values_missing",
    "sharepoint.column_ambiguous": "sharepoint.values_ambiguous",
    "sharepoint.column_twice": "sharepoint.values_twice",
}  # problem of a dispensable column, without which the list can be used
NO_FACET = {"defaultValue", "validation", "sourceColumn", "sourceContentType"}  # objects that are no type


class ListError(ProblemError):
    """A list cannot be used because of its columns."""


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column that we need: `field` is its key in the profile's field_mapping, or its name in the list."""

    field: str
    role: Role


LICENSE_COLUMNS = {
    "name": ColumnSpec("Lizenzname", "key"),
    "available": ColumnSpec("Verfügbar", "number"),
    "used": ColumnSpec("Gebraucht", "number"),
    "free": ColumnSpec("Frei", "number"),
    "tenant": ColumnSpec("Tenant", "key"),
    "trigger": ColumnSpec("Infosup", "flag"),
    "informed": ColumnSpec("technician_informed", "flag"),
}
TENANT_COLUMNS = {
    "title": ColumnSpec("Title", "key"),
    "enabled": ColumnSpec("enabled", "switch"),
    "monitoring": ColumnSpec("monitoring", "switch"),
    "cert_expires": ColumnSpec("cert_expires", "date"),
}
PARAMETER_COLUMNS = {"name": ColumnSpec("Parameter", "parameter"), "value": ColumnSpec("Parameterwert", "parameter")}
COLUMNS = {"license": LICENSE_COLUMNS, "tenant": TENANT_COLUMNS, "parameter": PARAMETER_COLUMNS}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Graph describes it; `kind` is its facet (type), "" if Graph gives none."""

    name: str
    shown: str
    kind: str = ""
    read_only: bool = False
    hidden: bool = False  # not shown to people; it can be read and written
    must_be_filled: bool = False
    column_id: str = field(default="", compare=False)
    indexed: bool = field(default=False, compare=False)  # these make no difference to what is read and written
    unique: bool = field(default=False, compare=False)

    @property
    def label(self) -> str:
        """Return the name for people, with the internal one if they differ."""
        return self.shown if name_key(self.shown) == name_key(self.name) else f"{self.shown} ({self.name})"

    def holds(self, role: Role) -> bool:
        """Return True if the type fits the role; an unknown type does."""
        return self.kind in ("", KINDS[role]) or self.kind in WORKS_TOO.get(role, ())

    def takes(self, role: Role) -> bool:
        """Return True if our values can be written into the column."""
        fits = self.holds(role) or (role == "key" and self.kind == "choice")  # a choice takes its own texts
        return fits and not self.read_only


def column_of(definition: Mapping[str, Any]) -> Column:
    """Return the Column for a columnDefinition of Graph; calculated ones count as read-only."""
    kind = _kind(definition)
    name = str(definition.get("name") or "")
    return Column(
        name=name,
        shown=str(definition.get("displayName") or name),
        kind=kind,
        read_only=bool(definition.get("readOnly") or kind == "calculated"),
        hidden=bool(definition.get("hidden")),
        must_be_filled=bool(definition.get("required")) and not definition.get("defaultValue"),
        column_id=str(definition.get("id") or ""),
        indexed=bool(definition.get("indexed")),
        unique=bool(definition.get("enforceUniqueValues")),
    )


def _kind(definition: Mapping[str, Any]) -> str:
    """Return the name of the facet; rich text (returned as HTML) and multiple choice get names of our own."""
    for name, facet in definition.items():
        if isinstance(facet, Mapping) and name not in NO_FACET:
            if name == "text" and facet.get("textType") == "richText":
                return "richText"
            return "multiChoice" if facet.get("displayAs") == "checkBoxes" else name
    return ""


@dataclass(frozen=True, slots=True)
class OurColumns:
    """Our columns of one list by our own names, without dispensable ones that are missing (see `lost`).

    `unfilled`: required columns that are not ours.
    """

    kind: str
    by_word: Mapping[str, Column]
    lost: Sequence[Problem] = ()
    unfilled: Sequence[Column] = ()

    def reads(self, word: str) -> bool:
        """Return True if the column exists with the right type."""
        column = self.by_word.get(word)
        return column is not None and column.holds(COLUMNS[self.kind][word].role)

    def takes(self, *words: str) -> bool:
        """Return True if all of these columns can be written."""
        specs = COLUMNS[self.kind]
        return all(word in self.by_word and self.by_word[word].takes(specs[word].role) for word in words)

    @property
    def problems(self) -> list[Problem]:
        """Return the problems with the columns."""
        faults = (_fault(self.kind, word, column) for word, column in self.by_word.items())
        return [*self.lost, *(problem for problem in faults if problem)]

    def obstacle(self, *words: str) -> Problem | None:
        """Return the problem of the first of these columns that cannot be written, None if all can."""
        return next((_fault(self.kind, word, self.by_word[word]) for word in words if not self.takes(word)), None)

    @property
    def required(self) -> list[Problem]:
        """Return the problems of required columns that we do not fill: SharePoint may refuse new items."""
        values = {"list": LIST_NAMES[self.kind]}
        return [Problem("sharepoint.column_required", values | {"field": column.label}) for column in self.unfilled]


def _fault(kind: str, word: str, column: Column) -> Problem | None:
    role = COLUMNS[kind][word].role
    values = {"list": LIST_NAMES[kind], "field": column.label, "wanted": KINDS[role], "found": column.kind}
    if not column.holds(role):
        return Problem(f"sharepoint.type_of_{role}", values)
    if column.read_only and role != "parameter":
        return Problem(f"sharepoint.read_only_{'number' if role in DISPENSABLE else role}", values)
    return None


def resolve_columns(kind: str, mapping: Mapping[str, str], definitions: Iterable[Mapping[str, Any]]) -> OurColumns:
    """Return our columns of the list `kind`, found by the profile's mapping or by the name for people.

    Internal names cannot be computed ("Verf_x00fc_gbar", "field_3"), so they are looked up. Raises ListError if a
    column that alarms need is missing, or its name fits several.
    """
    columns = [column_of(definition) for definition in definitions]
    by_word: dict[str, Column] = {}
    lost: list[Problem] = []
    for word in sorted(COLUMNS[kind], key=lambda word: COLUMNS[kind][word].role in DISPENSABLE):
        spec = COLUMNS[kind][word]
        try:
            column = find_column(kind, mapping.get(spec.field, spec.field), columns)
            check_unused(kind, column, spec, by_word)
            by_word[word] = column
        except ListError as error:
            if spec.role not in DISPENSABLE:
                raise
            lost.append(Problem(WITHOUT[error.problem.code], error.problem.params))
    our_names = {column.name for column in by_word.values()}
    unfilled = [column for column in columns if column.must_be_filled and not (column.read_only or column.hidden)]
    return OurColumns(kind, by_word, lost, [column for column in unfilled if column.name not in our_names])


def find_column(kind: str, name: str, columns: Sequence[Column]) -> Column:
    """Return the column with this name: internal name exactly, internal name, name for people, in this order.

    Of several the writable ones count, then the visible ones.
    """
    key = name_key(name)
    steps = (
        [column for column in columns if column.name == name],
        [column for column in columns if name_key(column.name) == key],
        [column for column in columns if name_key(column.shown) == key],
    )
    matches = next((step for step in steps if step), [])
    if len(matches) > 1:
        matches = [column for column in matches if not column.read_only] or matches
        matches = [column for column in matches if not column.hidden] or matches
    values = {"list": LIST_NAMES[kind], "field": name}
    if not matches:
        raise ListError(Problem("sharepoint.column_missing", values))
    if len(matches) > 1:
        names = ", ".join(sorted(column.name for column in matches))
        raise ListError(Problem("sharepoint.column_ambiguous", values | {"names": names}))
    return matches[0]


def check_unused(kind: str, column: Column, spec: ColumnSpec, by_word: Mapping[str, Column]) -> None:
    """Raise ListError if the mapping uses this column for another one of ours already."""
    for word, other in by_word.items():
        if other.name == column.name:
            values = {"list": LIST_NAMES[kind], "field": column.label, "other": spec.field}
            raise ListError(Problem("sharepoint.column_twice", values | {"one": COLUMNS[kind][word].field}))
