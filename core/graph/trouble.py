"""Why no answer came, or one that is not Microsoft's: what `requests` raises, and foreign pages, put into problems."""

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
LONGEST = 80  # letters of a foreign text


def no_answer(error: BaseException, route: Route, **who: str) -> Problem:
    """The problem when a request has failed with `error`; `who` are further values of its words (tenant, what).

    Its technical line names the innermost cause.
    """
    causes = list(_causes(error))
    code, said = _no_answer(error, causes, route)
    tls = code.startswith("network.tls")
    host = urlsplit(route.proxy).netloc if tls and isinstance(error, requests.exceptions.ProxyError) else route.host
    params = {"host": host, "proxy": route.proxy or "–", "ca_bundle": route.ca_bundle or "certifi", "said": said}
    return Problem(code, {**who, **params}, _technical(error, causes[-1], said))


def may_pass(problem: Problem) -> bool:
    """Whether the same request may succeed a moment later without anybody doing something."""
    return problem.code not in LASTING


def is_page(answer: requests.Response) -> bool:
    """Whether the answer is a page for people: Microsoft's interfaces answer with JSON or with nothing."""
    return is_html(answer.headers, answer.content)


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """The same for the headers and the body of an answer."""
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" in headers.get("Content-Type", "").lower() or start.startswith((b"<!doctype", b"<html"))


def title_of(body: bytes) -> str:
    """The title of a page as harmless words, "" when it has none."""
    titled = TITLE.search(body[:20_000].decode("utf-8", "replace"))
    return harmless(re.sub("<[^>]*>", " ", html.unescape(titled[1]))) if titled else ""


def foreign_answer(answer: requests.Response, route: Route, **who: str) -> Problem:
    """The problem when something between Microsoft and us has answered; `who` as for `no_answer`."""
    said = f"HTTP {answer.status_code}{_words_of(answer)}"
    return Problem("network.between", {**who, "host": route.host, "proxy": route.proxy or "–", "said": said}, said)


def _no_answer(error: BaseException, causes: list[BaseException], route: Route) -> tuple[str, str]:
    """(code, what was said) for an error and its causes."""
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if tls is not None:
        return _certificate(tls.verify_code), harmless(tls.verify_message or "")
    refused = next((found for cause in causes if (found := _tunnel(cause))), None)
    if refused is not None:
        status, words = refused
        other = "network.proxy_fails" if status >= 500 else "network.proxy_refuses"
        return "network.proxy_sign_in" if status == 407 else other, f"{status} {words}".strip()
    nobody = _has(causes, NameResolutionError, socket.gaierror)
    # Not by ProxyError: `urllib3` raises it for every connection through a proxy that ends in the middle, too.
    if route.proxy and (isinstance(error, requests.ConnectTimeout) or _has(causes, NewConnectionError)):
        return ("network.proxy_unknown" if nobody else "network.proxy_away"), ""
    broken = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if broken is not None and not isinstance(broken, ssl.SSLEOFError):
        return "network.tls", harmless(broken.reason or type(broken).__name__)
    return _direct(error, causes, nobody), ""


def _direct(error: BaseException, causes: list[BaseException], nobody: bool) -> str:
    unroutable = any(isinstance(cause, OSError) and cause.errno in NO_ROUTE for cause in causes)
    found = {  # the first that holds
        "network.name_unknown": nobody,
        "network.connect_timeout": isinstance(error, requests.ConnectTimeout),
        "network.refused": _has(causes, ConnectionRefusedError),
        "network.no_route": unroutable,
        "network.silent": isinstance(error, requests.ReadTimeout) or _has(causes, TimeoutError),
        "network.cut_off": _has(causes, *CUT_OFF),
    }
    return next((code for code, holds in found.items() if holds), "graph.unreachable")


def _certificate(verify_code: int) -> str:
    if verify_code in WRONG_NAME:
        return "network.tls_name"
    if verify_code in WRONG_DATE:
        return "network.tls_date"
    return "network.tls_authority" if verify_code in UNKNOWN_AUTHORITY else "network.tls"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies behind it, the innermost last; `urllib3` hides causes in arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        behind = [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
        waiting += [each for each in behind if isinstance(each, BaseException)]


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _tunnel(cause: BaseException) -> tuple[int, str] | None:
    """(status, reason) of a proxy that opens no way; http.client tells it in a text alone."""
    found = re.match(r"Tunnel connection failed: (\d{3})\s*(.*)", str(cause)) if isinstance(cause, OSError) else None
    return (int(found[1]), harmless(found[2])) if found else None


def _technical(error: BaseException, cause: BaseException, said: str) -> str:
    """Kind of the error, and what its cause says; a system's own words hold no address and no password."""
    words = said or (cause.strerror if isinstance(cause, OSError) and cause.strerror else "")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _words_of(answer: requests.Response) -> str:
    """Title of a page, target of a redirect, or kind of server, with a comma in front; "" when there is none."""
    if 300 <= answer.status_code < 400:
        try:
            host = urlsplit(answer.headers.get("Location", "")).hostname or ""
        except ValueError:  # `http://[`
            return ""
        return f", {harmless(host)}" if host else ""
    words = title_of(answer.content) or harmless(answer.headers.get("Server", ""))
    return f", {words}" if words else ""


def harmless(text: str) -> str:
    """A foreign text as plain words on one line, cut: no markup, no links, no control or format characters."""
    kept = "".join(sign if sign.isalnum() or sign in " .,:;?'()+/–-" else " " for sign in text)
    short = " ".join(kept.replace("//", " ").split())
    return short if len(short) <= LONGEST else f"{short[: LONGEST - 1]}…"


def from_graph(headers: Mapping[str, Any], code: str) -> bool:
    """Whether an error is Graph's own: its envelope has a code, and it says under which id it is known there."""
    return bool(code) and "request-id" in headers


def from_entra(body: Any) -> bool:
    """Whether an error is Entra's own; `body` is the JSON of the answer, None when it has none."""
    known = isinstance(body, Mapping) and bool(body.get("error"))
    return known and ("error_description" in body or "error_codes" in body)
