"""Add, change and end a rule: a small form that says what it would change before anybody saves it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from core import runtime
from core.licenses.alarm_rules import Rule, Scope, faults_of
from core.roles import Action
from core.tenants import tenant_rules as kept
from ui.action_messages import done, errors_shown, show_done
from ui.data import Snapshot
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.page import View
from ui.rules.rule_fields import fields, fill
from ui.rules.rules_table import TABLE, effect, effect_words, ordered, rule_table, scope_name, show_rules
from ui.tables.selection import bound_key, untick
from ui.texts import text

_OPEN = "_rule_open"


@dataclass(frozen=True, slots=True)
class Work:
    """What is open: a new rule (no scope), or one to change or to end, as it was when it was chosen."""

    scope: Scope | None = None
    version: datetime | None = None
    ends: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        return self.scope, self.version, self.ends


def edit_rules(snapshot: Snapshot, view: View) -> None:
    """The exceptions with their buttons, and the form when one is open."""
    may = current_user().may(Action.RULES)
    show_done()
    chosen: Rule | None = None
    if snapshot.rules:
        listed = ordered(snapshot, view.language)
        ids = [f"{rule.scope} {rule.created_at}" for rule in listed]
        row = show_rules(rule_table(snapshot, listed, view), ids, view)
        chosen = listed[row] if row is not None else None
    else:
        st.info(text("rule.none"), icon=":material/info:")
    if may:
        _buttons(chosen, hint=bool(snapshot.rules))
        _open_form(snapshot, view)


def _buttons(chosen: Rule | None, *, hint: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="rule_actions"):
        st.button(text("rule.add"), key="rule_add", icon=":material/add:", on_click=_begin, args=(Work(), None))
        if chosen is not None:
            for name in ("change", "end"):
                work = Work(chosen.scope, chosen.created_at, ends=name == "end")
                key = bound_key(f"rule_{name}", *work.identity)
                st.button(text(f"rule.{name}"), key=key, on_click=_begin, args=(work, chosen))
        elif hint:
            st.caption(text("rule.hint"), width="content")


def _begin(work: Work, rule: Rule | None) -> None:
    """Open the form with what the rule says."""
    st.session_state[_OPEN] = work
    fill(rule)


def _close() -> None:
    st.session_state.pop(_OPEN, None)
    untick(TABLE)


def _open_form(snapshot: Snapshot, view: View) -> None:
    work: Work | None = st.session_state.get(_OPEN)
    if work is None:
        return
    known = next((one for one in snapshot.rules if (one.scope, one.created_at) == (work.scope, work.version)), None)
    if work.scope is not None and known is None:  # somebody else has changed or ended it meanwhile
        st.info(text("rule.gone"), icon=":material/info:")
        _close()
        return
    with st.container(border=True, key="rule_form"):
        if work.ends and known is not None:
            _end(snapshot, work, known, view)
        else:
            _edit(snapshot, work, view)


def _end(snapshot: Snapshot, work: Work, rule: Rule, view: View) -> None:
    name = plain(", ".join(scope_name(snapshot, rule, view.language)))
    st.subheader(text("rule.end_title", scope=name))
    left = [other for other in snapshot.rules if other.scope != rule.scope]
    st.markdown(effect_words(effect(snapshot.licenses, snapshot.rules, left, view), view.language))
    with st.container(horizontal=True):
        if st.button(text("rule.end"), key=bound_key("rule_end_now", *work.identity), type="primary"):
            with errors_shown(), _newest_after_a_clash():
                kept.end(runtime.current().engine, rule.scope, current_user(), version=rule.created_at)
                _finish(text("rule.ended", scope=name))
        st.button(text("rule.cancel"), key="rule_cancel", on_click=_close)


def _edit(snapshot: Snapshot, work: Work, view: View) -> None:
    st.subheader(text("rule.change_title" if work.scope else "rule.new_title"))
    rule = fields(snapshot, view, fixed=work.scope is not None)
    others = [other for other in snapshot.rules if other.scope != rule.scope]
    replaced = next((other for other in snapshot.rules if other.scope == rule.scope), None)
    faults = [code for _, code in faults_of(rule)]
    if work.scope is None and replaced is not None:
        st.warning(text("rule.replaces"))
    if "changes_nothing" not in faults:
        found = effect(snapshot.licenses, snapshot.rules, [*others, rule], view)
        st.markdown(f"**{effect_words(found, view.language)}**")
    with st.container(horizontal=True):
        if st.button(text("rule.save"), key=bound_key("rule_save", *work.identity), type="primary"):
            if faults:
                _tell(faults)
            else:
                _save(snapshot, rule, view, replaced.created_at if replaced else None)
        st.button(text("rule.cancel"), key="rule_cancel", on_click=_close)


def _tell(faults: Sequence[str]) -> None:
    for code in faults:
        st.error(text(f"rule.fault.{code}"))


def _save(snapshot: Snapshot, rule: Rule, view: View, version: datetime | None) -> None:
    """Keep the rule in the place of the one that the page knows there, and of no other."""
    with errors_shown(), _newest_after_a_clash():
        kept.keep(runtime.current().engine, rule, current_user(), version=version)
        _finish(text("rule.saved", scope=plain(", ".join(scope_name(snapshot, rule, view.language)))))


@contextlib.contextmanager
def _newest_after_a_clash() -> Iterator[None]:
    """After somebody else was faster, show what holds now."""
    try:
        yield
    except kept.RuleChanged:
        visit.take_newest()
        raise


def _finish(words: str) -> None:
    done(words)
    _close()
    visit.take_newest()
    st.rerun()
