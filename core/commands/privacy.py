"""`privacy`: print what is kept about a tenant."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.commands import OK
from core.operations.privacy_report import PrivacyReport, kept_rows, report_on
from core.refresh.services import Services, open_services
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.tenants.data import TENANT_TABLES
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its action to the parser, with help in `language`."""
    parser = commands.add_parser("privacy", help=text("help.privacy", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("show", help=text("help.privacy_show", language))
    show.add_argument("tenant", help=text("help.tenant_any", language))
    show.add_argument("--json", action="store_true", help=text("help.privacy_json", language))
    show.set_defaults(call=_show)


def _show(options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        report = report_on(services, options.tenant, command_actor())
        if options.json:
            print(json.dumps(_document(services, report), ensure_ascii=False))
        else:
            _print(report, settings.language)
        return OK
    finally:
        services.close()


def _print(report: PrivacyReport, language: str) -> None:
    keys = report.keys
    print(text("privacy.about", language, tenant=keys.name, tenant_id=keys.tenant_id, slug=keys.slug))
    for line in TENANT_TABLES:
        words = (text(f"data.table.{line.name}", language), text(f"data.kept.{line.kept}", language))
        gone = text(f"data.at_leaving.{line.at_leaving}", language)
        print(f"{line.name:20}{report.counts[line.name]:>8}  {words[0]} ({words[1]}; {gone})")
    for file in report.files:
        ends = text("privacy.ends", language, day=file.ends) if file.ends else ""
        print(f"{text(f'privacy.file.{file.kind}', language):20}{file.path}{ends}")


def _document(services: Services, report: PrivacyReport) -> dict[str, Any]:
    """Return the report with all rows; the tables that have none are there, too."""
    language, keys = services.settings.language, report.keys
    return {
        "tenant": keys.name,
        "tenant_id": keys.tenant_id,
        "slug": keys.slug,
        "tables": [
            {
                "table": line.name,
                "purpose": text(f"data.table.{line.name}", language),
                "kept": line.kept,
                "at_leaving": line.at_leaving,
                "count": report.counts[line.name],
                "rows": kept_rows(services, report, line),
            }
            for line in TENANT_TABLES
        ],
        "files": [{"kind": file.kind, "path": file.path, "ends": file.ends} for file in report.files],
    }
