"""Walk over the few rows of a small frame. Big ones are never walked over, see `core.cache.frame_index`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Each row with its columns as attributes."""
    yield from frame.itertuples(index=False)


def moment(value: Any) -> datetime | None:
    """A time of a frame, None for none."""
    return None if pd.isna(value) else value.to_pydatetime()
