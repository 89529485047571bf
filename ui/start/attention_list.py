"""What needs somebody's attention: conditions of core.attention as sentences with the page that helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

import streamlit as st

from core import runtime
from core.attention.conditions import Condition, Level, conditions
from core.cache.database import DatabaseError
from core.problems import Problem
from core.texts import has_text
from ui import data
from ui import format as fmt
from ui.data import Snapshot
from ui.escaping import plain
from ui.frame import navigation
from ui.frame.language import Language
from ui.frame.page import View
from ui.problems import sentence, technical
from ui.texts import text

MOST = 8
ALONE = 3  # so many tenants with the same problem are told one by one, more as one sentence
ICONS: dict[Level, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "notice": ":orange[:material/info:]",
    "note": ":gray[:material/info:]",
}
BOLD = ("tenant", "product")


@dataclass(frozen=True, slots=True)
class Item:
    """One sentence (Markdown) with the page that helps."""

    words: str
    level: Level
    page: str = navigation.MONITORING
    params: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


def current(snapshot: Snapshot, view: View) -> list[Condition]:
    """What needs attention now; of the database only the shared look at the latest refresh is asked."""
    try:
        run, failing = data.pulse(runtime.current().engine).run, []
    except DatabaseError as error:
        run, failing = None, [Condition("error", error.problem)]
    return failing + conditions(snapshot.facts, run, view.now, view.refresh_minutes)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the sentences are: now, in which language, in which zone."""

    now: datetime
    language: Language
    zone: tzinfo

    def when(self, value: Any) -> str:
        if isinstance(value, datetime):
            return fmt.clock(value, self.now, self.language, self.zone)
        return fmt.day(value, self.language)

    def words(self, condition: Condition) -> str:
        if not has_text(condition.problem.code):  # stored by an older version
            return plain(sentence(condition.problem, self.language))
        return condition.settled(self.language, self.when, _shown).text(self.language)


def _shown(name: str, value: str) -> str:
    return f"**{plain(value)}**" if name in BOLD else plain(value)


def items_of(conditions: Iterable[Condition], reader: Reader) -> list[Item]:
    """A sentence for each, in their order; one for many tenants with the same problem, or many faults of a file."""
    items: list[Item] = []
    for (_, cause, file), group in groupby(sorted_by_kind(conditions), key=_kind):
        members = list(group)
        if file:
            items.append(_file(members, reader))
        elif cause and len(members) > ALONE:
            items.append(_many(members, reader))
        else:
            items += [_item(condition, reader) for condition in members]
    return items


def sorted_by_kind(conditions: Iterable[Condition]) -> list[Condition]:
    """Conditions of the same level and kind side by side, each kind where its first one stands."""
    found = list(conditions)
    first: dict[tuple[Level, str, str], int] = {}
    for place, condition in enumerate(found):
        first.setdefault(_kind(condition), place)
    return sorted(found, key=lambda condition: first[_kind(condition)])


def _kind(condition: Condition) -> tuple[Level, str, str]:
    """(level, code of the reason why a tenant cannot be read, profile file); "" where it is neither."""
    cause = condition.cause.code if condition.cause and condition.slug else ""
    return condition.level, cause, condition.subject if condition.problem.code.startswith("profile.") else ""


def _item(condition: Condition, reader: Reader) -> Item:
    words, problems = reader.words(condition), (condition.problem,)
    if condition.slug:
        return Item(words, condition.level, navigation.TENANT, (("tenant", condition.slug),), problems)
    return Item(words, condition.level, problems=problems)


def _file(members: Sequence[Condition], reader: Reader) -> Item:
    more = text("attention.more_faults", reader.language, count=len(members) - 1) if len(members) > 1 else ""
    problems = tuple(condition.problem for condition in members)
    return Item(reader.words(members[0]) + more, members[0].level, problems=problems)


def _many(members: Sequence[Condition], reader: Reader) -> Item:
    first = min(members, key=lambda condition: condition.moments["since"])
    why = sentence(first.cause, reader.language) if first.cause else ""
    key = "attention.unreadable_long_many" if first.level == "error" else "attention.unreadable_many"
    words = text(
        key,
        reader.language,
        count=len(members),
        names=", ".join(plain(condition.subject) for condition in members[:ALONE]),
        more=len(members) - ALONE,
        since=reader.when(first.moments["since"]),
        why=plain(why),
    )
    problems = tuple(condition.problem for condition in members[:MOST])
    return Item(words, first.level, params=(("show", "unreadable"),), problems=problems)


def show_attention(items: Sequence[Item]) -> None:
    """One line for each, with the way to where it is mended."""
    for number, item in enumerate(items[:MOST]):
        with st.container(border=True, key=f"attention-{number}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.markdown(f"{ICONS[item.level]} {item.words}", width="stretch")
                navigation.link(item.page, text("attention.open"), **dict(item.params))
            technical(*item.problems)
    if len(items) > MOST:
        navigation.link(navigation.MONITORING, text("attention.more", count=len(items) - MOST))
