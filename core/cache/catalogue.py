"""The product names in use: our own mapping over the names imported from Microsoft's list."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from core.cache.product_names import imported_names
from core.licenses.sku_mappings import SkuMappingError, read_catalogue
from core.licenses.skus import Catalogue

SKU_MAPPINGS = Path(__file__).parents[2] / "sku_mappings.json"


def load_catalogue(engine: Engine) -> tuple[Catalogue, str]:
    """Return the names and kinds, and the faults of sku_mappings.json ("" for none). Raises DatabaseError.

    If the file cannot be used, the imported names are used alone, and a product that only the file has as free counts
    as paid, so no shortage is missed. A faulty entry is left out, the others are used.
    """
    imported = imported_names(engine)
    try:
        return read_catalogue(SKU_MAPPINGS, imported), ""
    except SkuMappingError as error:
        return Catalogue(error.products, imported), str(error)
