"""`check`, `cert new` and `skus import`: what setting up needs."""

from __future__ import annotations

import argparse
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from core.cache.product_names import save_names
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.commands.finding_lines import print_findings
from core.graph import Http
from core.licenses.product_names_csv import parse_product_names
from core.operations.checks import check_all
from core.operations.product_list import TIMEOUT, read_product_names
from core.profiles.certificates import new_certificate
from core.refresh.services import open_services
from core.runtime import open_engine
from core.settings import Settings
from core.texts import plural, text

LONGEST_DAYS = 3650
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def add_to(commands: Any, language: str) -> None:
    """Add the commands `check`, `cert` and `skus` to the parser, with help in `language`."""
    check = commands.add_parser("check", help=text("help.check", language))
    check.add_argument("--json", action="store_true", help=text("help.check_json", language))
    check.set_defaults(call=_check)

    cert = commands.add_parser("cert", help=text("help.cert", language)).add_subparsers(required=True, metavar="ACTION")
    new = cert.add_parser("new", help=text("help.cert_new", language))
    new.add_argument("slug")
    new.add_argument("--days", type=partial(_days, language), default=730, help=text("help.cert_days", language))
    new.set_defaults(call=_cert_new)

    skus = commands.add_parser("skus", help=text("help.skus", language)).add_subparsers(required=True, metavar="ACTION")
    imported = skus.add_parser("import", help=text("help.skus_import", language))
    imported.add_argument("source", metavar="FILE-OR-URL")
    imported.set_defaults(call=_skus_import)


def _days(language: str, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(text("help.days", language, value=value, most=LONGEST_DAYS))
    return int(value)


def _check(options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        findings = check_all(services)
    finally:
        services.close()
    print_findings(findings, settings.language, as_json=options.json)
    return SOME_FAILED if any(finding.level == "error" for finding in findings) else OK


def _cert_new(options: argparse.Namespace, settings: Settings) -> int:
    language = settings.language
    if not SLUG.fullmatch(options.slug):
        print(text("command.cert_slug", language, slug=options.slug), file=sys.stderr)
        return WRONG_CONFIGURATION
    folder = settings.profiles_dir.resolve().parent / "certs" / options.slug
    try:
        certificate = new_certificate(folder, options.slug, days=options.days)
    except FileExistsError as error:
        print(text("command.cert_exists", language, file=error.filename), file=sys.stderr)
        return WRONG_CONFIGURATION
    relative = Path("certs") / options.slug / certificate.path.name
    key, public = text("command.cert_key", language), text("command.cert_public", language)
    width = max(len(key), len(public)) + 1
    print(f"{key:{width}}{certificate.path}")
    print(f"{public:{width}}{certificate.path.with_suffix('.cer')}")
    entries = {
        "thumbprint": certificate.thumbprint,
        "cert_path": relative.as_posix(),
        "expires": certificate.expires.date().isoformat(),
    }
    print(text("command.cert_profile", language, slug=options.slug))
    print(",\n".join(f'  "{name}": "{value}"' for name, value in entries.items()))
    return OK


def _skus_import(options: argparse.Namespace, settings: Settings) -> int:
    http = Http(ca_bundle=settings.ca_bundle, proxies=settings.proxies, timeout=TIMEOUT)
    try:
        names, skipped = parse_product_names(read_product_names(options.source, http))
    finally:
        http.close()
    save_names(open_engine(settings), names)
    language = settings.language
    imported = plural("command.names_imported", len(names), language)
    print(f"{imported}, {plural('command.names_skipped', len(skipped), language)}.")
    for problem in skipped:
        print(f"- {problem.text(language)}")
    return OK
