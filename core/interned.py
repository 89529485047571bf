"""Keep equal strings once in memory: ten thousand tenants have the same few SKUs and products."""

from __future__ import annotations

import sys
from typing import Any


def interned(value: Any) -> Any:
    """Return the shared copy of a string, freed with its last use; return anything else unchanged."""
    return sys.intern(value) if type(value) is str else value
