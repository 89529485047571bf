"""`flow export`: write the flows of Power Automate for the site of the SharePoint profile."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from core.commands import OK
from core.problems import Problem, ProblemError
from core.profiles.profile_store import Profiles
from core.profiles.sharepoint_profile import SharePointProfile
from core.refresh.services import open_services
from core.runtime import open_engine
from core.settings import Settings
from core.sharepoint.flow.export import export_flows
from core.sharepoint.flow.flow_site import FlowSite, check_columns, read_site
from core.sharepoint.flow.guide import GUIDE_FILE
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its action to the parser, with help in `language`."""
    parser = commands.add_parser("flow", help=text("help.flow", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help=text("help.flow_export", language))
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help=text("help.flow_out", language))
    export.add_argument("--json", action="store_true", help=text("help.flow_json", language))
    export.set_defaults(call=_export)


def _export(options: argparse.Namespace, settings: Settings) -> int:
    site = _site(settings)
    paths = export_flows(options.out, site, settings.language)
    if options.json:
        found = {"site": site.address, "files": [str(path) for path in paths], "language": settings.language}
        print(json.dumps(found, ensure_ascii=False))
        return OK
    for path in paths:
        print(path)
    print(text("command.flow_exported", settings.language, site=site.address, guide=GUIDE_FILE))
    return OK


def _site(settings: Settings) -> FlowSite:
    """Return the site with its lists as they are now. Raises ProblemError with what is wrong and what to do."""
    services = open_services(open_engine(settings), settings)
    try:
        profile = _usable_profile(services.profiles.load(services.now()), settings)
        site = read_site(profile, services.publisher.lists(profile))
    finally:
        services.close()
    check_columns(site)
    return site


def _usable_profile(profiles: Profiles, settings: Settings) -> SharePointProfile:
    if profiles.sharepoint:
        return profiles.sharepoint
    fault = next((fault for fault in profiles.faults if fault.of_sharepoint and not fault.usable), None)
    if fault is None:
        raise ProblemError(Problem("flow.no_profile", {"folder": str(settings.profiles_dir / "sharepoint")}))
    reason = fault.cause.text(settings.language)
    raise ProblemError(Problem("flow.broken_profile", {"file": fault.file, "why": reason}, fault.cause.detail))
