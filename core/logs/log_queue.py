"""Write the log in the background: a bounded queue before the handlers, and a limit for repeated lines.

BackgroundWriter   passes lines to handlers in its own thread
Repeats            passes the first lines of one place in the code and counts the others
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from logging.handlers import QueueHandler
from queue import Full, Queue

from core.logs.log_words import LogWords, word
from core.masking import cut

MOST_WAITING = 2_000  # lines; at 8 kB each 16 MB
STOP_SECONDS = 2.0  # time to write waiting lines at the end of the process
MOST_ALIKE = 20  # lines per minute of one place in the code
MINUTE = 60.0
LEFT_OFF = word("%d lines were left off: they came faster than they can be written")
MORE_ALIKE = word("%d more like this within a minute: %s")


class BackgroundWriter(QueueHandler):
    """Passes lines to `handlers` in its own thread; lines that do not fit into the queue are dropped and counted."""

    def __init__(self, *handlers: logging.Handler, most: int = MOST_WAITING, words: LogWords | None = None) -> None:
        self._lines: Queue[logging.LogRecord | None] = Queue(most)
        super().__init__(self._lines)
        self._handlers, self._words = handlers, words or LogWords()
        self._left_off = 0
        self._ended = False
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record unchanged: `log_lines.carry` has prepared it."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(record)
        except Full:
            self._left_off += 1  # under the handler's own lock

    def close(self) -> None:
        self.stop()
        for handler in self._handlers:
            handler.close()
        super().close()

    def stop(self) -> None:
        """Write the waiting lines, for at most `STOP_SECONDS`, and end the thread. The handlers stay open."""
        if not self._ended:
            self._ended = True
            end = time.monotonic() + STOP_SECONDS
            try:
                self._lines.put(None, timeout=STOP_SECONDS)
            except Full:
                pass
            else:
                self._thread.join(max(0.0, end - time.monotonic()))

    def _write(self) -> None:
        while (record := self._lines.get()) is not None:
            for line in (record, *self._note()):
                for handler in self._handlers:
                    handler.handle(line)
            record = None  # else a traceback keeps its variables until the next line

    def _note(self) -> list[logging.LogRecord]:
        """Return a line with the number of dropped lines, [] if there are none."""
        if not self._left_off:
            return []
        self.acquire()
        left_off, self._left_off = self._left_off, 0
        self.release()
        return [_record(__name__, logging.WARNING, self._words.sentence(LEFT_OFF) % left_off)]


class Repeats:
    """Limits the lines of one place in the code (file and line, not the text, which a stranger may choose).

    The first `most` of a minute pass, then `write` gets a line with the number of the others. Only for warnings and
    above.
    """

    def __init__(
        self, write: Callable[[logging.LogRecord], None], most: int = MOST_ALIKE, words: LogWords | None = None
    ) -> None:
        self._write, self._words = write, words or LogWords()
        self._most = most
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._seen: Counter[tuple[str, int, str, int]] = Counter()
        self._templates: dict[tuple[str, int, str, int], str] = {}
        self._timer: threading.Timer | None = None

    def passes(self, record: logging.LogRecord) -> bool:
        """Return True if the line is to be written, False if it was only counted."""
        if record.levelno < logging.WARNING:
            return True
        if time.monotonic() - self._since >= MINUTE:
            self.write_counts()
        place = (record.name, record.levelno, record.pathname, record.lineno)
        with self._lock:
            self._seen[place] += 1
            if self._seen[place] <= self._most:
                return True
            self._templates[place] = cut(self._words.sentence(str(record.msg)))[0]
            if self._timer is None:
                self._timer = threading.Timer(MINUTE, self.write_counts)
                self._timer.daemon = True
                self._timer.start()
        return False

    def write_counts(self) -> None:
        """Write the counts and start again at zero."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            seen, templates, self._timer = self._seen, self._templates, None
            self._seen, self._templates, self._since = Counter(), {}, time.monotonic()
        for place, template in templates.items():
            name, level, _, _ = place
            text = self._words.sentence(MORE_ALIKE) % (seen[place] - self._most, template)
            self._write(_record(name, level, text))


def _record(name: str, level: int, text: str) -> logging.LogRecord:
    context = {"run": "-", "tenant": "-", "request": "-", "account": ""}
    return logging.makeLogRecord(
        {"name": name, "levelno": level, "levelname": logging.getLevelName(level), "msg": text} | context
    )
