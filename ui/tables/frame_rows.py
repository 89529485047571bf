"""Iterate over the rows of a small frame. For large ones use `core.cache.frame_index`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield each row with its columns as attributes."""
    yield from frame.itertuples(index=False)


def moment(value: Any) -> datetime | None:
    """Return a time in a frame as datetime, or None for a missing one."""
    return None if pd.isna(value) else value.to_pydatetime()
