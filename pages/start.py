"""Start: what is short now, where, since when, and does somebody already know."""

import streamlit as st

from core.attention.conditions import Condition
from core.roles import Action
from ui import license_table, shortages, visit
from ui.attention import Reader, current, items_of, show_attention
from ui.fence import fenced
from ui.freshness import freshness
from ui.identity import require
from ui.navigation import open_tenant
from ui.overview import answer_block, figures_of, tiles
from ui.page import look, stop_without_tenants
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = look()
stop_without_tenants(snapshot, text("nav.start"))

wrong: list[Condition] = []
with fenced("block.answer"):
    wrong = current(snapshot, view)
    answer_block(snapshot, wrong, view)
freshness(snapshot)
with fenced("block.figures"):
    tiles(figures_of(snapshot))

with fenced("start.shortages"):
    found = shortages.current_shortages(snapshot)
    table = shortages.shortage_table(found, view.now, view.language, view.zone)
    license_table.section(text("start.shortages"), table, "engpaesse")
    if table.num_rows:
        ids = snapshot.index.ids_of(found.index.to_numpy())
        row = shortages.show_shortages(table, ids, view.language, view.zone, text("start.shortages"))
        if row is not None:
            open_tenant(snapshot.index.slugs[found.index[row]])
    else:
        st.caption(shortages.no_shortages(snapshot))

with fenced("start.attention"):
    if wrong:
        st.subheader(text("start.attention"))
        show_attention(items_of(wrong, Reader(view.now, view.language, view.zone)))
