"""The actions of a flow as they stand in its definition.

https://learn.microsoft.com/azure/logic-apps/logic-apps-workflow-actions-triggers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.sharepoint.flow.expressions import Call, Expression, Operand, condition, key, value

Json = dict[str, Any]

SHAREPOINT, OUTLOOK, TEAMS = "shared_sharepointonline", "shared_office365", "shared_teams"  # connectors
CONNECTORS = "/providers/Microsoft.PowerApps/apis"
WHATEVER_HAPPENED = ("Succeeded", "Failed", "TimedOut")
PERSISTENT: Json = {"type": "fixed", "count": 10, "interval": "PT30S"}
NEVER_AGAIN: Json = {"type": "none"}


@dataclass(frozen=True, slots=True)
class Step:
    """An action with its name; it runs after the step before it, if that ended in one of the states `after`."""

    name: str
    action: Json
    after: Sequence[str] = ("Succeeded",)


def in_order(*steps: Step) -> Json:
    """Return the actions of a flow or a branch, one after the other."""
    before = ("", *(step.name for step in steps))
    return {
        step.name: {**step.action, "runAfter": {previous: list(step.after)} if previous else {}}
        for previous, step in zip(before, steps, strict=False)
    }


def operation(connector: str, operation_id: str, parameters: Mapping[str, Any], retries: Json | None = None) -> Json:
    """Return the call of an operation of a connector; without `retries` the service's own rule holds."""
    host = {"connectionName": connector, "operationId": operation_id, "apiId": f"{CONNECTORS}/{connector}"}
    given = {key(name): content for name, content in parameters.items()}
    inputs: Json = {"host": host, "parameters": given, "authentication": "@parameters('$authentication')"}
    return {"type": "OpenApiConnection", "inputs": inputs | ({"retryPolicy": retries} if retries else {})}


def compose(content: Operand) -> Json:
    """Return an action whose output is `content`."""
    return {"type": "Compose", "inputs": value(content)}


def rows_where(rows: Expression, test: Call) -> Json:
    """Return an action whose body is the rows that pass the test."""
    return {"type": "Query", "inputs": {"from": value(rows), "where": value(test)}}


def each_as(rows: Expression, content: str) -> Json:
    """Return an action whose body is `content`, a value of a definition, for each row."""
    return {"type": "Select", "inputs": {"from": value(rows), "select": content}}


def either(test: Call, actions: Json, otherwise: Json | None = None) -> Json:
    """Return a condition with its two branches."""
    return {
        "type": "If",
        "expression": condition(test),
        "actions": actions,
        "else": {"actions": otherwise or {}},
    }


def for_each(rows: Expression, actions: Json) -> Json:
    """Return a loop over the rows, one at a time."""
    return {"type": "Foreach", "foreach": value(rows), "actions": actions, "operationOptions": "Sequential"}


def fail(code: str, message: str) -> Json:
    """Return an action that ends the run as failed; it is not allowed in a loop."""
    return {"type": "Terminate", "inputs": {"runStatus": "Failed", "runError": {"code": code, "message": message}}}
