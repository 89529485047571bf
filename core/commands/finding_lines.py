"""Print the findings of `check` and `lists check`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.operations.checks import Finding
from core.texts import text


def print_findings(findings: Sequence[Finding], language: str, *, as_json: bool) -> None:
    """Print the findings, a line each, or as one JSON array."""
    if as_json:
        print(json.dumps([_as_json(finding, language) for finding in findings], ensure_ascii=False))
        return
    for finding in findings:
        _print_finding(finding, language)


def _print_finding(finding: Finding, language: str) -> None:
    level = text(f"command.level.{finding.level}", language)
    message = finding.problem.text(language) if finding.problem else finding.note
    message = message.removeprefix(f"{finding.subject}: ")
    print(f"{level:8}{finding.subject}: {message}")
    detail = finding.problem.detail if finding.problem else ""
    if detail and detail.rstrip(".") not in message:
        print(f"{'':8}[{detail}]")


def _as_json(finding: Finding, language: str) -> dict[str, str]:
    problem = finding.problem
    return {
        "subject": finding.subject,
        "level": finding.level,
        "code": problem.code if problem else "",
        "message": problem.text(language) if problem else finding.note,
        "detail": problem.detail if problem else "",
    }
