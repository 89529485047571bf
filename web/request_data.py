"""Data of a request that several layers need: cookies, language, address of the caller, https."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from core import texts
from core.roles import Actor, refused

SESSION_COOKIE = "lizenztool_session"
# A browser accepts a cookie with this prefix over https only, and from this host only.
SECURE_SESSION_COOKIE = f"__Host-{SESSION_COOKIE}"
LANGUAGE_COOKIE = "lang"
# Value of the session's cookie after a sign-out: a tab that wakes up later is redirected instead of retrying for ever.
SIGNED_OUT = "signed-out"
FOREIGN = ("cross-site", "same-site")  # values of Sec-Fetch-Site


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the cookies of a request by name; parts without `=` are ignored, and values are not unquoted."""
    parts = (part.partition("=") for line in Headers(scope=scope).getlist("cookie") for part in line.split(";"))
    return {name.strip(): value.strip() for name, mark, value in parts if mark}


def session_cookie(scope: Scope) -> str:
    """Return the name of the session's cookie, which has the prefix __Host- over https."""
    return SECURE_SESSION_COOKIE if is_secure(scope) else SESSION_COOKIE


def session_token(scope: Scope) -> str:
    """Return the value of the session's cookie, "" without one."""
    return cookies_of(scope).get(session_cookie(scope), "")


def language_of(scope: Scope, default: str) -> str:
    """Return the language in the cookie `lang`, else `default`."""
    cookies = cookies_of(scope)
    chosen = cookies.get(f"__Host-{LANGUAGE_COOKIE}") or cookies.get(LANGUAGE_COOKIE, default)
    return chosen if chosen in texts.languages() else default


def client_host(scope: Scope) -> str:
    """Return the caller's IP address (behind a trusted proxy the one that it names), "" if unknown."""
    return str((scope.get("client") or ("", 0))[0])


def audit_unknown_caller(scope: Scope, target: str, reason: str, source: str = "page") -> None:
    """Write into the audit that an unknown caller was refused; `reason` is its host, page of origin or token."""
    refused(Actor("", "", source, address=client_host(scope), request_id=scope.get("request_id", "")), target, reason)


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Return True if a page that is not ours made the browser send this."""
    return headers.get("sec-fetch-site") in FOREIGN


def is_secure(scope: Scope) -> bool:
    """Return True if the browser uses https, to this server or to a trusted proxy."""
    return scope["scheme"] in ("https", "wss")
