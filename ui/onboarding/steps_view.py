"""One onboarding: its steps with their state, what comes next with one button, its log, and how to cancel it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from core import runtime
from core.cache.onboarding_rows import FIRST_READ, STEPS, Onboarding, find_onboarding, log_of
from core.onboarding.advance import OnboardingBusy, OnboardingEnded, advance, cancel
from core.onboarding.job import Given
from core.onboarding.steps import RETRY_EVERY, retries_itself
from core.problems import Problem
from core.refresh.services import Services
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import navigation, visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.onboarding.begin_form import certificate_choice, services_or_stop
from ui.onboarding.open_onboardings import choose
from ui.onboarding.registration_guide import consent_guide, registration_guide
from ui.problems import reason, technical_lines
from ui.row_dialog import close_dialog, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.texts import text

ICONS = {
    "done": ":green[:material/check_circle:]",
    "skipped": ":gray[:material/do_not_disturb_on:]",
    "waiting": ":orange[:material/hourglass_top:]",
    "failed": ":red[:material/error:]",
    "open": ":gray[:material/radio_button_unchecked:]",
}
READING_EVERY = 1.0  # seconds between two looks at the refresh that reads the tenant first


@dataclass(frozen=True, slots=True)
class Cancelling:
    """The reader is asked whether to cancel this onboarding."""

    onboarding_id: str
    name: str


def show_onboarding(onboarding: Onboarding, view: View) -> None:
    """Show everything about one onboarding."""
    st.header(plain(onboarding.name), anchor=False)
    st.caption(text("onboarding.about", tenant_id=plain(onboarding.tenant_id), slug=plain(onboarding.slug)))
    _steps(onboarding)
    if onboarding.is_open:
        with errors_shown():
            _next(onboarding)
    else:
        _over(onboarding)
    _log(onboarding, view)
    _foot(onboarding)
    asked = dialog_subject(Cancelling)
    if asked is not None:
        show_dialog(text("onboarding.cancel_title", tenant=asked.name), "nav.tenant-aufnehmen", partial(_ask, asked))


def _steps(onboarding: Onboarding) -> None:
    """Show every step; words say its state, and the icon repeats it."""
    with st.container(key="onboarding_steps", horizontal=True, gap="small"):
        for step in STEPS:
            state = onboarding.step(step).state
            words = f"{text(f'onboarding.step.{step}')} – {text(f'onboarding.step_state.{state}')}"
            here = step == onboarding.next_step
            st.markdown(f"{ICONS[state]} " + (f"**{words}**" if here else words), width="content")


def _next(onboarding: Onboarding) -> None:
    """Show what the next step needs or waits for, and its button."""
    services, step = services_or_stop(), onboarding.next_step or FIRST_READ
    row = onboarding.step(step)
    _show_problem(onboarding, step)
    given, label = _given(services, onboarding, step)
    key = bound_key("onboarding_next", onboarding.onboarding_id, step)
    waits = step == FIRST_READ and row.state == "waiting"
    links = step == "consent" and onboarding.app == "shared"  # the way to Microsoft comes first
    if not waits and st.button(text(label), key=key, type="secondary" if links else "primary"):
        _go_on(services, onboarding, given)
    if retries_itself(onboarding, services.now()):
        seconds = READING_EVERY if step == FIRST_READ else RETRY_EVERY.total_seconds()
        st.fragment(run_every=seconds)(_retry)(onboarding.onboarding_id, step)


def _show_problem(onboarding: Onboarding, step: str) -> None:
    """Show what the step waits for or failed with; that nobody has consented yet is no fault."""
    row = onboarding.step(step)
    if row.problem is None or step == FIRST_READ:
        return
    if onboarding.app == "shared" and row.problem.code == "signin.app_unknown":
        st.info(plain(reason(Problem("onboarding.needs.consent", {"tenant": onboarding.name}), onboarding.name)))
        return
    show = st.error if row.state == "failed" else st.info
    show(plain(reason(row.problem, onboarding.name)))
    technical_lines(row.problem)


def _given(services: Services, onboarding: Onboarding, step: str) -> tuple[Given, str]:
    """Show the fields of the step; return what is given, and the label of its button."""
    if step == "certificate":
        certificate, password = certificate_choice(services, onboarding.onboarding_id)
        given = Given(certificate=certificate, password=password, make_certificate=certificate is None)
        return given, "onboarding.take_file" if certificate else "onboarding.make_certificate"
    if step == "registration":
        return Given(client_id=registration_guide(services, onboarding)), "onboarding.registered"
    if step == "consent":
        return Given(client_id=consent_guide(services, onboarding)), "onboarding.check"
    return Given(), "onboarding.again"


def _go_on(services: Services, onboarding: Onboarding, given: Given) -> None:
    with st.spinner(text("onboarding.working")):
        advance(services, runtime.current().refresher, onboarding.onboarding_id, current_user(), given)
    st.rerun()


def _retry(onboarding_id: str, step: str) -> None:
    """Try the waiting step again, also while nobody clicks; the page is drawn anew when it has passed."""
    running = runtime.current()
    onboarding = find_onboarding(running.engine, onboarding_id)
    if onboarding is None or running.services is None:
        return
    if onboarding.next_step == step and retries_itself(onboarding, running.services.now()):
        with errors_shown():
            try:
                onboarding = advance(running.services, running.refresher, onboarding_id, current_user())
            except (OnboardingBusy, OnboardingEnded):  # another tab does the same
                onboarding = find_onboarding(running.engine, onboarding_id) or onboarding
    if onboarding.next_step != step or onboarding.step(step).state != "waiting":
        visit.take_newest()
        st.rerun()
    if step == FIRST_READ:
        st.caption(text("onboarding.being_read"))
    else:
        st.caption(text("onboarding.wait", seconds=RETRY_EVERY.seconds))


def _over(onboarding: Onboarding) -> None:
    """Show the result of an onboarding that is done or cancelled."""
    last = log_of(runtime.current().engine, onboarding.onboarding_id)[-1].said
    (st.success if onboarding.state == "done" else st.info)(plain(_said(last, onboarding)))
    if onboarding.state == "done":
        navigation.link(navigation.TENANT, text("onboarding.to_tenant"), tenant=onboarding.slug)


def _said(said: Problem, onboarding: Onboarding) -> str:
    return reason(said, onboarding.name)


def _log(onboarding: Onboarding, view: View) -> None:
    with st.expander(text("onboarding.log")):
        for line in log_of(runtime.current().engine, onboarding.onboarding_id):
            at = fmt.moment(line.at, view.language, view.zone)
            step = f"{text(f'onboarding.step.{line.step}')}: " if line.step else ""
            st.markdown(f"{plain(at)} · {plain(line.actor)} · {plain(step + _said(line.said, onboarding))}")


def _foot(onboarding: Onboarding) -> None:
    with st.container(horizontal=True):
        st.button(text("onboarding.other"), key="onboarding_other", on_click=choose, args=("",))
        if onboarding.is_open:
            subject = Cancelling(onboarding.onboarding_id, onboarding.name)
            key = bound_key("onboarding_cancel", onboarding.onboarding_id)
            st.button(text("onboarding.cancel"), key=key, on_click=open_dialog, args=(subject,))


def _ask(asked: Cancelling) -> None:
    st.markdown(text("onboarding.cancel_what", tenant=plain(asked.name)))
    with st.container(horizontal=True):
        if st.button(text("onboarding.cancel_now"), key=bound_key("onboarding_cancel_now", asked.onboarding_id),
                     type="primary"):  # fmt: skip
            problems = cancel(services_or_stop(), asked.onboarding_id, current_user())
            for problem in problems:
                st.error(plain(reason(problem, asked.name)))
            if not problems:
                choose("")
                finish_dialog(text("onboarding.cancel_done", tenant=plain(asked.name)))
        st.button(text("onboarding.keep"), key="onboarding_keep", on_click=close_dialog)
