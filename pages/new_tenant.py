"""Tenant aufnehmen: from a name to a tenant that is read, step by step; or many at once by a CSV."""

import streamlit as st

from core.roles import Action
from ui.action_messages import show_success
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.onboarding.begin_form import begin_form
from ui.onboarding.first_readings import show_summaries
from ui.onboarding.import_form import import_form
from ui.onboarding.leaving_tenants import show_leaving
from ui.onboarding.open_onboardings import chosen_onboarding, show_open
from ui.onboarding.steps_view import show_onboarding
from ui.texts import text

require(Action.ONBOARDING)
view = current_view()

st.title(text("nav.tenant-aufnehmen"), anchor=False)
show_success()
onboarding = chosen_onboarding()
if onboarding is not None:
    with fenced("nav.tenant-aufnehmen"):
        show_onboarding(onboarding, view)
else:
    with fenced("onboarding.begin"):
        st.caption(text("onboarding.intro"))
        begin_form()
with fenced("leaving.list_title"):
    show_leaving(view)
with fenced("onboarding.summaries_title"):
    show_summaries()
with fenced("onboarding.open_title"):
    show_open(onboarding, view)
if onboarding is None:
    with fenced("onboarding.import_title"):
        import_form()
