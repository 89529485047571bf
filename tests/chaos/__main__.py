"""The long campaigns: `python -m tests.chaos --refreshes 2000 --kills 200 --minutes 6 --seed 1`; prints tables."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from benchmarks.report import environment, heading
from tests.chaos import shared
from tests.chaos.attack import Attack
from tests.chaos.crashes import Crashes
from tests.chaos.stage import Result, Stage
from tests.office import open_office


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=2000, help="refreshes of the campaign with faults (2000)")
    parser.add_argument("--kills", type=int, default=200, help="killed commands of the campaign with crashes (200)")
    parser.add_argument("--minutes", type=float, default=6, help="of the campaign with several processes (6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-lists", action="store_true", help="without SharePoint: the channels are the alarm")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # thousands of faults, each of them told
    print(heading(environment(options.seed)), flush=True)
    wrong = 0
    for name, kind, what, wanted in (
        ("faults", Attack, "refreshes", options.refreshes),
        ("crashes", Crashes, "kills", options.kills),
    ):
        if wanted:
            result = campaign(kind, what, wanted, options.seed, lists=not options.without_lists)
            print(f"\n{table(name, result)}", flush=True)
            wrong += len(result.wrong)
    if options.minutes:
        result = shared.campaign(options.minutes * 60, options.seed)
        print(f"\n{table('several processes', result)}", flush=True)
        wrong += len(result.wrong)
    return 1 if wrong else 0


def campaign(kind: type[Stage], what: str, wanted: int, seed: int, *, lists: bool = True) -> Result:
    """One campaign in a world of its own."""
    with tempfile.TemporaryDirectory() as folder, open_office(Path(folder)) as office:
        return kind(office, seed, lists=lists).run(what, wanted)


def table(name: str, result: Result) -> str:
    """A Markdown table, and all that led to what went wrong."""
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(result.struck.items()))
    rows = {**result.counts, "faults that struck": struck or "none", "seconds": f"{result.seconds:.0f}"}
    rows["WRONG" if result.wrong else "wrong"] = len(result.wrong)
    lines = [f"| {name} | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows.items())]
    if result.wrong:
        lines += ["", *result.trace, "", *(f"WRONG: {text}" for text in result.wrong)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
