"""Public holidays and half days of cantons, Länder and countries, from the package `holidays`. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

DayKind = Literal["free", "half"]
COUNTRIES = ("CH", "DE", "AT", "LI")
KIND_BY_CATEGORY: tuple[tuple[str, DayKind], ...] = (("half_day", "half"), ("public", "free"))  # the last one wins
LANGUAGES = {"de": "de", "en": "en_US"}  # ours -> that of the package


class RegionDay(NamedTuple):
    """A day of a region on which nobody works, or only until noon; `name` is for people."""

    kind: DayKind
    name: str


@lru_cache(maxsize=8)
def regions() -> Mapping[str, str]:
    """Return every region: "CH" or "CH-ZH" -> its name, "" for a whole country."""
    named = {}
    for country in COUNTRIES:
        of_country = _package_class(country)
        names: dict[str, list[str]] = {}
        for name, code in getattr(of_country, "subdivisions_aliases", {}).items():
            names.setdefault(code, []).append(name)
        named[country] = ""
        named |= {f"{country}-{code}": " / ".join(names[code]) for code in of_country.subdivisions if code in names}
    return named


@lru_cache(maxsize=256)
def region_days(region: str, year: int, language: str = "de") -> Mapping[date, RegionDay]:
    """Return the holidays and half days of a region in a year; none for "" and for a region that is not known."""
    if region not in regions():
        return {}
    country, _, subdivision = region.partition("-")
    supported = _package_class(country).supported_categories
    days: dict[date, RegionDay] = {}
    for category, kind in KIND_BY_CATEGORY:
        if category in supported:
            days |= {day: RegionDay(kind, name) for day, name in _days(country, subdivision, year, category, language)}
    return days


def _days(country: str, subdivision: str, year: int, category: str, language: str) -> list[tuple[date, str]]:
    import holidays  # only here: it takes 16 MB and a tenth of a second, which most commands do without

    found = holidays.country_holidays(
        country, subdiv=subdivision or None, years=year, expand=False, categories=category,
        language=LANGUAGES.get(language, "en_US"),
    )  # fmt: skip
    return list(found.items())


def _package_class(country: str) -> Any:
    import holidays

    return type(holidays.country_holidays(country))
