"""The form to add, change or end a rule. It shows what would change before the rule is saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

import streamlit as st

from core import runtime
from core.licenses.alarm_rules import Rule, Scope, faults_of
from core.roles import Action
from core.tenants import tenant_rules
from ui.action_messages import errors_shown, show_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.focus import focus_on
from ui.frame import url, visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import close_dialog, dialog_subject, figures, finish_dialog, open_dialog, show_dialog
from ui.rules.rule_effect import effect, effect_words
from ui.rules.rule_fields import FIRST_TO_FILL, fields, fill
from ui.rules.rules_table import ordered, products_of, rule_values, scope_name, show_rules
from ui.snapshots import Snapshot
from ui.texts import text

KINDS_OF_FORM: tuple[Literal["change", "end"], ...] = ("change", "end")


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: for a new rule (no scope), or about the version of a rule."""

    kind: Literal["show", "change", "end"]
    scope: Scope | None = None
    version: datetime | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        return self.scope, self.version, self.kind


def edit_rules(snapshot: Snapshot, view: View) -> None:
    """Show the rules and the open form, and the button for a new one to roles that may change them."""
    show_success()
    if snapshot.rules:
        clicked = show_rules(snapshot, ordered(snapshot, view.language), view)
        if clicked is not None:
            open_dialog(OpenForm("show", clicked.scope, clicked.created_at))
    else:
        st.info(text("rule.none"), icon=":material/info:")
    if current_user().may(Action.RULES):
        with st.container(key="rule_actions"):
            new = OpenForm("change")
            st.button(text("rule.add"), key="rule_add", icon=":material/add:", on_click=_open_form, args=(new, None))
    _open_linked(snapshot, view)
    form = dialog_subject(OpenForm)
    if form is not None:
        scope = form.scope and scope_name(snapshot, form.scope, view.language)
        show_dialog(
            ", ".join(scope) if scope else text("rule.new_title"), "rule.table", partial(_dialog, view), "large"
        )


def _open_linked(snapshot: Snapshot, view: View) -> None:
    """Open the exception of the licence that the address names, or the form for a new one; the address forgets it."""
    slug, sku_id = (st.query_params.pop(name, "") for name in (url.RULE_TENANT, url.RULE_PRODUCT))
    tenants = snapshot.tenants
    scope = next(((tenant_id, sku_id) for tenant_id in tenants.loc[tenants["slug"] == slug, "tenant_id"]), None)
    rule = next((one for one in snapshot.rules if one.scope == scope), None)
    may_change = current_user().may(Action.RULES)
    if scope and rule:
        _open_form(OpenForm("change" if may_change else "show", scope, rule.created_at), rule)
    elif scope and may_change and sku_id in ("", *products_of(snapshot, scope[0], view.language)):
        _open_form(OpenForm("change"), None, scope)


def _open_form(form: OpenForm, rule: Rule | None, scope: Scope = ("", "")) -> None:
    """Open the form, filled with the values of `rule`, or for a new one about `scope`."""
    open_dialog(form)
    fill(rule, scope)


def _dialog(view: View) -> None:
    form, snapshot = dialog_subject(OpenForm), visit.snapshot()
    if form is None:
        return
    rule = next((one for one in snapshot.rules if (one.scope, one.created_at) == (form.scope, form.version)), None)
    if form.scope is None or (rule is not None and form.kind == "change"):
        _edit_form(snapshot, form, view)
    elif rule is None:  # another administrator has changed or ended it meanwhile
        st.info(text("rule.gone"), icon=":material/info:")
        close_dialog()
    elif form.kind == "end":
        _end_form(snapshot, form, rule, view)
    else:
        _show(rule, view)


def _show(rule: Rule, view: View) -> None:
    """Show what is known about the rule, with its buttons for roles that may change it."""
    figures(rule_values(rule, view))
    if not current_user().may(Action.RULES):
        return
    with st.container(horizontal=True, key="rule_forms"):
        for kind in KINDS_OF_FORM:
            form = OpenForm(kind, rule.scope, rule.created_at)
            key = bound_key(f"rule_{kind}", *form.identity)
            st.button(text(f"rule.{kind}"), key=key, on_click=_open_form, args=(form, rule))


def _end_form(snapshot: Snapshot, form: OpenForm, rule: Rule, view: View) -> None:
    name = plain(", ".join(scope_name(snapshot, rule.scope, view.language)))
    st.subheader(text("rule.end_title", scope=name), anchor=False)
    left = [other for other in snapshot.rules if other.scope != rule.scope]
    st.markdown(
        effect_words(effect(snapshot.licenses, snapshot.rules, left, view, snapshot.level_rules), view.language)
    )
    with st.container(horizontal=True):
        if st.button(text("rule.end"), key=bound_key("rule_end_now", *form.identity), type="primary"):
            with errors_shown(), _reload_after_conflict():
                tenant_rules.end(runtime.current().engine, rule.scope, current_user(), version=rule.created_at)
                finish_dialog(text("rule.ended", scope=name), newest=True)
        st.button(text("rule.cancel"), key="rule_cancel", on_click=close_dialog)


def _edit_form(snapshot: Snapshot, form: OpenForm, view: View) -> None:
    if form.scope is not None:
        st.subheader(text("rule.change_title"), anchor=False)
    rule = fields(snapshot, view, fixed=form.scope is not None)
    focus_on(FIRST_TO_FILL)
    others = [other for other in snapshot.rules if other.scope != rule.scope]
    replaced = next((other for other in snapshot.rules if other.scope == rule.scope), None)
    faults = [code for _, code in faults_of(rule)]
    if form.scope is None and replaced is not None:
        st.warning(text("rule.replaces"))
    if "changes_nothing" not in faults:
        change = effect(snapshot.licenses, snapshot.rules, [*others, rule], view, snapshot.level_rules)
        st.markdown(f"**{effect_words(change, view.language)}**")
    with st.container(horizontal=True):
        if st.button(text("rule.save"), key=bound_key("rule_save", *form.identity), type="primary"):
            if faults:
                _show_faults(faults)
            else:
                _save(snapshot, rule, view, replaced.created_at if replaced else None)
        st.button(text("rule.cancel"), key="rule_cancel", on_click=close_dialog)


def _show_faults(faults: Sequence[str]) -> None:
    for code in faults:
        st.error(text(f"rule.fault.{code}"))


def _save(snapshot: Snapshot, rule: Rule, view: View, version: datetime | None) -> None:
    """Store the rule. `version` is the rule it replaces; if another is stored by now, core refuses."""
    with errors_shown(), _reload_after_conflict():
        tenant_rules.keep(runtime.current().engine, rule, current_user(), version=version)
        finish_dialog(
            text("rule.saved", scope=plain(", ".join(scope_name(snapshot, rule.scope, view.language)))), newest=True
        )


@contextlib.contextmanager
def _reload_after_conflict() -> Iterator[None]:
    """Load the newest rules for the next run if another administrator has changed one meanwhile."""
    try:
        yield
    except tenant_rules.RuleChanged:
        visit.take_newest()
        raise
