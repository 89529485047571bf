"""What a process holds after refreshes that write: `python -m tests.soak FOLDER` prints it, before and after many.

In a process of its own, for whatever other tests leave in theirs would be counted, too.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from core.roles import schedule_actor
from tests.office import Office, open_office

FILES = Path("/proc/self/fd")
WARM_UP, MEASURED = 20, 20  # refreshes; by then every thread of every pool has had its first task


@dataclass(frozen=True)
class Load:
    """What this process holds at a moment."""

    files: int
    threads: int
    objects: int
    blocks: int  # of memory that Python has given out

    @classmethod
    def now(cls) -> Load:
        gc.collect()
        files, threads = len(os.listdir(FILES)), threading.active_count()
        return cls(files, threads, len(gc.get_objects()), sys.getallocatedblocks())


def write_something(office: Office, number: int) -> None:
    """A refresh that changes an item of every tenant, and makes and ends a shortage of one."""
    for tenant in office.m365.tenants:
        tenant.set_sku("SPB", consumed=8 + number % 3)
    if number % 2:
        summary = office.refresh()
    else:  # as a button does it, on the thread that works off the queue
        summary = office.end_of(office.refresher.request(schedule_actor())).summary or {}
    assert summary["sharepoint"]["updated"] >= len(office.m365.tenants)
    assert summary["sharepoint"]["failed"] == 0
    office.m365.flow.run()
    office.m365.flow.messages.clear()  # the simulator lives in this process, too
    office.m365.reset_requests()


def main(folder: Path) -> None:
    with open_office(folder) as office:
        for number in range(3):
            office.m365.add_tenant(f"Schule {number}", skus={"SPB": (10, 9)})
        office.refresh()
        for number in range(WARM_UP):
            write_something(office, number)
        warm = Load.now()
        for number in range(MEASURED):
            write_something(office, WARM_UP + number)
        print(json.dumps([asdict(warm), asdict(Load.now())]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
