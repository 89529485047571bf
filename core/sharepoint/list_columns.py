"""The columns of the three lists: which ones are ours, and what is wrong with them. Pure: Graph's definitions in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.name_key import name_key
from core.problems import Problem, ProblemError

LIST_NAMES = {"license": "Lizenzstatusliste", "tenant": "Tenantliste", "parameter": "Parameterliste"}

# What a column is for. `key`: an item is found by it; `flag`: the flow acts on it; `switch`: says whether a tenant
# is read and told; `number`, `date`: shown to people; `parameter`: read by the flow.
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
DISPENSABLE: set[Role] = {"number", "date"}  # an alarm goes out without them
WITHOUT = {
    "sharepoint.column_missing": "sharepoint.values_missing",
    "sharepoint.column_ambiguous": "sharepoint.values_ambiguous",
    "sharepoint.column_twice": "sharepoint.values_twice",
}  # of a dispensable column: the list is worked with all the same
NO_FACET = {"defaultValue", "validation", "sourceColumn", "sourceContentType"}  # objects that tell no type


class ListError(ProblemError):
    """A list cannot be worked with, because of its columns."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of our columns: `field` is its key in the profile's field_mapping, or its name in the list."""

    field: str
    role: Role


LICENSE_COLUMNS = {
    "name": Wanted("Lizenzname", "key"),
    "available": Wanted("Verfügbar", "number"),
    "used": Wanted("Gebraucht", "number"),
    "free": Wanted("Frei", "number"),
    "tenant": Wanted("Tenant", "key"),
    "trigger": Wanted("Infosup", "flag"),
    "informed": Wanted("technician_informed", "flag"),
}
TENANT_COLUMNS = {
    "title": Wanted("Title", "key"),
    "enabled": Wanted("enabled", "switch"),
    "monitoring": Wanted("monitoring", "switch"),
    "cert_expires": Wanted("cert_expires", "date"),
}
PARAMETER_COLUMNS = {"name": Wanted("Parameter", "parameter"), "value": Wanted("Parameterwert", "parameter")}
COLUMNS = {"license": LICENSE_COLUMNS, "tenant": TENANT_COLUMNS, "parameter": PARAMETER_COLUMNS}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Graph describes it; `kind` is its facet, "" when Graph names none."""

    name: str
    shown: str
    kind: str = ""
    read_only: bool = False
    hidden: bool = False  # from people; it is read and written like any other
    must_be_filled: bool = False

    @property
    def label(self) -> str:
        """Both of its names, where they differ."""
        return self.shown if name_key(self.shown) == name_key(self.name) else f"{self.shown} ({self.name})"

    def holds(self, role: Role) -> bool:
        """Whether its type is the one that is wanted; a type that Graph does not tell passes."""
        return self.kind in ("", KINDS[role]) or self.kind in WORKS_TOO.get(role, ())

    def takes(self, role: Role) -> bool:
        """Whether our values can be written into it."""
        fits = self.holds(role) or (role == "key" and self.kind == "choice")  # which takes the texts it knows
        return fits and not self.read_only


def column_of(definition: Mapping[str, Any]) -> Column:
    """A columnDefinition of Graph -> Column; calculated ones count as read-only."""
    kind = _kind(definition)
    name = str(definition.get("name") or "")
    return Column(
        name=name,
        shown=str(definition.get("displayName") or name),
        kind=kind,
        read_only=bool(definition.get("readOnly") or kind == "calculated"),
        hidden=bool(definition.get("hidden")),
        must_be_filled=bool(definition.get("required")) and not definition.get("defaultValue"),
    )


def _kind(definition: Mapping[str, Any]) -> str:
    """The name of the one facet. Formatted text, which comes back as HTML, and several choices have names of ours."""
    for name, facet in definition.items():
        if isinstance(facet, Mapping) and name not in NO_FACET:
            if name == "text" and facet.get("textType") == "richText":
                return "richText"
            return "multiChoice" if facet.get("displayAs") == "checkBoxes" else name
    return ""


@dataclass(frozen=True, slots=True)
class OurColumns:
    """Our columns of one list by our own words; a dispensable one that is missing is not among them.

    `unfilled`: columns that must be filled and that we know nothing of.
    """

    kind: str
    by_word: Mapping[str, Column]
    lost: Sequence[Problem] = ()
    unfilled: Sequence[Column] = ()

    def reads(self, word: str) -> bool:
        """Whether the values of this column are what they should be."""
        column = self.by_word.get(word)
        return column is not None and column.holds(COLUMNS[self.kind][word].role)

    def takes(self, *words: str) -> bool:
        """Whether all of these can be written."""
        wanted = COLUMNS[self.kind]
        return all(word in self.by_word and self.by_word[word].takes(wanted[word].role) for word in words)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with them, each with list, column and what to do."""
        found = (_fault(self.kind, word, column) for word, column in self.by_word.items())
        return [*self.lost, *(problem for problem in found if problem)]

    def obstacle(self, *words: str) -> Problem | None:
        """What keeps us from writing one of these, None when all of them can be written."""
        return next((_fault(self.kind, word, self.by_word[word]) for word in words if not self.takes(word)), None)

    @property
    def required(self) -> list[Problem]:
        """Columns that may make SharePoint refuse new items of ours."""
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
    """Find our columns of the list `kind`, from the profile's mapping or the name people see.

    Internal names cannot be computed ("Verf_x00fc_gbar", "field_3"), so they are looked up. Raises
    ListError naming list and column when one that an alarm needs is missing, or its name fits several.
    """
    columns = [column_of(definition) for definition in definitions]
    by_word: dict[str, Column] = {}
    lost: list[Problem] = []
    for word in sorted(COLUMNS[kind], key=lambda word: COLUMNS[kind][word].role in DISPENSABLE):
        wanted = COLUMNS[kind][word]
        try:
            column = _found(kind, mapping.get(wanted.field, wanted.field), columns)
            _is_free(kind, column, wanted, by_word)
            by_word[word] = column
        except ListError as error:
            if wanted.role not in DISPENSABLE:
                raise
            lost.append(Problem(WITHOUT[error.problem.code], error.problem.params))
    ours = {column.name for column in by_word.values()}
    unfilled = [column for column in columns if column.must_be_filled and not (column.read_only or column.hidden)]
    return OurColumns(kind, by_word, lost, [column for column in unfilled if column.name not in ours])


def _found(kind: str, name: str, columns: Sequence[Column]) -> Column:
    """The column of this name: internal to the letter, internal, shown; of several the writable, then visible ones."""
    key = name_key(name)
    steps = (
        [column for column in columns if column.name == name],
        [column for column in columns if name_key(column.name) == key],
        [column for column in columns if name_key(column.shown) == key],
    )
    found = next((step for step in steps if step), [])
    if len(found) > 1:
        found = [column for column in found if not column.read_only] or found
        found = [column for column in found if not column.hidden] or found
    values = {"list": LIST_NAMES[kind], "field": name}
    if not found:
        raise ListError(Problem("sharepoint.column_missing", values))
    if len(found) > 1:
        names = ", ".join(sorted(column.name for column in found))
        raise ListError(Problem("sharepoint.column_ambiguous", values | {"names": names}))
    return found[0]


def _is_free(kind: str, column: Column, wanted: Wanted, by_word: Mapping[str, Column]) -> None:
    """Raise ListError when the mapping has given this column to another of ours already."""
    for word, other in by_word.items():
        if other.name == column.name:
            values = {"list": LIST_NAMES[kind], "field": column.label, "other": wanted.field}
            raise ListError(Problem("sharepoint.column_twice", values | {"one": COLUMNS[kind][word].field}))
