"""Names and kinds of products by the SKU ids and part numbers of Graph.

SkuError
├── SkuMappingError     sku_mappings.json has faults (all of them in `faults`)
└── ProductNamesError   Microsoft's list of product names could not be read or is none
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, Self, get_args

from core.bounds import LONGEST_NAME, bounded_text
from core.name_key import guid_key, name_key
from core.text_files import decoded

Kind = Literal["paid", "free", "trial", "not_per_user"]
Reason = Literal["applies_to", "trial_subscription", "mapping", "name", "large_pool", "default"]

KINDS: tuple[Kind, ...] = get_args(Kind)
ENTRY_FIELDS = ("part_number", "de", "en", "kind")
CSV_COLUMNS = ("Product_Display_Name", "String_Id", "GUID")
KEYS_KEPT = 16_384  # Microsoft sells about 600 products; each has an id and a part number
LIST_PAGE = "https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference"

# Whole words only: INDUSTRIAL is no TRIAL. Trial first, for "Viral_Trial" ends one day.
_NAME_RULES: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"(?<![a-z])v?trial(?![a-z])"), "trial"),
    (re.compile(r"(?<![a-z])(free|viral)(?![a-z])"), "free"),
)
# Microsoft's words for products that people fetch themselves (IW = information worker).
_SELF_SERVICE = re.compile(r"(?<![a-z])(iw|dev|preview|privprev|exploratory|adhoc)(?![a-z])")
# Free products report round pools in subscribedSkus, most often these two (STREAM: 1,000,000; FLOW_FREE: 10,000).
_POOL, _LARGEST_POOL = 10_000, 1_000_000


class SkuError(Exception):
    """The names of products have a fault; the text says what to do."""


class SkuMappingError(SkuError):
    """The mapping file has faults; `faults` holds one line for each, `products` the entries without a fault."""

    def __init__(self, path: Path, faults: list[str], products: Sequence["Product"] = ()) -> None:
        self.faults, self.products = faults, products
        super().__init__("\n".join(f"{path.name}: {fault}" for fault in faults))


class ProductNamesError(SkuError):
    """The list of product names could not be read, or is not Microsoft's list."""


def product_language(language: str) -> Literal["de", "en"]:
    """Return in which language products are named for readers of `language`: "de" for German ("de-CH"), else "en"."""
    return "de" if _key(language).startswith("de") else "en"


@dataclass(frozen=True, slots=True)
class Product:
    """A product as shown. `kind` is what sku_mappings.json says, None if it does not know the product."""

    sku_id: str
    sku_part_number: str
    name_de: str
    name_en: str
    kind: Kind | None

    def name(self, language: str) -> str:
        """Return the name for readers of `language`."""
        return self.name_de if product_language(language) == "de" else self.name_en


@dataclass(frozen=True, slots=True)
class ImportedName:
    """One product of Microsoft's list: lower-case SKU id, part number (may be empty), English name."""

    sku_id: str
    sku_part_number: str
    display_name: str


class Catalogue:
    """Names and kinds by SKU id and by part number; own names win over imported ones.

    Immutable and safe to share between threads: after an import, build a new one.
    A look-up is two dictionary accesses, made for 8,000 rows a page.
    """

    def __init__(self, own: Iterable[Product], imported: Iterable[ImportedName] = ()) -> None:
        own_products = list(own)
        named = (n for n in imported if _key(n.display_name))
        imported_products = [Product(n.sku_id, n.sku_part_number, n.display_name, n.display_name, None) for n in named]
        self._by_id = {key: p for p in (*imported_products, *own_products) if (key := _key(p.sku_id))}
        self._by_part = {key: p for p in (*imported_products, *own_products) if (key := _key(p.sku_part_number))}

    @classmethod
    def load(cls, path: Path, imported: Iterable[ImportedName] = ()) -> Self:
        """Read sku_mappings.json: {SKU id: {"part_number", "de", "en", "kind"}}.

        Raises SkuMappingError with every fault of the file in one go.
        """
        try:
            products, faults = _parsed(path.read_bytes())
        except OSError as error:
            reason = error.strerror or error
            products, faults = (), (f"cannot be read ({reason}). Put back the file that came with this version.",)
        if faults:
            raise SkuMappingError(path, list(faults), list(products))
        return cls(products, imported)

    def product(self, sku_id: str, sku_part_number: str) -> Product:
        """Return the product of a row, always with a name.

        The SKU id decides, for part numbers mislead (O365_BUSINESS_PREMIUM is Business Standard); then
        the part number; an unknown product shows its part number, failing that its id, failing that "?".
        """
        product = self._find(sku_id, sku_part_number)
        part = sku_part_number.strip() or (product.sku_part_number if product else "")
        unnamed = part or sku_id.strip() or "?"
        name_de, name_en = (product.name_de, product.name_en) if product else (unnamed, unnamed)
        return Product(_key(sku_id), part, name_de, name_en, self._mapped_kind(sku_id, sku_part_number))

    def kind(
        self, sku_id: str, sku_part_number: str, *, applies_to: str, enabled: int, is_trial: bool = False
    ) -> tuple[Kind, Reason]:
        """Return the kind of a row of subscribedSkus and why; the first rule that applies wins.

        applies_to           appliesTo is given and not "User": not_per_user
        trial_subscription   `is_trial`, set it only if every subscription of the SKU is a trial: trial
        mapping              sku_mappings.json says so
        name                 the part number has the word TRIAL or VTRIAL: trial; FREE or VIRAL: free
        large_pool           `enabled` seats are exactly 1,000,000, or exactly 10,000 and the part number has a
                             word of self-service products (IW, DEV, PREVIEW, ...): free
        default              paid

        Unknown is paid, for a kind that is wrongly free would silence a shortage. So 10,000 seats alone prove
        nothing (a company may buy just that many), nor does any number that is only near a pool: a real pool
        is never used up, thus raises no alarm even when it counts as paid.
        """
        if _key(applies_to) not in {"", "user"}:
            return "not_per_user", "applies_to"
        if is_trial:
            return "trial", "trial_subscription"
        if mapped := self._mapped_kind(sku_id, sku_part_number):
            return mapped, "mapping"
        return _guessed_kind(_key(sku_part_number), enabled)

    def _find(self, sku_id: str, sku_part_number: str) -> Product | None:
        return self._by_id.get(_key(sku_id)) or self._by_part.get(_key(sku_part_number))

    def _mapped_kind(self, sku_id: str, sku_part_number: str) -> Kind | None:
        by_id = self._by_id.get(_key(sku_id))
        if by_id and by_id.kind:
            return by_id.kind
        by_part = self._by_part.get(_key(sku_part_number))
        return by_part.kind if by_part else None


def parse_product_names(raw: bytes) -> tuple[list[ImportedName], list[str]]:
    """Parse Microsoft's CSV of product names: one name per SKU id, and what was skipped ("line 7: ...").

    The file (LIST_PAGE) has one row per SKU and service plan and is kept by hand. Defects met in its copies of
    2022 to 2026: with BOM or in cp1252, doubled rows, blanks and NBSP around GUIDs, "(" in front of them, GUIDs
    broken by a spreadsheet, several names for one GUID (the last wins). A German Excel saves it with semicolons.
    Raises ProductNamesError if columns are missing or no row is usable, and nothing else, whatever the bytes.
    """
    reader = _csv_reader(_decode(raw))
    names: dict[str, ImportedName] = {}
    skipped: list[str] = []
    columns: list[int] | None = None
    for cells in _rows(reader, skipped):
        if columns is None:
            columns = _columns(cells)
            continue
        name_or_fault = _imported_name(cells, columns)
        if isinstance(name_or_fault, ImportedName):
            names[name_or_fault.sku_id] = name_or_fault
        else:
            skipped.append(f"line {reader.line_num}: {name_or_fault}")
    if columns is None:
        raise ProductNamesError(f"The list of product names is empty. Download the CSV again from {LIST_PAGE}.")
    if not names:
        raise ProductNamesError(f"No row names a product. Download the CSV again from {LIST_PAGE}.")
    return list(names.values()), skipped


@lru_cache(maxsize=KEYS_KEPT)
def _key(text: str) -> str:
    """Return the key of an id, a part number or a heading; cached because the same ones come row after row."""
    return name_key(text)


def _guessed_kind(part_key: str, enabled: int) -> tuple[Kind, Reason]:
    for word, kind in _NAME_RULES:
        if word.search(part_key):
            return kind, "name"
    if enabled == _LARGEST_POOL or (enabled == _POOL and _SELF_SERVICE.search(part_key)):
        return "free", "large_pool"
    return "paid", "default"


# --- sku_mappings.json


@lru_cache(maxsize=2)  # every refresh asks; parsing takes 30 ms, and the file changes with a version
def _parsed(content: bytes) -> tuple[tuple[Product, ...], tuple[str, ...]]:
    """Return the good products of a mapping's bytes, and all its faults."""
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
    """Return a JSON object; keys that are there twice go into `faults`, json would silently overwrite the first."""
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


# --- Microsoft's CSV


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _csv_reader(text: str) -> Any:
    heading = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    # Strict, for otherwise one open quotation mark would swallow the rest of the file unnoticed.
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)


def _rows(reader: Any, skipped: list[str]) -> Iterator[list[str]]:
    """Yield the rows that are not blank."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            skipped.append(f"line {reader.line_num}: is no CSV ({error})")
        else:
            if any(cell.strip() for cell in cells):
                yield cells


def _columns(heading: list[str]) -> list[int]:
    places = {_key(cell): place for place, cell in enumerate(heading)}
    missing = [column for column in CSV_COLUMNS if _key(column) not in places]
    if missing:
        raise ProductNamesError(
            f"The list of product names has no column {', '.join(missing)}. Its first line must name "
            f"{', '.join(CSV_COLUMNS)}: download the CSV again from {LIST_PAGE}."
        )
    return [places[_key(column)] for column in CSV_COLUMNS]


def _imported_name(cells: list[str], columns: list[int]) -> ImportedName | str:
    """Return the product of a row, or why there is none."""
    if len(cells) <= max(columns):
        return f"has only {len(cells)} columns"
    name, sku_part_number, guid = (cells[place].strip() for place in columns)
    sku_id = guid_key(guid)
    if not sku_id:
        return f"{guid[:60]!r} is no GUID"
    if not name:
        return f"{sku_id} has no display name"
    shown = bounded_text(" ".join(name.split()), LONGEST_NAME)
    return ImportedName(sku_id, bounded_text(sku_part_number, LONGEST_NAME), shown)
