"""Data of a request that several layers need: cookies, language, address of the caller, https."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from core import texts
from core.roles import Actor, refused

SESSION_COOKIE = "lizenztool_session"
# With this prefix a browser takes the cookie over https only, and from this very host only.
SECURE_SESSION_COOKIE = f"__Host-{SESSION_COOKIE}"
LANGUAGE_COOKIE = "lang"
# Left behind by a sign-out, so that a tab that slept meanwhile is sent to the sign-in instead of trying for ever.
SIGNED_OUT = "signed-out"


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request by their names; what is no name=value is passed over. Ours need no quoting."""
    parts = (part.partition("=") for line in Headers(scope=scope).getlist("cookie") for part in line.split(";"))
    return {name.strip(): value.strip() for name, mark, value in parts if mark}


def session_cookie(scope: Scope) -> str:
    """The name of the session's cookie, by the way this request has come."""
    return SECURE_SESSION_COOKIE if is_secure(scope) else SESSION_COOKIE


def session_token(scope: Scope) -> str:
    """What the browser holds as its session, "" for nothing."""
    return cookies_of(scope).get(session_cookie(scope), "")


def language_of(scope: Scope, default: str) -> str:
    """What the language switch left in the cookie `lang`, else `default`."""
    cookies = cookies_of(scope)
    chosen = cookies.get(f"__Host-{LANGUAGE_COOKIE}") or cookies.get(LANGUAGE_COOKIE, default)
    return chosen if chosen in texts.languages() else default


def client_host(scope: Scope) -> str:
    """Return the caller's address, as a trusted proxy tells it where there is one; "" when unknown."""
    return str((scope.get("client") or ("", 0))[0])


def audit_unknown_caller(scope: Scope, target: str, reason: str, source: str = "page") -> None:
    """Tell the audit that somebody was refused who is not known: by host, page of origin or token."""
    refused(Actor("", "", source, address=client_host(scope), request_id=scope.get("request_id", "")), target, reason)


def is_secure(scope: Scope) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy whose word counts."""
    return scope["scheme"] in ("https", "wss")
