"""Start: the current shortages with tenant, start time and alarm."""

from core.attention.condition import Condition
from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.skip_link import skip_link
from ui.frame.view import current_view
from ui.license_panel import license_panel
from ui.start import shortages_table
from ui.start.attention_list import ConditionWords, current_conditions, items_of, show_attention
from ui.start.overview import Counts, answer_block, counts_of, tiles
from ui.start.recent_changes import RecentChanges, changes_dialog, changes_line, recent_changes
from ui.texts import text
from ui.unreadable_tenant import unreadable_dialog

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.start"))

skip_link(text("start.skip"))
conditions: list[Condition] = []
counts: Counts | None = None
changes: RecentChanges | None = None
with fenced("block.answer"):
    conditions, counts = current_conditions(snapshot, view), counts_of(snapshot)
    changes = recent_changes(snapshot, view)
    answer_block(counts, snapshot.age, conditions, view)
freshness(snapshot)
with fenced("block.figures"):
    if counts and changes:
        tiles(counts, worse={"shortages": bool(changes.new), "over": bool(changes.over)})

with fenced("start.attention"):
    if conditions:
        show_attention(items_of(conditions, ConditionWords(view.now, view.language, view.zone)))

with fenced("start.shortages"):
    shortages_table.show_shortages(snapshot, lambda: changes_line(changes, view) if changes else None)
    changes_dialog(snapshot, view)
license_panel(snapshot)
unreadable_dialog(snapshot)
