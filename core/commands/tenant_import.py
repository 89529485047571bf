"""`tenant import`: add the tenants of a CSV file."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence

from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.onboarding.bulk import LineResult, Progress, check_lines, import_tenants
from core.onboarding.csv_file import CsvContent, CsvUnusable, read_csv
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.roles import command_actor
from core.text_files import read_file
from core.texts import text

GOOD = ("read", "unchanged", "ready")
SHOWN_EVERY = 10  # tenants between two lines of progress


def import_file(options: argparse.Namespace, services: Services, refresher: Refresher) -> int:
    """Say every fault of every line, then add the tenants of all other lines."""
    language = services.settings.language
    try:
        content = read_csv(read_file(options.file))
    except CsvUnusable as error:
        print(error.problem.text(language), file=sys.stderr)
        return WRONG_CONFIGURATION
    if options.dry_run:
        results = check_lines(services, content, command_actor())[0]
    else:
        results = import_tenants(services, refresher, content, command_actor(), _progress(language))
    if options.json:
        print(json.dumps(_as_documents(results, language), ensure_ascii=False))
    else:
        _say(results, content, language)
    return OK if all(one.result in GOOD for one in results) else SOME_FAILED


def _progress(language: str) -> Progress:
    """Return the function that writes the progress to stderr, one line for several tenants."""

    def progress(done: int, total: int) -> None:
        if total and (done % SHOWN_EVERY == 0 or done == total):
            print(text("command.tenant_progress", language, done=done, total=total), file=sys.stderr)

    return progress


def _say(results: Sequence[LineResult], content: CsvContent, language: str) -> None:
    for one in results:
        if one.problems or one.result == "unchanged":
            result = text(f"command.tenant_result.{one.result}", language)
            print(text("command.tenant_line", language, line=one.number, result=result, name=one.name or "–"))
        for problem in one.problems:
            print(f"  - {problem.text(language)}")
    counts = Counter(one.result for one in results)
    print(", ".join(f"{text(f'command.tenant_result.{name}', language)} {count}" for name, count in counts.items()))


def _as_documents(results: Sequence[LineResult], language: str) -> list[dict[str, object]]:
    return [
        {
            "line": one.number,
            "tenant": one.name,
            "slug": one.slug,
            "result": one.result,
            "problems": [{"code": problem.code, "message": problem.text(language)} for problem in one.problems],
        }
        for one in results
    ]
