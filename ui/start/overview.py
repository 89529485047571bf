"""The overview on the start page: the sentence that says if all is well, and five figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.attention.condition import Condition
from core.attention.conditions import CERTIFICATE_DAYS
from ui import format as fmt
from ui.age import Age, is_stale
from ui.frame import language, navigation
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import plural, text


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts over the tenants that are read; `short_tenants` have at least one shortage."""

    shortages: int
    short_tenants: int
    over: int
    low: int
    unreadable: int
    certificates: int


def counts_of(snapshot: Snapshot) -> Counts:
    """Return the counts over the tenants of the snapshot that are read."""
    index, active = snapshot.index, snapshot.active
    return Counts(
        shortages=index.count("shortage"),
        short_tenants=int((active["shortages"] > 0).sum()),
        over=index.count("over"),
        low=index.count("low"),
        unreadable=int((active["problem"].notna() | active["last_read_at"].isna()).sum()),
        certificates=int((active["cert_days"].astype("float") < CERTIFICATE_DAYS).sum()),
    )


def answer(counts: Counts, readings: Age, conditions: Sequence[Condition], view: View) -> tuple[str, bool]:
    """Return the sentence, and True if all is well: all tenants were read lately, without shortage or condition.

    The line below says how old the figures are and how many tenants they are of.
    """
    lang = view.language
    if readings.newest is None:
        return text("answer.nothing_read", lang), False
    if counts.shortages:
        where = plural("tenants.count", counts.short_tenants, lang, count=fmt.number(counts.short_tenants, lang))
        count = fmt.number(counts.shortages, lang)
        return plural("answer.shortages", counts.shortages, lang, count=count, where=where), False
    if not readings.complete or is_stale(readings, view.now, view.refresh_minutes):
        return text("answer.none_known", lang), False
    if troubles := sum(condition.level != "note" for condition in conditions):
        return plural("answer.none_but", troubles, lang, count=fmt.number(troubles, lang)), False
    return text("answer.none", lang), True


def answer_block(counts: Counts, readings: Age, conditions: Sequence[Condition], view: View) -> None:
    """Show the answer as the title of the page."""
    sentence, well = answer(counts, readings, conditions, view)
    st.title(f":green[✓] {sentence}" if well else sentence, anchor=False)


def tiles(counts: Counts, worse: Mapping[str, bool]) -> None:
    """Show five figures, each a link to the rows it counts; red are those that are `worse` than a working day ago."""
    colours = {name: "red" if is_worse else "orange" for name, is_worse in worse.items()}
    licenses, monitoring = navigation.LICENSES, navigation.MONITORING
    with st.grid(5, min_column_width=150, gap="small", key="tiles"):
        _tile("shortages", counts.shortages, colours["shortages"], licenses, state="shortage")
        _tile("over", counts.over, colours["over"], licenses, state="over")
        _tile("low", counts.low, "orange", licenses, state="low")
        _tile("unreadable", counts.unreadable, "orange", monitoring, show="unreadable")
        _tile("certificates", counts.certificates, "orange", monitoring, show="certificates")


def _tile(name: str, count: int, colour: str, page: str, **params: str) -> None:
    shown = fmt.number(count, language.current())
    number = f":{colour}[**{shown}**]" if count else f"**{shown}**"
    with st.container(border=True, key=f"tile-{name}"):
        navigation.link(page, f"{number} {text(f'tile.{name}')}", **params)
