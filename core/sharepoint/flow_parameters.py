"""The parameters of the flow, as the parameter list has them, and their faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.problems import Problem
from core.sharepoint.lists import Item

CHANNELS = ("E-Mail", "Teams")  # by which the flow sends


def parameters_of(items: Iterable[Item]) -> dict[str, str]:
    """Return parameter name -> value from the items of the parameter list."""
    return {item.text("name"): item.text("value") for item in items if item.text("name")}


def check_parameters(parameters: Mapping[str, str]) -> list[Problem]:
    """Return the problems with the flow's parameters; without them it sends no messages."""
    problems = [
        Problem("sharepoint.parameter_missing", {"field": name})
        for name in ("sendermail", "recipientmail", "communication")
        if not parameters.get(name)
    ]
    channel = parameters.get("communication")
    if channel and channel not in CHANNELS:
        problems.append(Problem("sharepoint.channel_unknown", {"value": channel}))
    return problems
