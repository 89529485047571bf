"""Produkte: every product across all tenants, with its shortages and what is free elsewhere."""

import streamlit as st

from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.products.product_filters import matching_products, product_filters
from ui.products.products_table import show_products, show_sentences
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
stop_without_tenants(snapshot, text("nav.produkte"))

st.title(text("nav.produkte"), anchor=False)
freshness(snapshot)

with fenced("nav.produkte"):
    show_sentences(snapshot)
    filters = product_filters()
    show_products(snapshot, matching_products(snapshot.products, filters, current_view().language), filters)
