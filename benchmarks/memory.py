"""`python -m benchmarks.memory`: refresh in a process of its own and tell what memory it took.

Reads one JSON line (url, ca_bundle, profiles_dir, folder, workers) from stdin, writes one to stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cloud import ROOT, Cloud

LIMIT_SECONDS = 900.0


def measure(cloud: Cloud, folder: Path, workers: int) -> dict[str, float]:
    """Seconds of a first, cold and warm refresh, and memory in MB before and after them."""
    wanted = {"url": cloud.url, "ca_bundle": cloud.ca_bundle, "profiles_dir": str(cloud.profiles_dir)}
    asked = json.dumps({**wanted, "folder": str(folder), "workers": workers})
    # One arena: what is not given back then is what is held, not what the threads' heaps have left over.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-m", "benchmarks.memory"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
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
        before = _resident()
        seconds = {}
        for name, call in (
            ("first", ours.refresh),
            ("warm", ours.refresh_unchanged),
            ("again", ours.refresh_unchanged),
        ):
            start = time.perf_counter()
            call()
            seconds[name] = time.perf_counter() - start
        return {**seconds, "before": before, "after": _resident()}


def _resident() -> float:
    """Megabytes of this process that are in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print(json.dumps(_serve(json.loads(sys.stdin.read()))))
