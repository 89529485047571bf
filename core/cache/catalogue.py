"""The product names in use: our own mapping over the names imported from Microsoft's list."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from core.cache.product_names import imported_names
from core.licenses.sku_mappings import SkuMappingError, read_catalogue
from core.licenses.skus import Catalogue

SKU_MAPPINGS = Path(__file__).parents[2] / "sku_mappings.json"


def load_catalogue(engine: Engine) -> tuple[Catalogue, str]:
    """Return the names, and what is wrong with sku_mappings.json ("" for nothing). Raises DatabaseError.

    A broken mapping is no reason to show no figures, still less to miss a shortage: the imported names do without
    it, and what only it knows to be free counts as paid. A broken entry costs that entry alone.
    """
    imported = imported_names(engine)
    try:
        return read_catalogue(SKU_MAPPINGS, imported), ""
    except SkuMappingError as error:
        return Catalogue(error.products, imported), str(error)
