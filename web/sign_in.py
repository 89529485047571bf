"""The pages in front of the dashboard: /login (also the public start page), /logout and /health."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from core import access
from core.sessions import Session
from web.addresses import local_path
from web.gate import LANGUAGE_COOKIE, SIGNED_OUT, language_of, session_cookie, session_token
from web.headers import PLAIN_POLICY
from web.tabs import Tabs
from web.texts import LANGUAGES, TEXTS, waiting

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
FORM_BYTES = 8_192
LONGEST_QUEUE = 20
YEAR = 365 * 24 * 3600
REASONS = ("out", "revoked", "idle", "expired")

# A GET of /logout only asks: a foreign page can link to it, and some browsers load links in advance. The form posts,
# and the gate lets no foreign page post. Within the dashboard a button calls `core.access.end_session` instead.


class SignIn:
    """Sign-in and sign-out pages; `engine` is asked for late because it opens after the routes are made."""

    def __init__(
        self, tabs: Tabs, engine: Callable[[], Engine], *, language: str, demo: Callable[[], bool] = lambda: False
    ) -> None:
        self._tabs = tabs
        self._engine = engine
        self._language = language
        self._demo = demo
        # A check costs 0.3 s of a core: a flood of sign-ins leaves the other cores, and the threads that serve
        # everything else, to those who are in.
        self._checks = CapacityLimiter(2)
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/logout", self.logout, methods=["GET", "POST"]),
            Route("/health", health),
            # Browsers and Streamlit's frontend ask for these of their own accord.
            *(Route(path, icon) for path in ("/favicon.ico", "/favicon.png")),
            Mount("/assets", StaticFiles(directory=FOLDER / "static")),
        ]

    async def login(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._sign_in(request)
        target = local_path(request.query_params.get("next"))
        if await self._session(request):
            return RedirectResponse(target, 303)
        reason = request.query_params.get("reason")
        words = TEXTS[_language(request, self._language)]
        notice = words[f"reason_{reason}"] if reason in REASONS else ""
        return self._page(request, "login.html", target=target, notice=notice)

    async def _sign_in(self, request: Request) -> Response:
        form = await _form(request)
        target = local_path(form.get("next"))
        name, now = form.get("name", ""), self._tabs.now()
        client = request.client.host if request.client else ""
        agent = request.headers.get("user-agent", "")
        if self._checks.statistics().tasks_waiting >= LONGEST_QUEUE:
            return self._refused(request, 5, name=name, target=target)
        result = await to_thread.run_sync(
            lambda: access.sign_in(
                self._engine(), name, form.get("password", ""), now=now, address=client, user_agent=agent
            ),
            limiter=self._checks,
        )
        if isinstance(result, access.Refused):
            return self._refused(request, result.wait, name=name, target=target)
        await self._end_old(request, now)
        response = RedirectResponse(target, 303)
        self._set_session(request, response, result)
        return response

    def _refused(self, request: Request, wait: int, *, name: str, target: str) -> Response:
        language = _language(request, self._language)
        error = waiting(language, wait) if wait else TEXTS[language]["wrong"]
        page = self._page(request, "login.html", target=target, error=error, name=name, status=429 if wait else 401)
        if wait:
            page.headers["retry-after"] = str(wait)
        return page

    async def logout(self, request: Request) -> Response:
        session = await self._session(request)
        if request.method == "POST":
            await self._end_old(request, self._tabs.now())
            response = RedirectResponse("/login?reason=out", 303)
            self._set_session(request, response, SIGNED_OUT)
            return response
        if session is None:
            return RedirectResponse("/login", 303)
        words = TEXTS[_language(request, self._language)]
        account = Template(words["signed_in_as"]).substitute(name=session.account)
        return self._page(request, "logout.html", account=account)

    async def _session(self, request: Request) -> Session | None:
        token = session_token(request.scope)
        found = await self._tabs.look(access.session_id(token)) if token else None
        return found if isinstance(found, Session) else None

    async def _end_old(self, request: Request, now: datetime) -> None:
        """The session of this browser, if any, is over: at a sign-out, and when somebody signs in anew."""
        if token := session_token(request.scope):
            await to_thread.run_sync(lambda: access.sign_out(self._engine(), token, now))

    def _set_session(self, request: Request, response: Response, token: str) -> None:
        # Behind a proxy that nobody named as trusted only the browser's Origin says that it speaks https.
        secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
        name = session_cookie(request.scope)
        response.set_cookie(name, token, httponly=True, samesite="lax", secure=secure, path="/")

    def _page(self, request: Request, template: str, *, status: int = 200, **values: str) -> HTMLResponse:
        language = _language(request, self._language)
        values = {"target": "/", "notice": "", "error": "", "name": "", "account": "", **values}
        html = self._templates.get_template(template).render(
            t=TEXTS[language],
            language=language,
            languages={code: _switch(request, code, values["target"]) for code in LANGUAGES},
            demo=self._demo(),
            **values,
        )
        headers = {"content-security-policy": PLAIN_POLICY, "x-frame-options": "DENY", "cache-control": "no-store"}
        response = HTMLResponse(html, status, headers)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, samesite="lax", path="/")
        return response


async def health(_request: Request) -> Response:
    """Alive; says no more to strangers."""
    return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})


async def database_down(request: Request, error: Exception) -> Response:
    """For every route: what the gate answers, too, when it cannot ask the database."""
    log.error("A request for %s cannot be answered: %s", request.url.path, error)
    return PlainTextResponse(TEXTS[language_of(request.scope, "de")]["database"], 503)


async def icon(_request: Request) -> Response:
    return RedirectResponse("/assets/icon.svg")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; what is larger than a sign-in can be is no sign-in."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _language(request: Request, default: str) -> str:
    chosen = request.query_params.get("lang", "")
    return chosen if chosen in LANGUAGES else language_of(request.scope, default)


def _switch(request: Request, language: str, target: str) -> str:
    """Link to the same page in another language."""
    query = f"lang={language}" + (f"&next={quote(target, safe='/')}" if target != "/" else "")
    return f"{request.url.path}?{query}"
