"""The way back: backup, check, restore and drill of a thousand tenants with 36 months of history."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.age import MONTH, grow_old, size_of
from benchmarks.cloud import cloud
from benchmarks.product import product
from benchmarks.result import Figure, Goal
from core.backup.archive import unpack
from core.backup.backup_keys import new_key_file, read_key_file
from core.backup.creation import create
from core.backup.drill import drill
from core.backup.restoring import restore
from core.roles import command_actor
from core.runtime import open_engine

GOALS = {"backup": 120.0, "check": 120.0, "restore": 600.0, "drill": 600.0}  # seconds, of 4 hours that a person has


@dataclass(slots=True)
class WayBackBenchmark:
    """One installation is backed up, its database deleted, brought back, and the way back rehearsed."""

    tenants: int = 1000
    months: int = 36
    rounds: int = 3
    seed: int = 7
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in GOALS})
    note: str = ""

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
            folder = Path(temporary)
            with cloud(folder / "world", self.tenants) as world, product(world, folder / "data") as shop:
                shop.refresh()
                grow_old(shop.engine, self.months * MONTH, self.seed)
                settings = replace(shop.settings, backup_dir=str(folder / "backups"))
            public = new_key_file(folder / "key")
            settings = replace(settings, backup_recipients=(public,))
            keys = read_key_file(folder / "key", str)
            database = folder / "data" / "lizenztool.db"
            self.note = f"database {size_of(database):.0f} MB"
            for number in range(self.rounds):
                engine = open_engine(settings)
                with self._timed("backup"):
                    created = create(engine, settings, command_actor(), datetime.now(UTC))
                with self._timed("drill"):
                    drill(engine, settings, created.file, keys, command_actor())
                engine.dispose()
                scratch = folder / f"out{number}"
                scratch.mkdir()
                with self._timed("check"):
                    unpack(created.file, keys, scratch)
                for file in database.parent.glob("lizenztool.db*"):
                    file.unlink()
                with self._timed("restore"):
                    restore(created.file, keys, settings, ["database"])
            self.note += f", backup {created.bytes / 1e6:.0f} MB"
        return [
            Figure(name, Goal("at most", GOALS[name]), times, note=self.note) for name, times in self.seconds.items()
        ]

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - start)


def run(*, quick: bool = False) -> list[Figure]:
    return (WayBackBenchmark(tenants=50, months=12, rounds=1) if quick else WayBackBenchmark()).run()
