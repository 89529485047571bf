"""Reading a log that another thread or process writes."""

from __future__ import annotations

import time
from pathlib import Path


def log_with(file: Path, *words: str, seconds: float = 10) -> str:
    """The text of the log once it holds all `words`; what there is after `seconds` at the latest."""
    end = time.monotonic() + seconds
    while True:
        text = file.read_text("utf-8") if file.exists() else ""
        if all(word in text for word in words) or time.monotonic() > end:
            return text
        time.sleep(0.01)
