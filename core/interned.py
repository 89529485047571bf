"""Equal words kept once: ten thousand tenants have the same few SKUs and products."""

from __future__ import annotations

import sys
from typing import Any


def once(value: Any) -> Any:
    """The one copy of a text; anything else as it is. A text that nobody needs any more is let go."""
    return sys.intern(value) if type(value) is str else value
