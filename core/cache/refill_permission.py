"""The permission to fill a licence list again that was emptied or replaced; it ends when the list is full."""

from __future__ import annotations

from sqlalchemy import Engine, delete

from core.cache.schema import documents
from core.cache.sql import document, save_document, transaction

DOCUMENT = "refill"


def refill_allowed(engine: Engine) -> str:
    """Return the key of the list that may be filled again, "" for none."""
    return str(document(engine, DOCUMENT, ""))


def save_refill_allowed(engine: Engine, list_key: str) -> None:
    with transaction(engine) as connection:
        save_document(connection, DOCUMENT, list_key)


def end_refill(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(delete(documents).where(documents.c.key == DOCUMENT))
