"""Read sku_mappings.json, the product names and kinds that come with each version."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from core.bounds import LONGEST_NAME, bounded_text
from core.licenses.skus import KINDS, Catalogue, ImportedName, Product, SkuError
from core.name_key import guid_key
from core.text_files import decoded

ENTRY_FIELDS = ("part_number", "de", "en", "kind")


class SkuMappingError(SkuError):
    """The file has faults; `faults` has a line for each, `products` the entries without a fault."""

    def __init__(self, path: Path, faults: list[str], products: Sequence[Product] = ()) -> None:
        self.faults, self.products = faults, products
        super().__init__("\n".join(f"{path.name}: {fault}" for fault in faults))


def read_catalogue(path: Path, imported: Iterable[ImportedName] = ()) -> Catalogue:
    """Return the catalogue of sku_mappings.json: {SKU id: {"part_number", "de", "en", "kind"}}.

    Raises SkuMappingError with all faults of the file.
    """
    try:
        products, faults = _parsed(path.read_bytes())
    except OSError as error:
        reason = error.strerror or error
        products, faults = (), (f"cannot be read ({reason}). Put back the file that came with this version.",)
    if faults:
        raise SkuMappingError(path, list(faults), list(products))
    return Catalogue(products, imported)


@lru_cache(maxsize=2)  # needed by every refresh; parsing takes 30 ms, and the file changes only with a new version
def _parsed(content: bytes) -> tuple[tuple[Product, ...], tuple[str, ...]]:
    """Return the products of the file with these bytes, without faulty ones, and all its faults."""
    faults: list[str] = []
    products = tuple(_own_products(_mapping(content, faults), faults))
    return products, tuple(faults)


def _mapping(content: bytes, faults: list[str]) -> dict[str, Any]:
    try:
        mapping = json.loads(decoded(content)[0], object_pairs_hook=partial(_object, faults))
    except (ValueError, RecursionError) as error:
        faults.append(f"is no valid JSON in UTF-8 ({error}). Mend it there, or put back the file of this version.")
    else:
        if isinstance(mapping, dict):
            return mapping
        faults.append('must be one object {"SKU id": {...}}. Put back the file that came with this version.')
    return {}


def _object(faults: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; a repeated key goes into `faults`, because `json` would silently use the last one."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            faults.append(f"{key}: is there twice. Keep one of the two.")
        result[key] = value
    return result


def _own_products(mapping: dict[str, Any], faults: list[str]) -> Iterator[Product]:
    seen: set[str] = set()
    for sku_id, entry in mapping.items():
        entry_faults = list(_entry_faults(sku_id, entry))
        key = guid_key(sku_id)
        if key and key in seen:
            entry_faults.append("is there twice, spelled differently. Keep one of the two.")
        seen.add(key)
        faults.extend(f"{sku_id}: {fault}" for fault in entry_faults)
        if not entry_faults:
            german, english = (bounded_text(entry[field], LONGEST_NAME) for field in ("de", "en"))
            yield Product(key, entry["part_number"].strip(), german, english, entry["kind"])


def _entry_faults(sku_id: str, entry: object) -> Iterator[str]:
    if not guid_key(sku_id):
        yield "is no SKU id. Use the GUID that Graph gives as skuId."
    if not isinstance(entry, dict):
        yield f"must be an object with the fields {', '.join(ENTRY_FIELDS)}."
        return
    for field in ENTRY_FIELDS:
        value = entry.get(field)
        if not isinstance(value, str) or not value.strip():
            yield f"{field} is missing or empty. Enter a text."
        elif field == "kind" and value not in KINDS:
            yield f"kind is {value!r}. Use one of {', '.join(sorted(KINDS))}."
    for field in entry.keys() - set(ENTRY_FIELDS):
        yield f"{field} is unknown. Remove it, or correct it to one of {', '.join(ENTRY_FIELDS)}."
