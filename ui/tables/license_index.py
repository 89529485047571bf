"""Find rows among thousands without touching them one by one: prepared once, asked at every rerun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.bounds import LONGEST_SEARCH, search_words
from core.licenses.skus import product_language
from core.name_key import name_key, name_keys

# What a licence can be filtered by. "shortage" is every shortage whatever its state, "used_up" has nothing
# free but alarms nobody (gratis, trial, not per user, by a rule), "hidden" is shown only when asked for.
MARKS = ("shortage", "over", "low", "grace", "suspended", "gone", "used_up", "ok", "hidden")
# Over-assigned or low without an alarm, suspended without a holder -> the mark they are filtered by.
QUIET_MARKS = {"quiet_over": "used_up", "quiet_low": "ok", "quiet_suspended": "suspended"}
KINDS = ("paid", "free", "trial", "not_per_user")
PRODUCTS = ("product_de", "product_en")  # the columns of names, one for each language that has some
SORTS = ("worst", "tenant", "product", "free", "utilisation", "renewal", "since")  # as offered

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for; empty means all."""

    search: str = ""
    tenants: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sort: str = "worst"


class LicenseIndex:
    """Row numbers of the licences that match, in the order asked for."""

    def __init__(self, licenses: pd.DataFrame, slug_of: Mapping[str, str]) -> None:
        self.ids = (licenses["tenant_id"] + "/" + licenses["sku_id"]).to_numpy(dtype=object)
        self.slugs = licenses["tenant_id"].map(slug_of).fillna("").to_numpy(dtype=object)
        self._kind = licenses["kind"].to_numpy(dtype=object)
        self._text = _searchable(licenses)
        self._marks = marks(licenses)
        self.ruled = bool((licenses["rule"] != "").any())  # whether any rule decided anything
        self._orders = {sort: order(licenses, sort) for sort in (*SORTS, *PRODUCTS) if sort != "product"}

    def rows(self, filters: Filters, language: str) -> Positions:
        wanted = np.ones(len(self._kind), dtype=bool)
        for word in search_words(name_key(filters.search[:LONGEST_SEARCH])):
            wanted &= self._text.str.contains(word, regex=False).to_numpy(dtype=bool)
        if filters.tenants:
            wanted &= np.isin(self.slugs, filters.tenants)
        if filters.kinds:
            wanted &= np.isin(self._kind, filters.kinds)
        if filters.states:
            wanted &= np.logical_or.reduce([self._marks[state] for state in filters.states])
        else:
            wanted &= ~self._marks["hidden"]
        ordered = self._orders[f"product_{product_language(language)}" if filters.sort == "product" else filters.sort]
        return ordered[wanted[ordered]]

    def ids_of(self, rows: Positions) -> list[str]:
        """What stands in these rows: tenant id and SKU id, whatever they are called."""
        return list(self.ids[rows])

    def of_tenant(self, slug: str) -> Positions:
        """The rows of one tenant that are not hidden, the worst first."""
        return np.flatnonzero((self.slugs == slug) & ~self._marks["hidden"])

    def count(self, mark: str) -> int:
        return int(self._marks[mark].sum())

    def has(self, mark: str) -> Mask:
        return self._marks[mark]


def marks(licenses: pd.DataFrame) -> dict[str, Mask]:
    """Mark -> which rows carry it. A row that does not alarm with nothing free is "used up", not a shortage.

    Rows whose state hits nobody carry one of QUIET_MARKS, too: the same state, shown without colour.
    """
    state = licenses["state"].to_numpy(dtype=object)
    short = licenses["shortage"].to_numpy(dtype=bool)
    found = {name: np.asarray(state == name) for name in ("grace", "suspended", "gone", "ok")}
    found["shortage"] = short
    over, low = np.asarray(state == "over"), np.asarray(state == "low")
    found["over"], found["quiet_over"] = over & short, over & ~short
    found["used_up"] = np.isin(state, ("short", "over")) & ~short
    found["quiet_suspended"] = found["suspended"] & (licenses["consumed"].to_numpy() == 0)
    alarms = licenses["alarms"].to_numpy(dtype=bool)
    found["low"], found["quiet_low"] = low & alarms, low & ~alarms
    found["ok"] |= low & ~alarms
    for name in ("low", "ok"):  # a threshold above zero makes a shortage of either
        found[name] &= ~short
    hidden = licenses["hidden"].to_numpy(dtype=bool)
    return {name: mask & ~hidden for name, mask in found.items()} | {"hidden": hidden}


def order(licenses: pd.DataFrame, sort: str) -> Positions:
    """Row numbers in the order of `sort`; equal ones stay worst first, as the cache delivers them."""
    if sort == "worst":
        return np.arange(len(licenses))
    column = {"since": "short_since", "renewal": "renews_at"}.get(sort, sort)
    values = licenses[column]
    if sort in ("tenant", *PRODUCTS):
        values = values.str.casefold()
    ranked = values.reset_index(drop=True).sort_values(
        kind="stable", ascending=sort != "utilisation", na_position="last"
    )
    return ranked.index.to_numpy()


def _searchable(licenses: pd.DataFrame) -> pd.Series:
    joined = name_keys(licenses["tenant"])
    for name in (*PRODUCTS, "sku_part_number"):
        joined = joined.str.cat(name_keys(licenses[name]), sep="\n")
    return joined
