"""`python -m benchmarks [NAME]... [--quick] [--json FILE]`: measure and print a table."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.report import environment, heading, save, table
from benchmarks.result import Figure

NAMES = ("refresh", "push", "rerun", "load", "scale", "age", "way_back", "soak", "workers", "many_cases")
ON_REQUEST = ("many",)  # take long
SEED = 7  # of the random numbers of the simulated tenants


def main() -> int:
    options = _options()
    conditions = environment(SEED)
    print(heading(conditions), flush=True)
    figures: list[Figure] = []
    for name in options.names or NAMES:
        size = {"tenants": options.tenants, "minutes": options.minutes} if name in ON_REQUEST else {}
        measured: list[Figure] = importlib.import_module(f"benchmarks.{name}").run(quick=options.quick, **size)
        print(f"\n{name}\n\n{table(measured)}", flush=True)
        figures += measured
    if options.json:
        save(options.json, conditions, figures)
    return 1 if any(figure.met is False for figure in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"some of {', '.join((*NAMES, *ON_REQUEST))}; without any all but {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds: shows that it runs, measures coarsely")
    parser.add_argument("--tenants", type=int, default=0, metavar="N", help="of many; 10,000 without")
    parser.add_argument("--minutes", type=float, default=0, metavar="N", help="after which many ends; 30 without")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measured times there, too")
    options = parser.parse_args()
    if unknown := set(options.names) - {*NAMES, *ON_REQUEST}:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join((*NAMES, *ON_REQUEST))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
