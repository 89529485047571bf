"""The fields of a rule's form; the session keeps their values until the form is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

from core.licenses.alarm_rules import LARGEST, LONGEST_REASON, MODES, Mode, Rule, Scope
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.rules.rules_table import mode_word, products_of
from ui.snapshots import Snapshot
from ui.texts import text

TENANT, PRODUCT, MODE, THRESHOLD, WARN, REASON, UNTIL = (
    f"rule_{name}" for name in ("tenant", "product", "mode", "threshold", "warn", "reason", "until")
)
FIRST_TO_FILL = f".st-key-{MODE} input:checked"  # in CSS; a tenant and a product are often given


def fill(rule: Rule | None, scope: Scope = ("", "")) -> None:
    """Fill the fields with the values of `rule`, or empty them for a new one about `scope`."""
    state = st.session_state
    state[TENANT], state[PRODUCT] = rule.scope if rule else scope
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
    if fixed:  # of a licence that has gone, too: another choice would make the exception one for more licences
        tenants.setdefault(st.session_state[TENANT], st.session_state[TENANT])
    with st.container(horizontal=True):
        tenant_id = _choice("rule.tenant", TENANT, tenants, disabled=fixed)
        products = {"": text("rule.all_products")}
        if tenant_id:
            products |= products_of(snapshot, tenant_id, view.language)
        if fixed:
            products.setdefault(st.session_state[PRODUCT], st.session_state[PRODUCT])
        sku_id = _choice("rule.product", PRODUCT, products, disabled=fixed or not tenant_id)
    mode = _mode(modes_for(tenant_id, sku_id), view)
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


def _choice(label: str, key: str, words: Mapping[str, str], *, disabled: bool) -> str:
    """Show a choice among codes and return the chosen one; a code that is no longer offered becomes the first."""
    _keep_among(list(words), key)
    chosen = st.selectbox(
        text(label), list(words), key=key, format_func=lambda code: words.get(code, code), disabled=disabled, width=300
    )
    return str(chosen or "")


def _mode(modes: Sequence[Mode], view: View) -> Mode:
    """Show the modes side by side, so that one click chooses; return the chosen one."""
    _keep_among(modes, MODE)
    chosen = st.radio(
        text("column.mode"), modes, key=MODE, format_func=lambda mode: mode_word(mode, view.language),
        disabled=len(modes) == 1, help=text("rule.mode_help"), horizontal=True,
    )  # fmt: skip
    return chosen or ""


def _keep_among(codes: Sequence[str], key: str) -> None:
    if st.session_state.get(key) not in codes:
        st.session_state[key] = codes[0]


def _number(label: str, key: str, least: int, *, disabled: bool = False) -> int | None:
    return st.number_input(
        text(label), key=key, min_value=least, max_value=LARGEST, step=1, value=None,
        placeholder=text("rule.inherited"), disabled=disabled, width=230,
    )  # fmt: skip
