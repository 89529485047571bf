"""Problems of connections: errors of `requests`, and answers that are not Microsoft's."""

from __future__ import annotations

import errno
import html
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, ProtocolError

from core.graph.http import Route
from core.problems import Problem

# X509_V_ERR_... of OpenSSL, as in `verify_code` of the error.
UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21, 24, 27}
WRONG_DATE = {9, 10, 13, 14}
WRONG_NAME = {62, 63, 64}
NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL}
LASTING = {
    "network.proxy_sign_in",
    "network.proxy_refuses",
    "network.tls_authority",
    "network.tls_date",
    "network.tls_name",
}
CUT_OFF = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError, ProtocolError)
TITLE = re.compile(r"<title[^<>]{0,200}>(.{1,500}?)</title", re.IGNORECASE | re.DOTALL)
LONGEST = 80  # characters of a foreign text


def no_answer(error: BaseException, route: Route, **who: str) -> Problem:
    """Return the problem for a request that failed with `error`; `who` are further parameters (tenant, what).

    Its detail names the innermost cause.
    """
    causes = list(_causes(error))
    code, said = _no_answer(error, causes, route)
    tls = code.startswith("network.tls")
    host = urlsplit(route.proxy).netloc if tls and isinstance(error, requests.exceptions.ProxyError) else route.host
    params = {"host": host, "proxy": route.proxy or "–", "ca_bundle": route.ca_bundle or "certifi", "said": said}
    return Problem(code, {**who, **params}, _technical(error, causes[-1], said))


def may_pass(problem: Problem) -> bool:
    """Return True if the same request may succeed later without a change of the configuration."""
    return problem.code not in LASTING


def is_page(answer: requests.Response) -> bool:
    """Return True if the answer is an HTML page; Microsoft's interfaces answer with JSON or an empty body."""
    return is_html(answer.headers, answer.content)


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Return True if these headers and this body are an HTML page."""
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" in headers.get("Content-Type", "").lower() or start.startswith((b"<!doctype", b"<html"))


def title_of(body: bytes) -> str:
    """Return the title of a page as harmless text, "" if it has none."""
    match = TITLE.search(body[:20_000].decode("utf-8", "replace"))
    return harmless(re.sub("<[^>]*>", " ", html.unescape(match[1]))) if match else ""


def foreign_answer(answer: requests.Response, route: Route, **who: str) -> Problem:
    """Return the problem for an answer of something between Microsoft and us; `who` as for `no_answer`."""
    said = f"HTTP {answer.status_code}{_words_of(answer)}"
    return Problem("network.between", {**who, "host": route.host, "proxy": route.proxy or "–", "said": said}, said)


def _no_answer(error: BaseException, causes: list[BaseException], route: Route) -> tuple[str, str]:
    """Return the problem code and the foreign text for an error and its causes."""
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if tls is not None:
        return _certificate(tls.verify_code), harmless(tls.verify_message or "")
    refused = next((answer for cause in causes if (answer := _tunnel(cause))), None)
    if refused is not None:
        status, words = refused
        other = "network.proxy_fails" if status >= 500 else "network.proxy_refuses"
        return "network.proxy_sign_in" if status == 407 else other, f"{status} {words}".strip()
    nobody = _has(causes, NameResolutionError, socket.gaierror)
    # ProxyError is no criterion: `urllib3` raises it for every interrupted connection through a proxy, too.
    if route.proxy and (isinstance(error, requests.ConnectTimeout) or _has(causes, NewConnectionError)):
        return ("network.proxy_unknown" if nobody else "network.proxy_away"), ""
    broken = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if broken is not None and not isinstance(broken, ssl.SSLEOFError):
        return "network.tls", harmless(broken.reason or type(broken).__name__)
    return _direct(error, causes, nobody), ""


def _direct(error: BaseException, causes: list[BaseException], nobody: bool) -> str:
    unroutable = any(isinstance(cause, OSError) and cause.errno in NO_ROUTE for cause in causes)
    conditions = {  # the first true one counts
        "network.name_unknown": nobody,
        "network.connect_timeout": isinstance(error, requests.ConnectTimeout),
        "network.refused": _has(causes, ConnectionRefusedError),
        "network.no_route": unroutable,
        "network.silent": isinstance(error, requests.ReadTimeout) or _has(causes, TimeoutError),
        "network.cut_off": _has(causes, *CUT_OFF),
    }
    return next((code for code, holds in conditions.items() if holds), "graph.unreachable")


def _certificate(verify_code: int) -> str:
    if verify_code in WRONG_NAME:
        return "network.tls_name"
    if verify_code in WRONG_DATE:
        return "network.tls_date"
    return "network.tls_authority" if verify_code in UNKNOWN_AUTHORITY else "network.tls"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, the innermost last; `urllib3` has some of them in arguments."""
    waiting, visited = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in visited:
            continue
        visited.add(id(current))
        yield current
        causes = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        waiting += [cause for cause in causes if isinstance(cause, BaseException)]


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _tunnel(cause: BaseException) -> tuple[int, str] | None:
    """Return (status, reason) of a proxy that refuses the tunnel; http.client has them only in a text."""
    match = re.match(r"Tunnel connection failed: (\d{3})\s*(.*)", str(cause)) if isinstance(cause, OSError) else None
    return (int(match[1]), harmless(match[2])) if match else None


def _technical(error: BaseException, cause: BaseException, said: str) -> str:
    """Return type and cause of the error; texts of the system contain no address and no password."""
    words = said or (cause.strerror if isinstance(cause, OSError) and cause.strerror else "")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _words_of(answer: requests.Response) -> str:
    """Return the title of a page, target of a redirect, or name of the server, after a comma; "" if there is none."""
    if 300 <= answer.status_code < 400:
        try:
            host = urlsplit(answer.headers.get("Location", "")).hostname or ""
        except ValueError:  # `http://[`
            return ""
        return f", {harmless(host)}" if host else ""
    words = title_of(answer.content) or harmless(answer.headers.get("Server", ""))
    return f", {words}" if words else ""


def harmless(text: str) -> str:
    """Return a foreign text as plain words on one line, cut, without markup, links, control or format characters."""
    kept = "".join(sign if sign.isalnum() or sign in " .,:;?'()+/–-" else " " for sign in text)
    short = " ".join(kept.replace("//", " ").split())
    return short if len(short) <= LONGEST else f"{short[: LONGEST - 1]}…"


def from_graph(headers: Mapping[str, Any], code: str) -> bool:
    """Return True if an error comes from Graph: it has a code and a request id."""
    return bool(code) and "request-id" in headers


def from_entra(body: Any) -> bool:
    """Return True if an error comes from Entra; `body` is the JSON of the answer or None."""
    has_error = isinstance(body, Mapping) and bool(body.get("error"))
    return has_error and ("error_description" in body or "error_codes" in body)
