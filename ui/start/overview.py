"""What matters now: five figures and the sentence that answers the question people come with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from core.attention.conditions import CERTIFICATE_DAYS, SHORTAGE_STATES, Condition
from core.clock import elapsed
from ui import age
from ui import format as fmt
from ui.data import Snapshot
from ui.frame import language, navigation
from ui.frame.page import View
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
    snapshot: Snapshot, found: Sequence[Condition], now: datetime, words: language.Language, refresh_minutes: float
) -> tuple[str, bool]:
    """The sentence, and whether all is well. It claims no more than is known; `found` needs attention."""
    figures, known = figures_of(snapshot), snapshot.age
    if known.newest is None:
        return text("answer.nothing_read", words), False
    troubles = sum(condition.level != "note" for condition in found)
    stale = age.is_stale(known, now, refresh_minutes)
    well = known.complete and not (figures.shortages or troubles or stale)
    sentences = [*_shortages(figures, troubles, words, complete=known.complete)]
    counts = {"read": fmt.number(known.read, words), "total": fmt.number(known.total, words)}
    ago = fmt.ago(known.newest, now, words)
    if not known.complete:
        sentences.append(text("answer.some_read", words, ago=ago, missing=known.total - known.read, **counts))
    elif not figures.shortages:
        sentences.append(text("answer.all_read", words, ago=ago, **counts))
    if elapsed(known.newest, now) == timedelta.max:
        sentences.append(text("answer.ahead", words))
    elif stale and known.oldest is not None:
        sentences.append(text("answer.stale", words, span=fmt.span((now - known.oldest).total_seconds(), words)))
    return " ".join(sentences), well


def _shortages(figures: Figures, troubles: int, words: language.Language, *, complete: bool) -> Iterator[str]:
    """How many shortages, and of what state; without any whether something else is wrong."""
    if figures.shortages:
        where = _tenants(figures.short_tenants, words)
        shortages = fmt.number(figures.shortages, words)
        yield plural("answer.shortages", figures.shortages, words, count=shortages, where=where)
        of_these = [
            text(f"answer.of_these.{state}", words, count=fmt.number(count, words))
            for state, count in zip(SHORTAGE_STATES, figures.states, strict=True)
            if count
        ]
        if of_these:
            yield text("answer.of_these", words, states=", ".join(of_these))
    elif not complete:
        yield text("answer.none_known", words)
    elif troubles:
        yield plural("answer.none_but", troubles, words, count=fmt.number(troubles, words))
    else:
        yield text("answer.none", words)


def _tenants(count: int, words: language.Language) -> str:
    return plural("tenants.count", count, words, count=fmt.number(count, words))


def answer_block(snapshot: Snapshot, found: Sequence[Condition], view: View) -> None:
    """The answer as the title of the page."""
    sentence, well = answer(snapshot, found, view.now, view.language, view.refresh_minutes)
    head, _, rest = sentence.partition(". ")
    st.title(f":green[✓] {head}." if well else f"{head.removesuffix('.')}.")
    if rest:
        st.markdown(rest)


def tiles(figures: Figures) -> None:
    """Five figures, each a link to its list."""
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
