"""`contacts`: list, add, change, end and remove the contacts of tenants."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine

from core.cache.contact_rows import CONTACT_ROLES, LANGUAGES, Contact
from core.cache.tenant_rows import tenant_rows
from core.commands import OK, WRONG_CONFIGURATION
from core.name_key import guid_key, name_key
from core.problems import Problem, ProblemError
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.tenants import contacts
from core.tenants.contact_rules import cleaned, contact_fields, same_address, validity_of
from core.tenants.contacts import ContactRefused
from core.text_files import shown
from core.texts import text

OPTIONS = ("name", "email", "phone", "language", "role", "from", "until")
Call = Callable[[argparse.Namespace, Settings, Engine], int]


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("contacts", help=text("help.contacts", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Call) -> Any:
        made = actions.add_parser(name, help=text(f"help.contacts_{name}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=lambda options, settings: _run(call, options, settings))
        return made

    which = text("help.contacts_tenant", language)
    action("list", _list).add_argument("tenant", nargs="?", default="", metavar="TENANT", help=which)
    for name, call in (("add", _add), ("change", _change), ("end", _end), ("remove", _remove)):
        made = action(name, call)
        made.add_argument("tenant", metavar="TENANT", help=which)
        if name != "add":
            made.add_argument("contact", metavar="CONTACT", help=text("help.contacts_contact", language))
        if name in ("add", "change"):
            _add_fields(made, language, new=name == "add")
        if name == "end":
            made.add_argument("--on", metavar="DAY", help=text("help.contacts_on", language))


def _add_fields(parser: argparse.ArgumentParser, language: str, *, new: bool) -> None:
    choices = {"language": LANGUAGES, "role": CONTACT_ROLES}
    for name in OPTIONS:
        parser.add_argument(
            f"--{name}", choices=choices.get(name), required=new and name in ("name", "email"),
            metavar=None if name in choices else name.upper(), help=text(f"help.contacts_{name}", language),
        )  # fmt: skip


def _run(call: Call, options: argparse.Namespace, settings: Settings) -> int:
    try:
        return call(options, settings, open_engine(settings))
    except ContactRefused as error:
        for problem in error.faults.values():
            print(problem.text(settings.language), file=sys.stderr)
        return WRONG_CONFIGURATION


def _list(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    actor = command_actor()
    if options.tenant:
        stored = contacts.contacts_of(engine, actor, tenant_row(engine, options.tenant).tenant_id)
    else:
        stored = contacts.all_contacts(engine, actor)
    return _say(stored, options, settings, engine)


def _add(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    actor, tenant_id = command_actor(), tenant_row(engine, options.tenant).tenant_id
    wanted = _with_options(Contact("", tenant_id, "", ""), options)
    twin = same_address(cleaned(wanted), contacts.contacts_of(engine, actor, tenant_id))
    stored, added = contacts.add(engine, actor, wanted, datetime.now(UTC))
    if added and twin is not None:
        said = Problem("contact.same_address", {"email": twin.email, "name": twin.name})
        print(said.text(settings.language), file=sys.stderr)
    return _say([stored], options, settings, engine)


def _change(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    found = _contact(engine, options)
    changed = partial(_with_options, options=options)
    stored = contacts.change(
        engine, command_actor(), found.tenant_id, found.contact_id, changed, datetime.now(UTC)
    )  # fmt: skip
    return _say([stored], options, settings, engine)


def _end(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    found, now = _contact(engine, options), datetime.now(UTC)
    last_day = _day(options.on, "until") or now.astimezone(settings.zone).date()
    stored = contacts.end(engine, command_actor(), found.tenant_id, found.contact_id, last_day, now)
    return _say([stored], options, settings, engine)


def _remove(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    found = _contact(engine, options)
    removed = contacts.remove(engine, command_actor(), found.tenant_id, found.contact_id, datetime.now(UTC))
    return _say([removed], options, settings, engine)


def _with_options(contact: Contact, options: argparse.Namespace) -> Contact:
    """Return the contact with the options that were given; an empty day takes the day away. Raises ContactRefused."""
    given = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    for name in ("from", "until"):
        if name in given:
            given[f"valid_{name}"] = _day(given.pop(name), f"valid_{name}")
    return replace(contact, **given)


def _day(given: str | None, field: str) -> date | None:
    """Return the day `2027-01-31`, None for none or an empty one. Raises ContactRefused."""
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise ContactRefused({field: Problem("contact.day_unreadable", {"value": shown(given or "")})}) from None


def tenant_row(engine: Engine, wanted: str) -> Any:
    """Return the row of the tenant with this short name, id or name. Raises ProblemError."""
    rows = tenant_rows(engine).values()
    for fits in (
        lambda row: wanted == row.slug or guid_key(wanted) == row.tenant_id,
        lambda row: name_key(wanted) == name_key(row.name),
    ):
        if row := next(filter(fits, rows), None):
            return row
    raise ProblemError(Problem("command.tenant_unknown", {"wanted": shown(wanted)}))


def _contact(engine: Engine, options: argparse.Namespace) -> Contact:
    return contact_of(engine, tenant_row(engine, options.tenant).tenant_id, options.contact)


def contact_of(engine: Engine, tenant_id: str, named: str) -> Contact:
    """Return the contact of the tenant with this id or e-mail. Raises ProblemError, also if there are several."""
    stored = contacts.contacts_of(engine, command_actor(), tenant_id)
    wanted = name_key(named)
    found = [one for one in stored if wanted in (one.contact_id, name_key(one.email))]
    if len(found) == 1:
        return found[0]
    params = {
        "wanted": shown(named),
        "tenant": tenant_rows(engine, [tenant_id])[tenant_id].name,
        "ids": ", ".join(one.contact_id for one in found),
    }
    raise ProblemError(Problem("command.contact_several" if found else "command.contact_unknown", params))


def _say(stored: Iterable[Contact], options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    """Print the contacts with their tenants, as a line each or as JSON."""
    names = {row.tenant_id: row.name for row in tenant_rows(engine).values()}
    today = datetime.now(UTC).astimezone(settings.zone).date()
    documents = [
        {"tenant": names.get(one.tenant_id, ""), **contact_fields(one), "state": validity_of(one, today)}
        for one in stored
    ]
    if options.json:
        print(json.dumps(documents, ensure_ascii=False))
        return OK
    for row in documents:
        days = " – ".join(str(row[name] or "…") for name in ("from", "until")) if row["from"] or row["until"] else ""
        words = [
            row["tenant"], row["contact_id"], f"{row['name']} <{row['email']}>", row["phone"], row["language"],
            row["role"], text(f"contact.state.{row['state']}", settings.language), days,
        ]  # fmt: skip
        print("  ".join(str(word) for word in words if word))
    return OK
