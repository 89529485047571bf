"""The states of a shortage case, and the table of what leads from one to another: who may do it, what must be given.

The table is data: `core.cases.fold` follows it, `core.cases.changes` checks against it, docs/faelle.md draws it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

State = Literal[
    "open", "asked", "approved", "refused", "ordered", "partly_delivered", "delivered", "closed", "postponed",
    "recovered",
]  # fmt: skip
Kind = Literal[
    "opened", "told", "taken", "given", "commented", "asked", "reminded", "consent_given", "consent_refused", "ordered",
    "order_confirmed", "units_seen", "delivered", "postponed", "returned", "closed", "recovered", "reopened",
    "quantity_changed", "priority_changed", "bundled", "rated",
]  # fmt: skip
Who = Literal["product", "staff", "customer"]
Target = State | Literal["same", "resumed"]

STATES: tuple[State, ...] = get_args(State)
KINDS: tuple[Kind, ...] = get_args(Kind)
ENDED: tuple[State, ...] = ("refused", "delivered", "closed", "recovered")
OPEN: tuple[State, ...] = tuple(state for state in STATES if state not in ENDED)
BEFORE_ORDER: tuple[State, ...] = ("open", "asked", "approved", "postponed")
WITH_ORDER: tuple[State, ...] = ("ordered", "partly_delivered")


class Transition(NamedTuple):
    """A row of the table: an event of `kind` leads from each state of `start` to `end`.

    end     the state afterwards; "same" changes nothing, "resumed" is the state before the case was postponed
    who     who may cause it; staff needs the role for `Action.CASES`
    needs   the fields that `data` of the event must have, and that may not be empty
    """

    kind: Kind
    start: tuple[State, ...]
    end: Target
    who: tuple[Who, ...]
    needs: tuple[str, ...] = ()


TRANSITIONS: tuple[Transition, ...] = (
    Transition("told", OPEN, "same", ("product",)),
    Transition("taken", OPEN, "same", ("staff",), ("owner",)),
    Transition("given", OPEN, "same", ("staff",)),  # to somebody, or back to all
    Transition("commented", STATES, "same", ("staff", "customer"), ("text",)),
    Transition("bundled", OPEN, "same", ("staff",)),
    Transition("priority_changed", OPEN, "same", ("staff", "product"), ("priority",)),
    # A new quantity is a new question to the customer; what is ordered is changed at the distributor.
    Transition("quantity_changed", ("open", "postponed"), "same", ("staff", "product"), ("quantity",)),
    Transition("quantity_changed", ("asked", "approved"), "open", ("staff",), ("quantity",)),
    # Consent
    Transition("asked", ("open", "asked", "approved"), "asked", ("staff",), ("quantity",)),
    Transition("reminded", ("asked", *WITH_ORDER), "same", ("product", "staff")),
    Transition("consent_given", ("asked",), "approved", ("customer", "staff"), ("quantity",)),
    Transition("consent_given", ("open",), "approved", ("staff", "product"), ("quantity", "reason")),  # not needed
    Transition("consent_refused", ("asked",), "refused", ("customer", "staff")),
    Transition("returned", ("asked", "approved"), "open", ("staff", "product"), ("reason",)),  # revoked or expired
    # Order and delivery
    Transition("ordered", ("approved", *WITH_ORDER), "ordered", ("staff", "product"), ("quantity",)),
    Transition("order_confirmed", (*WITH_ORDER, "postponed"), "same", ("staff", "product")),
    Transition("returned", WITH_ORDER, "approved", ("staff", "product"), ("reason",)),  # the order was cancelled
    Transition("units_seen", OPEN, "same", ("product",)),  # with an order and delivered seats: partly_delivered
    Transition("delivered", (*WITH_ORDER, "postponed"), "delivered", ("product", "staff")),
    # Pauses and ends
    Transition("postponed", ("open", "approved", *WITH_ORDER), "postponed", ("staff",), ("until", "reason")),
    Transition("returned", ("postponed",), "resumed", ("product", "staff")),
    Transition("recovered", BEFORE_ORDER, "recovered", ("product",)),
    Transition("closed", ("delivered",), "closed", ("product",)),
    Transition("closed", (*OPEN, "refused"), "closed", ("staff", "product"), ("reason",)),
    Transition("reopened", ("recovered", "delivered", "closed"), "open", ("product", "staff"), ("reason",)),
    Transition("reopened", ("refused",), "open", ("staff",), ("reason",)),  # never by itself
    Transition("rated", ("delivered", "closed", "recovered"), "same", ("customer",), ("stars",)),
)
BY_KIND_AND_STATE: dict[tuple[str, str], Transition] = {
    (row.kind, state): row for row in TRANSITIONS for state in row.start
}


def transition(kind: str, state: str, resumes: str = "") -> Transition | None:
    """Return the row for an event of `kind` in `state`; None if the table does not allow it.

    While a case is postponed only that is possible which the state that it pauses (`resumes`) allows, too.
    """
    row = BY_KIND_AND_STATE.get((kind, state))
    if row is not None and resumes and row.end != "resumed" and (kind, resumes) not in BY_KIND_AND_STATE:
        return None
    return row


def possible(state: str, who: Who) -> list[Transition]:
    """Return what `who` may do in `state`, in the order of the table."""
    return [row for row in TRANSITIONS if state in row.start and who in row.who]
