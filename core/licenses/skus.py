"""Names and kinds of products by the SKU ids and part numbers of Graph.

SkuError
├── sku_mappings.SkuMappingError           sku_mappings.json has faults (all of them in `faults`)
└── product_names_csv.ProductNamesError    Microsoft's list of product names cannot be read or is another file
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from core.name_key import name_key

Kind = Literal["paid", "free", "trial", "not_per_user"]
Reason = Literal["applies_to", "trial_subscription", "mapping", "name", "large_pool", "default"]

KINDS: tuple[Kind, ...] = get_args(Kind)
KEYS_KEPT = 16_384  # Microsoft sells about 600 products; each has an id and a part number

# Whole words only: INDUSTRIAL does not match TRIAL. Trial comes first, because a "Viral_Trial" ends.
_NAME_RULES: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"(?<![a-z])v?trial(?![a-z])"), "trial"),
    (re.compile(r"(?<![a-z])(free|viral)(?![a-z])"), "free"),
)
# Microsoft's words for self-service products (IW = information worker).
_SELF_SERVICE = re.compile(r"(?<![a-z])(iw|dev|preview|privprev|exploratory|adhoc)(?![a-z])")
# Free products have a round number of seats in subscribedSkus, most often these two (STREAM: 1,000,000; FLOW_FREE:
# 10,000).
_POOL, _LARGEST_POOL = 10_000, 1_000_000


class SkuError(Exception):
    """The product names have a fault; the text says what to do."""


def product_language(language: str) -> Literal["de", "en"]:
    """Return the language of product names for readers of `language`: "de" for German ("de-CH"), else "en"."""
    return "de" if sku_key(language).startswith("de") else "en"


@dataclass(frozen=True, slots=True)
class Product:
    """A product as shown. `kind` is that of sku_mappings.json, None if the file does not have the product."""

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

    Immutable, so threads can share it; after an import a new one is made. A look-up takes two dictionary accesses: a
    page makes 8,000 of them.
    """

    def __init__(self, own: Iterable[Product], imported: Iterable[ImportedName] = ()) -> None:
        own_products = list(own)
        named = (n for n in imported if sku_key(n.display_name))
        imported_products = [Product(n.sku_id, n.sku_part_number, n.display_name, n.display_name, None) for n in named]
        self._by_id = {key: p for p in (*imported_products, *own_products) if (key := sku_key(p.sku_id))}
        self._by_part = {key: p for p in (*imported_products, *own_products) if (key := sku_key(p.sku_part_number))}

    def product(self, sku_id: str, sku_part_number: str) -> Product:
        """Return the product of a row, always with a name.

        It is found by its SKU id, because part numbers mislead (O365_BUSINESS_PREMIUM is Business Standard), else by
        its part number. The name of an unknown product is its part number, else its id, else "?".
        """
        product = self._find(sku_id, sku_part_number)
        part = sku_part_number.strip() or (product.sku_part_number if product else "")
        unnamed = part or sku_id.strip() or "?"
        name_de, name_en = (product.name_de, product.name_en) if product else (unnamed, unnamed)
        return Product(sku_key(sku_id), part, name_de, name_en, self._mapped_kind(sku_id, sku_part_number))

    def kind(
        self, sku_id: str, sku_part_number: str, *, applies_to: str, enabled: int, is_trial: bool = False
    ) -> tuple[Kind, Reason]:
        """Return the kind of a row of subscribedSkus and why; the first rule that applies wins.

        applies_to           appliesTo is given and not "User": not_per_user
        trial_subscription   `is_trial`: every subscription of the SKU is a trial: trial
        mapping              the kind in sku_mappings.json
        name                 the part number has the word TRIAL or VTRIAL: trial; FREE or VIRAL: free
        large_pool           `enabled` seats are exactly 1,000,000, or exactly 10,000 and the part number has a
                             word of self-service products (IW, DEV, PREVIEW, ...): free
        default              paid

        An unknown product is paid, because a wrong "free" would silence a shortage. So 10,000 seats alone prove
        nothing (a company may buy that many), nor does a number near a pool: a real pool is never used up, so it
        does not alarm even if it counts as paid.
        """
        if sku_key(applies_to) not in {"", "user"}:
            return "not_per_user", "applies_to"
        if is_trial:
            return "trial", "trial_subscription"
        if mapped := self._mapped_kind(sku_id, sku_part_number):
            return mapped, "mapping"
        return _guessed_kind(sku_key(sku_part_number), enabled)

    def _find(self, sku_id: str, sku_part_number: str) -> Product | None:
        return self._by_id.get(sku_key(sku_id)) or self._by_part.get(sku_key(sku_part_number))

    def _mapped_kind(self, sku_id: str, sku_part_number: str) -> Kind | None:
        by_id = self._by_id.get(sku_key(sku_id))
        if by_id and by_id.kind:
            return by_id.kind
        by_part = self._by_part.get(sku_key(sku_part_number))
        return by_part.kind if by_part else None


@lru_cache(maxsize=KEYS_KEPT)
def sku_key(text: str) -> str:
    """Return the key of an id, a part number or a heading; cached, because the same texts occur in many rows."""
    return name_key(text)


def _guessed_kind(part_key: str, enabled: int) -> tuple[Kind, Reason]:
    for word, kind in _NAME_RULES:
        if word.search(part_key):
            return kind, "name"
    if enabled == _LARGEST_POOL or (enabled == _POOL and _SELF_SERVICE.search(part_key)):
        return "free", "large_pool"
    return "paid", "default"
