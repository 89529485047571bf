"""The filters of the evaluation: how far back, which tenants, levels, owners, distributors. The URL holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from core.cases.figures import GROUPS, FigureFilter, Group
from ui.frame import navigation, url
from ui.snapshots import Snapshot
from ui.tables.left_out import note_left_out, tell_left_out
from ui.texts import text

PAGE = navigation.EVALUATION
PERIODS = ("90", "365", "all")  # days back
USUAL = "365"
PERIOD, BY, TENANTS, LEVELS, OWNERS, DISTRIBUTORS = PARAMS = (
    "period", "by", "tenants", "level", "owner", "distributor",
)  # fmt: skip
SEVERAL = {LEVELS: "level", OWNERS: "owner", DISTRIBUTORS: "distributor"}
_KEY = "evaluation_"


@dataclass(frozen=True, slots=True)
class EvaluationFilters:
    """The chosen filters as in the URL; tenants by short name. Empty means all."""

    period: str = USUAL
    by: Group = "month"
    tenants: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    distributors: tuple[str, ...] = ()

    def wanted(self, snapshot: Snapshot, today: date) -> FigureFilter:
        """Return what the figures are computed of."""
        since = None if self.period == "all" else today - timedelta(days=int(self.period))
        tenants = [snapshot.ids[slug] for slug in self.tenants if slug in snapshot.ids]
        return FigureFilter(since, None, tenants, self.levels, self.owners, self.distributors)


def evaluation_filters(snapshot: Snapshot, choices: Mapping[str, Mapping[str, str]]) -> EvaluationFilters:
    """Show the filters and return those that are chosen; `choices`: level, owner, distributor -> key -> name."""
    options = {TENANTS: snapshot.names, **{name: choices[group] for name, group in SEVERAL.items()}}
    arrived = url.new_params(PAGE, PARAMS)
    if arrived is not None:
        _fill(arrived)
        note_left_out(PAGE, arrived.get(TENANTS, []), snapshot.names)
    for name, known in options.items():  # Streamlit refuses what is no longer among the choices
        st.session_state[_KEY + name] = [one for one in st.session_state.get(_KEY + name, []) if one in known]
    with st.container(horizontal=True, vertical_alignment="bottom", key="evaluation_filters"):
        st.segmented_control(
            text("evaluation.period"), PERIODS, key=_KEY + PERIOD, required=True,
            format_func=lambda period: text(f"evaluation.period.{period}"),
        )  # fmt: skip
        for name, known in options.items():
            if known:
                _several(name, known)
    filters = _chosen()
    tell_left_out(PAGE, snapshot.names)
    url.keep_params(PAGE, _params_of(filters))
    return filters


def choose_group() -> None:
    """Show what the table is grouped by."""
    st.segmented_control(
        text("evaluation.by"), GROUPS, key=_KEY + BY, required=True, label_visibility="collapsed",
        format_func=lambda group: text(f"column.{group}"),
    )  # fmt: skip


def _several(name: str, known: Mapping[str, str]) -> None:
    label = "column.tenant" if name == TENANTS else f"column.{SEVERAL[name]}"
    st.multiselect(
        text(label), list(known), key=_KEY + name, format_func=lambda key: known.get(key, key),
        placeholder=text("filter.all"), select_all=False, width=180,
    )  # fmt: skip


def _chosen() -> EvaluationFilters:
    state = st.session_state
    return EvaluationFilters(
        period=state.get(_KEY + PERIOD) or USUAL,
        by=next((group for group in GROUPS if group == state.get(_KEY + BY)), "month"),
        tenants=tuple(state.get(_KEY + TENANTS, ())),
        levels=tuple(state.get(_KEY + LEVELS, ())),
        owners=tuple(state.get(_KEY + OWNERS, ())),
        distributors=tuple(state.get(_KEY + DISTRIBUTORS, ())),
    )


def _params_of(filters: EvaluationFilters) -> url.Params:
    return {
        PERIOD: [filters.period] if filters.period != USUAL else [],
        BY: [filters.by] if filters.by != "month" else [],
        TENANTS: list(filters.tenants),
        LEVELS: list(filters.levels),
        OWNERS: list(filters.owners),
        DISTRIBUTORS: list(filters.distributors),
    }


def _fill(params: url.Params) -> None:
    """Take the filters of the URL, without those that do not exist."""
    state = st.session_state
    period, by = ((params.get(name) or [""])[0] for name in (PERIOD, BY))
    state[_KEY + PERIOD] = period if period in PERIODS else USUAL
    state[_KEY + BY] = by if by in GROUPS else "month"
    for name in (TENANTS, *SEVERAL):
        state[_KEY + name] = list(params.get(name, []))
