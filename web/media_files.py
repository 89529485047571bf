"""The files for download that each session may read: Streamlit itself serves a file to anyone who knows its address."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

MOST_FILES = 200  # per session; the oldest address is forgotten first
GRACE_SECONDS = 300.0  # for so long after its last tab was closed a session may still begin or resume a download


class MediaFiles:
    """The addresses sent to each session, kept until GRACE_SECONDS after its last tab was closed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, OrderedDict[str, None]] = {}
        self._tabs: Counter[str] = Counter()
        self._left_at: dict[str, float] = {}

    def tab_opened(self, session: str) -> None:
        """Count a new tab of this session."""
        self._tabs[session] += 1
        self._left_at.pop(session, None)

    def forget_left(self) -> None:
        """Forget the sessions whose last tab was closed GRACE_SECONDS ago."""
        now = self._clock()
        for expired in [one for one, left_at in self._left_at.items() if now - left_at >= GRACE_SECONDS]:
            self._forget(expired)

    def tab_closed(self, session: str) -> None:
        """Count a closed tab of this session."""
        self._tabs[session] -= 1
        if self._tabs[session] <= 0:
            del self._tabs[session]
            self._left_at[session] = self._clock()

    def add(self, session: str, path: str) -> None:
        """Note that this address is sent to a tab of `session`."""
        files = self._sent.setdefault(session, OrderedDict())
        files[path] = None
        files.move_to_end(path)
        if len(files) > MOST_FILES:
            files.popitem(last=False)

    def allows(self, session: str, path: str) -> bool:
        """Return True if the address `path` was sent to `session`."""
        return path in self._sent.get(session, ())

    def __len__(self) -> int:
        """Return the number of remembered sessions."""
        return len(self._sent)

    def _forget(self, session: str) -> None:
        self._sent.pop(session, None)
        self._left_at.pop(session, None)
