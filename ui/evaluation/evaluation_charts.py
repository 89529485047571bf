"""The charts of the evaluation: what was kept month by month, and open cases by age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.cases.figures import AgeCount, CaseFigures
from ui import format as fmt
from ui.frame.language import Language
from ui.tenant.history_chart import COLOURS, LABELS, NOT_DESCRIBED, Theme
from ui.texts import text

PIXELS = 270  # the height of a chart, with its axes and legend
KEPT = ("reaction_kept", "work_kept")
BLUE, GREY = COLOURS["consumed"], COLOURS["enabled"]


def show_kept(months: Sequence[CaseFigures], language: Language) -> None:
    """Show the shares of what was kept, the oldest month first."""
    st.vega_lite_chart(kept_spec(months, language, _theme()), alt=text("evaluation.kept_alt", language), key="kept")


def show_ages(ages: Sequence[AgeCount], language: Language) -> None:
    """Show how many open cases are how old."""
    st.vega_lite_chart(ages_spec(ages, language, _theme()), alt=text("evaluation.ages_alt", language), key="ages")


def _theme() -> Theme:
    return "dark" if st.context.theme.type == "dark" else "light"


def kept_spec(months: Sequence[CaseFigures], language: Language, theme: Theme) -> dict[str, Any]:
    """Return the Vega-Lite chart of the shares: a line each, which differ in dash as well as in colour."""
    series = [text(f"column.{name}", language) for name in KEPT]
    values = [
        {"month": month_name(one.key), "series": words, "share": whole_percent(share)}
        for one in reversed(months)
        for name, words in zip(KEPT, series, strict=True)
        if (share := getattr(one, name)) is not None
    ]
    by_series = {"field": "series", "type": "nominal", "title": None, "sort": series}
    legend = {**_labels(theme), "orient": "top", "symbolType": "stroke", "symbolSize": 300}
    return {
        "data": {"values": values},
        "height": PIXELS,
        "mark": {"type": "line", "strokeWidth": 2.5, "point": {"size": 40}, **NOT_DESCRIBED},
        "encoding": {
            "x": {"field": "month", "type": "ordinal", "sort": None, "axis": {**_axis(theme), "labelAngle": 0}},
            "y": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 100]},
                  "axis": {**_axis(theme), "labelExpr": "datum.label + ' %'"}},
            "color": {**by_series, "scale": {"domain": series, "range": [BLUE, GREY]}, "legend": legend},
            "strokeDash": {**by_series, "scale": {"domain": series, "range": [[1, 0], [6, 4]]}, "legend": legend},
        },
    }  # fmt: skip


def ages_spec(ages: Sequence[AgeCount], language: Language, theme: Theme) -> dict[str, Any]:
    """Return the Vega-Lite chart of the open cases: a bar for each age."""
    values = [{"age": age_name(age, language), "cases": age.cases} for age in ages]
    most = max(1, *(age.cases for age in ages))  # without any case there is no scale to draw
    return {
        "data": {"values": values},
        "height": PIXELS,
        "mark": {"type": "bar", "color": BLUE, **NOT_DESCRIBED},
        "encoding": {
            "x": {"field": "age", "type": "ordinal", "sort": None, "axis": {**_axis(theme), "labelAngle": 0}},
            "y": {"field": "cases", "type": "quantitative", "scale": {"domain": [0, most]},
                  "axis": {**_axis(theme), "tickMinStep": 1, "format": "d"}},
        },
    }  # fmt: skip


def whole_percent(share: float) -> int:
    """Return a share in percent; nothing that was missed is rounded up to 100."""
    return min(round(share * 100), 99) if share < 1 else 100


def month_name(key: str) -> str:
    """Return a month as "11.2026"; its key is "2026-11"."""
    year, _, month = key.partition("-")
    return f"{month}.{year}"


def age_name(age: AgeCount, language: Language) -> str:
    """Return "1–3 Tage", "ab 30 Tagen"."""
    if age.until is None:
        return text("evaluation.age_from", language, days=fmt.number(age.days, language))
    return text("evaluation.age", language, days=age.days, until=age.until)


def _axis(theme: Theme) -> dict[str, Any]:
    return {**_labels(theme), "title": None, "labelOverlap": True, "grid": False}


def _labels(theme: Theme) -> dict[str, Any]:
    return {"labelColor": LABELS[theme], "labelFontSize": 12, **NOT_DESCRIBED}
