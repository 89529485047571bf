"""Levels, intervals and the effect of a change in words. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from core.tenants.level_effect import LevelEffect, License
from ui import format as fmt
from ui.escaping import plain
from ui.texts import plural, text

MOST_NAMES = 5


def minutes_words(minutes: int | None, language: str) -> str:
    """Return an interval: "240 Min.", or the word for that of the setting."""
    if minutes is None:
        return text("level.as_setting", language)
    return text("level.every", language, count=fmt.number(minutes, language))


def effect_sentences(effect: LevelEffect, language: str) -> list[str]:
    """Return a sentence (Markdown) for each kind of change, with the first names; one if nothing changes."""
    sentences = [
        plural(f"level.effect.{name}", len(licenses), language, names=_licenses(licenses, language))
        for name in ("begin", "end", "low", "low_no_more")
        if (licenses := getattr(effect, name))
    ]
    for (before, after), names in effect.intervals.items():
        words = {
            "before": minutes_words(before, language),
            "after": minutes_words(after, language),
            "names": first_names(names, language),
        }
        sentences.append(plural("level.effect.interval", len(names), language, **words))
    return sentences or [text("level.effect.none", language)]


def _licenses(licenses: Sequence[License], language: str) -> str:
    return first_names([f"{product} ({tenant})" for tenant, product in licenses], language)


def first_names(names: Sequence[str], language: str, most: int = MOST_NAMES) -> str:
    """Return the first names (Markdown), and how many there are besides."""
    shown = ", ".join(plain(name) for name in names[:most])
    if len(names) <= most:
        return shown
    return text("level.and_more", language, names=shown, count=fmt.number(len(names) - most, language))
