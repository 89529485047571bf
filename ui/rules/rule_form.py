"""The form to add, change or end a rule. It shows what would change before the rule is saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from core import runtime
from core.licenses.alarm_rules import Rule, Scope, faults_of
from core.roles import Action
from core.tenants import tenant_rules
from ui.action_messages import errors_shown, keep_success, show_success
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.rules.rule_effect import effect, effect_words
from ui.rules.rule_fields import fields, fill
from ui.rules.rules_table import TABLE, ordered, rule_table, scope_name, show_rules
from ui.snapshots import Snapshot
from ui.tables.selection import bound_key, untick
from ui.texts import text

_OPEN_FORM = "_rule_open"


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: for a new rule (no scope), or to change or end the version of a rule."""

    scope: Scope | None = None
    version: datetime | None = None
    ends: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        return self.scope, self.version, self.ends


def edit_rules(snapshot: Snapshot, view: View) -> None:
    """Show the rules with their buttons, and the open form, to roles that may change them."""
    show_success()
    chosen: Rule | None = None
    if snapshot.rules:
        listed = ordered(snapshot, view.language)
        ids = [f"{rule.scope} {rule.created_at}" for rule in listed]
        row = show_rules(rule_table(snapshot, listed, view), ids, view)
        chosen = listed[row] if row is not None else None
    else:
        st.info(text("rule.none"), icon=":material/info:")
    if current_user().may(Action.RULES):
        _buttons(chosen, hint=bool(snapshot.rules))
        _show_open_form(snapshot, view)


def _buttons(chosen: Rule | None, *, hint: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="rule_actions"):
        st.button(text("rule.add"), key="rule_add", icon=":material/add:", on_click=_open_form, args=(OpenForm(), None))
        if chosen is not None:
            for name in ("change", "end"):
                form = OpenForm(chosen.scope, chosen.created_at, ends=name == "end")
                key = bound_key(f"rule_{name}", *form.identity)
                st.button(text(f"rule.{name}"), key=key, on_click=_open_form, args=(form, chosen))
        elif hint:
            st.caption(text("rule.hint"), width="content")


def _open_form(form: OpenForm, rule: Rule | None) -> None:
    """Open the form on the next run, filled with the values of `rule`."""
    st.session_state[_OPEN_FORM] = form
    fill(rule)


def _close() -> None:
    st.session_state.pop(_OPEN_FORM, None)
    untick(TABLE)


def _show_open_form(snapshot: Snapshot, view: View) -> None:
    form: OpenForm | None = st.session_state.get(_OPEN_FORM)
    if form is None:
        return
    rule = next((one for one in snapshot.rules if (one.scope, one.created_at) == (form.scope, form.version)), None)
    if form.scope is not None and rule is None:  # another administrator has changed or ended it meanwhile
        st.info(text("rule.gone"), icon=":material/info:")
        _close()
        return
    with st.container(border=True, key="rule_form"):
        if form.ends and rule is not None:
            _end_form(snapshot, form, rule, view)
        else:
            _edit_form(snapshot, form, view)


def _end_form(snapshot: Snapshot, form: OpenForm, rule: Rule, view: View) -> None:
    name = plain(", ".join(scope_name(snapshot, rule, view.language)))
    st.subheader(text("rule.end_title", scope=name))
    left = [other for other in snapshot.rules if other.scope != rule.scope]
    st.markdown(effect_words(effect(snapshot.licenses, snapshot.rules, left, view), view.language))
    with st.container(horizontal=True):
        if st.button(text("rule.end"), key=bound_key("rule_end_now", *form.identity), type="primary"):
            with errors_shown(), _reload_after_conflict():
                tenant_rules.end(runtime.current().engine, rule.scope, current_user(), version=rule.created_at)
                _finish(text("rule.ended", scope=name))
        st.button(text("rule.cancel"), key="rule_cancel", on_click=_close)


def _edit_form(snapshot: Snapshot, form: OpenForm, view: View) -> None:
    st.subheader(text("rule.change_title" if form.scope else "rule.new_title"))
    rule = fields(snapshot, view, fixed=form.scope is not None)
    others = [other for other in snapshot.rules if other.scope != rule.scope]
    replaced = next((other for other in snapshot.rules if other.scope == rule.scope), None)
    faults = [code for _, code in faults_of(rule)]
    if form.scope is None and replaced is not None:
        st.warning(text("rule.replaces"))
    if "changes_nothing" not in faults:
        change = effect(snapshot.licenses, snapshot.rules, [*others, rule], view)
        st.markdown(f"**{effect_words(change, view.language)}**")
    with st.container(horizontal=True):
        if st.button(text("rule.save"), key=bound_key("rule_save", *form.identity), type="primary"):
            if faults:
                _show_faults(faults)
            else:
                _save(snapshot, rule, view, replaced.created_at if replaced else None)
        st.button(text("rule.cancel"), key="rule_cancel", on_click=_close)


def _show_faults(faults: Sequence[str]) -> None:
    for code in faults:
        st.error(text(f"rule.fault.{code}"))


def _save(snapshot: Snapshot, rule: Rule, view: View, version: datetime | None) -> None:
    """Store the rule. `version` is the rule it replaces; if another is stored by now, core refuses."""
    with errors_shown(), _reload_after_conflict():
        tenant_rules.keep(runtime.current().engine, rule, current_user(), version=version)
        _finish(text("rule.saved", scope=plain(", ".join(scope_name(snapshot, rule, view.language)))))


@contextlib.contextmanager
def _reload_after_conflict() -> Iterator[None]:
    """Load the newest rules for the next run if another administrator has changed one meanwhile."""
    try:
        yield
    except tenant_rules.RuleChanged:
        visit.take_newest()
        raise


def _finish(words: str) -> None:
    keep_success(words)
    _close()
    visit.take_newest()
    st.rerun()
