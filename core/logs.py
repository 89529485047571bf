"""One log: console and `lizenztool.log`, with run id and tenant in each line and no secret in any."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
KEPT_FILES = 3
FORMAT = "%(asctime)s [%(levelname)s] %(name)s run=%(run)s tenant=%(tenant)s: %(message)s"

_run: ContextVar[str] = ContextVar("run", default="-")
_tenant: ContextVar[str] = ContextVar("tenant", default="-")

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


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.run, record.tenant = _run.get(), _tenant.get()
        return hide_secrets(super().format(record))


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk would put a traceback on the console for each line; the console has the line itself."""


def set_up_logs(log_dir: Path, level: str) -> None:
    """Send everything to stderr and to `<log_dir>/lizenztool.log` (5 MB x 3). A second call changes nothing.

    Without a writable folder the console alone remains, and says so.
    """
    root = logging.getLogger()
    if any(isinstance(handler.formatter, _Formatter) for handler in root.handlers):
        return
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem: OSError | None = None
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        file = log_dir / "lizenztool.log"
        handlers.append(_LogFile(file, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"))
    except OSError as error:
        problem = error
    for handler in handlers:
        handler.setFormatter(_Formatter(FORMAT))
        root.addHandler(handler)
    root.setLevel(level)
    # Below warning these speak of every request and of token contents.
    for noisy in ("msal", "urllib3", "watchdog", "alembic", "filelock", "schedule"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if problem is not None:
        logging.getLogger(__name__).warning("no log file in %s: %s", log_dir, problem.strerror)


@contextmanager
def run_in_log(run_id: str) -> Iterator[None]:
    token = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(token)


@contextmanager
def tenant_in_log(name: str) -> Iterator[None]:
    token = _tenant.set(name)
    try:
        yield
    finally:
        _tenant.reset(token)
