"""`python -m benchmarks.memory`: refresh in a process of its own and report its memory.

Reads one JSON line (url, ca_bundle, profiles_dir, folder, workers, latency) from stdin, writes one to stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cloud import ROOT, Cloud

LIMIT_SECONDS = 900.0


def measure(cloud: Cloud, folder: Path, workers: int, latency: float) -> dict[str, float]:
    """Return seconds of refreshes and memory in MB.

    `first`: the first refresh, without latency, which fills database and lists; `warm`: the faster of two more, with
    `latency` and cached tokens; `idle` and `after`: memory before the first and after the third.
    """
    addresses = {"url": cloud.url, "ca_bundle": cloud.ca_bundle, "profiles_dir": str(cloud.profiles_dir)}
    options = json.dumps({**addresses, "folder": str(folder), "workers": workers, "latency": latency})
    command = [sys.executable, "-m", "benchmarks.memory"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=options,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measure_here(options: dict[str, Any]) -> dict[str, float]:
    from benchmarks.product import product

    cloud = Cloud(options["url"], options["ca_bundle"], Path(options["profiles_dir"]))
    with product(cloud, Path(options["folder"]), options["workers"]) as ours:
        idle = resident()
        first = _seconds(ours.refresh)
        cloud.control("latency", value=options["latency"])
        warm = [_seconds(ours.refresh_unchanged) for _ in range(2)]
        return {"idle": idle, "first": first, "warm": min(warm), "after": resident()}


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def resident() -> float:
    """Return the resident memory of this process in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print(json.dumps(_measure_here(json.loads(sys.stdin.read()))))
