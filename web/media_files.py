"""Which session was sent the address of which file: Streamlit itself serves a file to whoever knows its address."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

MOST_FILES = 200  # per session; the oldest address is forgotten first
GRACE_SECONDS = 300.0  # a download may begin, or be taken up again, so long after the last tab was closed


class MediaFiles:
    """Remembers addresses per session, as long as the session has an open tab and a while longer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, OrderedDict[str, None]] = {}
        self._tabs: Counter[str] = Counter()
        self._left_at: dict[str, float] = {}

    def tab_opened(self, session: str) -> None:
        """One more tab of this session. Only here memory grows, so here it is also given back."""
        self._tabs[session] += 1
        self._left_at.pop(session, None)
        now = self._clock()
        for gone in [known for known, at in self._left_at.items() if now - at >= GRACE_SECONDS]:
            self._forget(gone)

    def tab_closed(self, session: str) -> None:
        """One tab less."""
        self._tabs[session] -= 1
        if self._tabs[session] <= 0:
            del self._tabs[session]
            self._left_at[session] = self._clock()

    def add(self, session: str, path: str) -> None:
        """A frame with this address goes to a tab of `session`."""
        files = self._sent.setdefault(session, OrderedDict())
        files[path] = None
        files.move_to_end(path)
        if len(files) > MOST_FILES:
            files.popitem(last=False)

    def allows(self, session: str, path: str) -> bool:
        """Whether `session` may have the file at `path`."""
        return path in self._sent.get(session, ())

    def __len__(self) -> int:
        """How many sessions are remembered."""
        return len(self._sent)

    def _forget(self, session: str) -> None:
        self._sent.pop(session, None)
        self._left_at.pop(session, None)
