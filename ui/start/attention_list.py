"""The list of what needs attention: each condition as a sentence with a link to the page that helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

import streamlit as st

from core import runtime
from core.attention.backup_conditions import SUBJECT as BACKUP
from core.attention.condition import Condition, Level
from core.attention.conditions import conditions
from core.attention.message_conditions import SUBJECT as MESSAGES
from core.attention.order_conditions import SUBJECT as ORDERS
from core.cache.database import DatabaseError
from core.cache.order_rows import overdue_orders
from core.cases.transitions import WITH_ORDER
from core.roles import Action
from core.texts import has_text
from ui import format as fmt
from ui import snapshots
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import navigation, url
from ui.frame.identity import current_user
from ui.frame.language import Language
from ui.frame.view import View
from ui.problems import for_reader, reason, sentence, without_commands
from ui.row_dialog import open_dialog
from ui.snapshots import Snapshot
from ui.texts import text
from ui.unreadable_tenant import UnreadableTenant

MOST = 4
ALONE = 3  # tenants with the same problem that get a sentence each; more share one
ICONS: dict[Level, str] = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "notice": ":orange[:material/info:]",
    "note": ":gray[:material/info:]",
}
OF_ONBOARDING = ("onboarding.unfinished", "onboarding.shortages_found_many", "leaving.stuck")
OF_CERTIFICATE = ("check.certificate_ended", "check.certificate_ends", "check.certificate_ends_now")
BOLD = ("tenant", "product")


@dataclass(frozen=True, slots=True)
class Item:
    """One sentence (Markdown) with the link to the page that helps, or the dialog about an unreadable tenant."""

    words: str
    level: Level
    page: str = navigation.MONITORING
    params: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    unreadable: str = ""  # the short name of a tenant that cannot be read


def current_conditions(snapshot: Snapshot, view: View) -> list[Condition]:
    """Return the conditions that hold now; what changes between readings is asked of the database, once for all."""
    engine = runtime.current().engine
    run, facts, failing = None, snapshot.facts, []
    try:
        run = snapshots.latest_state(engine).run
        facts = replace(facts, late_orders=overdue_orders(engine, view.today))
    except DatabaseError as error:
        failing = [Condition("error", error.problem)]
    if runtime.current().demo or not current_user().may(Action.OPERATIONS):
        facts = replace(facts, backups=None)  # a demo is worth no backup, and others can do nothing about it
    return failing + conditions(facts, run, view.now, view.refresh_minutes)


@dataclass(frozen=True, slots=True)
class ConditionWords:
    """Conditions as sentences: times are relative to `now` and in `zone`."""

    now: datetime
    language: Language
    zone: tzinfo

    def moment(self, value: Any) -> str:
        if isinstance(value, datetime):
            return fmt.clock(value, self.now, self.language, self.zone)
        return fmt.day(value, self.language)

    def sentence(self, condition: Condition) -> str:
        if not has_text(condition.problem.code):  # stored by an older version
            return plain(sentence(condition.problem, self.language))
        return condition.settled(self.language, self.moment, _value_words).text(self.language)


def _value_words(name: str, value: str) -> str:
    return f"**{plain(value)}**" if name in BOLD else plain(value)


def items_of(conditions: Iterable[Condition], words: ConditionWords) -> list[Item]:
    """Return one item per condition, in their order.

    More than ALONE tenants with the same problem share one item, as do all faults of a profile file.
    """
    items: list[Item] = []
    for (_, cause, file), group in groupby(sorted_by_kind(conditions), key=_kind):
        members = list(group)
        if file:
            items.append(_file_item(members, words))
        elif cause and len(members) > ALONE:
            items.append(_shared_item(members, words))
        else:
            items += [_item(condition, words) for condition in members]
    return items


def sorted_by_kind(conditions: Iterable[Condition]) -> list[Condition]:
    """Return the conditions with those of the same kind side by side, at the place of the first."""
    ordered = list(conditions)
    first: dict[tuple[Level, str, str], int] = {}
    for place, condition in enumerate(ordered):
        first.setdefault(_kind(condition), place)
    return sorted(ordered, key=lambda condition: first[_kind(condition)])


def _kind(condition: Condition) -> tuple[Level, str, str]:
    """Return the level, the code of the cause of an unreadable tenant or "", and the broken profile file or ""."""
    cause = condition.cause.code if condition.cause and condition.slug else ""
    return condition.level, cause, condition.subject if condition.problem.code.startswith("profile.") else ""


def _item(condition: Condition, words: ConditionWords) -> Item:
    sentence = words.sentence(condition)
    if condition.slug:
        unreadable, params = condition.slug if condition.cause else "", [("tenant", condition.slug)]
        if condition.problem.code in OF_CERTIFICATE and current_user().may(Action.CERTIFICATES):
            sentence = without_commands(sentence) + text("attention.renew", words.language)
            params.append((url.CERTIFICATE, "1"))
        return Item(sentence, condition.level, navigation.TENANT, tuple(params), unreadable)
    if condition.problem.code in OF_ONBOARDING and current_user().may(Action.ONBOARDING):
        return Item(sentence, condition.level, navigation.NEW_TENANT)
    if condition.subject == ORDERS:
        return Item(sentence, condition.level, navigation.CASES, (("state", WITH_ORDER),))
    pages = {BACKUP: navigation.OPERATIONS, MESSAGES: navigation.NOTIFICATIONS}
    return Item(sentence, condition.level, pages.get(condition.subject, navigation.MONITORING))


def _file_item(members: Sequence[Condition], words: ConditionWords) -> Item:
    more = text("attention.more_faults", words.language, count=len(members) - 1) if len(members) > 1 else ""
    return Item(words.sentence(members[0]) + more, members[0].level)


def _shared_item(members: Sequence[Condition], words: ConditionWords) -> Item:
    first = min(members, key=lambda condition: condition.moments["since"])
    why = reason(first.cause, first.subject, words.language) if first.cause else ""
    key = "attention.unreadable_long_many" if first.level == "error" else "attention.unreadable_many"
    shared = text(
        key,
        words.language,
        count=len(members),
        names=", ".join(plain(condition.subject) for condition in members[:ALONE]),
        more=len(members) - ALONE,
        since=words.moment(first.moments["since"]),
        why=plain(why),
    )
    return Item(shared, first.level, params=(("show", "unreadable"),))


def show_attention(items: Sequence[Item]) -> None:
    """Show one line per item, which leads to what says more; beyond MOST only their number."""
    with st.container(key="attention", gap="xxsmall"):
        for item in items[:MOST]:
            _line(item, f"{ICONS[item.level]} {for_reader(item.words)}")
        if len(items) > MOST:
            navigation.link(navigation.MONITORING, text("attention.more", count=len(items) - MOST))


def _line(item: Item, label: str) -> None:
    if item.unreadable:
        subject, key = UnreadableTenant(item.unreadable), bound_key("attention", item.unreadable)
        st.button(label, key=key, type="tertiary", on_click=open_dialog, args=(subject,))
    else:
        params = {name: value if isinstance(value, str) else list(value) for name, value in item.params}
        navigation.link(item.page, label, **params)
