"""Read Microsoft's CSV of product names from a file or an https address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin

import requests

from core.graph.connection_problems import harmless, is_html, no_answer, title_of
from core.graph.http import Http
from core.licenses.product_names_csv import LIST_PAGE, ProductNamesError
from core.network import without_password
from core.problems import Problem

MAX_BYTES = 50 * 1024 * 1024  # Microsoft's list has about 1 MB
CHUNK_BYTES = 64 * 1024
MOST_REDIRECTS = 5
TIMEOUT = (5.0, 60.0)  # connect, read; seconds


def read_product_names(source: str, http: Http) -> bytes:
    """Return the bytes of a file or an https:// address, at most MAX_BYTES. Raises ProductNamesError."""
    data = _download(source, http) if "://" in source else _read_file(source)
    if len(data) > MAX_BYTES:
        found = {"source": _shown(source), "most": str(MAX_BYTES // 1024**2), "page": LIST_PAGE}
        raise ProductNamesError(Problem("names.too_large", found))
    return data


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProductNamesError(Problem("names.unreadable", {"path": path, "why": str(reason)})) from error


def _download(source: str, http: Http) -> bytes:
    url = source
    try:
        for _ in range(MOST_REDIRECTS + 1):
            if not url.lower().startswith("https://"):  # also after a redirect
                raise _failed(source, "not_https", _shown(url))
            with http.request("GET", url, stream=True) as answer:
                if not answer.is_redirect:
                    return _body(source, answer)
                url = urljoin(url, answer.headers["Location"])
    except requests.RequestException as error:
        raise ProductNamesError(no_answer(error, http.route(url), tenant=_shown(source), what="")) from error
    except ValueError as error:
        raise _failed(source, "no_address", _shown(url)) from error
    raise _failed(source, "redirects", str(MOST_REDIRECTS))


def _body(source: str, answer: requests.Response) -> bytes:
    """Return the body, read up to the first chunk beyond MAX_BYTES."""
    if answer.status_code != 200:
        raise _failed(source, "status", f"HTTP {answer.status_code} {harmless(answer.reason or '')}".strip())
    body = bytearray()
    for chunk in answer.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BYTES:
            break
    if is_html(answer.headers, bytes(body)):
        raise _failed(source, "page", title_of(bytes(body)) or "–")
    return bytes(body)


def _failed(source: str, fault: str, value: str) -> ProductNamesError:
    return ProductNamesError(Problem(f"names.download.{fault}", {"source": _shown(source), "value": value}))


def _shown(source: str) -> str:
    """Return the source without a password."""
    return without_password(source) + "/..." if "@" in source and "://" in source else source
