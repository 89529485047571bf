"""Read the three SharePoint lists: columns, items, parameters."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from core.bounds import bounded_text, parse_time
from core.graph import BadAnswer, GraphClient
from core.interned import interned
from core.name_key import guid_key
from core.problems import Problem
from core.profiles.sharepoint_profile import SharePointProfile
from core.sharepoint.list_columns import COLUMNS, KINDS, LIST_NAMES, OurColumns, resolve_columns
from core.sharepoint.trial_items import KEY_WORD, is_trial
from core.text_files import is_text
from core.workers import Workers

PAGE = "5000"  # SharePoint's limit
DELTA_PAGE = "1000"  # 5000 rows take 20 MB of memory
ITEM_ID = re.compile(r"[0-9]{1,18}")
LONGEST_ETAG = 100  # as in core.cache.schema
LONGEST_VALUE = 10_000


@dataclass(slots=True)
class Item:
    """An item of a list; the keys of `fields` are our own names of columns; `etag` is "" if unknown."""

    item_id: str
    etag: str
    modified: datetime | None
    fields: dict[str, Any]

    def text(self, column: str) -> str:
        return str(self.fields.get(column) or "").strip()

    def flag(self, column: str) -> bool:
        """Return True if the value is true; for a value that is no boolean ("Nein", 1) see `odd`."""
        return self.fields.get(column) is True

    def odd(self, column: str) -> bool:
        """Return True if there is a value that is no boolean."""
        return not isinstance(self.fields.get(column), bool | None)

    @property
    def number(self) -> int:
        return int(self.item_id)


@dataclass(slots=True)
class SharePointList:
    """A list: its path and our columns."""

    path: str
    ours: OurColumns
    words: Mapping[str, str] = field(init=False)  # internal name -> our word

    def __post_init__(self) -> None:
        self.use(self.ours)

    def use(self, ours: OurColumns) -> None:
        self.ours = ours
        self.words = {internal: word for word, internal in self.columns.items()}

    @property
    def kind(self) -> str:
        """Return the key of the list in LIST_NAMES."""
        return self.ours.kind

    @property
    def key(self) -> str:
        """Return the hash of site and id, which differs from that of every other list."""
        return short_hash(self.path)

    @property
    def columns(self) -> dict[str, str]:
        """Return our word of a column -> its internal name."""
        return {word: column.name for word, column in self.ours.by_word.items()}

    def item(self, row: Mapping[str, Any]) -> Item:
        """Return the Item for a row from Graph, in which columns without a value are missing. Raises BadAnswer."""
        given = row.get("fields") or {}
        if not isinstance(given, Mapping):
            raise _unreadable(self.kind, "fields")
        etag = row.get("eTag") or row.get("@odata.etag") or given.get("@odata.etag") or ""
        if not isinstance(etag, str) or bounded_text(etag, LONGEST_ETAG) != etag:
            raise _unreadable(self.kind, "eTag")
        return Item(
            item_id=self.item_id(row),
            etag=etag,
            modified=parse_time(row.get("lastModifiedDateTime")),
            fields={
                word: interned(_bounded(given[internal])) for internal, word in self.words.items() if internal in given
            },
        )

    def item_id(self, row: Mapping[str, Any]) -> str:
        """Return the id of an item, a number as text. Raises BadAnswer."""
        item_id = str(row.get("id", ""))
        if not ITEM_ID.fullmatch(item_id):
            raise _unreadable(self.kind, "id")
        return item_id

    def is_trial(self, item: Item) -> bool:
        """Return True for a test item of `lists check`."""
        return is_trial(item.text(KEY_WORD[self.kind]))

    def without_trials(self, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if not self.is_trial(item)]

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values by the internal names of their columns."""
        return {self.ours.by_word[word].name: value for word, value in values.items()}


@dataclass(frozen=True, slots=True)
class Changes:
    """Changed items, ids of deleted ones, and the link to later changes ("" for none)."""

    items: list[Item]
    deleted: list[str] = field(default_factory=list)
    link: str = ""


class Lists:
    """The lists of one SharePoint profile, read through `client`; their columns are read in parallel by `workers`.

    Raises GraphError and ListError.
    """

    def __init__(self, client: GraphClient, profile: SharePointProfile, workers: Workers | None = None) -> None:
        self.client = client
        self._profile = profile
        self._site = f"/sites/{profile.site_id}/lists"
        ids = (
            ("license", profile.license_list_id),
            ("tenant", profile.tenant_list_id),
            ("parameter", profile.parameter_list_id),
        )
        self.licenses, self.tenants, self.parameters = (workers.map if workers else map)(self._list, ids)

    def items(self, of: SharePointList) -> list[Item]:
        """Return every item of the list as it is now, without test items of `lists check`.

        A deleted column is missing in the items, as is one without values. So the columns are read again if no item has
        a value in one: without `technician_informed` every shortage would be reported again.
        """
        items = self._read(of)
        if doubtful(of, items) and self.read_columns_again(of):
            items = self._read(of)
        return of.without_trials(items)

    def trial_items(self, of: SharePointList) -> list[Item]:
        """Return the test items of `lists check` that are in the list now, whoever has made them."""
        return [item for item in self._read(of) if of.is_trial(item)]

    def changes(self, of: SharePointList, link: str = "") -> Changes:
        """Return the changes since `link`, each item at most once; without a link every item.

        https://learn.microsoft.com/graph/api/listitem-delta. Raises BadAnswer if items come without their columns.
        """
        latest: dict[str, Item | None] = {}
        after = ""
        start = (link, None) if link else (f"{of.path}/items/delta", _query(of, DELTA_PAGE))
        for page in self.client.pages(*start):
            for row in _objects(of.kind, page["value"]):
                latest[of.item_id(row)] = None if row.get("deleted") else self._whole(of, row)
            after = page.get("@odata.deltaLink") or ""
            if not isinstance(after, str) or not is_text(after) or "\0" in after:
                raise _unreadable(of.kind, "deltaLink")
        deleted = [item_id for item_id, item in latest.items() if item is None]
        return Changes([item for item in latest.values() if item is not None], deleted, after)

    def read_columns_again(self, of: SharePointList) -> bool:
        """Read the columns again and use them; return True if names or types have changed."""
        ours = self._columns(of.kind, of.path)
        if ours == of.ours:
            return False
        of.use(ours)
        return True

    @property
    def problems(self) -> list[Problem]:
        """Return the problems with the columns of the three lists."""
        return [problem for of in (self.licenses, self.tenants, self.parameters) for problem in of.ours.problems]

    def _read(self, of: SharePointList) -> list[Item]:
        return [of.item(row) for row in _objects(of.kind, self.client.rows(f"{of.path}/items", _query(of, PAGE)))]

    def _whole(self, of: SharePointList, row: Mapping[str, Any]) -> Item:
        """Return the item; raise BadAnswer without columns, because it would look like one without an alarm."""
        if not isinstance(row.get("fields"), Mapping):
            raise BadAnswer(Problem("graph.unreadable", {"tenant": self.client.name, "what": "delta"}))
        return of.item(row)

    def _list(self, kind_and_id: tuple[str, str]) -> SharePointList:
        kind, list_id = kind_and_id
        path = f"{self._site}/{self._real_id(kind, list_id)}"
        return SharePointList(path, self._columns(kind, path))

    def _real_id(self, kind: str, list_id: str) -> str:
        """Return the id of a list whose profile has its title: a new list with the same title has another id."""
        if guid_key(list_id):
            return list_id
        row = self.client.get(f"{self._site}/{quote(list_id, safe='')}", {"$select": "id"})
        real_id = guid_key(str(row.get("id"))) if isinstance(row, Mapping) else ""
        if not real_id:
            raise _unreadable(kind, "id")
        return real_id

    def _columns(self, kind: str, path: str) -> OurColumns:
        # Without $select: the facets, which are the types, are not the same in every cloud.
        definitions = _objects(kind, self.client.rows(f"{path}/columns"))
        return resolve_columns(kind, self._profile.field_mapping, definitions)


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:31]


def _objects(kind: str, rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of an answer. Raises BadAnswer at one that is no object."""
    for row in rows:
        if not isinstance(row, Mapping):
            raise _unreadable(kind, "value")
        yield row


def _bounded(value: Any) -> Any:
    """Return a value that every database accepts; None for NaN and infinity."""
    if isinstance(value, str):
        return bounded_text(value, LONGEST_VALUE)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return bounded_text(str(value), LONGEST_VALUE) if isinstance(value, dict | list) else value


def _unreadable(kind: str, what: str) -> BadAnswer:
    return BadAnswer(Problem("graph.unreadable", {"tenant": LIST_NAMES[kind], "what": what}))


def _query(of: SharePointList, page: str) -> dict[str, str]:
    return {"$expand": f"fields($select={','.join(of.columns.values())})", "$top": page}


def doubtful(of: SharePointList, items: Sequence[Item]) -> bool:
    """Return True if the columns may have changed: no item has a value in one, or a value has another type."""
    if not items:
        return False
    flags = [word for word, spec in COLUMNS[of.kind].items() if KINDS[spec.role] == "boolean"]
    lacking = any(all(word not in item.fields for item in items) for word in of.ours.by_word)
    return lacking or any(item.odd(word) for item in items for word in flags if of.ours.reads(word))
