"""The tables of the rules page: the rules, and the products that do not alarm because of their kind."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.licenses.alarm_rules import Rule
from core.licenses.skus import product_language
from ui import format as fmt
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.license_columns import moment_column
from ui.tables.selection import HEADER_PIXELS, ROW_PIXELS, chosen_row, selectable
from ui.texts import text

TABLE = "rules"
MOST_ROWS = 15


def scope_name(snapshot: Snapshot, rule: Rule, language: str) -> tuple[str, str]:
    """Return the names of a rule's tenant and product; the id of one that is gone."""
    tenant, product = text("rule.all_tenants", language), text("rule.all_products", language)
    if rule.tenant_id:
        name_by_id = dict(zip(snapshot.tenants["tenant_id"], snapshot.tenants["tenant"], strict=True))
        tenant = name_by_id.get(rule.tenant_id, rule.tenant_id)
    if rule.sku_id:
        product = products_of(snapshot, rule.tenant_id, language).get(rule.sku_id, rule.sku_id)
    return tenant, product


def ordered(snapshot: Snapshot, language: str) -> list[Rule]:
    """Return all rules in the order of the table: those for all tenants first, then by name."""

    def place(rule: Rule) -> tuple[bool, str, bool, str]:
        tenant, product = scope_name(snapshot, rule, language)
        return bool(rule.tenant_id), tenant.casefold(), bool(rule.sku_id), product.casefold()

    return sorted(snapshot.rules, key=place)


def products_of(snapshot: Snapshot, tenant_id: str, language: str) -> dict[str, str]:
    """Return the products of one tenant by SKU id, sorted by name."""
    own = snapshot.licenses[snapshot.licenses["tenant_id"] == tenant_id]
    names = zip(own["sku_id"], own[f"product_{product_language(language)}"], strict=True)
    return dict(sorted(names, key=lambda pair: pair[1].casefold()))


def mode_word(mode: str, language: str) -> str:
    return text(f"rule.mode.{mode or 'inherit'}", language)


def rule_table(snapshot: Snapshot, rules: Sequence[Rule], view: View) -> pa.Table:
    """Return one row per rule; inherited fields are empty."""
    names = [scope_name(snapshot, rule, view.language) for rule in rules]
    today = view.now.astimezone(view.zone).date()
    until = ["" if rule.until is None else fmt.day(rule.until, view.language) for rule in rules]
    over = [not rule.counts(today) for rule in rules]
    return pa.table(
        {
            "tenant": pa.array([tenant for tenant, _ in names], pa.string()),
            "product": pa.array([product for _, product in names], pa.string()),
            "mode": pa.array([mode_word(rule.mode, view.language) if rule.mode else "" for rule in rules], pa.string()),
            "threshold": pa.array([rule.threshold for rule in rules], pa.int64()),
            "warn": pa.array([rule.warn for rule in rules], pa.int64()),
            "reason": pa.array([rule.reason for rule in rules], pa.string()),
            "author": pa.array([rule.author for rule in rules], pa.string()),
            "until": pa.array(
                [
                    f"{text('rule.over', view.language)} {day}" if ended else day
                    for day, ended in zip(until, over, strict=True)
                ],
                pa.string(),
            ),
            "created": pa.array([rule.created_at for rule in rules], pa.timestamp("us", "UTC")),
        }
    )


def show_rules(table: pa.Table, ids: Sequence[str], view: View) -> int | None:
    """Show the table; return the chosen row, None for none. `ids` has one id per row."""
    column = st.column_config

    def label(name: str) -> str:
        return text(f"column.{name}", view.language)

    shown = st.dataframe(
        table,
        **selectable(TABLE, ids),
        alt=text("rule.table"),
        hide_index=True,
        placeholder="",
        height=HEADER_PIXELS + ROW_PIXELS * min(table.num_rows, MOST_ROWS),
        column_config={
            "tenant": column.TextColumn(label("tenant"), width=140),
            "product": column.TextColumn(label("product"), width=175),
            "mode": column.TextColumn(label("mode"), width=125),
            "threshold": column.NumberColumn(
                label("threshold"), help=label("threshold_help"), format="localized", width=75
            ),
            "warn": column.NumberColumn(label("warn"), help=label("warn_help"), format="localized", width=75),
            "reason": column.TextColumn(label("reason"), width=185),
            "author": column.TextColumn(label("author"), width=65),
            "until": column.TextColumn(label("until"), width=95),
            "created": moment_column("created", view.language, str(view.zone), 135),
        },
    )
    return chosen_row(TABLE, ids, shown)


def silent_kinds(snapshot: Snapshot, view: View) -> None:
    """Show the products that do not alarm because of their kind, each with the reason."""
    silent = snapshot.licenses[(snapshot.licenses["kind"] != "paid") & (snapshot.licenses["rule"] != "anyway")]
    if silent.empty:
        return
    st.subheader(text("rule.silent_kinds"))
    st.caption(text("rule.silent_kinds_what"))
    column, table = st.column_config, silent_table(silent, view.language)
    st.dataframe(
        table,
        alt=text("rule.silent_kinds"),
        hide_index=True,
        height=HEADER_PIXELS + ROW_PIXELS * min(table.num_rows, MOST_ROWS),
        column_config={
            "product": column.TextColumn(text("column.product"), width=280),
            "sku_part_number": column.TextColumn(text("column.sku_part_number"), width=195),
            "kind": column.TextColumn(text("column.kind"), width=125),
            "why": column.TextColumn(text("column.why"), width=250),
            "rows": column.NumberColumn(text("column.rows"), format="localized", width=90),
        },
    )


def silent_table(silent: pd.DataFrame, language: str) -> pa.Table:
    product = f"product_{product_language(language)}"
    counted = silent.groupby([product, "sku_part_number", "kind", "kind_reason"], observed=True).size()
    keys = list(counted.index)
    return pa.table(
        {
            "product": pa.array([key[0] for key in keys], pa.string()),
            "sku_part_number": pa.array([key[1] for key in keys], pa.string()),
            "kind": pa.array([text(f"kind.{key[2]}", language) for key in keys], pa.string()),
            "why": pa.array([text(f"rule.why.{key[3]}", language) for key in keys], pa.string()),
            "rows": pa.array(counted.tolist(), pa.int64()),
        }
    )
