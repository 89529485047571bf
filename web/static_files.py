"""Streamlit's scripts, styles and fonts from memory, each compressed once.

Streamlit reads each of them from the disk for each request and sends it as it is (6 MB for a first visit), because
it expects a proxy that compresses. An intranet often has none.
"""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core import texts
from web.frontend_words import translate

PIECE = 64 * 2**10  # bytes; as much as the server keeps for a client before it waits
WORTH = 0.9  # fonts and images are compressed already
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}  # not what the system says
FOREVER = "public, immutable, max-age=31536000"  # the name of each file contains the hash of its content


@dataclass(frozen=True, slots=True)
class StaticFile:
    """What is sent for one file: its content, or the content compressed if that is shorter."""

    content: bytes
    media_type: str
    compressed: bool


class StaticFiles:
    """Middleware: answers requests for the files of `folder` under /static, and passes on all others.

    The scripts under /static/de are those with German words (web.frontend_words), and so for each language. They
    refer to one another by relative paths, so that the page decides the language by the path of the first one.
    """

    def __init__(self, app: ASGIApp, *, folder: Path) -> None:
        self._app = app
        names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*.*")}
        self._sources = {f"/static/{name}": (path, "") for name, path in names.items()}
        for language in texts.languages():
            self._sources |= {f"/static/{language}/{name}": (path, language) for name, path in names.items()}
        self._files: dict[str, StaticFile] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        file = await self._find(scope["path"]) if is_read else None
        await (_answer(file, Headers(scope=scope)) if file else self._app)(scope, receive, send)

    async def _find(self, path: str) -> StaticFile | None:
        if path in self._sources and path not in self._files:
            self._files[path] = await asyncio.to_thread(read_static_file, *self._sources[path])
        return self._files.get(path)


def _answer(file: StaticFile, asked: Headers) -> Response:
    """Return the whole file, compressed if it is and the client can read that."""
    content = file.content
    headers = {"cache-control": FOREVER, "vary": "accept-encoding"}
    if file.compressed and "gzip" in asked.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    elif file.compressed:
        content = gzip.decompress(content)
    headers["content-length"] = str(len(content))
    return StreamingResponse(_pieces(content), headers=headers, media_type=file.media_type)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield the content in pieces, so that a client that does not read holds one of them and not the whole file."""
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def read_static_file(path: Path, language: str) -> StaticFile:
    """Return the content of a file, compressed if that makes it at least a tenth shorter.

    `language`: of the words in a script; "" leaves it as it is.
    """
    content = path.read_bytes()
    if language and path.suffix == ".js":
        content = translate(content.decode("utf-8"), language).encode()
    media_type = MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    compressed = gzip.compress(content, mtime=0)
    if len(compressed) < WORTH * len(content):
        return StaticFile(compressed, media_type, compressed=True)
    return StaticFile(content, media_type, compressed=False)
