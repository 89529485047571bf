"""`tenant`: add tenants one by one or by a file, test, list and cancel them, let them leave."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.attention.condition import as_written
from core.cache.leaving_rows import all_leavings
from core.cache.onboarding_rows import Onboarding, all_onboardings, find_onboarding, log_of
from core.cache.tenant_rows import tenant_rows
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION, tenant_cert, tenant_leaving
from core.commands.tenant_import import import_file
from core.onboarding.advance import advance, as_document, cancel
from core.onboarding.certificate_step import public_file
from core.onboarding.consent_link import consent_link
from core.onboarding.job import Given
from core.onboarding.request import Request
from core.onboarding.sign_in_steps import try_tenant
from core.onboarding.start import OnboardingRefused, start, uses_shared_app
from core.onboarding.steps import CLICKS, PORTAL, RETRY_EVERY, retries_itself
from core.problems import Problem
from core.refresh.refresher import Refresher
from core.refresh.services import Services, open_services
from core.roles import command_actor
from core.runtime import open_engine, refresher_of
from core.settings import Settings
from core.texts import text

LOOK_EVERY = 0.2  # seconds between two looks at a refresh

Call = Callable[[argparse.Namespace, Services, Refresher], int]


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("tenant", help=text("help.tenant", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Call, key: str) -> Any:
        made = actions.add_parser(name, help=text(f"help.tenant_{key}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=lambda options, settings: _run(call, options, settings))
        return made

    add = action("add", _add, "add")
    add.add_argument("name", help=text("help.tenant_name", language))
    add.add_argument("tenant", help=text("help.tenant_id", language))
    add.add_argument("--contact", default="", metavar="CONTACT", help=text("help.tenant_contact", language))
    add.add_argument("--level", default="", metavar="LEVEL", help=text("help.tenant_level", language))
    add.add_argument("--shared", action="store_true", help=text("help.tenant_shared", language))
    go_on = action("continue", _continue, "continue")
    for one in (add, go_on):
        one.add_argument("--client-id", default="", help=text("help.tenant_client", language))
        one.add_argument("--cert", type=Path, metavar="FILE", help=text("help.tenant_cert", language))
        one.add_argument("--password-file", type=Path, metavar="FILE", help=text("help.tenant_password", language))
        one.add_argument("--wait", type=int, default=180, metavar="SECONDS", help=text("help.tenant_wait", language))
    action("list", _list, "list")
    for name, call in (("test", _test), ("log", _log), ("cancel", _cancel)):
        action(name, call, name).add_argument("slug", help=text("help.tenant_slug", language))
    remove = action("remove", _remove, "remove")
    remove.add_argument("--confirm", metavar="NAME", help=text("help.tenant_confirm", language))
    remove.add_argument("--export", type=Path, metavar="FILE", help=text("help.tenant_export_to", language))
    export = action("export", lambda options, services, _: tenant_leaving.export(options, services), "export")
    export.add_argument("--out", type=Path, metavar="FILE", required=True, help=text("help.tenant_out", language))
    undo = action("undo", lambda options, services, _: tenant_leaving.undo_leaving(options, services), "undo")
    for one in (remove, export, undo):
        one.add_argument("slug", help=text("help.tenant_any", language))
    go_on.add_argument("slug", help=text("help.tenant_slug", language))
    tenant_cert.add_to(actions, language, _run)
    imported = action("import", import_file, "import")
    imported.add_argument("file", type=Path, metavar="FILE.csv")
    imported.add_argument("--dry-run", action="store_true", help=text("help.tenant_dry", language))


def _run(call: Call, options: argparse.Namespace, settings: Settings) -> int:
    with _opened(settings) as (services, refresher):
        return call(options, services, refresher)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Services, Refresher]]:
    services = open_services(open_engine(settings), settings)
    refresher = refresher_of(services)
    try:
        yield services, refresher
    finally:
        refresher.stop()
        services.close()


def _add(options: argparse.Namespace, services: Services, refresher: Refresher) -> int:
    settings = services.settings
    shared = options.shared or (options.client_id != "" and uses_shared_app(options.client_id, settings))
    client_id = "" if shared else options.client_id
    request = Request(
        options.name, options.tenant, client_id, level=options.level, contact=options.contact, shared=shared
    )
    try:
        onboarding = start(services, request, command_actor())
    except OnboardingRefused as error:
        for problem in error.faults:
            print(problem.text(settings.language), file=sys.stderr)
        return WRONG_CONFIGURATION
    return _go_on(options, services, refresher, onboarding)


def _continue(options: argparse.Namespace, services: Services, refresher: Refresher) -> int:
    onboarding = find_onboarding(services.engine, options.slug)
    if onboarding is None or not onboarding.is_open:
        return _say_wrong(services, Problem("onboarding.none_open", {"wanted": options.slug}))
    return _go_on(options, services, refresher, onboarding)


def _go_on(
    options: argparse.Namespace, services: Services, refresher: Refresher, onboarding: Onboarding
) -> int:  # fmt: skip
    """Carry out what goes without a person, wait for Microsoft, and say what comes next."""
    try:
        password = options.password_file.read_text("utf-8").strip("\r\n") if options.password_file else ""
    except (OSError, UnicodeDecodeError):
        return _say_wrong(services, Problem("command.no_password_file", {"file": str(options.password_file)}))
    given = Given(options.client_id, options.cert, password, make_certificate=options.cert is None)
    onboarding = advance(services, refresher, onboarding.onboarding_id, command_actor(), given)
    onboarding = _wait(options, services, refresher, onboarding)
    if options.json:
        print(json.dumps(as_document(onboarding, services.settings.language), ensure_ascii=False))
    else:
        _say_log(services, onboarding)
        _say_next(services, onboarding)
    step = onboarding.next_step
    return OK if step is None or onboarding.step(step).state == "open" else SOME_FAILED


def _wait(
    options: argparse.Namespace, services: Services, refresher: Refresher, onboarding: Onboarding
) -> Onboarding:  # fmt: skip
    """Try the waiting step again until it passes, or the seconds of `--wait` are over."""
    end = time.monotonic() + options.wait
    while retries_itself(onboarding, services.now()) and time.monotonic() < end:
        reading = onboarding.next_step == "first_read"
        if not reading:
            words = text("onboarding.wait", services.settings.language, seconds=RETRY_EVERY.seconds)
            print(words, file=sys.stderr)
        services.http.sleep(LOOK_EVERY if reading else min(RETRY_EVERY.total_seconds(), options.wait))
        onboarding = advance(services, refresher, onboarding.onboarding_id, command_actor())
    return onboarding


def _say_log(services: Services, onboarding: Onboarding) -> None:
    language = services.settings.language
    for line in log_of(services.engine, onboarding.onboarding_id):
        step = text(f"onboarding.step.{line.step}", language) if line.step else ""
        print(f"{as_written(services.settings.zone)(line.at)}  {step:18}{line.said.text(language)}")


def _say_next(services: Services, onboarding: Onboarding) -> None:
    """Print what a person does next: the clicks in the portal, or the link for the consent."""
    language, step = services.settings.language, onboarding.next_step
    if step is None:
        return
    if onboarding.app == "shared" and step == "consent":
        link = consent_link(services.settings, onboarding)
        print(text("onboarding.click.shared", language, link=link))
    elif step == "registration":
        file = public_file(services, onboarding)
        for number, click in enumerate(CLICKS, 1):
            print(f"{number}. {text(f'onboarding.click.{click}', language, file=file, portal=PORTAL)}")
        print(text("command.tenant_next", language, slug=onboarding.slug))
        return
    print(text("command.tenant_again", language, slug=onboarding.slug))


def _say_wrong(services: Services, problem: Problem) -> int:
    print(problem.text(services.settings.language), file=sys.stderr)
    return WRONG_CONFIGURATION


def _list(options: argparse.Namespace, services: Services, _refresher: Refresher) -> int:
    language, when = services.settings.language, as_written(services.settings.zone)
    opened, leaving = all_onboardings(services.engine), all_leavings(services.engine)
    going = {one.tenant_id for one in opened}
    active = [row for row in tenant_rows(services.engine).values() if row.tenant_id not in going]
    active.sort(key=lambda row: row.name)
    if options.json:
        rows = [{"tenant": row.name, "tenant_id": row.tenant_id, "slug": row.slug, "state": "done"} for row in active]
        rows += [tenant_leaving.leaving_document(one, language) for one in leaving]
        print(json.dumps([*rows, *(as_document(one, language) for one in opened)], ensure_ascii=False))
        return OK
    for row in active:
        print(text("command.tenant_active", language, tenant=row.name, slug=row.slug))
    for one in opened:
        step = one.next_step or "first_read"
        values = {"tenant": one.name, "slug": one.slug, "since": when(one.created_at)}
        values["step"] = text(f"onboarding.step.{step}", language)
        values["state"] = text(f"onboarding.step_state.{one.step(step).state}", language)
        print(text("command.tenant_unfinished", language, **values))
    for one_leaving in leaving:
        print(tenant_leaving.leaving_line(one_leaving, language, when))
    if not (active or opened or leaving):
        print(text("command.tenant_none", language))
    return OK


def _test(options: argparse.Namespace, services: Services, _refresher: Refresher) -> int:
    language = services.settings.language
    results = try_tenant(services, options.slug)
    if not results:
        return _say_wrong(services, Problem("command.tenant_unknown", {"wanted": options.slug}))
    good = all(level != "error" for level, _ in results)
    if options.json:
        found = [{"level": level, "code": one.code, "message": one.text(language)} for level, one in results]
        print(json.dumps(found, ensure_ascii=False))
        return OK if good else SOME_FAILED
    for level, problem in results:
        print(f"{text(f'command.level.{level}', language):8}{problem.text(language)}")
        if problem.detail and level != "ok":
            print(f"{'':8}[{problem.detail}]")
    return OK if good else SOME_FAILED


def _log(options: argparse.Namespace, services: Services, _refresher: Refresher) -> int:
    onboarding = find_onboarding(services.engine, options.slug)
    if onboarding is None:
        return _say_wrong(services, Problem("onboarding.none_open", {"wanted": options.slug}))
    if options.json:
        language = services.settings.language
        lines = log_of(services.engine, onboarding.onboarding_id)
        rows = [
            {"at": line.at.isoformat(), "actor": line.actor, "step": line.step, "code": line.said.code,
             "message": line.said.text(language)} for line in lines
        ]  # fmt: skip
        print(json.dumps(rows, ensure_ascii=False))
    else:
        _say_log(services, onboarding)
    return OK


def _cancel(options: argparse.Namespace, services: Services, _refresher: Refresher) -> int:
    language = services.settings.language
    problems = cancel(services, options.slug, command_actor())
    said = problems or [Problem("onboarding.cancelled", {"tenant": options.slug})]
    if options.json:
        print(json.dumps([{"code": one.code, "message": one.text(language)} for one in said], ensure_ascii=False))
    else:
        print("\n".join(one.text(language) for one in said))
    return SOME_FAILED if problems else OK


def _remove(options: argparse.Namespace, services: Services, refresher: Refresher) -> int:
    """End an open onboarding, or let a tenant leave that has been added."""
    onboarding = find_onboarding(services.engine, options.slug)
    if onboarding is not None and onboarding.is_open:
        return _cancel(options, services, refresher)
    return tenant_leaving.remove(options, services, as_written(services.settings.zone))
