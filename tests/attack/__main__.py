"""`make attack`: every attack on a running product, with what it measured and how long others waited meanwhile."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.attack.attacks import ATTACKS, Attack
from tests.attack.finding import Finding
from tests.attack.stage import Honest, Product, attacking, product

LONGEST = 0.5  # seconds that anybody else may wait
LIMIT_SECONDS = 60.0  # for one attack


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of the attacks; all without")
    names = parser.parse_args().names
    chosen = {attack: sizes for attack, sizes in ATTACKS.items() if not names or attack.__name__ in names}
    broken, began = 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, product(Path(folder)) as target:
        print(f"| {'attack':<20} | held | /health | page | took | measured |\n|---|---|---|---|---|---|", flush=True)
        for attack, (size, _) in chosen.items():
            broken += not _run(attack, target, size)
    print(f"\n{len(chosen)} attacks in {time.perf_counter() - began:.0f} s, {broken} not withstood")
    return 1 if broken else 0


def _run(attack: Attack, target: Product, size: int) -> bool:
    """One attack in another process while somebody honest uses the product in this one; its line is printed."""
    began = time.perf_counter()
    with Honest(target) as honest:
        pool = attacking()
        try:
            finding = pool.submit(attack, target, size).result(timeout=LIMIT_SECONDS)
        except Exception as error:  # noqa: BLE001 - a product that is gone shows itself in many ways
            finding = Finding(False, f"{type(error).__name__}: {error}")
        finally:
            for process in (pool._processes or {}).values():  # it may wait for ever
                process.kill()
            pool.shutdown(cancel_futures=True)
    health, page = honest.worst()
    held = finding.held and max(health, page) < LONGEST
    times = f"{health:.3f} s | {page:.3f} s | {time.perf_counter() - began:.0f} s"
    told = f"{'yes' if held else 'NO'} | {times} | {finding.measured}"
    print(f"| {attack.__name__:<20} | {told} {' '.join(honest.failed)} |", flush=True)
    return held


if __name__ == "__main__":
    sys.exit(main())
