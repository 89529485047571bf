"""One log: console and `lizenztool.log`, with run, tenant and request in each line and no secret in any."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
KEPT_FILES = 3
FORMAT = "%(asctime)s [%(levelname)s] %(name)s run=%(run)s tenant=%(tenant)s request=%(request)s: %(message)s"

# Every control character but the tab, and what turns the direction of writing.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_run: ContextVar[str] = ContextVar("run", default="-")
_tenant: ContextVar[str] = ContextVar("tenant", default="-")
_request: ContextVar[str] = ContextVar("request", default="-")
_account: ContextVar[str] = ContextVar("account", default="")

# What must never be written: tokens and assertions (JWT, whole or cut), keys, codes, passwords, hashes, cookies.
SECRETS = (
    re.compile(r"eyJ[\w-]{5,}(\.[\w-]*)*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?i)(?<=bearer )\S+|(?<=basic )[\w+/=-]{8,}"),
    re.compile(r"""(?im)(?P<name>cookie)(?P<mark>["']?\s*[=:]\s*).+"""),
    re.compile(
        r"""(?ix)(?<![a-z])
        (?P<name>client_assertion|client_secret|access_token|refresh_token|id_token|password|passwd|passwort
            |code_verifier|code|sid)
        (?P<mark>["']?\s*[=:]\s*)
        (b?"([^"\\]|\\.)*"? | b?'([^'\\]|\\.)*'? | [^\s"'&;,}]+)"""
    ),
    re.compile(r"\$2[aby]\$\d\d\$[./\w]+"),
    re.compile(r"(?<=://)[^/\s:@]*:\S+(?=@)"),
)


def hide_secrets(text: str) -> str:
    """The text with every token, key, code and password replaced by `***`."""
    for pattern in SECRETS:
        text = pattern.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    return f"{found['name']}{found['mark']}***" if "mark" in found.groupdict() else "***"


class _TextLines(logging.Formatter):
    """For people. What a name from outside holds begins no line and colours no screen."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        record.run, record.tenant, record.request = _run.get(), _tenant.get(), _request.get()
        return hide_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without its traceback."""
        return CONTROL.sub(lambda sign: repr(sign[0])[1:-1], super().formatMessage(record))


class _JsonLines(logging.Formatter):
    """For programs: one object per line, only ASCII, so that no reader takes a letter for the end of the line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run": _run.get(),
            "tenant": _tenant.get(),
            "request": _request.get(),
        }
        if account := _account.get():
            fields["account"] = account
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        # Each value before it is quoted: the same patterns as in a text line, and the line stays JSON.
        return json.dumps({name: hide_secrets(value) for name, value in fields.items()})


FORMATTERS: dict[str, type[logging.Formatter]] = {"text": _TextLines, "json": _JsonLines}


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk would put a traceback on the console for each line; the console has the line itself."""


def set_up_logs(log_dir: Path, level: str, form: str = "text") -> None:
    """Send everything to stderr and to `<log_dir>/lizenztool.log` (5 MB x 3). A second call changes nothing.

    `form` is text or json, for both. Without a writable folder the console alone remains, and says so.
    """
    root = logging.getLogger()
    if any(isinstance(handler.formatter, tuple(FORMATTERS.values())) for handler in root.handlers):
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
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)  # else Python writes them past us
    # Below warning these speak of every request and of token contents.
    for noisy in ("msal", "urllib3", "watchdog", "alembic", "filelock", "schedule"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if problem is not None:
        logging.getLogger(__name__).warning("no log file in %s: %s", log_dir, problem.strerror)


@contextmanager
def run_in_log(run_id: str) -> Iterator[None]:
    """Every line within, also of the workers' threads, names the run."""
    token = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(token)


@contextmanager
def request_in_log(request_id: str, account: str = "") -> Iterator[None]:
    """Every line within names the click or call that it is about, and in JSON who did it."""
    request, who = _request.set(request_id), _account.set(account or _account.get())
    try:
        yield
    finally:
        _account.reset(who)
        _request.reset(request)


def current_request() -> str:
    """The id that lines name here and now, "" for none."""
    known = _request.get()
    return "" if known == "-" else known


def account_in_log(name: str) -> None:
    """From here to the end of the request the JSON lines name the account."""
    _account.set(name)


@contextmanager
def tenant_in_log(name: str) -> Iterator[None]:
    token = _tenant.set(name)
    try:
        yield
    finally:
        _tenant.reset(token)
