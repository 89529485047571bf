"""The names of items in the licence list: write them, and read part number and tag from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.name_key import name_key
from core.sharepoint.license_rows import Key, Row

MAX_TEXT = 255  # UTF-16 units; a single-line text column holds no more
SHORT_ID = 8  # characters of a SKU id that distinguish two licences with one part number


@dataclass(frozen=True, slots=True)
class ItemName:
    """The Lizenzname that we write for a licence; `tag` is "" if the part number is unique in its tenant."""

    text: str
    part_key: str
    tag: str = ""

    def fits(self, text: str) -> bool:
        """Return True if `text` may stay as the name of this licence; a bare part number is replaced."""
        if text == self.text:
            return True
        key = name_key(text)
        return key == name_key(self.text) or any(
            part == self.part_key and self.tag in ("", tag) for part, tag in name_endings(key)
        )


def item_names(rows: Sequence[Row]) -> dict[Key, ItemName]:
    """Return the Lizenzname of every row: `Display name (PART_NUMBER)`, unique within its tenant.

    Two SKU ids of a tenant with the same name get the first characters of their ids:
    `Display name [1a2b3c4d] (PART_NUMBER)`.
    """
    plain = [license_name(row.product, row.sku_part_number) for row in rows]
    part_keys = [name_key(row.sku_part_number) for row in rows]
    taken = Counter((row.tenant_id, part_key) for row, part_key in zip(rows, part_keys, strict=True))
    texts = Counter((row.tenant_id, text) for row, text in zip(rows, map(name_key, plain), strict=True))
    short_ids = Counter((row.tenant_id, row.sku_id[:SHORT_ID]) for row in rows)
    names = {}
    for row, text, part_key in zip(rows, plain, part_keys, strict=True):
        text_key, short_id = name_key(text), row.sku_id[:SHORT_ID]
        alone = taken[row.tenant_id, part_key] == 1 and texts[row.tenant_id, text_key] == 1
        if alone and _ends_in(text_key, part_key):
            names[row.key] = ItemName(text, part_key)
        else:
            tag = short_id if short_ids[row.tenant_id, short_id] == 1 else row.sku_id
            names[row.key] = ItemName(license_name(row.product, row.sku_part_number, tag), part_key, name_key(tag))
    return names


def license_name(product: str, sku_part_number: str, tag: str = "") -> str:
    """Return `Display name [tag] (PART_NUMBER)`, cut to what the column holds without losing what identifies it."""
    mark = f" [{tag}]" if tag else ""
    tail = f"{mark} ({sku_part_number})"
    if _units(tail) > MAX_TEXT:
        return (_cut(sku_part_number, MAX_TEXT - _units(mark)) + mark).strip()
    return (_cut(product, MAX_TEXT - _units(tail)) + tail).strip()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, units: int) -> str:
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


def _ends_in(text_key: str, part_key: str) -> bool:
    return text_key.endswith(f"({part_key})") or any(part == part_key for part, _ in name_endings(text_key))


def name_endings(key: str) -> Iterator[tuple[str, str]]:
    """Yield every (part number, tag) that the key of a Lizenzname may end in, the longest part number first.

    Part numbers may contain brackets, so each opening bracket may be the one before the part number.
    """
    if not key.endswith(")"):
        return
    start = key.find("(")
    while start >= 0:
        before = key[:start].rstrip()
        tag = before[before.rfind("[") + 1 : -1] if before.endswith("]") else ""
        yield key[start + 1 : -1].strip(), tag
        start = key.find("(", start + 1)
