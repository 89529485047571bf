"""Compare the lists of a site with those that the product needs, and plan what is to be made. Pure functions.

What is there is never changed; only the title of a list that the product has made gets its name and index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from core.graph import BatchRequest
from core.name_key import guid_key, name_key
from core.problems import Problem
from core.profiles.sharepoint_profile import DEFAULT_COLUMNS, OPTIONAL_COLUMNS
from core.sharepoint.list_columns import (
    COLUMNS,
    KINDS,
    LIST_NAMES,
    Column,
    ListError,
    check_unused,
    column_of,
    find_column,
)
from core.sharepoint.list_template import (
    NEW_COLUMNS,
    PARAMETERS,
    TEMPLATE,
    candidates,
    column_body,
    list_body,
    missing_settings,
)

LIST_IDS = {"license": "license_list_id", "tenant": "tenant_list_id", "parameter": "parameter_list_id"}


@dataclass(frozen=True, slots=True)
class FoundList:
    """A list of the site. `parameters`: name -> value of its rows, None if they have not been read.

    `ours`: the product has made it.
    """

    list_id: str
    title: str
    template: str
    ours: bool = False
    definitions: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, str] | None = None

    @property
    def columns(self) -> list[Column]:
        return [column_of(definition) for definition in self.definitions]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the profile says already (`ids` by the names of the profile, `mapping`), and the values of parameters."""

    ids: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be made on the site; `name` is that of the column or parameter.

    A refused `setting` is only told: the lists work without it.
    """

    what: Literal["list", "column", "setting", "parameter"]
    kind: str
    name: str
    request: BatchRequest

    @property
    def key(self) -> tuple[str, str, str]:
        return self.what, self.kind, self.name

    def told(self, code: str, **values: str) -> Problem:
        """Return the sentence `code` about this step."""
        return Problem(f"{code}_{self.what}", {"list": LIST_NAMES[self.kind], "name": self.name, **values})


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """The columns of one list by our words, the words that have none yet, and what stands in the way."""

    by_word: Mapping[str, Column]
    missing: Sequence[str]
    obstacles: Sequence[Problem]


def chosen_list(kind: str, rows: Sequence[Mapping[str, Any]], wanted: Wanted) -> Mapping[str, Any] | None:
    """Return the list of the site (an object of Graph) that is to be used as `kind`: that of the profile, or by name.

    None if there is none. Raises ListError if the profile names one that is not there.
    """
    given = wanted.ids.get(LIST_IDS[kind], "")
    title = name_key(given or LIST_NAMES[kind])
    for row in rows:
        if (guid_key(given) and guid_key(str(row.get("id"))) == guid_key(given)) or (
            not guid_key(given) and name_key(str(row.get("displayName"))) == title
        ):
            return row
    if given:
        raise ListError(Problem("lists.profile_list_gone", {"field": LIST_IDS[kind], "value": given}))
    return None


def own_columns(kind: str, found: FoundList, mapping: Mapping[str, str]) -> OwnColumns:
    """Return our columns of a list, found by the profile's mapping, else by the names of the older tool and ours."""
    by_word: dict[str, Column] = {}
    missing, obstacles = [], []
    for word, spec in COLUMNS[kind].items():
        names = [mapping[spec.field]] if spec.field in mapping else candidates(kind, word)
        try:
            column = _first_found(kind, names, found.columns)
            if column is not None:
                check_unused(kind, column, spec, by_word)
        except ListError as error:
            obstacles.append(error.problem)
            continue
        if column is not None:
            by_word[word] = column
            obstacles += _unfit(kind, word, column)
        elif spec.field in mapping:
            values = {"list": LIST_NAMES[kind], "field": spec.field, "value": names[0]}
            obstacles.append(Problem("lists.profile_column_gone", values))
        else:
            missing.append(word)
    return OwnColumns(by_word, missing, obstacles)


def _first_found(kind: str, names: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """Return the column with the first of `names` that one has. Raises ListError if a name fits several."""
    for name in names:
        try:
            return find_column(kind, name, columns)
        except ListError as error:
            if error.problem.code != "sharepoint.column_missing":
                raise
    return None


def _unfit(kind: str, word: str, column: Column) -> Iterator[Problem]:
    role = COLUMNS[kind][word].role
    values = {"list": LIST_NAMES[kind], "field": column.label, "wanted": KINDS[role], "found": column.kind}
    if not column.holds(role):
        yield Problem("lists.column_type", values)
    elif column.read_only:
        yield Problem("lists.column_read_only", values)


def obstacles(found: Mapping[str, FoundList | None], wanted: Wanted) -> list[Problem]:
    """Return what must be mended by a person before anything is made."""
    problems: list[Problem] = []
    for kind, one in found.items():
        if one is None:
            continue
        if one.template != TEMPLATE:
            problems.append(Problem("lists.no_list", {"list": one.title, "template": one.template or "?"}))
            continue
        problems += own_columns(kind, one, wanted.mapping).obstacles
    return problems


def steps(site_id: str, found: Mapping[str, FoundList | None], wanted: Wanted) -> list[Step]:
    """Return what can be made now: the lists, then missing columns and settings, then rows of the parameter list."""
    lists = f"/sites/{site_id}/lists"
    planned: list[Step] = []
    for kind, one in found.items():
        if one is None:
            planned.append(Step("list", kind, LIST_NAMES[kind], BatchRequest("POST", lists, list_body(kind))))
        else:
            planned += _steps_of_list(kind, f"{lists}/{one.list_id}", one, wanted)
    return planned


def _steps_of_list(kind: str, path: str, found: FoundList, wanted: Wanted) -> Iterator[Step]:
    own = own_columns(kind, found, wanted.mapping)
    for word in own.missing:
        body = column_body(kind, word)
        yield Step("column", kind, NEW_COLUMNS[kind][word].name, BatchRequest("POST", f"{path}/columns", body))
    by_name = {column.name: column for column in found.columns}
    if found.ours:
        for name, settings in missing_settings(kind, by_name).items():
            request = BatchRequest("PATCH", f"{path}/columns/{quote(by_name[name].column_id, safe='')}", settings)
            yield Step("setting", kind, by_name[name].label, request)
    if found.parameters is not None:
        for name in PARAMETERS:
            if name not in found.parameters:
                values = {"name": name, "value": wanted.parameters.get(name, "")}
                fields = {own.by_word[word].name: value for word, value in values.items()}
                yield Step("parameter", kind, name, BatchRequest("POST", f"{path}/items", {"fields": fields}))


def infos_of(site_id: str, found: Mapping[str, FoundList], given: Mapping[str, str]) -> dict[str, Any]:
    """Return `sharepoint_infos` of the profile for the lists; `given` is the mapping that it has already.

    Columns that a profile need not name are named only if they are called otherwise.
    """
    mapping: dict[str, str] = {}
    for kind, one in found.items():
        for word, column in own_columns(kind, one, given).by_word.items():
            mapping[COLUMNS[kind][word].field] = column.name
    kept = {name: mapping[name] for name in DEFAULT_COLUMNS}
    kept |= {name: mapping[name] for name in OPTIONAL_COLUMNS if mapping.get(name, name) != name}
    ids = {"site_id": site_id} | {LIST_IDS[kind]: one.list_id for kind, one in found.items()}
    return {**ids, "tenant_field": mapping["Tenant"], "field_mapping": kept}
