"""`python -m simulator --folder DIR`: serve the demo world, or plain tenants, until a signal or the end of stdin."""

import argparse
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path

from .demo import Demo
from .m365 import Microsoft365


def main() -> None:
    options = _options()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    m365 = Microsoft365(options.folder.absolute(), latency=options.latency, port=options.port, control=True)
    demo = None if options.tenants else Demo(m365, options.past_into)
    if options.tenants:
        if not options.no_sharepoint:
            m365.add_sharepoint()
        m365.add_many(options.tenants)
    # The tenants live as long as the process: else the garbage collector scans thousands of them during answers.
    gc.collect()
    gc.freeze()
    with m365:
        if demo:
            demo.start()
        _announce(m365)
        threading.Thread(target=_wait_for_parent, args=(ended,), daemon=True).start()
        ended.wait()
        if demo:
            demo.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where profiles, certificates and the world are kept"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--tenants", type=int, default=0, help="so many plain tenants instead of the demo world")
    parser.add_argument("--past-into", default="", metavar="URL", help="database to fill with weeks of history")
    parser.add_argument("--no-sharepoint", action="store_true", help="no SharePoint site (with --tenants)")
    return parser.parse_args()


def _announce(m365: Microsoft365) -> None:
    """Print one line of JSON for the process that started this one: addresses, paths and process id."""
    addresses = {"login_url": m365.login_url, "graph_url": m365.graph_url, "ca_bundle": str(m365.ca_bundle)}
    line = json.dumps({**addresses, "profiles_dir": str(m365.profiles_dir), "pid": os.getpid()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wait_for_parent(ended: threading.Event) -> None:
    """Set `ended` when stdin ends: the process that started this one is gone, so nobody else would stop this one."""
    while os.read(0, 4096):
        pass
    ended.set()


if __name__ == "__main__":
    main()
