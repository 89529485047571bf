"""Start: the current shortages with tenant, start time and alarm."""

import streamlit as st

from core.attention.conditions import Condition
from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.navigation import open_tenant
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.start import shortages_table
from ui.start.attention_list import ConditionWords, current_conditions, items_of, show_attention
from ui.start.overview import answer_block, figures_of, tiles
from ui.tables import license_table
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.start"))

conditions: list[Condition] = []
with fenced("block.answer"):
    conditions = current_conditions(snapshot, view)
    answer_block(snapshot, conditions, view)
freshness(snapshot)
with fenced("block.figures"):
    tiles(figures_of(snapshot))

with fenced("start.shortages"):
    shortages = shortages_table.current_shortages(snapshot)
    table = shortages_table.shortage_table(shortages, view.now, view.language, view.zone)
    license_table.section(text("start.shortages"), table, "engpaesse")
    if table.num_rows:
        ids = snapshot.index.ids_of(shortages.index.to_numpy())
        row = shortages_table.show_shortages(table, ids, view.language, view.zone, text("start.shortages"))
        if row is not None:
            open_tenant(snapshot.index.slug(shortages.index[row]))
    else:
        st.caption(shortages_table.no_shortages_words(snapshot))

with fenced("start.attention"):
    if conditions:
        st.subheader(text("start.attention"))
        show_attention(items_of(conditions, ConditionWords(view.now, view.language, view.zone)))
