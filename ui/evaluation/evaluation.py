"""The evaluation below its title: a sentence, the filters, the charts, and the table with its files."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st

from core import runtime
from core.cases.figure_report import FigureReport, figure_report, known_choices
from core.cases.figures import CaseFigures, Group, Times
from ui import format as fmt
from ui.cases.case_words import working_span
from ui.evaluation.evaluation_charts import month_name, show_ages, show_kept, whole_percent
from ui.evaluation.evaluation_filters import choose_group, evaluation_filters
from ui.frame.language import Language
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.tables.license_table import table_downloads
from ui.texts import plural, text

TIMES, SHARES = ("reaction", "lead", "lead_own"), ("reaction_kept", "work_kept", "delivery_kept")
UNNAMED = {"owner": "case.nobody", "distributor": "evaluation.no_distributor"}
KINDS: dict[str, Kind] = {
    "group": "text", "ended": "number", "reaction": "number", "reaction_kept": "number", "work_kept": "number",
    "lead": "number", "lead_own": "number", "delivery_kept": "number", "rating": "number",
}  # fmt: skip


def evaluation(snapshot: Snapshot, view: View) -> None:
    """Show everything below the line about the age of the figures."""
    engine, lang = runtime.current().engine, view.language
    answer = st.container()  # what it says depends on the filters below it
    filters = evaluation_filters(snapshot, known_choices(engine, view.zone))
    wanted = filters.wanted(snapshot, view.today)
    report = figure_report(engine, wanted, filters.by, view.now, view.zone)
    answer.markdown(report_sentence(report, lang))
    kept, ages = st.columns(2)
    with kept:
        st.header(text("evaluation.kept"), anchor=False)
        if report.months:
            show_kept(report.months, lang)
        else:
            st.caption(text("evaluation.none"))
    with ages:
        st.header(text("evaluation.ages"), anchor=False)
        show_ages(report.ages, lang)
    _table(report, filters.by, lang)


def _table(report: FigureReport, by: Group, lang: Language) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="evaluation_tools"):
        choose_group()
        st.space("stretch")
        if report.groups:
            table_downloads("csv.table", partial(figures_export, report, by, lang), "auswertung")
    if not report.groups:
        return
    rows = [Row(one.key or "-", [_cell(name, one, report, by, lang) for name in KINDS]) for one in report.groups]
    show_whole_table(
        "evaluation",
        text("nav.auswertung"),
        titled_columns(KINDS, titles={"group": by, "reaction": "first_reaction"}),
        rows,
    )
    st.caption(text("evaluation.explained"))


def report_sentence(report: FigureReport, lang: Language) -> str:
    """Return the answer in one or two sentences: how many cases, what was kept, how soon, how many are open."""
    total = report.total
    opened = plural("evaluation.open", report.open_count, lang, count=fmt.number(report.open_count, lang))
    if not total.ended:
        return f"{text('evaluation.none', lang)} {opened}"
    parts = [plural("evaluation.ended", total.ended, lang, count=fmt.number(total.ended, lang))]
    if total.reaction_kept is not None and total.work_kept is not None:
        shares = {"reaction": _share(total.reaction_kept, lang), "work": _share(total.work_kept, lang)}
        parts.append(text("evaluation.shares", lang, **shares))
    if total.lead.median is not None and total.lead.p90 is not None:
        times = {"half": working_span(total.lead.median, lang), "most": working_span(total.lead.p90, lang)}
        parts.append(text("evaluation.lead", lang, **times))
    return " ".join([*parts, opened])


def group_name(one: CaseFigures, report: FigureReport, by: Group, lang: Language) -> str:
    """Return the name of a group for people."""
    if by == "month":
        return month_name(one.key)
    return report.names.get(one.key, one.key) or text(UNNAMED[by], lang)


def _cell(name: str, one: CaseFigures, report: FigureReport, by: Group, lang: Language) -> Any:
    if name == "group":
        return group_name(one, report, by, lang)
    if name in TIMES:
        return _times(getattr(one, name), lang)
    if name == "rating":
        return _rating(one, lang)
    value = getattr(one, name)
    return fmt.number(value, lang) if name == "ended" else "" if value is None else _share(value, lang)


def _times(times: Times, lang: Language) -> Any:
    """Return the cell of two times: half of the cases, and 90 % below it."""
    if times.median is None or times.p90 is None:
        return ""
    most = text("evaluation.most", lang, span=working_span(times.p90, lang))
    return {"text": working_span(times.median, lang), "sub": most}


def _rating(one: CaseFigures, lang: Language) -> Any:
    """Return the cell of the ratings: their mean, and how many there are."""
    if one.rating is None:
        return ""
    return {
        "text": fmt.number(round(one.rating, 1), lang),
        "sub": plural("evaluation.rated", one.rated, lang, count=fmt.number(one.rated, lang)),
    }


def _share(share: float, lang: Language) -> str:
    return f"{fmt.number(whole_percent(share), lang)} %"


def figures_export(report: FigureReport, by: Group, lang: Language) -> pa.Table:
    """Return the table for a file: times in hours, shares in percent."""
    groups = report.groups
    columns: dict[str, Any] = {
        by: [group_name(one, report, by, lang) for one in groups],
        "ended": pa.array([one.ended for one in groups], pa.int64()),
        "delivered": pa.array([one.delivered for one in groups], pa.int64()),
    }
    for name in TIMES:
        for part in ("median", "p90"):
            times = [getattr(getattr(one, name), part) for one in groups]
            columns[f"{name}_{part}"] = pa.array(list(map(_hours, times)), pa.float64())
    for name in SHARES:
        columns[name] = pa.array([_percent(getattr(one, name)) for one in groups], pa.float64())
    columns["rating"] = pa.array([None if one.rating is None else round(one.rating, 2) for one in groups], pa.float64())
    columns["rated"] = pa.array([one.rated for one in groups], pa.int64())
    return pa.table(columns)


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)
