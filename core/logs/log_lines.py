"""Format log lines, bounded and without secrets, as text for people or as JSON for programs.

`carry` prepares a record in the logging thread and is fast; the formatters do the rest in the background thread.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import datetime

from core.logs.log_words import LogWords
from core.masking import MOST_BYTES, cut, cut_note, fitted, hide_secrets, safe_text

FORMAT = "%(asctime)s [%(levelname)s] %(name)s run=%(run)s tenant=%(tenant)s request=%(request)s: %(message)s"
CONTEXT = ("run", "tenant", "request", "account")
ENGLISH = LogWords()
FRAMES = 30  # of a traceback, the innermost

# Control characters except the tab, and characters that change the direction of writing.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def carry(record: logging.LogRecord, context: Mapping[str, str], words: LogWords = ENGLISH) -> logging.LogRecord:
    """Return a copy of the record with its message cut, in the words of the log, with the `context` of its thread.

    It formats at most `MOST_BYTES` of each value, because the caller may be the event loop.
    """
    carried = copy.copy(record)
    carried.__dict__.update(context)
    left_off = 0
    if isinstance(record.args, tuple):
        carried.args = tuple(words.value(value) for value in record.args)
        texts = [value for value in record.args if isinstance(value, str)]
        left_off = sum(max(0, len(text) - MOST_BYTES) for text in texts)
    if isinstance(record.msg, str):
        carried.msg = words.sentence(record.msg)
    try:
        message = carried.getMessage()
    except Exception as error:  # noqa: BLE001 - log the line although a value has no text
        message = f"{record.msg} ({type(error).__name__} in a value of this line)"
    head, more = cut(message)
    carried.msg, carried.args = head, None
    carried.__dict__["left_off"] = left_off + more
    return carried


class _Lines(logging.Formatter):
    """Base of both formatters: masked message and traceback of a record from `carry`."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the local time with its UTC offset: 2026-11-20T13:00:01.204+01:00."""
        return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")

    @staticmethod
    def message_of(record: logging.LogRecord) -> tuple[str, str]:
        """Return the message, and the note about its cut part."""
        left_off: int = getattr(record, "left_off", 0)
        return hide_secrets(record.getMessage(), was_cut=left_off > 0), cut_note(left_off)

    @staticmethod
    def traceback_of(record: logging.LogRecord) -> str:
        """Return the traceback, "" for none; a cut one still ends with the exception."""
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        exception = traceback.TracebackException(*record.exc_info, limit=-FRAMES)
        whole = "".join(exception.format()).rstrip("\n")
        text = safe_text(whole)
        if cut(whole)[1]:
            text += "\n" + hide_secrets("".join(exception.format_exception_only())[: MOST_BYTES // 8], was_cut=True)
        return text


class TextLines(_Lines):
    """Lines for people; control characters in foreign names are written as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        message, note = self.message_of(record)
        record.message = ""
        record.asctime = self.formatTime(record)
        line = _visible(hide_secrets(self.formatMessage(record)) + message)
        behind = "".join(f"\n  {_visible(part)}" for part in self.traceback_of(record).splitlines())
        return fitted(line, str) + note + fitted(behind, str)


class JsonLines(_Lines):
    """Lines for programs: one JSON object per line, only ASCII, so that no character counts as a line end."""

    def format(self, record: logging.LogRecord) -> str:
        message, note = self.message_of(record)
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": fitted(message, json.dumps) + note,
        }
        # Each value is masked before it is quoted, so that the line stays valid JSON.
        context = {name: hide_secrets(getattr(record, name, "")) for name in CONTEXT}
        fields |= {name: value for name, value in context.items() if value or name != "account"}
        if error := self.traceback_of(record):
            fields["exception"] = fitted(error, json.dumps)
        return json.dumps(fields)


FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def _visible(text: str) -> str:
    return CONTROL.sub(lambda sign: repr(sign[0])[1:-1], text)
