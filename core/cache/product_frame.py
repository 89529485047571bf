"""The products of all tenants: their licences added up. Made from the frame of the licences, without the database."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.cache.license_index import LicenseIndex

PRODUCT_COLUMNS = [
    "sku_id", "sku_part_number", "product_de", "product_en", "kind", "shortages", "low", "tenants", "enabled",
    "consumed", "free_seats", "utilisation",
]  # fmt: skip
NAMES = ("sku_part_number", "product_de", "product_en")
USABLE = ("ok", "low")  # states in which a free seat can be given to somebody


def products_frame(licenses: pd.DataFrame, index: LicenseIndex) -> pd.DataFrame:
    """Return a row for each product that a tenant has: PRODUCT_COLUMNS, the most shortages first.

    `index` is that of the `licenses`. Left out are licences that a rule hides or that Graph no longer lists.
    `shortages` and `low` count tenants, `enabled` and `consumed` seats. `free_seats` can be given to somebody, in the
    tenants without a shortage of the product. `utilisation` is consumed / enabled, NaN without seats. A product is
    paid if it is in one tenant.
    """
    shown = licenses.assign(shortages=index.has("shortage"), low=index.has("low"))
    shown = shown[~(index.has("hidden") | index.has("gone"))]
    usable = ~shown["shortages"] & shown["state"].isin(USABLE)
    counted = shown[["sku_id", *NAMES, "enabled", "consumed"]].assign(
        kind=shown["kind"].where(shown["kind"] != "paid", ""),  # before all others
        shortages=shown["shortages"].astype("int64"),
        low=shown["low"].astype("int64"),
        tenants=1,
        free_seats=shown["free"].where(usable, 0),
    )
    sums = ["shortages", "low", "tenants", "enabled", "consumed", "free_seats"]
    grouped = counted.groupby("sku_id", sort=False)
    frame = pd.concat([grouped[list(NAMES)].first(), grouped["kind"].min(), grouped[sums].sum()], axis=1).reset_index()
    frame["utilisation"] = frame["consumed"] / frame["enabled"].where(frame["enabled"] > 0, np.nan)
    frame["kind"] = frame["kind"].where(frame["kind"] != "", "paid")
    return _worst_first(frame)[PRODUCT_COLUMNS]


def _worst_first(frame: pd.DataFrame) -> pd.DataFrame:
    order = frame.assign(unpaid=frame["kind"] != "paid", fullest=-frame["utilisation"]).sort_values(
        ["shortages", "low", "unpaid", "fullest", "sku_part_number"],
        ascending=[False, False, True, True, True],
        kind="stable",
        na_position="last",
    )
    return frame.loc[order.index].reset_index(drop=True)
