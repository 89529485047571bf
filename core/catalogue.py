"""The product names in use: our own mapping over the names imported from Microsoft's list."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from core.cache.names import imported_names
from core.skus import Catalogue, SkuError

SKU_MAPPINGS = Path(__file__).parent.parent / "sku_mappings.json"


def load_catalogue(engine: Engine) -> Catalogue:
    """Raises SkuError when the mapping cannot be used, DatabaseError."""
    return Catalogue.load(SKU_MAPPINGS, imported_names(engine))


def usable_catalogue(engine: Engine) -> tuple[Catalogue, str]:
    """What can be shown in any case, and what is wrong with the mapping ("" for nothing). Raises DatabaseError.

    Wrong names are no reason to show no figures.
    """
    try:
        return load_catalogue(engine), ""
    except SkuError as error:
        return Catalogue([], imported_names(engine)), str(error)
