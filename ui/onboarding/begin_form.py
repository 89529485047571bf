"""The form that begins an onboarding: name, tenant, application, certificate."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import runtime
from core.bounds import LONGEST_NAME
from core.graph.tenant_lookup import LONGEST_DOMAIN
from core.onboarding.advance import advance
from core.onboarding.certificate_step import key_files
from core.onboarding.job import Given
from core.onboarding.request import LONGEST_CONTACT, Request
from core.onboarding.start import OnboardingRefused, start
from core.refresh.services import Services
from core.tenants.levels import STANDARD, levels
from ui.action_messages import errors_shown
from ui.frame.identity import current_user
from ui.onboarding.open_onboardings import choose
from ui.problems import problem_box
from ui.texts import text

LONGEST_PASSWORD = 200
WIDTH = 460


def services_or_stop() -> Services:
    """Return the services of this process; without any say so and stop the page."""
    services = runtime.current().services
    if services is None:
        st.info(text("onboarding.unavailable"), icon=":material/info:")
        st.stop()
    return services


def begin_form() -> None:
    """Show the form; its button finds the tenant, makes the certificate and opens the steps."""
    services = services_or_stop()
    name = st.text_input(text("onboarding.name"), key="onboarding_name", max_chars=LONGEST_NAME, width=WIDTH,
                         autocomplete="off", placeholder=text("onboarding.name_hint"))  # fmt: skip
    tenant = st.text_input(text("onboarding.tenant"), key="onboarding_tenant", max_chars=LONGEST_DOMAIN, width=WIDTH,
                           autocomplete="off", placeholder=text("onboarding.tenant_hint"))  # fmt: skip
    contact = st.text_input(text("onboarding.contact"), key="onboarding_contact", max_chars=LONGEST_CONTACT,
                            width=WIDTH, autocomplete="off", placeholder=text("onboarding.contact_hint"))  # fmt: skip
    known = levels(services.engine)
    level = st.selectbox(text("onboarding.level"), list(known), key="onboarding_level", width=WIDTH,
                         index=list(known).index(STANDARD) if STANDARD in known else 0,
                         format_func=lambda key: known[key].name if key in known else key)  # fmt: skip
    shared = _shared_app(services)
    certificate, password = (None, "") if shared else certificate_choice(services, "begin")
    if st.button(text("onboarding.begin"), key="onboarding_begin", type="primary"):
        given = Given(certificate=certificate, password=password, make_certificate=certificate is None)
        with errors_shown():
            _begin(
                services,
                Request(
                    name, tenant, level=known[level].name if level in known else "", contact=contact, shared=shared
                ),
                given,
            )


def _shared_app(services: Services) -> bool:
    """Return True if the provider's application is chosen; without one there is no choice."""
    if not services.settings.app_client_id:
        return False
    return st.radio(text("onboarding.app"), [True, False], key="onboarding_app", horizontal=True,
                    format_func=lambda one: text("onboarding.app_shared" if one else "onboarding.app_own"))  # fmt: skip


def certificate_choice(services: Services, place: str) -> tuple[Path | None, str]:
    """Return (the file to take over, None for a new certificate; its password).

    Offered are files on the server: a private key does not travel through a browser.
    """
    files = key_files(services)
    if not files:
        return None, ""
    chosen = st.selectbox(
        text("onboarding.certificate"), ["", *files], key=f"onboarding_file_{place}", width=WIDTH,
        format_func=lambda one: one or text("onboarding.certificate_new"), help=text("onboarding.certificate_help"),
    )  # fmt: skip
    if not chosen:
        return None, ""
    password = st.text_input(text("onboarding.password"), type="password", key=f"onboarding_password_{place}",
                             max_chars=LONGEST_PASSWORD, width=WIDTH, autocomplete="off")  # fmt: skip
    return files[chosen], password


def _begin(services: Services, request: Request, given: Given) -> None:
    user = current_user()
    try:
        onboarding = start(services, request, user)
    except OnboardingRefused as error:
        for problem in error.faults:
            problem_box(problem)
        return
    choose(onboarding.onboarding_id)
    advance(services, runtime.current().refresher, onboarding.onboarding_id, user, given)
    st.rerun()
