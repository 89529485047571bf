"""`levels`: list, set and delete levels of service, and give them to tenants."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Engine

from core.cache.rule_rows import rules_at
from core.cache.tenant_rows import tenant_rows
from core.commands import OK, WRONG_CONFIGURATION
from core.name_key import guid_key, name_key
from core.problems import Problem
from core.refresh.services import utc_now
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.tenants import calendars, levels
from core.tenants.level_effect import LevelEffect, level_effect
from core.tenants.levels import PRIORITIES, Level, level_of
from core.texts import plural, text

AS_SET = "-"  # in place of a number: as the setting or the standard says


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("levels", help=text("help.levels", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Any) -> Any:
        made = actions.add_parser(name, help=text(f"help.levels_{name}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=call)
        return made

    action("list", _list)
    change = action("set", _set)
    change.add_argument("name", help=text("help.levels_name", language))
    for option in ("minutes", "threshold", "warn"):
        change.add_argument(f"--{option}", type=_number, metavar="N", help=text(f"help.levels_{option}", language))
    for option in ("reaction", "solution"):
        change.add_argument(f"--{option}", action="append", default=[], type=_hours, metavar="PRIORITY=HOURS",
                            help=text(f"help.levels_{option}", language))  # fmt: skip
    change.add_argument("--recipient", action="append", metavar="MAIL", help=text("help.levels_recipient", language))
    for option in ("orders", "report", "consent"):
        change.add_argument(f"--{option}", choices=("yes", "no"), help=text(f"help.levels_{option}", language))
    change.add_argument("--calendar", metavar="NAME", help=text("help.levels_calendar", language))
    assign = action("assign", _assign)
    assign.add_argument("name", help=text("help.levels_name", language))
    whom = assign.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "--tenant", action="append", default=[], metavar="NAME", help=text("help.levels_tenant", language)
    )
    whom.add_argument("--from", dest="of", metavar="LEVEL", help=text("help.levels_from", language))
    for one in (change, assign):
        one.add_argument("--dry-run", action="store_true", help=text("help.levels_dry", language))
    action("delete", _delete).add_argument("name", help=text("help.levels_name", language))


def _number(typed: str) -> int | str:
    return typed if typed == AS_SET else int(typed)


def _hours(typed: str) -> tuple[str, float]:
    priority, _, hours = typed.partition("=")
    if priority not in PRIORITIES:
        raise ValueError(typed)
    return priority, float(hours)


def _list(options: argparse.Namespace, settings: Settings) -> int:
    engine, language = open_engine(settings), settings.language
    counts = levels.tenants_by_level(engine)
    known = levels.levels(engine).values()
    if options.json:
        print(json.dumps([levels.document_of(level) | {"tenants": counts.get(level.key, 0)} for level in known],
                         ensure_ascii=False))  # fmt: skip
        return OK
    for level in known:
        minutes = _minutes(level.refresh_minutes, language)
        hours = {name: " / ".join(f"{getattr(level, f'{name}_hours')[one]:g}" for one in PRIORITIES)
                 for name in ("reaction", "solution")}  # fmt: skip
        print(text("command.level_line", language, name=level.name, minutes=minutes, tenants=counts.get(level.key, 0),
                   calendar=level.calendar, **hours))  # fmt: skip
    return OK


def _set(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    known, stored = levels.levels(engine), calendars.calendars(engine)
    before = levels.find(known, options.name) or Level("", options.name)
    calendar = calendars.find(engine, options.calendar) if options.calendar else None
    wanted = _changed(before, options, calendar.key if calendar else options.calendar or before.calendar)
    faults = dict(levels.faults_of(wanted, list(stored)))
    if faults or not options.dry_run:
        wanted = levels.keep(engine, wanted, command_actor(), list(stored))
    rows = tenant_rows(engine).values()
    after = {row.tenant_id: wanted for row in rows if before.key and level_of(row, known).key == before.key}
    document = {"level": levels.document_of(wanted), "saved": not options.dry_run}
    return _tell(options, settings, document, _effect(engine, settings, after, known))


def _changed(level: Level, options: argparse.Namespace, calendar: str) -> Level:
    """Return the level with what the options say."""
    numbers = {"refresh_minutes": options.minutes, "threshold": options.threshold, "warn": options.warn}
    given: dict[str, Any] = {
        field: None if value == AS_SET else value for field, value in numbers.items() if value is not None
    }
    switches = {"follow_orders": options.orders, "monthly_report": options.report, "needs_consent": options.consent}
    given |= {field: value == "yes" for field, value in switches.items() if value}
    if options.recipient is not None:
        given["recipients"] = tuple(filter(None, options.recipient))
    return replace(
        level, **given, calendar=calendar, reaction_hours={**level.reaction_hours, **dict(options.reaction)},
        solution_hours={**level.solution_hours, **dict(options.solution)},
    )  # fmt: skip


def _assign(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    known, rows = levels.levels(engine), tenant_rows(engine).values()
    level = levels.find(known, options.name)
    of = levels.find(known, options.of) if options.of else None
    for name, found in ((options.name, level), (options.of, of)):
        if name and found is None:
            return _unknown(Problem("command.no_level", {"value": name, "levels": _names(known)}), settings)
    by_key = {key: row for row in rows for key in (row.tenant_id, name_key(row.slug), name_key(row.name))}
    wanted = [(name, by_key.get(guid_key(name)) or by_key.get(name_key(name))) for name in options.tenant]
    for name, row in wanted:
        if row is None:
            return _unknown(Problem("command.no_tenant", {"value": name}), settings)
    ids = [row.tenant_id for _, row in wanted if row] + [
        row.tenant_id for row in rows if of and level_of(row, known).key == of.key
    ]
    if level is None:
        return WRONG_CONFIGURATION
    effect = _effect(engine, settings, dict.fromkeys(ids, level), known)
    moved = [] if options.dry_run else levels.assign(engine, level, ids, command_actor())
    return _tell(options, settings, {"level": level.key, "assigned": moved, "saved": not options.dry_run}, effect)


def _delete(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    known = levels.levels(engine)
    level = levels.find(known, options.name)
    if level is None:
        return _unknown(Problem("command.no_level", {"value": options.name, "levels": _names(known)}), settings)
    levels.delete(engine, level, command_actor())
    if options.json:
        print(json.dumps({"level": level.key, "deleted": True}))
    else:
        print(text("level.deleted", settings.language, name=level.name))
    return OK


def _effect(engine: Engine, settings: Settings, after: Mapping[str, Level], known: Mapping[str, Level]) -> LevelEffect:
    """Return what changes if these tenants (id -> level) have these levels; `known` are the levels before."""
    from core.cache.shared_frames import newest_figures  # pandas, which few commands need

    rows = tenant_rows(engine)
    before = {tenant_id: level_of(rows[tenant_id], known) for tenant_id in after}
    names = {tenant_id: row.name for tenant_id, row in rows.items()}
    rules = rules_at(engine, utc_now(), settings.zone).by_scope
    licenses = newest_figures(engine, settings).licenses.itertuples(index=False)
    return level_effect(licenses, names, rules, before, after, f"product_{settings.language}"
                        if settings.language in ("de", "en") else "product_en")  # fmt: skip


def _tell(options: argparse.Namespace, settings: Settings, document: dict[str, Any], effect: LevelEffect) -> int:
    language = settings.language
    if options.json:
        changes = asdict(effect) | {
            "intervals": [{"before": before, "after": after, "tenants": names}
                          for (before, after), names in effect.intervals.items()]
        }  # fmt: skip
        print(json.dumps(document | {"effect": changes}, ensure_ascii=False))
        return OK
    for name in ("begin", "end", "low", "low_no_more"):
        if licenses := getattr(effect, name):
            names = ", ".join(f"{product} ({tenant})" for tenant, product in licenses)
            print(plural(f"level.effect.{name}", len(licenses), language, names=names))
    for (before, after), tenants in effect.intervals.items():
        words = {"before": _minutes(before, language), "after": _minutes(after, language)}
        print(plural("level.effect.interval", len(tenants), language, names=", ".join(tenants), **words))
    print(text(f"command.levels_{'saved' if document['saved'] else 'dry'}", language))
    return OK


def _minutes(minutes: int | None, language: str) -> str:
    return text("level.as_setting", language) if minutes is None else text("level.every", language, count=minutes)


def _names(known: Mapping[str, Level]) -> str:
    return ", ".join(level.name for level in known.values())


def _unknown(problem: Problem, settings: Settings) -> int:
    print(problem.text(settings.language), file=sys.stderr)
    return WRONG_CONFIGURATION
