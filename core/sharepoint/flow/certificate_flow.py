"""The flow `Zertifikatsüberwachung`: names every day the certificates that end within seven days."""

from __future__ import annotations

from core.sharepoint.flow.actions import WHATEVER_HAPPENED, Json, Step, each_as, either, in_order, rows_where
from core.sharepoint.flow.expressions import Call, Property, call, joined
from core.sharepoint.flow.flow_site import FlowSite, field_of, value_in
from core.sharepoint.flow.message_steps import (
    ITEM,
    failure,
    get_items,
    html,
    parameter_steps,
    sending_steps,
    was_sent,
)
from core.sharepoint.flow.words import sentence

DAYS_BEFORE = 7
FOUND, ENDING, LINES = "Tenants_lesen", "Endende_Zertifikate", "Zeilen"
# The end of a certificate as the product writes it: later than midnight of its last day in every zone.
LAST_DAY = "yyyy-MM-ddT10:00:00Z"


def certificate_triggers(_site: FlowSite) -> Json:
    """Return the trigger: every morning at seven."""
    schedule = {"hours": ["7"], "minutes": [0]}
    recurrence = {"frequency": "Day", "interval": 1, "timeZone": "W. Europe Standard Time", "schedule": schedule}
    return {"Jeden_Morgen": {"type": "Recurrence", "recurrence": recurrence}}


def certificate_actions(site: FlowSite, language: str) -> Json:
    """Return the actions: one message for all certificates that end; tenants that are not read are left out."""
    columns = site.columns["tenant"].by_word
    day = call("addDays", call("utcNow"), DAYS_BEFORE, LAST_DAY)
    soon = joined(f"{field_of(columns['cert_expires'])} le '", day, "'")
    switched_off = call("equals", value_in(ITEM, columns["enabled"]), False)
    rows = call("body", ENDING)
    values = {
        "tenant": html(value_in(ITEM, columns["title"])),
        "day": call("formatDateTime", value_in(ITEM, columns["cert_expires"]), "dd.MM.yyyy"),
    }
    tell = [*parameter_steps(site), *_lines(rows, sentence("flow.certificate_line", language, values), site, language)]
    return in_order(
        Step(FOUND, get_items(site, "tenant", filter=soon)),
        Step(ENDING, rows_where(Property(call("body", FOUND), "value"), call("not", switched_off))),
        Step("Etwas_zu_melden", either(call("greater", call("length", rows), 0), in_order(*tell))),
    )


def _lines(rows: Call, line: str, site: FlowSite, language: str) -> list[Step]:
    """Return the steps that send one message with a line for each tenant."""
    values = {"lines": call("join", call("body", LINES), "<br>"), "count": call("string", call("length", rows))}
    subject = sentence("flow.certificate_subject", language, values)
    what, then = (sentence(f"flow.certificate_{word}", language, values) for word in ("what", "next"))
    body = f"<p>{what}</p><p>{joined(values['lines'])}</p><p>{then}</p>"
    nobody = failure("Weder E-Mail noch Teams: es wurde niemand benachrichtigt.")
    check = either(call("not", was_sent()), in_order(Step("Niemand_benachrichtigt", nobody)))
    return [
        Step(LINES, each_as(rows, line)),
        *sending_steps(site, subject, body),
        Step("Abschliessen", check, WHATEVER_HAPPENED),
    ]
