"""The table of products over all tenants, its files, and the sentences about those that run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st

from core.cache.frame_index import Positions
from core.licenses.skus import product_language
from ui import format as fmt
from ui.escaping import plain
from ui.frame import language, navigation, url
from ui.frame.language import Language
from ui.products.product_filters import DESCENDING, ORDER_OF_COLUMN, ProductFilters, sort_products_by
from ui.snapshots import Snapshot
from ui.tables import license_filters
from ui.tables.html_table import Kind, Row, show_first_rows, titled_columns
from ui.tables.license_table import table_downloads
from ui.tables.sort_codes import sort_directions
from ui.texts import plural, text
from ui.views.view_menu import view_menu

KINDS: dict[str, Kind] = {
    "product_and_sku": "open", "shortages": "number", "low": "number", "tenants": "number", "enabled": "number",
    "consumed": "number", "free_seats": "number", "utilisation": "bar", "kind": "text",
}  # fmt: skip
TITLES = {"product_and_sku": "product", "utilisation": "used_share"}
NUMBERS = ("shortages", "low", "tenants", "enabled", "consumed", "free_seats")
SENTENCES = 3


def product_sentences(snapshot: Snapshot, lang: Language) -> list[str]:
    """Return a sentence (Markdown) for each of the products with the most shortages."""
    short = np.flatnonzero(~snapshot.products.among("shortages", [0]))
    return [_sentence(record, lang) for record in snapshot.products.records(short[:SENTENCES])]


def _sentence(record: Mapping[str, Any], lang: Language) -> str:
    """Return "**Business Premium**: 2 Engpässe, 14 frei in anderen Tenants"."""
    shortages = plural("products.shortages", record["shortages"], lang, count=fmt.number(record["shortages"], lang))
    free = text("products.free" if record["free_seats"] else "products.none_free", lang,
                count=fmt.number(record["free_seats"], lang))  # fmt: skip
    return f"**{plain(_product(record, lang))}**: {shortages}, {free}"


def show_sentences(snapshot: Snapshot) -> None:
    """Show the sentences about the products that run out, or that there are none."""
    sentences = product_sentences(snapshot, language.current())
    st.markdown("  \n".join(sentences) if sentences else text("products.no_shortages"))


def show_products(snapshot: Snapshot, positions: Positions, filters: ProductFilters) -> None:
    """Show the products and their files; a click on a name opens the product's licences in all tenants."""
    lang, total = language.current(), len(snapshot.products.all())
    with st.container(horizontal=True, vertical_alignment="center", key="product_tools"):
        counts = {"shown": fmt.number(len(positions), lang), "total": fmt.number(total, lang)}
        st.markdown(text("products.count", **counts), width="content")
        view_menu(navigation.PRODUCTS, url.kept_params(navigation.PRODUCTS))
        st.space("stretch")
        if len(positions):
            table_downloads("csv.table", partial(products_export, snapshot, positions, lang), "produkte")
    if not len(positions):
        st.info(text("products.no_match" if total else "table.nothing_read"), icon=":material/info:")
        return

    def first_rows(count: int) -> list[Row]:
        return product_rows(snapshot, positions[:count], lang)

    sorts = sort_directions(filters.sort, ORDER_OF_COLUMN, DESCENDING)
    columns = titled_columns(KINDS, titles=TITLES, sorts=sorts)
    event = show_first_rows("products", text("nav.produkte"), columns, first_rows, total=len(positions))
    if event is not None and event.what == "sort":
        sort_products_by(event.column)
    if event is not None and event.what == "open":
        part = event.row.partition("/")[2]
        st.switch_page(
            navigation.PAGES_BY_ADDRESS[navigation.LICENSES].file, query_params={license_filters.SEARCH: part}
        )


def product_rows(snapshot: Snapshot, positions: Positions, lang: Language) -> list[Row]:
    """Return the rows of the table; the id of a row is the SKU id, "/" and the part number."""
    return [
        Row(f"{record['sku_id']}/{record['sku_part_number']}", [_cell(name, record, lang) for name in KINDS])
        for record in snapshot.products.records(positions)
    ]


def _cell(name: str, record: Mapping[str, Any], lang: Language) -> Any:
    if name == "product_and_sku":
        return {"text": _product(record, lang), "sub": record["sku_part_number"]}
    if name == "utilisation":
        percent = _percent(record)
        return "" if percent is None else {"text": fmt.number(percent, lang), "share": percent}
    if name == "kind":
        return text(f"kind.{record[name]}", lang)
    if name in ("shortages", "low") and not record[name]:
        return ""
    return fmt.number(record[name], lang)


def _percent(record: Mapping[str, Any]) -> int | None:
    """Return the share of the seats that is used, None without seats."""
    return None if record["utilisation"] is None else round(record["utilisation"] * 100)


def _product(record: Mapping[str, Any], lang: Language) -> str:
    return str(record[f"product_{product_language(lang)}"])


def products_export(snapshot: Snapshot, positions: Positions, lang: Language) -> pa.Table:
    """Return these products as a table for a file."""
    records: Sequence[Mapping[str, Any]] = snapshot.products.records(positions)
    return pa.table(
        {
            "product": [_product(record, lang) for record in records],
            **{name: pa.array([record[name] for record in records], pa.int64()) for name in NUMBERS},
            "utilisation": pa.array(list(map(_percent, records)), pa.int64()),
            "sku_part_number": [record["sku_part_number"] for record in records],
            "kind": [text(f"kind.{record['kind']}", lang) for record in records],
            "sku_id": [record["sku_id"] for record in records],
        }
    )
