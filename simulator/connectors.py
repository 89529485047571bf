"""The connectors of Power Automate, with just the operations that the exported flows use."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .columns import Column, FieldError
from .lists import Item, ItemList
from .site import HOST, SharePoint
from .world import World

FLOW = {"user": {"displayName": "Power Automate", "email": "flow@support.example"}}
FILTER = re.compile(r"(.+) le '([^']*)'")
MOST_ROWS = 5000
Parameters = dict[str, Any]


class ConnectorError(Exception):
    """An operation is not known, is called in a wrong way, or fails."""


class Sent(NamedTuple):
    """A message that has left: by "E-Mail" or "Teams", to whom, from which mailbox ("": that of the connection)."""

    channel: str
    recipient: str
    sender: str
    subject: str
    body: str


class Connectors:
    """Carries out the operations; `sent` has the messages, `broken` the channels that fail at the moment."""

    def __init__(self, world: World, broken: set[str]) -> None:
        self._world = world
        self._broken = broken
        self.sent: list[Sent] = []

    def call(self, connector: str, operation: str, parameters: Parameters) -> Any:
        """Return the body of the answer. Raises ConnectorError."""
        expected, work = OPERATIONS.get(operation, ("", None))
        if work is None or expected != connector:
            raise ConnectorError(f"{connector} has no operation {operation}")
        try:
            return work(self, dict(parameters))
        except (FieldError, KeyError, ValueError) as error:
            raise ConnectorError(f"{operation}: {error!r}") from None

    def get_item(self, parameters: Parameters) -> Any:
        _, items = self.find_list(parameters)
        item = items.by_id.get(int(parameters.pop("id")))
        _nothing_left(parameters)
        if item is None:
            raise ConnectorError("404 Item not found")
        return as_seen(items, item)

    def get_items(self, parameters: Parameters) -> Any:
        _, items = self.find_list(parameters)
        top, test = int(parameters.pop("$top", 100)), parameters.pop("$filter", "")
        _nothing_left(parameters)
        if not 1 <= top <= MOST_ROWS:
            raise ConnectorError(f"$top {top}")
        chosen = [item for item in items.items if not test or _passes(items, item, test)]
        return {"value": [as_seen(items, item) for item in chosen[:top]]}

    def patch_item(self, parameters: Parameters) -> Any:
        """Change an item; the operation wants a value for each column that must be filled."""
        _, items = self.find_list(parameters)
        item_id = int(parameters.pop("id"))
        fields = {_column(items, name): parameters.pop(name) for name in list(parameters) if name.startswith("item/")}
        _nothing_left(parameters)
        if lacking := [
            column.name for column in items.columns.values() if column.required and column.name not in fields
        ]:
            raise ConnectorError(f"400 {lacking[0]} is required")
        if item_id not in items.by_id:
            raise ConnectorError("404 Item not found")
        return as_seen(items, items.update(item_id, fields, FLOW))

    def send_mail(self, parameters: Parameters) -> Any:
        sender = parameters.pop("emailMessage/MailboxAddress", "")
        to, subject, body = (parameters.pop(f"emailMessage/{name}") for name in ("To", "Subject", "Body"))
        parameters.pop("emailMessage/Importance", None)
        _nothing_left(parameters)
        self._send(Sent("E-Mail", to, sender, subject, body))

    def send_shared(self, parameters: Parameters) -> Any:
        if not parameters.get("emailMessage/MailboxAddress"):
            raise ConnectorError("400 MailboxAddress is required")
        self.send_mail(parameters)

    def post_message(self, parameters: Parameters) -> Any:
        if parameters.pop("poster") != "Flow bot":
            raise ConnectorError("unknown poster")
        location, body = parameters.pop("location"), parameters.pop("body/messageBody")
        if location == "Chat with Flow bot":
            recipient = parameters.pop("body/recipient")
        elif location == "Channel":
            recipient = f"{parameters.pop('body/recipient/groupId')} {parameters.pop('body/recipient/channelId')}"
        else:
            raise ConnectorError(f"unknown location {location}")
        _nothing_left(parameters)
        self._send(Sent("Teams", recipient, "", "", body))

    def find_list(self, parameters: Parameters) -> tuple[SharePoint, ItemList]:
        """Return the site and the list that `dataset` and `table` name."""
        dataset, table = parameters.pop("dataset"), parameters.pop("table")
        for site in self._world.sites:
            for items in site.lists:
                if f"https://{HOST}{site.path}" == dataset and table in (items.id, items.title):
                    return site, items
        raise ConnectorError(f"404 no list {table} in {dataset}")

    def _send(self, message: Sent) -> None:
        if not message.recipient or message.channel in self._broken:
            raise ConnectorError(f"400 {message.channel} to {message.recipient!r} failed")
        self.sent.append(message)


SHAREPOINT, OUTLOOK, TEAMS = "shared_sharepointonline", "shared_office365", "shared_teams"
OPERATIONS: dict[str, tuple[str, Callable[[Connectors, Parameters], Any]]] = {
    "GetItem": (SHAREPOINT, Connectors.get_item),
    "GetItems": (SHAREPOINT, Connectors.get_items),
    "PatchItem": (SHAREPOINT, Connectors.patch_item),
    "SendEmailV2": (OUTLOOK, Connectors.send_mail),
    "SharedMailboxSendEmailV2": (OUTLOOK, Connectors.send_shared),
    "PostMessageToConversation": (TEAMS, Connectors.post_message),
}


def as_seen(items: ItemList, item: Item) -> dict[str, Any]:
    """Return an item as the SharePoint connector shows it: with OData names, choices as objects, dates of the site."""
    values = {name: _seen(items, items.columns[name], value) for name, value in item.fields.items()}
    return {"ID": item.id, **{_odata(name): value for name, value in values.items()}}


def _seen(items: ItemList, column: Column, value: Any) -> Any:
    if column.kind == "choice":
        return {
            "@odata.type": "#Microsoft.Azure.Connectors.SharePoint.SPListExpandedReference",
            "Id": 0,
            "Value": value,
        }
    if column.kind == "date":
        return dt.datetime.fromisoformat(value).astimezone(items.zone).date().isoformat()
    return value


def _odata(name: str) -> str:
    return f"OData_{name}" if name.startswith("_") else name


def _column(items: ItemList, parameter: str) -> str:
    """Return the column that the parameter `item/<name>` (a choice: `item/<name>/Value`) changes."""
    by_name = {f"item/{_odata(c.name)}{'/Value' if c.kind == 'choice' else ''}": c.name for c in items.columns.values()}
    if parameter not in by_name:
        raise ConnectorError(f"400 unknown parameter {parameter}")
    return by_name[parameter]


def _passes(items: ItemList, item: Item, test: str) -> bool:
    match = FILTER.fullmatch(test)
    by_name = {_odata(name): name for name in items.columns}
    if match is None or match[1] not in by_name:
        raise ConnectorError(f"400 The expression {test!r} is not valid")
    value = item.fields.get(by_name[match[1]])
    return value is not None and dt.datetime.fromisoformat(value) <= dt.datetime.fromisoformat(match[2])


def _nothing_left(parameters: Parameters) -> None:
    if parameters:
        raise ConnectorError(f"400 unknown parameter {min(parameters)}")
