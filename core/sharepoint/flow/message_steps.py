"""What both flows do alike: read the parameters, and send a message as an e-mail or through Teams."""

from __future__ import annotations

from core.sharepoint.flow.actions import (
    NEVER_AGAIN,
    OUTLOOK,
    SHAREPOINT,
    TEAMS,
    WHATEVER_HAPPENED,
    Json,
    Step,
    compose,
    either,
    fail,
    in_order,
    operation,
    rows_where,
)
from core.sharepoint.flow.expressions import Call, Expression, Property, call, value
from core.sharepoint.flow.flow_site import NOBODY, FlowSite, value_in

MOST_ROWS = 5000  # of a list, in one answer
SENDER, RECIPIENT, CHANNEL = "Absender", "Empfaenger", "Kanal"  # actions whose output is the parameter
PARAMETERS = {SENDER: "sendermail", RECIPIENT: "recipientmail", CHANNEL: "communication"}
SUBJECT, MESSAGE = "Betreff", "Nachricht"  # actions whose output is the subject (text), the message (HTML)
OWN_MAILBOX, SENDERS_MAILBOX, CHAT, POST = "Mail_eigenes_Postfach", "Mail_vom_Absender", "Teams_Chat", "Teams_Kanal"
ITEM = call("item")


def get_items(site: FlowSite, kind: str, **query: str | int) -> Json:
    """Return an action that reads the items of a list; `query` has options of OData without their `$`."""
    options = {f"${name}": content for name, content in {**query, "top": MOST_ROWS}.items()}
    return operation(SHAREPOINT, "GetItems", {**list_of(site, kind), **options})


def list_of(site: FlowSite, kind: str) -> Json:
    """Return the parameters that name a list."""
    return {"dataset": value(site.settings["site"].expression), "table": value(site.settings[kind].expression)}


def trimmed(operand: Expression) -> Call:
    """Return the expression for a text without blanks at its ends, "" for null."""
    return call("trim", call("string", call("coalesce", operand, "")))


def parameter_steps(site: FlowSite) -> list[Step]:
    """Return the steps that read the three parameters; without a recipient the run ends as failed."""
    name, content = site.columns["parameter"].by_word["name"], site.columns["parameter"].by_word["value"]
    rows = Property(call("body", "Parameter_lesen"), "value")
    steps = [Step("Parameter_lesen", get_items(site, "parameter"))]
    for output, parameter in PARAMETERS.items():
        found = f"{output}_suchen"
        test = call("equals", call("toLower", trimmed(value_in(ITEM, name))), parameter)
        steps.append(Step(found, rows_where(rows, test)))
        steps.append(Step(output, compose(trimmed(value_in(call("first", call("body", found)), content)))))
    nobody = fail("recipientmail", "In der Parameterliste fehlt recipientmail: niemand kann benachrichtigt werden.")
    stop = either(call("equals", call("outputs", RECIPIENT), ""), in_order(Step("Ohne_Empfaenger", nobody)))
    return [*steps, Step("Empfaenger_pruefen", stop)]


def sending_steps(site: FlowSite, subject: str, message: str) -> list[Step]:
    """Return the steps that send a message: as `communication` says, both ways if it says neither.

    `subject` is a text, `message` HTML, both values of a definition. It is not sent again by itself, because a lost
    answer would give two; an hour later the product sets the trigger once more.
    """
    channel = call("toLower", call("outputs", CHANNEL))
    mail, teams = in_order(Step("Absender_pruefen", _mail())), in_order(Step("Ziel_pruefen", _teams(site)))
    return [
        Step(SUBJECT, {"type": "Compose", "inputs": subject}),
        Step(MESSAGE, {"type": "Compose", "inputs": message}),
        Step("E-Mail", either(call("not", call("equals", channel, "teams")), mail)),
        Step("Teams", either(call("not", call("equals", channel, "e-mail")), teams), WHATEVER_HAPPENED),
    ]


def was_sent() -> Call:
    """Return the test that at least one way of sending worked."""
    ways = (OWN_MAILBOX, SENDERS_MAILBOX, CHAT, POST)
    return call("or", *(call("equals", Property(call("actions", way), "status"), "Succeeded") for way in ways))


def failure(message: str) -> Json:
    """Return an action that fails and shows `message`: in a loop a run cannot be ended as failed."""
    return {"type": "Compose", "inputs": value(call("int", message)), "description": "Lässt den Lauf scheitern."}


def html(operand: Expression) -> Call:
    """Return the expression for a text within HTML."""
    whole = call("string", call("coalesce", operand, ""))
    for sign, entity in {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.items():
        whole = call("replace", whole, sign, entity)
    return whole


def _mail() -> Json:
    message = {
        "emailMessage/To": value(call("outputs", RECIPIENT)),
        "emailMessage/Subject": value(call("outputs", SUBJECT)),
        "emailMessage/Body": value(call("outputs", MESSAGE)),
        "emailMessage/Importance": "Normal",
    }
    shared = {"emailMessage/MailboxAddress": value(call("outputs", SENDER)), **message}
    return either(
        call("equals", call("outputs", SENDER), ""),
        in_order(Step(OWN_MAILBOX, operation(OUTLOOK, "SendEmailV2", message, NEVER_AGAIN))),
        in_order(Step(SENDERS_MAILBOX, operation(OUTLOOK, "SharedMailboxSendEmailV2", shared, NEVER_AGAIN))),
    )


def _teams(site: FlowSite) -> Json:
    team, channel = site.settings["team"].expression, site.settings["channel"].expression
    message = {"poster": "Flow bot", "body/messageBody": value(call("outputs", MESSAGE))}
    chat = {**message, "location": "Chat with Flow bot", "body/recipient": value(call("outputs", RECIPIENT))}
    post = {
        **message,
        "location": "Channel",
        "body/recipient/groupId": value(team),
        "body/recipient/channelId": value(channel),
    }
    return either(
        call("equals", team, NOBODY),
        in_order(Step(CHAT, operation(TEAMS, "PostMessageToConversation", chat, NEVER_AGAIN))),
        in_order(Step(POST, operation(TEAMS, "PostMessageToConversation", post, NEVER_AGAIN))),
    )
