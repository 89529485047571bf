"""The flow `Lizenzüberwachung`: sends a message for each item whose trigger is set, and takes the trigger back."""

from __future__ import annotations

import json

from core.sharepoint.flow.actions import (
    PERSISTENT,
    SHAREPOINT,
    WHATEVER_HAPPENED,
    Json,
    Step,
    either,
    for_each,
    in_order,
    operation,
    rows_where,
)
from core.sharepoint.flow.expressions import Expression, Property, call, value
from core.sharepoint.flow.flow_site import FlowSite, field_of, value_in
from core.sharepoint.flow.message_steps import (
    ITEM,
    failure,
    html,
    list_of,
    parameter_steps,
    sending_steps,
    trimmed,
    was_sent,
)
from core.sharepoint.flow.words import sentence

CHANGED, TRIGGERED, EACH, READ = "Geaenderte_Elemente", "Ausgeloeste_Elemente", "Fuer_jedes_Element", "Element_lesen"
INSPECTED = 30  # changed items, of some 2,000 characters each
NUMBERS = ("available", "used", "free")


def shortage_triggers(site: FlowSite) -> Json:
    """Return the trigger: the items of the licence list that have changed, if the trigger of one is set.

    One run at a time, with all changed items: split into a run per item, more than 100 changes at once would be an
    error as soon as the number of runs is limited. The text of an expression has at most 131,072 characters, so among
    more than INSPECTED items the condition does not look; the run does, and ends
    (https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-config).
    """
    action = operation(SHAREPOINT, "GetOnUpdatedItems", list_of(site, "license"))
    trigger = site.columns["license"].by_word["trigger"]
    items = Property(call("triggerBody"), "value")
    inspected = call("replace", call("string", call("take", items, INSPECTED)), " ", "")
    is_set = json.dumps(field_of(trigger), ensure_ascii=False).replace(" ", "") + ":true"
    test = call("or", call("greater", call("length", items), INSPECTED), call("contains", inspected, is_set))
    return {
        CHANGED: {
            "recurrence": {"frequency": "Minute", "interval": 1},
            "conditions": [{"expression": value(test)}],
            "runtimeConfiguration": {"concurrency": {"runs": 1}},
            **action,
        }
    }


def shortage_actions(site: FlowSite, language: str) -> Json:
    """Return the actions: each item is read again, told about if its trigger is still set, and marked as told."""
    trigger = site.columns["license"].by_word["trigger"]
    item = call("body", READ)
    of_item = {**list_of(site, "license"), "id": value(Property(call("items", EACH), "ID"))}
    triggered = rows_where(Property(call("triggerBody"), "value"), call("equals", value_in(ITEM, trigger), True))
    tell = [
        *sending_steps(site, _subject(site, item, language), _body(site, item, language)),
        Step("Abschliessen", _end(site), WHATEVER_HAPPENED),
    ]
    still = either(call("equals", value_in(item, trigger), True), in_order(*tell))
    loop = in_order(Step(READ, operation(SHAREPOINT, "GetItem", of_item)), Step("Noch_zu_melden", still))
    return in_order(
        Step(TRIGGERED, triggered),
        *parameter_steps(site),
        Step(EACH, for_each(call("body", TRIGGERED), loop)),
    )


def _end(site: FlowSite) -> Json:
    """Return the end of a message: sent, the trigger is taken back; else it stays, and the run fails."""
    columns, item = site.columns["license"].by_word, call("body", READ)
    name = columns["name"]
    name_field = f"{field_of(name)}/Value" if name.kind == "choice" else field_of(name)
    values = {
        **list_of(site, "license"),
        "id": value(Property(item, "ID")),
        f"item/{name_field}": value(value_in(item, name)),  # the connector wants required columns in every update
        f"item/{field_of(columns['trigger'])}": False,
        f"item/{field_of(columns['informed'])}": True,
    }
    told = Step("Als_gemeldet_eintragen", operation(SHAREPOINT, "PatchItem", values, PERSISTENT))
    not_told = Step("Niemand_benachrichtigt", failure("Weder E-Mail noch Teams: es wurde niemand benachrichtigt."))
    return either(was_sent(), in_order(told), in_order(not_told))


def _subject(site: FlowSite, item: Expression, language: str) -> str:
    columns = site.columns["license"].by_word
    names = {"product": trimmed(value_in(item, columns["name"])), "tenant": trimmed(value_in(item, columns["tenant"]))}
    return sentence("flow.shortage_subject", language, names)


def _body(site: FlowSite, item: Expression, language: str) -> str:
    """Return the HTML of the message; numbers that the list does not have are left out."""
    columns = site.columns["license"].by_word
    values: dict[str, Expression] = {
        "product": html(value_in(item, columns["name"])),
        "tenant": html(value_in(item, columns["tenant"])),
        **{word: _number(value_in(item, columns[word])) for word in NUMBERS if word in columns},
    }
    sentences = [sentence("flow.shortage_what", language, values)]
    if all(word in columns for word in NUMBERS):
        sentences.append(sentence("flow.shortage_numbers", language, values))
    sentences.append(sentence("flow.shortage_next", language, values))
    return "".join(f"<p>{one}</p>" for one in sentences)


def _number(operand: Expression) -> Expression:
    """Return the expression for a number without decimals, a dash if there is none."""
    shown = call("formatNumber", call("coalesce", operand, 0), "0")
    return call("if", call("equals", operand, None), "–", shown)
