"""Auswertung: how soon the licence desk reacts and delivers, what was kept, and how old open cases are."""

import streamlit as st

from core.roles import Action
from ui.evaluation.evaluation import evaluation
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
stop_without_tenants(snapshot, text("nav.auswertung"))

st.title(text("nav.auswertung"), anchor=False)
freshness(snapshot)

with fenced("nav.auswertung"):
    evaluation(snapshot, current_view())
