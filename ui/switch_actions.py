"""The switches of tenants, set at once and with a way back; what ends messages, or is about several, asks first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core import runtime
from core.problems import Problem, ProblemError
from core.refresh.tenant_switches import SwitchChange, SwitchResult, apply_switches
from core.roles import Action
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.focus import focus_on
from ui.frame import visit
from ui.frame.identity import current_user
from ui.problems import problem_box, reason
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows
from ui.texts import plural, text

SWITCHES = ("enabled", "monitored")  # in the order of a SwitchChange
MOST_NAMES = 10  # in the message about what was done; a question names all
SWITCH_ALL = "switch_all"  # begins the key of the control for all rows of the table
_ROUND, _OUTCOME = "_switch_round", "_switch_outcome"


@dataclass(frozen=True, slots=True)
class Switching:
    """One switch of some tenants that is to be set to `on`; `tenants` are their names in the order of the changes."""

    switch: str
    on: bool
    changes: tuple[SwitchChange, ...]
    tenants: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the end of the keys of its texts: "monitored.off"."""
        return f"{self.switch}.{'on' if self.on else 'off'}"

    @property
    def asks(self) -> bool:
        """Return True if the page asks before it: it ends messages, or changes several tenants."""
        return not self.on or len(self.changes) > 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: its results, or the problem that prevented all of it."""

    results: Sequence[SwitchResult] = ()
    switching: Switching | None = None
    problem: Problem | None = None


def may_switch() -> bool:
    return current_user().may(Action.SWITCHES)


def switching(tenants: pd.DataFrame, switch: str, *, on: bool) -> Switching:
    """Return what sets the switch of these tenants; those where it is set so already are left out."""
    place = SWITCHES.index(switch)
    changes, names = [], []
    for row in rows(tenants):
        seen = (bool(row.enabled), bool(row.monitored))
        if seen[place] != on:
            changes.append(SwitchChange(row.tenant_id, seen, (on, seen[1]) if place == 0 else (seen[0], on)))
            names.append(row.tenant)
    return Switching(switch, on, tuple(changes), tuple(names))


def undoing(done: Switching, results: Sequence[SwitchResult]) -> Switching | None:
    """Return what takes back the changes that succeeded, None if none did."""
    back = [
        (SwitchChange(change.tenant_id, change.wanted, change.seen), result.tenant)
        for change, result in zip(done.changes, results, strict=True)
        if result.problem is None
    ]
    if not back:
        return None
    return Switching(done.switch, not done.on, tuple(change for change, _ in back), tuple(name for _, name in back))


def switch_button(label: str, wanted: Switching, key: str, **options: Any) -> None:
    """Show a button that does what is wanted, or asks before."""
    key = bound_key(key, *wanted.changes)
    if not wanted.asks:
        st.button(label, key=key, on_click=switch_now, args=(wanted,), **options)
    elif st.button(label, key=key, on_click=_next_round, **options):
        ask(wanted)


def ask(wanted: Switching) -> None:
    """Ask in a dialog; whatever the answer, a new round begins, in which the table shows what is stored."""
    title = plural(f"switch.ask.{wanted.key}", len(wanted.changes))
    st.dialog(title, on_dismiss=_next_round)(_question)(wanted)


def _question(wanted: Switching) -> None:
    st.markdown(text(f"switch.follows.{wanted.key}", tenants=", ".join(map(plain, wanted.tenants))))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="switch_cancel", on_click=_next_round):
            st.rerun()
        label, key = text("switch.on" if wanted.on else "switch.off"), bound_key("switch_apply", *wanted.changes)
        if st.button(label, key=key, type="primary", on_click=switch_now, args=(wanted,)):
            st.rerun()


def switch_now(wanted: Switching) -> None:
    """Set the switches, and keep what became of it for the next run."""
    carry_out(apply_switches, wanted.changes, wanted)


def carry_out(action: Any, what: Sequence[Any], done: Switching | None = None) -> None:
    """Call `action` with `what`, and keep its results for the next run, which shows the newest switches."""
    user, services = current_user(), runtime.current().services
    if services is None:
        st.session_state[_OUTCOME] = Outcome(problem=Problem("switch.unavailable"))
        return
    try:
        st.session_state[_OUTCOME] = Outcome(action(services, what, user), done)
    except ProblemError as error:
        st.session_state[_OUTCOME] = Outcome(problem=error.problem)
    _next_round()
    visit.take_newest()


def _next_round() -> None:
    st.session_state[_ROUND] = round_number() + 1


def round_number() -> int:
    """Return how many questions and changes of switches this session has ended."""
    return int(st.session_state.get(_ROUND, 0))


def show_results(snapshot: Snapshot) -> None:
    """Show what became of the last action until the next one or another page: done, with a way back, or why not."""
    if visit.entered():
        st.session_state.pop(_OUTCOME, None)
    outcome: Outcome | None = st.session_state.get(_OUTCOME)
    if outcome is None:
        return
    if outcome.problem is not None:
        problem_box(outcome.problem)
    _done(outcome)
    if outcome.switching is not None:
        focus_on(_control_of(outcome.switching), f"focus_{round_number()}", if_lost=True)
    now = {row.tenant_id: _switch_words(row) for row in rows(snapshot.tenants)}
    for result in outcome.results:
        if result.problem is not None:
            st.error(f"{_failed(result.tenant, result.problem)} {now.get(result.tenant_id, '')}")


def _control_of(done: Switching) -> str:
    """Return the CSS selector of the control of the switch: in the table, on the tenant's page, or for all rows."""
    if len(done.changes) > 1:
        return f'[class*="st-key-{SWITCH_ALL}"] button'
    (change,) = done.changes
    return f'[data-key="switch/{change.tenant_id}/{done.switch}"], [class*="st-key-tenant_{done.switch}_"] button'


def _failed(tenant: str, problem: Problem) -> str:
    """Return why the tenant was not changed, with its name once."""
    why = reason(problem, tenant)
    return plain(why) if tenant in why else text("switch.failed", tenant=plain(tenant), why=plain(why))


def _done(outcome: Outcome) -> None:
    """Show what is done, and the button that takes it back."""
    done = [plain(result.tenant) for result in outcome.results if result.problem is None]
    if not done:
        return
    names = ", ".join(done[:MOST_NAMES])
    if len(done) > MOST_NAMES:
        names += f" {text('monitoring.vanished_more', count=len(done) - MOST_NAMES)}"
    back = undoing(outcome.switching, outcome.results) if outcome.switching else None
    key = f"switch.done.{outcome.switching.key}" if outcome.switching else "switch.done"
    with st.container(horizontal=True, vertical_alignment="center", key="switch_result"):
        st.success(text(key, tenants=names), icon=":material/check:", width="stretch")
        if back:
            key = bound_key("switch_undo", *back.changes)
            st.button(text("switch.undo"), key=key, on_click=switch_now, args=(back,))


def _switch_words(row: Any) -> str:
    enabled = "switch.now.active" if row.enabled else "switch.now.off"
    monitored = "tenant.monitored" if row.monitored else "tenant.not_monitored"
    return text("switch.now", enabled=text(enabled), monitored=text(monitored))


def switchable_tenants(snapshot: Snapshot) -> pd.DataFrame:
    """Return the tenants whose switches can be set: those in the SharePoint list, or all without SharePoint."""
    tenants = snapshot.tenants
    return tenants[tenants["listed"].astype(bool)] if snapshot.sharepoint.configured else tenants
