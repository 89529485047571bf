"""`python -m benchmarks.memory`: refresh in a process of its own and tell what memory it took.

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
    """Seconds of refreshes and memory in MB.

    `first`: a first refresh of a cloud without latency, which makes database and lists; `warm`: with
    `latency` and tokens at hand; `idle` and `after`: memory before the first and after the third.
    """
    known = {"url": cloud.url, "ca_bundle": cloud.ca_bundle, "profiles_dir": str(cloud.profiles_dir)}
    asked = json.dumps({**known, "folder": str(folder), "workers": workers, "latency": latency})
    command = [sys.executable, "-m", "benchmarks.memory"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=asked,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _serve(asked: dict[str, Any]) -> dict[str, float]:
    from benchmarks.product import product

    cloud = Cloud(asked["url"], asked["ca_bundle"], Path(asked["profiles_dir"]))
    with product(cloud, Path(asked["folder"]), asked["workers"]) as ours:
        idle = resident()
        first = _seconds(ours.refresh)
        cloud.control("latency", value=asked["latency"])
        warm = [_seconds(ours.refresh_unchanged) for _ in range(2)]
        return {"idle": idle, "first": first, "warm": min(warm), "after": resident()}


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def resident() -> float:
    """Megabytes of this process that are in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print(json.dumps(_serve(json.loads(sys.stdin.read()))))
