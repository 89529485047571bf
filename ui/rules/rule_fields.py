"""The fields of a rule's form; the session keeps their values until the form is closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import cast

import streamlit as st

from core.licenses.alarm_rules import LARGEST, LONGEST_REASON, MODES, Mode, Rule
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.rules.rules_table import mode_word, products_of
from ui.snapshots import Snapshot
from ui.texts import text

TENANT, PRODUCT, MODE, THRESHOLD, WARN, REASON, UNTIL = (
    f"rule_{name}" for name in ("tenant", "product", "mode", "threshold", "warn", "reason", "until")
)


def fill(rule: Rule | None) -> None:
    """Fill the fields with the values of `rule`, or empty them for a new one."""
    state = st.session_state
    state[TENANT], state[PRODUCT] = rule.scope if rule else ("", "")
    state[MODE] = rule.mode if rule else ""
    state[THRESHOLD], state[WARN] = (rule.threshold, rule.warn) if rule else (None, None)
    state[REASON], state[UNTIL] = (rule.reason, rule.until) if rule else ("", None)


def modes_for(tenant_id: str, sku_id: str) -> list[Mode]:
    """Return the modes possible in this scope: silence needs a tenant, the exception from the kind a product."""
    if not tenant_id:
        return [""]
    return [mode for mode in MODES if mode != "anyway" or sku_id]


def fields(snapshot: Snapshot, view: View, *, fixed: bool) -> Rule:
    """Show the fields; return the rule with their values. `fixed`: the scope cannot be changed."""
    tenants = {"": text("rule.all_tenants")} | dict(
        zip(snapshot.tenants["tenant_id"], snapshot.tenants["tenant"], strict=True)
    )
    with st.container(horizontal=True):
        tenant_id = _choice("rule.tenant", TENANT, tenants, disabled=fixed)
        products = {"": text("rule.all_products")}
        if tenant_id:
            products |= products_of(snapshot, tenant_id, view.language)
        sku_id = _choice("rule.product", PRODUCT, products, disabled=fixed or not tenant_id)
        modes: dict[str, str] = {mode: mode_word(mode, view.language) for mode in modes_for(tenant_id, sku_id)}
        mode = cast(Mode, _choice("column.mode", MODE, modes, disabled=not tenant_id, help_=text("rule.mode_help")))
    with st.container(horizontal=True):
        threshold = _number("rule.threshold", THRESHOLD, -LARGEST, disabled=mode == "edge")
        warn = _number("rule.warn", WARN, 0)
        until = st.date_input(text("rule.until"), key=UNTIL, format="DD.MM.YYYY", width=250)
    reason = st.text_input(
        text("rule.reason"), key=REASON, max_chars=LONGEST_REASON, placeholder=text("rule.reason_hint")
    )
    return Rule(
        tenant_id, sku_id, (reason or "").strip(), current_user().shown, view.now,
        threshold=None if mode == "edge" else threshold, warn=warn,
        mode=mode, until=until if isinstance(until, date) else None,
    )  # fmt: skip


def _choice(label: str, key: str, words: Mapping[str, str], *, disabled: bool, help_: str | None = None) -> str:
    """Show a choice among codes and return the chosen one; a code that is no longer offered becomes the first."""
    if st.session_state.get(key) not in words:
        st.session_state[key] = next(iter(words))
    chosen = st.selectbox(
        text(label), list(words), key=key, format_func=lambda code: words.get(code, code),
        disabled=disabled, help=help_, width=300,
    )  # fmt: skip
    return str(chosen or "")


def _number(label: str, key: str, least: int, *, disabled: bool = False) -> int | None:
    return st.number_input(
        text(label), key=key, min_value=least, max_value=LARGEST, step=1, value=None,
        placeholder=text("rule.inherited"), disabled=disabled, width=230,
    )  # fmt: skip
