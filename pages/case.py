"""Fall: one shortage case, with what is known, its next step, and all that happened."""

from datetime import UTC, datetime

from core.roles import Action
from ui.cases.case_change import note_read, show_outcome
from ui.cases.case_dialogs import case_dialog
from ui.cases.case_figures import case_figures, related_cases
from ui.cases.case_header import case_header
from ui.cases.case_timeline import case_timeline
from ui.cases.chosen_case import chosen_case
from ui.cases.consent_section import consent_section
from ui.cases.order_section import order_section
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.license_panel import license_panel
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.fall"))

detail = chosen_case(datetime.now(UTC))
with fenced("nav.fall"):
    case_header(detail, snapshot, view)
freshness(snapshot, only=[detail.case.tenant_id])
show_outcome()
with fenced("case.facts"):
    case_figures(detail, view)
    related_cases(detail, snapshot, view)
with fenced("approval.section"):
    consent_section(detail, view)
with fenced("order.title"):
    order_section(detail, view)
with fenced("case.timeline"):
    case_timeline(detail, view)
with fenced("case.form"):
    case_dialog(detail, view, snapshot)
license_panel(snapshot)
with fenced("nav.fall"):
    note_read(detail.case)
