"""`lists`: make and try the lists in SharePoint, and let them be written again after something happened to them."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from core.cache.tenant_rows import tenant_rows
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.commands.finding_lines import print_findings
from core.operations.list_check import check_lists
from core.operations.list_setup import SetupRequest, provision_lists
from core.problems import ProblemError
from core.refresh.list_refill import allow_refill
from core.refresh.list_take_over import take_over_lists
from core.refresh.services import open_services
from core.refresh.tenant_switches import add_to_list
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.sharepoint.list_template import PARAMETERS
from core.text_files import shown
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("lists", help=text("help.lists", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    adding = actions.add_parser("add-tenants", help=text("help.lists_add_tenants", language))
    adding.add_argument("slugs", nargs="*", metavar="SLUG", help=text("help.lists_slugs", language))
    adding.set_defaults(call=_add_tenants)
    actions.add_parser("refill", help=text("help.lists_refill", language)).set_defaults(call=_refill)
    actions.add_parser("take-over", help=text("help.lists_take_over", language)).set_defaults(call=_take_over)
    check = actions.add_parser("check", help=text("help.lists_check", language))
    check.add_argument("--json", action="store_true", help=text("help.check_json", language))
    check.set_defaults(call=_check)
    provision = actions.add_parser("provision", help=text("help.lists_provision", language))
    provision.add_argument("--site", required=True, metavar="URL", help=text("help.lists_site", language))
    for name in ("tenant-id", "client-id", "cert"):
        provision.add_argument(f"--{name}", default="", help=text(f"help.lists_{name}", language))
    for name in PARAMETERS:
        provision.add_argument(f"--{name}", default="", help=text("help.lists_parameter", language))
    provision.set_defaults(call=_provision)


def _check(options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        findings = check_lists(services, command_actor())
    finally:
        services.close()
    print_findings(findings, settings.language, as_json=options.json)
    return SOME_FAILED if any(finding.level == "error" for finding in findings) else OK


def _provision(options: argparse.Namespace, settings: Settings) -> int:
    language = settings.language
    parameters = {name: value for name in PARAMETERS if (value := getattr(options, name))}
    request = SetupRequest(options.site, options.tenant_id, options.client_id, options.cert, parameters)
    services = open_services(open_engine(settings), settings)
    try:
        result = provision_lists(
            services, request, command_actor(), lambda made: print(made.text(language), flush=True)
        )
    except ProblemError as error:
        print(error.problem.text(language), file=sys.stderr)
        if error.problem.detail:
            print(f"[{error.problem.detail}]", file=sys.stderr)
        return WRONG_CONFIGURATION
    finally:
        services.close()
    if result.written:
        print(text("command.lists_profile", language, file=result.profile))
    done = "command.lists_provisioned" if result.count or result.written else "command.lists_nothing_to_make"
    print(text(done, language, site=result.site))
    return OK


def _add_tenants(options: argparse.Namespace, settings: Settings) -> int:
    """Add the tenants with these short names to the tenant list, without any all that never had a row."""
    language = settings.language
    services = open_services(open_engine(settings), settings)
    try:
        if services.profiles.load(services.now()).sharepoint is None:
            print(text("check.no_sharepoint", language), file=sys.stderr)
            return WRONG_CONFIGURATION
        rows = {row.slug: row for row in tenant_rows(services.engine).values()}
        if unknown := [slug for slug in options.slugs if slug not in rows]:
            print(text("command.tenant_unknown", language, wanted=shown(unknown[0])), file=sys.stderr)
            return WRONG_CONFIGURATION
        wanted = options.slugs or [row.slug for row in rows.values() if not (row.listed or row.missing_since)]
        results = add_to_list(services, [rows[slug].tenant_id for slug in wanted], command_actor())
    finally:
        services.close()
    for result in results:
        problem = result.problem
        print(problem.text(language) if problem else text("command.lists_tenant_added", language, tenant=result.tenant))
    if not wanted:
        print(text("command.lists_all_there", language))
    return SOME_FAILED if any(result.problem for result in results) else OK


def _refill(_options: argparse.Namespace, settings: Settings) -> int:
    problem = allow_refill(open_engine(settings), command_actor(), datetime.now(UTC))
    print(text("command.lists_refill", settings.language, **problem.params))
    return OK


def _take_over(_options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        before = take_over_lists(services, command_actor())
    finally:
        services.close()
    host = before.host if before else ""
    print(text("command.lists_taken_over" if before else "command.lists_marked", settings.language, host=host))
    return OK
