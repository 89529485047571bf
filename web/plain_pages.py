"""Common parts of the pages without Streamlit: templates, language, form fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from core import texts
from web.first_files import in_language
from web.headers import PLAIN_POLICY
from web.language_choice import set_language
from web.request_data import client_host, language_of

FOLDER = Path(__file__).parent
FORM_BYTES = 8_192
FORM_FIELDS = 10


class Client(TypedDict):
    """The origin of a sign-in: keyword arguments of the functions in core.access.accounts."""

    address: str
    user_agent: str


class PlainPages:
    """Renders web/templates/ in the language of the request.

    `first_files`: of the dashboard (web.first_files); the sign-in pages let the browser fetch them ahead, unless it
    asks to save data.
    """

    def __init__(
        self, language: str, demo: Callable[[], bool] = lambda: False, first_files: Sequence[str] = ()
    ) -> None:
        self._language = language
        self._demo = demo
        self._first_files = {language: in_language(first_files, language) for language in texts.languages()}
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def language(self, request: Request) -> str:
        chosen = request.query_params.get("lang", "")
        return chosen if chosen in texts.languages() else language_of(request.scope, self._language)

    def text(self, request: Request, key: str, **values: object) -> str:
        """Return the text in the language of the visitor."""
        return texts.text(key, self.language(request), **values)

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        keep: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return the rendered template; `keep` are query parameters that the links to other languages repeat."""
        language = self.language(request)
        values = {"target": "/", "notice": "", "error": "", "name": "", "account": "", **values}
        kept = ({"next": values["target"]} if values["target"] != "/" else {}) | dict(keep or {})
        html = self._templates.get_template(template).render(
            text=lambda key: texts.text(key, language),
            language=language,
            languages=[
                (code, texts.language_name(code), _link(request.url.path, {"lang": code, **kept}))
                for code in texts.languages()
            ],
            demo=self._demo(),
            prefetched=() if request.headers.get("save-data") == "on" else self._first_files[language],
            **values,
        )
        headers = {"content-security-policy": PLAIN_POLICY, "x-frame-options": "DENY", "cache-control": "no-store"}
        response = HTMLResponse(html, status, headers)
        if request.query_params.get("lang") in texts.languages():
            set_language(response, language)
        return response


def waiting(language: str, seconds: int) -> str:
    """Return the sentence for somebody who has to wait: seconds up to two minutes, then whole minutes, rounded up."""
    if seconds <= 120:
        time = texts.plural("plain.seconds", max(seconds, 1), language)
    else:
        time = texts.plural("plain.minutes", -(-seconds // 60), language)
    return texts.text("plain.wait", language, time=time)


def _link(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query, safe='/')}"


def link_with_target(path: str, target: str, **query: str) -> str:
    """Return `path` with `query` and, unless it is `/`, the parameter `next` for the way back to `target`."""
    query = {name: value for name, value in query.items() if value} | ({"next": target} if target != "/" else {})
    return _link(path, query) if query else path


async def form_of(request: Request, most_bytes: int = FORM_BYTES, most_fields: int = FORM_FIELDS) -> dict[str, str]:
    """Return the fields of a small form. Raise HTTPException (400) for a form that none of our pages sends."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise _no_form_of_ours(request)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError:
        raise _no_form_of_ours(request) from None
    return {name: values[0] for name, values in fields.items()}


def _no_form_of_ours(request: Request) -> HTTPException:
    return HTTPException(400, texts.text("plain.form", language_of(request.scope, "de")))


def client_of(request: Request) -> Client:
    return {"address": client_host(request.scope), "user_agent": request.headers.get("user-agent", "")}
