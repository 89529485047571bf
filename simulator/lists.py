"""One SharePoint list: items with versions, the log of changes, and the changes that people make in a browser."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

from .columns import BUILT_IN, SITE_ZONE, Column, FieldError, encoded
from .profiles import guid
from .replies import stamp

LINKS = ("LinkTitle", "LinkTitleNoMenu")
PERSON = {"user": {"displayName": "Support", "email": "support@support.example"}}


@dataclass(slots=True, eq=False)
class Item:
    """One list item. `fields`: internal name -> value, without the columns that have no value."""

    id: int
    guid: str
    fields: dict[str, Any]
    created: dt.datetime
    modified: dt.datetime
    author: dict[str, Any]
    editor: dict[str, Any]
    version: int = 1
    changed: int = 0
    rendered: dict[Any, bytes] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{{{self.guid.upper()}}},{self.version}"'


class ItemList:
    """A list. Each change raises `sequence` and is noted in `changed` of the item; delta and the flow use these."""

    def __init__(
        self, list_id: str, title: str, columns: list[Column], lock: RLock, *, template: str = "genericList"
    ) -> None:
        self.id, self.title, self.lock, self.template = list_id, title, lock, template
        self.description = ""
        self.zone = SITE_ZONE  # time zone of the site: the midnight of date-only columns
        self.columns = {column.name: column for column in (*BUILT_IN, *columns)}
        self._name_links()
        self.refusal = (
            400,
            "invalidRequest",
        )  # answer to a value that does not fit; 500 generalException was seen, too
        self.by_id: dict[int, Item] = {}
        self.deleted: dict[int, int] = {}
        self.sequence = 0
        self.next_id = 1
        self.epoch = 1
        self.swallows = False  # True: a flow deletes every item that an application adds
        self.forbidden: set[str] = set()  # methods for items that the permissions of this list alone refuse (403)
        self._recent: dict[int, None] = {}

    @property
    def items(self) -> list[Item]:
        with self.lock:
            return list(self.by_id.values())

    def add(self, fields: Mapping[str, Any], by: dict[str, Any] = PERSON) -> Item:
        with self.lock:
            now = _now()
            first = {name: column.first_value for name, column in self.columns.items()}
            given = {name: value for name, value in first.items() if value is not None}
            checked = self.checked(fields)
            self._check_unique(checked)
            item = Item(self.next_id, guid("item", self.id, str(self.next_id)), given, now, now, by, by)
            self._write(item, checked)
            self.by_id[item.id] = item
            self.next_id += 1
            return item

    def update(self, item_id: int | str, fields: Mapping[str, Any], by: dict[str, Any] = PERSON) -> Item:
        """Change fields of an item; even a write that changes no value makes a new version."""
        with self.lock:
            item = self.by_id[int(item_id)]
            checked = self.checked(fields)
            self._check_unique(checked, item)
            item.version += 1
            item.modified, item.editor = _now(), by
            self._write(item, checked)
            return item

    def delete(self, item_id: int | str) -> None:
        with self.lock:
            del self.by_id[int(item_id)]
            self._recent.pop(int(item_id), None)
            self.sequence += 1
            self.deleted[int(item_id)] = self.sequence

    def find(self, **fields: Any) -> list[Item]:
        """Return the items with these values; columns are named by display or internal name."""
        with self.lock:
            values = {self.internal(name): value for name, value in fields.items()}
            return [i for i in self.by_id.values() if all(i.fields.get(n) == v for n, v in values.items())]

    def internal(self, name: str) -> str:
        """Return the internal name of a column, given its internal or its display name."""
        if name in self.columns:
            return name
        for column in self.columns.values():
            if column.display == name and not column.read_only:
                return column.name
        raise FieldError(f"Field '{name}' is not recognized")

    def checked(self, fields: Mapping[str, Any], *, internal_only: bool = False) -> dict[str, Any]:
        """Return the fields as they will be stored. Raise FieldError with the reason if SharePoint refuses them."""
        if internal_only and (foreign := [name for name in fields if name not in self.columns]):
            raise FieldError(f"Field '{foreign[0]}' is not recognized")
        names = {self.internal(name): value for name, value in fields.items()}
        return {name: self.columns[name].stored(value, self.zone) for name, value in names.items()}

    def add_column(
        self, display: str, kind: str = "text", name: str = "", *, indexed: bool = False, required: bool = False
    ) -> Column:
        with self.lock:
            column = Column(name or encoded(display), display, kind, indexed, required=required)
            self.columns[column.name] = column
            return column

    def change_column(self, name: str, **settings: Any) -> Column:
        """Change a column (`kind`, `display`, `read_only`, ...); its values are converted without a new version."""
        with self.lock:
            internal = self.internal(name)
            before = self.columns[internal]
            column = self.columns[internal] = replace(before, **settings)
            self._name_links()
            for item in self.by_id.values():
                item.rendered.clear()
                if column.kind != before.kind and internal in item.fields:
                    value = column.retyped(item.fields.pop(internal))
                    item.fields.update({} if value is None else {internal: value})
            return column

    def remove_column(self, name: str) -> None:
        """Delete a column and its value in every item."""
        with self.lock:
            internal = self.internal(name)
            del self.columns[internal]
            for item in self.by_id.values():
                item.fields.pop(internal, None)
                item.rendered.clear()

    def expire_delta_tokens(self) -> None:
        """Discard the change log: every delta token issued so far is answered with 410 Gone."""
        with self.lock:
            self.epoch += 1

    def changed_since(self, sequence: int) -> list[Item]:
        """Return the items changed after `sequence`, the oldest change first."""
        with self.lock:
            return [self.by_id[item_id] for item_id in reversed(list(self._newest_until(sequence)))]

    def deleted_since(self, sequence: int) -> list[tuple[int, int]]:
        with self.lock:
            return [(item_id, at) for item_id, at in self.deleted.items() if at > sequence]

    def duplicates(self, name: str) -> bool:
        """Return True if two items have the same value in this column; capitals make no difference."""
        values = [str(item.fields[name]).casefold() for item in self.by_id.values() if name in item.fields]
        return len(set(values)) < len(values)

    def _check_unique(self, fields: Mapping[str, Any], item: Item | None = None) -> None:
        """Raise FieldError if another item has the same value in a column that allows no two."""
        for name, value in fields.items():
            if self.columns[name].unique and value is not None:
                others = [other.fields.get(name) for other in self.by_id.values() if other is not item]
                if str(value).casefold() in (str(other).casefold() for other in others if other is not None):
                    raise FieldError(
                        "The list item could not be added or updated because duplicate values were found in the "
                        f"following field(s) in the list: [{name}]."
                    )

    def _name_links(self) -> None:
        for name in LINKS:  # SharePoint shows these under the display name of the title
            self.columns[name] = replace(self.columns[name], display=self.columns["Title"].display)

    def _newest_until(self, sequence: int) -> Iterator[int]:
        for item_id in reversed(self._recent):
            if self.by_id[item_id].changed <= sequence:
                return
            yield item_id

    def _write(self, item: Item, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if value is None:
                item.fields.pop(name, None)
            else:
                item.fields[name] = value
        item.rendered.clear()
        self.sequence += 1
        item.changed = self.sequence
        self._recent.pop(item.id, None)
        self._recent[item.id] = None

    def dump(self) -> dict[str, Any]:
        """Return the whole list as JSON, so that a demo can continue after a restart."""
        with self.lock:
            items = [_dumped(self.by_id[item_id]) for item_id in self._recent]
            state = {"sequence": self.sequence, "next_id": self.next_id, "epoch": self.epoch}
            return {**state, "deleted": list(self.deleted.items()), "items": items}

    def load(self, state: Mapping[str, Any]) -> None:
        with self.lock:
            self.sequence, self.next_id, self.epoch = state["sequence"], state["next_id"], state["epoch"]
            self.deleted = dict(state["deleted"])
            loaded = [_loaded(values) for values in state["items"]]
            self._recent = dict.fromkeys(item.id for item in loaded)
            self.by_id = {item.id: item for item in sorted(loaded, key=lambda item: item.id)}


def _dumped(item: Item) -> dict[str, Any]:
    plain = ("id", "guid", "fields", "author", "editor", "version", "changed")
    times = {"created": stamp(item.created), "modified": stamp(item.modified)}
    return {**{name: getattr(item, name) for name in plain}, **times}


def _loaded(values: Mapping[str, Any]) -> Item:
    times = {name: dt.datetime.fromisoformat(values[name]) for name in ("created", "modified")}
    return Item(**{**values, **times})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
