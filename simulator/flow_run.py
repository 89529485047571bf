"""One run of an exported flow: just the kinds of action that these flows use, in the order that `runAfter` gives."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from .connectors import ConnectorError, Connectors, Sent
from .expressions import ExpressionError, Functions, evaluate

Json = dict[str, Any]
DONE, FAILED, SKIPPED = "Succeeded", "Failed", "Skipped"
STATES = {DONE, FAILED, SKIPPED, "TimedOut"}


class Ended(Exception):
    """The action Terminate has ended the run."""


class FlowRun:
    """Carries out the actions; `failures` says what went wrong, `sent` which messages left for which item."""

    def __init__(
        self, definition: Json, parameters: Mapping[str, str], connectors: Connectors, body: Any, now: dt.datetime
    ) -> None:
        self._actions = definition["actions"]
        self._connectors = connectors
        self._states: dict[str, str] = {}
        self._bodies: dict[str, Any] = {}
        self._items: dict[str, Any] = {}  # of the loops that are running, by their names
        self.failures: list[str] = []
        self.sent: list[tuple[int, Sent]] = []  # with the id of the item of the list, 0 for none
        self._functions: Functions = {
            "actions": lambda name: {"status": self._states.get(name, SKIPPED)},
            "body": self._bodies.get,
            "items": lambda name: self._items[name],
            "outputs": self._bodies.get,
            "parameters": lambda name: parameters[name],
            "triggerBody": lambda: body,
            "utcNow": now.isoformat,
        }

    def run(self) -> bool:
        """Return True if the run has succeeded."""
        try:
            return self._branch(self._actions) == DONE
        except Ended:
            return False

    def _branch(self, actions: Json) -> str:
        """Carry out the actions of a branch; return its state, which is that of its last actions."""
        waiting = dict(actions)
        while waiting:
            name = next(n for n, a in waiting.items() if not set(a["runAfter"]) & set(waiting))
            action = waiting.pop(name)
            self._states[name] = self._one(name, action) if self._may_run(action) else self._skip(name, action)
        last = set(actions) - {before for action in actions.values() for before in action["runAfter"]}
        return DONE if all(self._end(name, actions) == DONE for name in last) else FAILED

    def _end(self, name: str, actions: Json) -> str:
        """Return the state of an action, for a skipped one that of the action because of which it was skipped."""
        before = actions[name]["runAfter"]
        if self._states[name] != SKIPPED or not before:
            return self._states[name]
        return next((FAILED for one in before if self._end(one, actions) != DONE), SKIPPED)

    def _may_run(self, action: Json) -> bool:
        return all(self._states[before] in states for before, states in action["runAfter"].items())

    def _skip(self, _name: str, action: Json) -> str:
        for branch in (action.get("actions", {}), action.get("else", {}).get("actions", {})):
            for name, inner in branch.items():
                self._states[name] = self._skip(name, inner)
        return SKIPPED

    def _one(self, name: str, action: Json) -> str:
        try:
            return KINDS[action["type"]](self, name, action)
        except (ConnectorError, ExpressionError) as error:
            self.failures.append(f"{name}: {error}")
            return FAILED

    def _evaluated(self, content: Any, **more: Callable[..., Any]) -> Any:
        return evaluate(content, {**self._functions, **more})

    def _connection(self, name: str, action: Json) -> str:
        host, given = action["inputs"]["host"], self._evaluated(action["inputs"]["parameters"])
        before = len(self._connectors.sent)
        self._bodies[name] = self._connectors.call(host["connectionName"], host["operationId"], given)
        item = next((row["ID"] for row in self._items.values()), 0)
        self.sent += [(item, message) for message in self._connectors.sent[before:]]
        return DONE

    def _compose(self, name: str, action: Json) -> str:
        self._bodies[name] = self._evaluated(action["inputs"])
        return DONE

    def _query(self, name: str, action: Json) -> str:
        rows, where = self._rows(action["inputs"]["from"]), action["inputs"]["where"]
        self._bodies[name] = [row for row in rows if self._evaluated(where, item=lambda row=row: row) is True]
        return DONE

    def _select(self, name: str, action: Json) -> str:
        rows, content = self._rows(action["inputs"]["from"]), action["inputs"]["select"]
        self._bodies[name] = [self._evaluated(content, item=lambda row=row: row) for row in rows]
        return DONE

    def _rows(self, source: str) -> list[Any]:
        rows = self._evaluated(source)
        if not isinstance(rows, list):
            raise ExpressionError(f"{source} gives no rows")
        return rows

    def _if(self, _name: str, action: Json) -> str:
        branches = (action["actions"], action.get("else", {}).get("actions", {}))
        chosen, other = branches if self._holds(action["expression"]) else branches[::-1]
        for name, inner in other.items():
            self._states[name] = self._skip(name, inner)
        return self._branch(chosen)

    def _holds(self, test: Json) -> bool:
        """Return the result of a condition in the form of the designer: {"equals": [a, b]}."""
        ((operator, parts),) = test.items()
        if operator == "not":
            return not self._holds(parts)
        if operator in ("and", "or"):
            return (all if operator == "and" else any)([self._holds(part) for part in parts])
        one, other = self._evaluated(parts)
        return COMPARISONS[operator](one, other)

    def _for_each(self, name: str, action: Json) -> str:
        """Carry out the loop one item after the other; an item that fails does not stop the others."""
        states = []
        for row in self._rows(action["foreach"]):
            self._items[name] = row
            states.append(self._branch(action["actions"]))
        self._items.pop(name, None)
        return DONE if all(state == DONE for state in states) else FAILED

    def _terminate(self, _name: str, action: Json) -> str:
        error = self._evaluated(action["inputs"]["runError"])
        self.failures.append(f"{error['code']}: {error['message']}")
        raise Ended


KINDS: dict[str, Callable[[FlowRun, str, Json], str]] = {
    "Compose": FlowRun._compose,
    "Foreach": FlowRun._for_each,
    "If": FlowRun._if,
    "OpenApiConnection": FlowRun._connection,
    "Query": FlowRun._query,
    "Select": FlowRun._select,
    "Terminate": FlowRun._terminate,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda one, other: one == other and isinstance(one, bool) == isinstance(other, bool),
    "greater": lambda one, other: one > other,
}
CONTEXT = {"actions", "body", "item", "items", "outputs", "parameters", "triggerBody", "utcNow"}
