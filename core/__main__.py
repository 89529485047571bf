"""Command line: `python -m core COMMAND`; `--help` lists the commands."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from core import texts, tracing
from core.access import accounts
from core.commands import (
    WRONG_CONFIGURATION,
    audit,
    backup,
    calendars,
    cases,
    contacts,
    db,
    flow,
    messages,
    privacy,
    prune,
    rules,
    secrets,
    service_levels,
    setup,
    sharepoint_lists,
    sync,
    tenant,
    users,
    worker,
)
from core.commands.parser_words import speak
from core.licenses.skus import SkuError
from core.logs.setup import log_uncaught, set_up_logs
from core.masking import without_credentials
from core.problems import ProblemError, ProblemsError
from core.setting_faults import SettingsError
from core.settings import language_or_default, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if all is well, 1 if some tenant or item failed, 2 for wrong configuration or use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a foreign name may have characters that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    language = language_or_default()
    options = _parser(language).parse_args(arguments)
    try:
        settings = load_settings()
        texts.fall_back_to(settings.language)
        os.umask(0o077)  # database and log have personal data: readable only for the service
        set_up_logs(settings.log_dir, settings.log_level, settings.log_format, settings.syslog, settings.language)
        log_uncaught()
        tracing.set_up(settings.otlp_endpoint)
        return int(options.call(options, settings))
    except SettingsError as error:
        print("\n".join(error.texts(language)), file=sys.stderr)
    except ProblemError as error:
        print(error.problem.text(settings.language), file=sys.stderr)
    except (accounts.AccessError, ProblemsError) as error:
        print(error.text(settings.language), file=sys.stderr)
    except (SkuError, UnicodeError, OSError) as error:
        print(without_credentials(str(error)), file=sys.stderr)
    return WRONG_CONFIGURATION


def _parser(language: str) -> argparse.ArgumentParser:
    speak(language)
    parser = argparse.ArgumentParser(prog="python -m core", description=texts.text("help.core", language))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (
        sync,
        setup,
        tenant,
        contacts,
        cases,
        rules,
        service_levels,
        calendars,
        sharepoint_lists,
        flow,
        messages,
        users,
        audit,
        secrets,
        privacy,
        prune,
        db,
        backup,
        worker,
    ):
        command.add_to(commands, language)
    return parser


if __name__ == "__main__":
    sys.exit(main())
