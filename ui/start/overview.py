"""The overview on the start page: the sentence that says if all is well, and five figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from core.attention.conditions import CERTIFICATE_DAYS, SHORTAGE_STATES, Condition
from core.clock import elapsed
from ui import age
from ui import format as fmt
from ui.frame import language, navigation
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import plural, text


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over the tenants that are read; `short_tenants` have at least one shortage."""

    shortages: int
    short_tenants: int
    over: int
    low: int
    unreadable: int
    certificates: int
    states: tuple[int, ...]  # of the shortages: how many in each of SHORTAGE_STATES


def figures_of(snapshot: Snapshot) -> Figures:
    index, active = snapshot.index, snapshot.active
    return Figures(
        shortages=index.count("shortage"),
        short_tenants=int((active["shortages"] > 0).sum()),
        over=index.count("over"),
        low=index.count("low"),
        unreadable=int((active["problem"].notna() | active["last_read_at"].isna()).sum()),
        certificates=int((active["cert_days"].astype("float") < CERTIFICATE_DAYS).sum()),
        states=tuple(int((index.has(state) & index.has("shortage")).sum()) for state in SHORTAGE_STATES),
    )


def answer(
    snapshot: Snapshot, conditions: Sequence[Condition], now: datetime, lang: language.Language, refresh_minutes: float
) -> tuple[str, bool]:
    """Return the sentence, and True if all is well: each tenant read lately, no shortage, no condition above note."""
    figures, readings = figures_of(snapshot), snapshot.age
    if readings.newest is None:
        return text("answer.nothing_read", lang), False
    troubles = sum(condition.level != "note" for condition in conditions)
    stale = age.is_stale(readings, now, refresh_minutes)
    well = readings.complete and not (figures.shortages or troubles or stale)
    sentences = [*_shortages(figures, troubles, lang, complete=readings.complete)]
    counts = {"read": fmt.number(readings.read, lang), "total": fmt.number(readings.total, lang)}
    ago = fmt.ago(readings.newest, now, lang)
    if not readings.complete:
        sentences.append(text("answer.some_read", lang, ago=ago, missing=readings.total - readings.read, **counts))
    elif not figures.shortages:
        sentences.append(text("answer.all_read", lang, ago=ago, **counts))
    if elapsed(readings.newest, now) == timedelta.max:
        sentences.append(text("answer.ahead", lang))
    elif stale and readings.oldest is not None:
        sentences.append(text("answer.stale", lang, span=fmt.span((now - readings.oldest).total_seconds(), lang)))
    return " ".join(sentences), well


def _shortages(figures: Figures, troubles: int, lang: language.Language, *, complete: bool) -> Iterator[str]:
    """Yield how many shortages there are, by state; without any, how many other conditions need attention."""
    if figures.shortages:
        where = _tenant_count(figures.short_tenants, lang)
        shortages = fmt.number(figures.shortages, lang)
        yield plural("answer.shortages", figures.shortages, lang, count=shortages, where=where)
        of_these = [
            text(f"answer.of_these.{state}", lang, count=fmt.number(count, lang))
            for state, count in zip(SHORTAGE_STATES, figures.states, strict=True)
            if count
        ]
        if of_these:
            yield text("answer.of_these", lang, states=", ".join(of_these))
    elif not complete:
        yield text("answer.none_known", lang)
    elif troubles:
        yield plural("answer.none_but", troubles, lang, count=fmt.number(troubles, lang))
    else:
        yield text("answer.none", lang)


def _tenant_count(count: int, lang: language.Language) -> str:
    return plural("tenants.count", count, lang, count=fmt.number(count, lang))


def answer_block(snapshot: Snapshot, conditions: Sequence[Condition], view: View) -> None:
    """Show the answer as the title of the page."""
    sentence, well = answer(snapshot, conditions, view.now, view.language, view.refresh_minutes)
    head, _, rest = sentence.partition(". ")
    st.title(f":green[✓] {head}." if well else f"{head.removesuffix('.')}.")
    if rest:
        st.markdown(rest)


def tiles(figures: Figures) -> None:
    """Show five figures, each with a link to the rows it counts."""
    licenses, monitoring = navigation.LICENSES, navigation.MONITORING
    with st.grid(5, min_column_width=150, gap="small", key="tiles"):
        _tile("shortages", figures.shortages, "red", licenses, state="shortage")
        _tile("over", figures.over, "red", licenses, state="over")
        _tile("low", figures.low, "orange", licenses, state="low")
        _tile("unreadable", figures.unreadable, "red", monitoring, show="unreadable")
        _tile("certificates", figures.certificates, "orange", monitoring, show="certificates")


def _tile(name: str, count: int, colour: str, page: str, **params: str) -> None:
    shown = fmt.number(count, language.current())
    with st.container(border=True, key=f"tile-{name}", gap="xxsmall"):
        st.metric(text(f"tile.{name}"), f":{colour}[{shown}]" if count else shown)
        navigation.link(page, text(f"tile.{name}.open"), **params)
