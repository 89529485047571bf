"""The tables of the rules page: the rules, and the products that do not alarm because of their kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.licenses.alarm_rules import Rule, Scope
from core.licenses.skus import product_language
from core.name_key import sort_key
from ui import format as fmt
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {
    "tenant": "text", "product": "open", "mode": "text", "threshold": "number", "warn": "number", "reason": "text",
    "author": "text", "until": "time", "created": "time",
}  # fmt: skip
SILENT_KINDS: dict[str, Kind] = {
    "product": "text", "sku_part_number": "text", "kind": "text", "why": "text", "rows": "number",
}  # fmt: skip


def scope_name(snapshot: Snapshot, scope: Scope, language: str) -> tuple[str, str]:
    """Return the names of the tenant and product of a rule; the id of one that is gone."""
    tenant_id, sku_id = scope
    tenant, product = text("rule.all_tenants", language), text("rule.all_products", language)
    if tenant_id:
        name_by_id = dict(zip(snapshot.tenants["tenant_id"], snapshot.tenants["tenant"], strict=True))
        tenant = name_by_id.get(tenant_id, tenant_id)
    if sku_id:
        product = products_of(snapshot, tenant_id, language).get(sku_id, sku_id)
    return tenant, product


def ordered(snapshot: Snapshot, language: str) -> list[Rule]:
    """Return all rules in the order of the table: those for all tenants first, then by name."""

    def place(rule: Rule) -> tuple[bool, str, bool, str]:
        tenant, product = scope_name(snapshot, rule.scope, language)
        return bool(rule.tenant_id), sort_key(tenant), bool(rule.sku_id), sort_key(product)

    return sorted(snapshot.rules, key=place)


def products_of(snapshot: Snapshot, tenant_id: str, language: str) -> dict[str, str]:
    """Return the products of one tenant by SKU id, sorted by name."""
    own = snapshot.licenses[snapshot.licenses["tenant_id"] == tenant_id]
    names = zip(own["sku_id"], own[f"product_{product_language(language)}"], strict=True)
    return dict(sorted(names, key=lambda pair: sort_key(pair[1])))


def mode_word(mode: str, language: str) -> str:
    return text(f"rule.mode.{mode or 'inherit'}", language)


def show_rules(snapshot: Snapshot, rules: Sequence[Rule], view: View) -> Rule | None:
    """Show the table; return the rule whose name was clicked."""
    columns = titled_columns(KINDS)
    rows = [_row(snapshot, rule, view) for rule in rules]
    clicked = show_whole_table("rules", text("rule.table"), columns, rows)
    return next((rule for rule in rules if _row_id(rule) == clicked), None)


def _row(snapshot: Snapshot, rule: Rule, view: View) -> Row:
    tenant, product = scope_name(snapshot, rule.scope, view.language)
    cells = rule_values(rule, view) | {"tenant": tenant, "product": {"text": product, "label": f"{product}, {tenant}"}}
    return Row(_row_id(rule), [cells[name] for name in KINDS])


def _row_id(rule: Rule) -> str:
    """Return the id of a row: another version of a rule is another row."""
    return f"{rule.scope} {rule.created_at}"


def rule_values(rule: Rule, view: View) -> dict[str, Any]:
    """Return the texts about a rule by column; what is inherited is empty."""
    lang, zone = view.language, view.zone
    until = "" if rule.until is None else fmt.day(rule.until, lang)
    return {
        "mode": mode_word(rule.mode, lang) if rule.mode else "",
        "threshold": "" if rule.threshold is None else fmt.number(rule.threshold, lang),
        "warn": "" if rule.warn is None else fmt.number(rule.warn, lang),
        "reason": rule.reason,
        "author": rule.author,
        "until": until if rule.is_valid_on(view.now.astimezone(zone).date()) else f"{text('rule.over', lang)} {until}",
        "created": fmt.moment(rule.created_at, lang, zone),
    }


def silent_kinds(snapshot: Snapshot, view: View) -> None:
    """Show the products that do not alarm because of their kind, each with the reason."""
    silent = snapshot.licenses[(snapshot.licenses["kind"] != "paid") & (snapshot.licenses["rule"] != "anyway")]
    if silent.empty:
        return
    st.header(text("rule.silent_kinds"), anchor=False)
    st.caption(text("rule.silent_kinds_what"))
    columns = titled_columns(SILENT_KINDS)
    show_whole_table("silent_kinds", text("rule.silent_kinds"), columns, silent_rows(silent, view.language))


def silent_rows(silent: pd.DataFrame, language: str) -> list[Row]:
    """Return one row per product, by name, with the number of tenants that have it."""
    product = f"product_{product_language(language)}"
    counted = silent.groupby([product, "sku_part_number", "kind", "kind_reason"], observed=True).size()
    rows = []
    for key in sorted(counted.index, key=lambda key: sort_key(key[0])):
        name, sku_part_number, kind, why = key
        words = text(f"kind.{kind}", language), text(f"rule.why.{why}", language)
        count = fmt.number(int(counted[key]), language)
        rows.append(Row("\n".join(key), [name, sku_part_number, *words, count]))
    return rows
