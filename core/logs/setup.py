"""Set up the log: console, `lizenztool.log` and syslog, with run, tenant and request in each line."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from core.logs.log_lines import FORMATTERS, carry
from core.logs.log_queue import BackgroundWriter, Repeats
from core.logs.log_words import LogWords
from core.logs.syslog import SyslogHandler, parse

log = logging.getLogger(__name__)

MAX_BYTES = 5 * 1024 * 1024
KEPT_FILES = 3

_run: ContextVar[str] = ContextVar("run", default="-")
_tenant: ContextVar[str] = ContextVar("tenant", default="-")
_request: ContextVar[str] = ContextVar("request", default="-")
_account: ContextVar[str] = ContextVar("account", default="")


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: a full disk would cause a traceback on the console for each line, which is there anyway."""


class _Intake(logging.Handler):
    """The handler of the root logger: takes each line in the logging thread and passes it to the writing handlers."""

    def __init__(
        self, written_to: Sequence[logging.Handler], beside: Sequence[logging.Handler], words: LogWords
    ) -> None:
        super().__init__()
        self._words = words
        self._written_to = tuple(written_to)
        self._beside = tuple(beside)  # always in the background
        self._behind: BackgroundWriter | None = None
        self._repeats: Repeats | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._repeats is None or _run.get() != "-" or self._repeats.passes(record):
            self._pass_on(carry(record, _context(), self._words))

    def to_background(self) -> None:
        if self._behind is None:
            words = self._words
            self._behind = BackgroundWriter(*self._written_to, words=words)
            self._repeats = Repeats(self._pass_on, words=words)

    def to_foreground(self) -> None:
        """Write all waiting lines, and every later line at once, in the logging thread."""
        behind, repeats, self._behind, self._repeats = self._behind, self._repeats, None, None
        if behind is not None:
            behind.stop()
        if repeats is not None:
            repeats.write_counts()

    def close(self) -> None:
        """Write and close everything; `logging` calls this at the end of the process, too."""
        self.to_foreground()
        for handler in (*self._beside, *self._written_to):
            handler.close()
        super().close()

    def _pass_on(self, record: logging.LogRecord) -> None:
        written_to = (self._behind,) if self._behind is not None else self._written_to
        for handler in (*written_to, *self._beside):
            handler.handle(record)


def set_up_logs(log_dir: Path, level: str, form: str = "text", syslog: str = "", language: str = "en") -> None:
    """Send all lines to stderr, to `<log_dir>/lizenztool.log` (5 MB x 3) and to `syslog`.

    A second call changes nothing. `form` is text or json, for console and file; text is in `language`, JSON always
    English. If the folder cannot be written, a warning on the console says so.
    """
    root = logging.getLogger()
    if _intake() is not None:
        return
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem: OSError | None = None
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        file = log_dir / "lizenztool.log"
        handlers.append(_LogFile(file, "a", MAX_BYTES, KEPT_FILES, encoding="utf-8", errors="backslashreplace"))
    except OSError as error:
        problem = error
    for handler in handlers:
        handler.setFormatter(FORMATTERS[form]())
    words = LogWords(language if form == "text" else "en")
    root.addHandler(_Intake(handlers, _beside(syslog, words), words))
    root.setLevel(level)
    logging.captureWarnings(True)  # else Python writes them to stderr itself
    # Below warning these log every request and contents of tokens.
    for noisy in ("msal", "urllib3", "watchdog", "alembic", "filelock", "schedule"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if problem is not None:
        log.warning("no log file in %s: %s", log_dir, problem.strerror)


def _beside(syslog: str, words: LogWords) -> list[logging.Handler]:
    if not syslog:
        return []
    handler = SyslogHandler(parse(syslog))
    handler.setFormatter(FORMATTERS["text"]())
    return [BackgroundWriter(handler, words=words)]


def _intake() -> _Intake | None:
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, _Intake)), None)


def log_in_background() -> None:
    """Write lines in a background thread from now on, and limit repeated ones (see Repeats).

    For the server; the lines of a command stay in order with its output.
    """
    if (intake := _intake()) is not None:
        intake.to_background()


def log_in_foreground() -> None:
    """Write all waiting lines, and later ones at once; called before the process ends."""
    if (intake := _intake()) is not None:
        intake.to_foreground()


def log_uncaught() -> None:
    """Log uncaught exceptions from now on, masked and bounded."""

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("an unforeseen error ended the process", exc_info=(kind, error, trace))

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not issubclass(failed.exc_type, SystemExit):
            name = failed.thread.name if failed.thread else "?"
            error = (failed.exc_type, failed.exc_value, failed.exc_traceback)
            log.error("an unforeseen error ended the thread %s", name, exc_info=error)

    sys.excepthook, threading.excepthook = of_process, of_thread


def _context() -> dict[str, str]:
    return {"run": _run.get(), "tenant": _tenant.get(), "request": _request.get(), "account": _account.get()}


@contextmanager
def run_in_log(run_id: str) -> Iterator[None]:
    """Add the run to every line within the block, also in the workers' threads."""
    token = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(token)


@contextmanager
def request_in_log(request_id: str, account: str = "") -> Iterator[None]:
    """Add the request id to every line within the block, and the account to JSON lines."""
    request, who = _request.set(request_id), _account.set(account or _account.get())
    try:
        yield
    finally:
        _account.reset(who)
        _request.reset(request)


def current_request() -> str:
    """Return the present request id, "" for none."""
    request = _request.get()
    return "" if request == "-" else request


def account_in_log(name: str) -> None:
    """Add the account to JSON lines until the end of the request."""
    _account.set(name)


@contextmanager
def tenant_in_log(name: str) -> Iterator[None]:
    token = _tenant.set(name)
    try:
        yield
    finally:
        _tenant.reset(token)
