"""What a change of rules would do to the licences, counted and in words. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from core.licenses.alarm_rules import LevelRule, Rule, Rules
from core.licenses.judge import judge_shown
from ui.frame.view import View
from ui.tables.frame_rows import rows
from ui.texts import plural, text


@dataclass(frozen=True, slots=True)
class Effect:
    """The number of licences whose alarm would stop or start, that would be hidden or shown, or become low or not."""

    stop: int = 0
    start: int = 0
    hide: int = 0
    show: int = 0
    low_more: int = 0
    low_less: int = 0


def effect(
    licenses: pd.DataFrame,
    before: Sequence[Rule],
    after: Sequence[Rule],
    view: View,
    by_level: Mapping[str, LevelRule] | None = None,
) -> Effect:
    """Return what changes for these licences if the rules `after` replace the rules `before`.

    `by_level`: tenant id -> what its level of service says.
    """
    changed = {rule.scope for rule in {*before} ^ {*after}}
    tenants = {tenant_id for tenant_id, _ in changed}
    concerned = licenses if "" in tenants else licenses[licenses["tenant_id"].isin(tenants)]
    today = view.today
    old, new = Rules.of(before, today, by_level), Rules.of(after, today, by_level)
    counts = dict.fromkeys(asdict(Effect()), 0)
    for row in rows(concerned):
        flags_before, flags_after = (_judged_flags(rules, row) for rules in (old, new))
        for place, (less, more) in enumerate((("stop", "start"), ("show", "hide"), ("low_less", "low_more"))):
            counts[less] += flags_before[place] and not flags_after[place]
            counts[more] += flags_after[place] and not flags_before[place]
    return Effect(**counts)


def _judged_flags(rules: Rules, row: Any) -> tuple[bool, bool, bool]:
    """Return if a licence is a shortage, hidden, low under these rules."""
    judged = judge_shown(rules, row)
    return judged.shortage, judged.hidden, judged.low


def effect_words(effect: Effect, language: str) -> str:
    """Return the effect as sentences: "3 Lizenzen würden nicht mehr gemeldet."."""
    sentences = [plural(f"rule.effect.{name}", count, language) for name, count in asdict(effect).items() if count]
    return " ".join(sentences) or text("rule.effect.none", language)
