"""The chart of a product's available and used seats, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import pandas as pd
import streamlit as st
from babel.numbers import get_decimal_symbol, get_group_symbol

from core import runtime
from core.cache.database import DatabaseError
from core.cache.frame_index import Positions
from core.cache.frames import history_frame
from core.licenses.skus import product_language
from ui.frame.language import Language
from ui.frame.view import View
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows
from ui.tenant.tenant_header import Tenant
from ui.texts import text

_KEY = "history_product"
DAYS = 366  # so far back goes a chart
PIXELS = 260  # the height of the chart
POINTS = 31  # up to so many days each day has a visible point
NOT_DESCRIBED = {"aria": False}  # Vega's own descriptions of parts are English; the chart has one of ours
Theme = Literal["light", "dark"]
# Readable on white and on near-black: at least 3 : 1 on both; the series differ in dash as well as in colour.
LABELS: dict[Theme, str] = {"light": "#435065", "dark": "#B0B8C4"}
COLOURS = {"enabled": "#667085", "consumed": "#2E90FA"}


def history_chart(snapshot: Snapshot, tenant: Tenant, rows: Positions, view: View) -> None:
    """Show the chart of one product, chosen beside the title."""
    licenses = snapshot.licenses.iloc[rows]
    product = f"product_{product_language(view.language)}"
    names = dict(zip(licenses["sku_id"], licenses[product], strict=True))
    parts = dict(zip(licenses["sku_id"], licenses["sku_part_number"], strict=True))
    if st.session_state.get(_KEY) not in names:
        st.session_state[_KEY] = first_product(licenses)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.header(text("history.title"), width="content", anchor=False)
        sku = st.selectbox(
            text("history.product"), list(names), key=_KEY, format_func=lambda sku: f"{names[sku]} ({parts[sku]})",
            width=420,
        )  # fmt: skip
    try:
        days = history_frame(runtime.current().engine, tenant.tenant_id, sku, first_day(view))
    except DatabaseError as error:
        problem_box(error.problem)
        return
    if days.empty:
        st.caption(text("history.none"))
        return
    show_chart("history", days, names[sku], tenant.name, view.language)
    if len(days) < 2:
        st.caption(text("history.first_day"))


def first_day(view: View) -> date:
    """Return the first day that a chart shows: it goes back DAYS from today."""
    return view.today - timedelta(days=DAYS - 1)


def first_product(licenses: pd.DataFrame) -> str:
    """Return the SKU id that the chart starts with: a shortage before others, what is paid first, then the fullest."""
    order = licenses.assign(paid=licenses["kind"] == "paid").sort_values(
        ["shortage", "paid", "utilisation"], ascending=False, kind="stable", na_position="last"
    )
    return str(order["sku_id"].iloc[0])


def show_chart(
    key: str, days: pd.DataFrame, product: str, tenant: str, language: Language, *, height: int = PIXELS
) -> None:
    """Show the chart of these days of one product in the colours of the reader's theme; `height` is in pixels."""
    theme: Theme = "dark" if st.context.theme.type == "dark" else "light"
    alt = text("history.alt", language, product=product, tenant=tenant)
    st.vega_lite_chart(spec(days, language, theme, height), alt=alt, key=key)


def spec(days: pd.DataFrame, language: Language, theme: Theme, height: int = PIXELS) -> dict[str, Any]:
    """Return the Vega-Lite chart of one product: steps, because seats change from one day to the next."""
    series = {name: text(f"history.{name}", language) for name in COLOURS}
    values = [
        {"day": row.day.isoformat(), "series": series[name], "seats": int(getattr(row, name))}
        for row in rows(days)
        for name in COLOURS
    ]
    point = {"size": 25} if len(days) <= POINTS else False
    return {
        "data": {"values": values},
        "height": height,
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.5, "point": point, **NOT_DESCRIBED},
        "encoding": {**_axes(language, theme), **_lines(list(series.values()), theme), "tooltip": _tooltip(language)},
        "config": {"locale": {"number": _numbers(language)}},
    }


def _numbers(language: Language) -> dict[str, Any]:
    """Return how the language writes numbers, in the form of d3-format: 1'000 in German as in Switzerland."""
    locale = text("format.locale", language)
    signs = {"decimal": get_decimal_symbol(locale), "thousands": get_group_symbol(locale)}
    return {**signs, "grouping": [3], "currency": ["", ""]}


def _axes(language: Language, theme: Theme) -> dict[str, Any]:
    labels = {**_labels(theme), **NOT_DESCRIBED, "title": None}
    days = {**labels, "format": text("format.chart_day", language), "labelOverlap": True, "grid": False}
    return {
        "x": {"field": "day", "type": "temporal", "axis": days},
        "y": {"field": "seats", "type": "quantitative", "axis": {**labels, "tickMinStep": 1}},
    }


def _lines(series: list[str], theme: Theme) -> dict[str, Any]:
    """Return colour and dash of each series, with one legend for both."""
    by_series = {"field": "series", "type": "nominal", "title": None, "sort": series}
    legend = {**_labels(theme), **NOT_DESCRIBED, "orient": "top", "symbolType": "stroke", "symbolSize": 300}
    return {
        "color": {**by_series, "scale": {"domain": series, "range": list(COLOURS.values())}, "legend": legend},
        "strokeDash": {**by_series, "scale": {"domain": series, "range": [[6, 4], [1, 0]]}, "legend": legend},
    }


def _tooltip(language: Language) -> list[dict[str, str]]:
    return [
        {"field": "day", "type": "temporal", "title": text("history.day", language),
         "format": text("format.chart_tooltip", language)},
        {"field": "series", "type": "nominal", "title": " "},
        {"field": "seats", "type": "quantitative", "title": text("history.seats", language), "format": ",d"},
    ]  # fmt: skip


def _labels(theme: Theme) -> dict[str, Any]:
    return {"labelColor": LABELS[theme], "labelFontSize": 12}
