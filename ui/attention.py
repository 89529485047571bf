"""What needs somebody's attention, the worst first: found as data, then shown as sentences with their remedy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd
import streamlit as st

from core.problems import Problem
from ui import format as fmt
from ui import navigation
from ui.data import Snapshot
from ui.language import Language
from ui.overview import CERTIFICATE_DAYS
from ui.problems import reason, sentence, technical
from ui.rows import moment, rows
from ui.safe import plain
from ui.texts import text

MOST = 8
ALONE = 3  # so many tenants with the same problem are told one by one, more as one sentence


@dataclass(frozen=True, slots=True)
class Item:
    """One sentence (Markdown) with the page that helps; `bad` comes first and is red."""

    words: str
    page: str = navigation.MONITORING
    params: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    bad: bool = True


def attention(snapshot: Snapshot, now: datetime, language: Language, zone: tzinfo) -> list[Item]:
    found = [
        *_unreadable(snapshot.active, now, language, zone),
        *_never_read(snapshot.active, language),
        *_certificates(snapshot.active, language),
        *_profiles(snapshot, language),
        *_sharepoint(snapshot, language),
    ]
    return sorted(found, key=lambda item: not item.bad)


def _unreadable(active: pd.DataFrame, now: datetime, language: Language, zone: tzinfo) -> Iterator[Item]:
    groups: dict[str, list[tuple[Any, Problem]]] = defaultdict(list)
    for row in rows(active[active["problem"].notna()]):
        problem = Problem.from_json(row.problem)
        groups[problem.code].append((row, problem))
    for group in groups.values():
        if len(group) > ALONE:
            yield _group(group, now, language, zone)
            continue
        for row, problem in group:
            yield Item(
                text(
                    "attention.unreadable", language,
                    tenant=plain(row.tenant), since=_since(row, now, language, zone),
                    why=plain(reason(problem, row.tenant, language)),
                ),
                navigation.TENANT, (("tenant", row.slug),), (problem,),
            )  # fmt: skip


def _group(group: list[tuple[Any, Problem]], now: datetime, language: Language, zone: tzinfo) -> Item:
    first, problem = min(group, key=lambda pair: pair[0].failing_since)
    names = ", ".join(plain(row.tenant) for row, _ in group[:ALONE])
    return Item(
        text(
            "attention.unreadable_many", language,
            count=len(group), names=names, more=len(group) - ALONE,
            since=_since(first, now, language, zone), why=plain(sentence(problem, language)),
        ),
        params=(("show", "unreadable"),),
        problems=tuple(problem for _, problem in group[:MOST]),
    )  # fmt: skip


def _since(row: Any, now: datetime, language: Language, zone: tzinfo) -> str:
    since = moment(row.failing_since)
    return fmt.clock(since, now, language, zone) if since else "?"


def _never_read(active: pd.DataFrame, language: Language) -> Iterator[Item]:
    waiting = active[active["last_read_at"].isna() & active["problem"].isna()]
    if len(waiting):
        names = ", ".join(plain(name) for name in waiting["tenant"][:ALONE]) + (" …" if len(waiting) > ALONE else "")
        yield Item(
            text("attention.never_read", language, count=len(waiting), names=names),
            params=(("show", "unreadable"),),
            bad=False,
        )


def _certificates(active: pd.DataFrame, language: Language) -> Iterator[Item]:
    ending = active[active["cert_days"].astype("float") < CERTIFICATE_DAYS].sort_values("cert_days")
    for row in rows(ending):
        days = int(row.cert_days)
        key = "attention.cert_ended" if days < 0 else ("attention.cert_today" if days == 0 else "attention.cert_ends")
        yield Item(
            text(key, language, tenant=plain(row.tenant), days=abs(days)),
            navigation.TENANT,
            (("tenant", row.slug),),
            bad=days < 7,
        )


def _profiles(snapshot: Snapshot, language: Language) -> Iterator[Item]:
    for problems in snapshot.faults.values():
        more = text("attention.more_faults", language, count=len(problems) - 1) if len(problems) > 1 else ""
        yield Item(plain(sentence(problems[0], language)) + more, problems=tuple(problems))
    if snapshot.names_fault:
        yield Item(text("attention.names", language, fault=plain(snapshot.names_fault.splitlines()[0])), bad=False)


def _sharepoint(snapshot: Snapshot, language: Language) -> Iterator[Item]:
    for problem in snapshot.sharepoint.problems:
        yield Item(plain(sentence(problem, language)), problems=(problem,))
    if not snapshot.sharepoint.configured:
        yield Item(text("attention.no_sharepoint", language), bad=False)
        return
    missing = snapshot.tenants[~snapshot.tenants["listed"].astype(bool)]
    if len(missing) and snapshot.sharepoint.read_at is not None:
        names = ", ".join(plain(name) for name in missing["tenant"][:ALONE]) + (" …" if len(missing) > ALONE else "")
        yield Item(text("attention.not_listed", language, count=len(missing), names=names), bad=False)


def show_attention(items: list[Item]) -> None:
    """One line for each, with the way to where it is mended."""
    for number, item in enumerate(items[:MOST]):
        with st.container(border=True, key=f"attention-{number}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.markdown(
                    f"{':red[:material/error:]' if item.bad else ':orange[:material/info:]'} {item.words}",
                    width="stretch",
                )
                if item.page:
                    navigation.link(item.page, text("attention.open"), **dict(item.params))
            technical(*item.problems)
    if len(items) > MOST:
        navigation.link(navigation.MONITORING, text("attention.more", count=len(items) - MOST))
