"""The choice of a language, which is kept in a cookie: the sign-in page, a page's address and the sidebar set it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core import texts
from web.request_data import LANGUAGE_COOKIE

YEAR = 365 * 86400


def set_language(response: Response, language: str) -> None:
    """Let the browser remember the language for a year."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, httponly=True, samesite="lax", path="/")


async def choose_language(request: Request) -> Response:
    """Answer `/language?to=en`: remember the language and go back to the page that the browser comes from."""
    response = RedirectResponse(way_back(request.headers.get("referer", ""), request.headers.get("host", "")), 303)
    language = request.query_params.get("to", "")
    if language in texts.languages():
        set_language(response, language)
    return response


def way_back(referer: str, host: str) -> str:
    """Return path and query of the page the browser comes from, without its language; "/" for any other server's."""
    try:
        page = urlsplit(referer)
    except ValueError:
        return "/"
    if page.netloc != host or not page.path.startswith("/") or page.path.startswith("//"):
        return "/"
    query = urlencode([(name, value) for name, value in parse_qsl(page.query) if name != "lang"])
    return f"{page.path}?{query}" if query else page.path
