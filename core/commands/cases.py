"""`cases`: list the shortage cases, show one, and work on it; to ask and to order are in `case_requests`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine

from core.cache.case_lists import CaseFilter, case_page
from core.cache.case_rows import Case
from core.cache.catalogue import load_catalogue
from core.cases import changes
from core.cases.moves import Move, move
from core.cases.shown_case import ShownCase, case_fields, shown_case, shown_cases
from core.cases.transitions import OPEN, STATES
from core.commands import OK
from core.commands.case_requests import Done, add_ask, add_order, ask_customer, order_licences
from core.commands.contacts import tenant_row
from core.problems import Problem, ProblemError
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.text_files import shown
from core.texts import text

MOST_ROWS = 1_000
NOTHING = Done([], {})
Call = Callable[[argparse.Namespace, Settings, Engine], int]


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("cases", help=text("help.cases", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Call, *, one: bool = True) -> Any:
        made = actions.add_parser(name, help=text(f"help.cases_{name}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=lambda options, settings: call(options, settings, open_engine(settings)))
        if one:
            made.add_argument("case", metavar="CASE", help=text("help.cases_case", language))
        return made

    _add_filters(action("list", _list, one=False), language)
    action("show", _show)
    changing = [action("take", _take), action("give", _give), action("move", _move)]
    for made in changing:
        made.add_argument("--seen", type=int, metavar="VERSION", help=text("help.cases_seen", language))
    give, to = changing[1:]
    give.add_argument("owner", nargs="?", default="", metavar="ACCOUNT", help=text("help.cases_account", language))
    give.add_argument("--note", default="", help=text("help.cases_note", language))
    to.add_argument("state", choices=[state for state in STATES if state in (*OPEN, "closed")],
                    metavar="STATE", help=text("help.cases_to", language))  # fmt: skip
    to.add_argument("--note", default="", help=text("help.cases_note", language))
    to.add_argument("--until", metavar="DAY", help=text("help.cases_until", language))
    to.add_argument("--quantity", type=int, metavar="N", help=text("help.cases_quantity", language))
    add_ask(action("ask", _ask), language)
    add_order(action("order", _order), language)
    action("comment", _comment).add_argument("text", metavar="TEXT", help=text("help.cases_text", language))


def _add_filters(parser: argparse.ArgumentParser, language: str) -> None:
    parser.add_argument("--state", action="append", choices=STATES, help=text("help.cases_state", language))
    parser.add_argument("--tenant", action="append", default=[], help=text("help.cases_tenant", language))
    parser.add_argument("--owner", metavar="ACCOUNT", help=text("help.cases_owner", language))
    parser.add_argument("--overdue", action="store_true", help=text("help.cases_overdue", language))
    parser.add_argument("--all", action="store_true", help=text("help.cases_all", language))


def _list(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    now = datetime.now(UTC)
    wanted = CaseFilter(
        states=options.state or (),
        tenant_ids=[tenant_row(engine, name).tenant_id for name in options.tenant],
        owner=options.owner,
        is_open=None if options.all or options.state else True,
        overdue_at=now if options.overdue else None,
    )
    listed, total = case_page(engine, wanted, limit=MOST_ROWS)
    known = shown_cases(engine, listed, now)
    if options.json:
        _print_json([_fields(one, settings, engine) for one in known])
        return OK
    for one in known:
        print(_line(one, settings))
    if total > len(known):
        print(text("command.cases_more", settings.language, count=total - len(known)))
    return OK


def _show(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    return _say(options.case, options, settings, engine)


def _take(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case = _need(options, engine)
    changes.take(engine, command_actor(), case.case_id, datetime.now(UTC), expected=options.seen)
    return _say(case.case_id, options, settings, engine)


def _give(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case, now = _need(options, engine), datetime.now(UTC)
    changes.give(engine, command_actor(), case.case_id, options.owner, now, note=options.note, expected=options.seen)
    return _say(case.case_id, options, settings, engine)


def _comment(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case = _need(options, engine)
    changes.comment(engine, command_actor(), case.case_id, options.text, datetime.now(UTC))
    return _say(case.case_id, options, settings, engine)


def _move(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case, now = _need(options, engine), datetime.now(UTC)
    wanted = Move(options.state, options.note, _day(options.until), options.quantity)
    move(engine, command_actor(), case.case_id, wanted, now, settings.zone, expected=options.seen)
    return _say(case.case_id, options, settings, engine)


def _ask(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case = _need(options, engine)
    return _say(case.case_id, options, settings, engine, ask_customer(options, settings, engine, case))


def _order(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    case, expected_at = _need(options, engine), _day(options.expected)
    return _say(case.case_id, options, settings, engine, order_licences(options, settings, engine, case, expected_at))


def _day(given: str | None) -> date | None:
    """Return the day `2027-01-31`, None for none. Raises ProblemError."""
    try:
        return date.fromisoformat(given) if given is not None else None
    except ValueError:
        raise ProblemError(Problem("contact.day_unreadable", {"value": shown(given or "")})) from None


def _need(options: argparse.Namespace, engine: Engine) -> Case:
    """Return the case that is named. Raises CaseUnknown, also if its tenant leaves."""
    return shown_case(engine, options.case, datetime.now(UTC)).case


def _say(case_id: str, options: argparse.Namespace, settings: Settings, engine: Engine, done: Done = NOTHING) -> int:
    """Print what was done, and the case as it is now: for people a line for it and one for each event."""
    known = shown_case(engine, case_id, datetime.now(UTC))
    fields = _fields(known, settings, engine) | done.fields
    for line in () if options.json else done.lines:
        print(line)
    if options.json:
        _print_json(fields)
        return OK
    print(_line(known, settings))
    for event in fields["events"]:
        said = "  ".join(f"{name}={value}" for name, value in event["data"].items())
        print(f"  {_moment(event['at'], settings)}  {event['by']}  {event['kind']}  {shown(said, 500)}".rstrip())
    return OK


def _fields(known: ShownCase, settings: Settings, engine: Engine) -> dict[str, Any]:
    return case_fields(known, load_catalogue(engine)[0], settings.language)


def _line(known: ShownCase, settings: Settings) -> str:
    """Return the line of a case; states and steps by the names that the command and the API know."""
    case, step = known.case, known.step
    due = f"{step.action} {_moment(step.due_at, settings)}" if step.due_at else step.action
    words = [
        case.number, known.tenant, case.sku_part_number, case.state, case.priority, f"{case.quantity}",
        case.owner_name or "-", due, f"v{case.version}",
    ]  # fmt: skip
    return "  ".join(words)


def _moment(at: datetime, settings: Settings) -> str:
    return f"{at.astimezone(settings.zone):%d.%m.%Y %H:%M}"


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=lambda value: value.isoformat()))
