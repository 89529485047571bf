"""Read text files that people wrote, and make foreign text safe to show."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

LARGEST = 1024 * 1024  # bytes; a profile has about 1 KB, a PEM with its chain about 10 KB
LONGEST_SHOWN = 120
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}


class NoFile(OSError):
    """The path is no regular file, or too large; `code` is "folder", "kind" (a pipe or device) or "size"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file of at most LARGEST bytes. Raises NoFile, OSError.

    A pipe or device is not opened, because reading it may never end.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise NoFile("folder")
    if not stat.S_ISREG(status.st_mode):
        raise NoFile("kind")
    if status.st_size > LARGEST:
        raise NoFile("size")
    with path.open("rb") as file:
        return file.read(LARGEST)


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding: UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises UnicodeDecodeError.
    """
    encoding = json.detect_encoding(raw)
    return raw.decode(encoding), _ENCODINGS.get(encoding, encoding[:6].upper())


def is_text(text: str) -> bool:
    """Return True if the text can be encoded as UTF-8: no single surrogates, no undecoded bytes of a file name."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str, most: int = LONGEST_SHOWN) -> str:
    """Return foreign text for a message: at most `most` characters, unprintable ones as \\x.. escapes."""
    signs = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text[:most])
    return signs[:most] + ("…" if len(text) > most or len(signs) > most else "")


def file_name(path: Path) -> str:
    """Return the name of a file for messages, with bytes that are no UTF-8 as escapes."""
    return shown(os.fsencode(path.name).decode("utf-8", "backslashreplace"), 200)
