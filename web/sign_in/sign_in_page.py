"""The pages in front of the dashboard: /login (also the public start page) and /logout."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from core import texts
from core.access import accounts
from core.roles import Action
from core.settings import Settings
from web.limits.password_turns import Busy, PasswordTurns
from web.limits.sign_in_budgets import SignInBudgets
from web.plain_pages import PlainPages, client_of, form_of, link_with_target, waiting
from web.request_data import language_of
from web.sign_in.code_page import CodeStep
from web.sign_in.cookies import SessionCookies
from web.sign_in.microsoft import START, MicrosoftSignIn
from web.tabs import Tabs
from web.url_checks import local_path

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1]
BUSY_SECONDS = 5  # Retry-After when too many sign-ins are waiting
REASONS = ("out", "revoked", "idle", "expired", "code")

# GET /logout shows a form and does not sign out, since a foreign page can link to it and browsers may load links in
# advance. The form sends a POST, which the gate refuses from foreign pages. The dashboard has a button of its own.


class SignIn:
    """Sign-in and sign-out pages; engine and settings are functions, because they are opened after the routes.

    `pages`: address of each page -> action that a role must allow to open it.
    """

    def __init__(
        self,
        tabs: Tabs,
        engine: Callable[[], Engine],
        settings: Callable[[], Settings],
        plain: PlainPages,
        pages: Mapping[str, Action],
    ) -> None:
        self._settings = settings
        self._pages = plain
        self._cookies = SessionCookies(tabs, engine, pages)
        self._microsoft = MicrosoftSignIn(self._pages, self._cookies, settings)
        self._budgets = SignInBudgets(self._cookies)
        self._code = CodeStep(self._pages, self._cookies, self._budgets, settings)
        self._turns = PasswordTurns()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/login", self.login, methods=["GET", "POST"]),
            *self._microsoft.routes(),
            *self._code.routes(),
            Route("/logout", self.logout, methods=["GET", "POST"]),
            # Browsers and Streamlit's frontend ask for these by themselves.
            *(Route(path, icon) for path in ("/favicon.ico", "/favicon.png")),
            Mount("/assets", StaticFiles(directory=FOLDER / "static")),
        ]

    async def login(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._sign_in(request)
        target = local_path(request.query_params.get("next"))
        if await self._cookies.session(request):
            return RedirectResponse(target, 303)
        reason = request.query_params.get("reason")
        notice = self._pages.text(request, f"plain.reason_{reason}") if reason in REASONS else ""
        return await self._page(request, target, notice=notice)

    async def _sign_in(self, request: Request) -> Response:
        if wait := await self._budgets.wait(request):
            return await self._refused(request, wait, name="", target="/")
        form = await form_of(request)
        target = local_path(form.get("next"))
        name, password, now = form.get("name", ""), form.get("password", ""), self._cookies.now()
        most_sessions = self._settings().sessions_per_account
        attempt = await self._budgets.attempt(request, name)
        if attempt.wait:
            return await self._refused(request, attempt.wait, name=name, target=target)
        admins_only = await self._admins_only()
        try:
            result = await self._turns.run(
                attempt,
                lambda: accounts.sign_in(
                    self._cookies.engine(), name, password, now=now, admins_only=admins_only, attempt=attempt,
                    most_sessions=most_sessions, **client_of(request),
                ),
            )  # fmt: skip
        except Busy:
            return await self._refused(request, BUSY_SECONDS, name=name, target=target)
        if isinstance(result, accounts.CodeNeeded):
            return await self._code.begin(request, result, target)
        if isinstance(result, accounts.SignInRefused):
            return await self._refused(request, result.wait, name=name, target=target)
        return await self._cookies.open(request, result, target, known_as=accounts.account_key(name))

    async def _admins_only(self) -> bool:
        """Return True if only admins may sign in locally; this holds with a faulty Microsoft profile, too."""
        return self._settings().local_sign_in == "admins" and (await self._microsoft.profiles()).configured

    async def _refused(self, request: Request, wait: int, *, name: str, target: str) -> Response:
        error = waiting(self._pages.language(request), wait) if wait else self._pages.text(request, "plain.wrong")
        page = await self._page(request, target, error=error, name=name, status=429 if wait else 401)
        if wait:
            page.headers["retry-after"] = str(wait)
        return page

    async def _page(self, request: Request, target: str, *, status: int = 200, **values: Any) -> Response:
        offered = await self._microsoft.profiles()
        return self._pages.page(
            request,
            "login.html",
            status=status,
            target=target,
            microsoft=link_with_target(START, target) if offered.profile else "",
            broken=offered.configured and not offered.profile,
            folded=bool(offered.profile) and self._settings().local_sign_in == "admins",
            **values,
        )

    async def logout(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._cookies.close(request, "/login?reason=out")
        session = await self._cookies.session(request)
        if session is None:
            return RedirectResponse("/login", 303)
        account = self._pages.text(request, "plain.signed_in_as", name=session.shown)
        return self._pages.page(request, "logout.html", account=account)


async def database_down(request: Request, error: Exception) -> Response:
    """Answer 503 when the database fails in a route, with the sentence that the gate uses, too."""
    log.error("A request for %s cannot be answered: %s", request.url.path, error)
    return PlainTextResponse(texts.text("plain.database", language_of(request.scope, "de")), 503)


async def icon(_request: Request) -> Response:
    return RedirectResponse("/assets/icon.svg")
