"""How much a case needs and how urgent it is. Pure functions."""

from __future__ import annotations

from datetime import date, timedelta

from core.licenses.judge import Judgement

CRITICAL, HIGH, MEDIUM, LOW = PRIORITIES = ("critical", "high", "medium", "low")
LAPSED = ("over", "grace", "suspended")  # states in which people work without a licence, or soon will
SOON = timedelta(days=14)


def missing_seats(enabled: int, consumed: int, threshold: int) -> int:
    """Return how many more seats end the shortage; 0 if enough are free."""
    return max(0, threshold + 1 - (enabled - consumed))


def proposed_quantity(missing: int, waiting: int = 0, expected: int = 0, package: int = 1) -> int:
    """Return the quantity that is proposed for an order, at least 1, in whole packages of the distributor.

    `waiting`: people without a seat; `expected`: the demand expected until the delivery.
    """
    needed = max(1, missing + waiting + expected)
    return -(-needed // package) * package


def priority_of_shortage(judgement: Judgement, waiting: int = 0) -> str:
    """Return the priority of a shortage: critical if somebody has no working licence, or waits for one."""
    return CRITICAL if waiting or judgement.state in LAPSED else HIGH


def priority_ahead(wanted_at: date, today: date, waiting: int = 0) -> str:
    """Return the priority of a case that was opened ahead of time; people who wait for seats of today are critical."""
    if waiting and wanted_at <= today:
        return CRITICAL
    return MEDIUM if wanted_at - today <= SOON else LOW
