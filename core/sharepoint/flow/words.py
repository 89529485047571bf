"""The sentences of the messages, from the catalogues, with expressions in the place of their values."""

from __future__ import annotations

from collections.abc import Mapping

from core.sharepoint.flow.expressions import Expression, joined, parts
from core.texts import text

PLACES = ("tenant", "product", "available", "used", "free", "day", "count", "lines")


def sentence(key: str, language: str, values: Mapping[str, Expression]) -> str:
    """Return the JSON string of a sentence of the catalogue; it must have no other values than `values`."""
    marks = {name: f"\0{name}\0" for name in PLACES}
    return joined(*parts(text(key, language, **marks), values))
