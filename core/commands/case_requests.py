"""`cases ask` and `cases order`: ask the customer of a case for consent, and order what was approved."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from core.cache.case_rows import Case
from core.cases.consents import Question, ask
from core.cases.distributors import find
from core.cases.order_draft import OrderRequest
from core.cases.orders import place
from core.commands.contacts import contact_of
from core.problems import Problem, ProblemError
from core.roles import command_actor
from core.settings import Settings
from core.text_files import shown
from core.texts import text


class Done(NamedTuple):
    """What was done to a case: lines for people, and fields beside those of the case for `--json`."""

    lines: list[str]
    fields: dict[str, Any]


def add_ask(parser: Any, language: str) -> None:
    parser.add_argument("contact", metavar="CONTACT", help=text("help.contacts_contact", language))
    for option in ("price", "term", "reason"):
        parser.add_argument(f"--{option}", default="", help=text(f"help.cases_{option}", language))
    _add_common(parser, language)
    parser.add_argument("--send", action="store_true", help=text("help.cases_send", language))


def add_order(parser: Any, language: str) -> None:
    parser.add_argument("distributor", nargs="?", default="", help=text("help.cases_distributor", language))
    for option in ("term", "reference"):
        parser.add_argument(f"--{option}", default="", help=text(f"help.cases_{option}", language))
    parser.add_argument("--expected", metavar="DAY", help=text("help.cases_expected", language))
    parser.add_argument("--key", default="", help=text("help.cases_key", language))
    _add_common(parser, language)
    for option in ("note-only", "mca"):
        parser.add_argument(f"--{option}", action="store_true", help=text(f"help.cases_{option}", language))


def _add_common(parser: Any, language: str) -> None:
    parser.add_argument("--quantity", type=int, metavar="N", help=text("help.cases_wanted", language))
    parser.add_argument("--seen", type=int, metavar="VERSION", help=text("help.cases_seen", language))


def ask_customer(options: argparse.Namespace, settings: Settings, engine: Engine, case: Case) -> Done:
    """Ask the contact and return the link, which nobody can read again. Raises ProblemError, ProblemsError."""
    contact = contact_of(engine, case.tenant_id, options.contact)
    quantities = {} if options.quantity is None else {case.case_id: options.quantity}
    question = Question(contact.contact_id, quantities, options.price, options.term, options.reason)
    asked = ask(
        engine, command_actor(), case.case_id, question, datetime.now(UTC), settings.zone,
        address=settings.public_address, send=options.send, expected=options.seen,
    )  # fmt: skip
    fields = {"url": asked.url, "expires_at": asked.consent.expires_at, "consent_id": asked.consent.consent_id}
    return Done([asked.url], fields)


def order_licences(
    options: argparse.Namespace, settings: Settings, engine: Engine, case: Case, expected_at: date | None
) -> Done:  # fmt: skip
    """Place the order and return its key. Raises ProblemError."""
    distributor = find(engine, options.distributor) if options.distributor else None
    if options.distributor and distributor is None:
        raise ProblemError(Problem("command.distributor_unknown", {"wanted": shown(options.distributor)}))
    request = OrderRequest(
        quantities={case.case_id: case.quantity if options.quantity is None else options.quantity},
        distributor_id=distributor.distributor_id if distributor else "",
        send=not options.note_only,
        term=options.term,
        mca_accepted=options.mca,
        reference=options.reference,
        expected_at=expected_at,
        order_key=options.key,
    )
    order = place(engine, command_actor(), request, datetime.now(UTC), settings.zone, expected=options.seen)
    return Done([order.order_key], {"order_key": order.order_key, "how": order.how, "expected_at": order.expected_at})
