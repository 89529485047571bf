"""The loggers of the process, as a test found them."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOISY = ("msal", "urllib3", "watchdog", "alembic", "filelock", "schedule")


@contextmanager
def restored_loggers() -> Iterator[None]:
    """Give handlers and levels back as they were; close what was opened meanwhile."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    hooks = sys.excepthook, threading.excepthook
    yield
    sys.excepthook, threading.excepthook = hooks
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    for name, old in [("", level), *levels.items()]:
        if (logger := logging.getLogger(name)).level != old:  # to set one empties the caches of all loggers
            logger.setLevel(old)
