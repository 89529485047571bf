"""Table of the product names imported from Microsoft's CSV."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, delete, insert, select

from core.cache.schema import sku_names
from core.cache.sql import increase_version, transaction
from core.licenses.skus import ImportedName


def save_names(engine: Engine, names: Iterable[ImportedName]) -> None:
    """Replace all imported names."""
    rows = [
        {"sku_id": name.sku_id, "sku_part_number": name.sku_part_number, "display_name": name.display_name}
        for name in names
    ]
    with transaction(engine) as connection:
        connection.execute(delete(sku_names))
        if rows:
            connection.execute(insert(sku_names), rows)
        increase_version(connection)


def imported_names(engine: Engine) -> list[ImportedName]:
    with transaction(engine) as connection:
        return [ImportedName(*row) for row in connection.execute(select(sku_names))]
