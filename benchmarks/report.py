"""The report of a run as table and as JSON file: figures, versions, machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.result import Figure, spread

PACKAGES = ("streamlit", "msal", "requests", "urllib3", "aiohttp", "sqlalchemy", "pandas", "uvicorn", "cryptography")
WORDS = {True: "met", False: "MISSED", None: ""}
COLUMNS = ("what", "goal", "measured", "against", "ratio", "")


def environment(seed: int) -> dict[str, Any]:
    """Return the machine, the versions and the seed of this run."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "seed": seed,
        "versions": {name: version(name) for name in PACKAGES},
    }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table, aligned for the console."""
    rows = [COLUMNS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"- {figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(lines + (["", *notes] if notes else []))


def heading(conditions: dict[str, Any]) -> str:
    """Return the conditions of `environment` as two lines of text."""
    versions = ", ".join(f"{name} {number}" for name, number in conditions["versions"].items())
    machine = f"{conditions['cores']} cores, {conditions['system']}, Python {conditions['python']}"
    return f"{machine}, load average {conditions['load_average']}, seed {conditions['seed']}\n{versions}"


def save(file: Path, conditions: dict[str, Any], figures: Sequence[Figure]) -> None:
    content = conditions | {"figures": [figure.to_json() for figure in figures]}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _cells(figure: Figure) -> tuple[str, ...]:
    against = f"{figure.base_name}: {spread(figure.base, figure.unit)}" if figure.base else ""
    ratio = spread(figure.ratios, "x") if figure.base else ""
    return figure.what, str(figure.goal), spread(figure.ours, figure.unit), against, ratio, WORDS[figure.met]
