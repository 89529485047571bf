"""Common parts of the pages that customers open by a link: without session, cookies and scripts.

Whoever has the link may answer: the token is all that counts, so a foreign page could do nothing with it that its
owner could not. It stands in no log: `web.paths.shown_path` is what is written of such an address.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from core.customer_texts import customer_text
from web.headers import PLAIN_POLICY
from web.plain_pages import FOLDER

HEADERS = {
    "content-security-policy": PLAIN_POLICY,
    "x-frame-options": "DENY",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
}
METHODS = ["GET", "HEAD", "POST"]

_templates = Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined)


def customer_routes(path: str, serve: Any) -> list[BaseRoute]:
    """Return the routes of a page: `path` itself, and with a token below it."""
    return [Route(path, serve, methods=METHODS), Route(path + "/{token:path}", serve, methods=METHODS)]


def token_of(request: Request) -> str:
    """Return the token in the address; mail programs take the end of a sentence for a part of it."""
    return str(request.path_params.get("token", "")).rstrip(" .,;:>)]\"'")


def customer_page(template: str, language: str, status: int, **values: Any) -> HTMLResponse:
    """Return the page in the language of the customer."""
    values = {"customer": "", **values}
    html = _templates.get_template(template).render(
        words=lambda key: customer_text(key, language), language=language, **values
    )
    return HTMLResponse(html, status, HEADERS)
