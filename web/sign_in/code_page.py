"""/login/code: the second step of a local sign-in. Between the steps there is no session, only a note of the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.access import accounts
from core.access.accounts import CodeNeeded
from core.access.sign_in_steps import half_from_json, half_to_json
from core.settings import Settings
from web.limits.sign_in_budgets import SignInBudgets
from web.plain_pages import PlainPages, client_of, form_of, link_with_target, waiting
from web.sign_in.begun_sign_ins import BegunSignIns
from web.sign_in.cookies import SessionCookies, drop_sign_in_cookie, set_sign_in_cookie, sign_in_cookie

COOKIE = "lizenztool_code"
TIME_TO_TYPE = timedelta(minutes=5)
THREADS = 2


class CodeStep:
    """The page that asks for the code; the sign-in page calls `begin` after a correct password."""

    def __init__(
        self, pages: PlainPages, cookies: SessionCookies, budgets: SignInBudgets, settings: Callable[[], Settings]
    ) -> None:
        self._pages = pages
        self._settings = settings
        self._cookies = cookies
        self._budgets = budgets
        self._pending: BegunSignIns[tuple[CodeNeeded, str]] = BegunSignIns(
            TIME_TO_TYPE,
            cookies.engine,
            lambda: settings().shares_work,
            lambda step: json.dumps([half_to_json(step[0]), step[1]]),
            _decoded,
        )
        self._threads = CapacityLimiter(THREADS)

    def routes(self) -> list[BaseRoute]:
        return [Route("/login/code", self.code, methods=["GET", "POST"])]

    async def begin(self, request: Request, half: CodeNeeded, target: str) -> Response:
        """Remember the sign-in and return the redirect to the page that asks for the code."""
        key = await self._pending.add((half, target), self._cookies.now())
        response = RedirectResponse("/login/code", 303)
        set_sign_in_cookie(request, response, COOKIE, key, int(TIME_TO_TYPE.total_seconds()))
        return response

    async def code(self, request: Request) -> Response:
        key, now = sign_in_cookie(request, COOKIE), self._cookies.now()
        entry = await self._pending.get(key, now)
        if entry is None:
            response: Response = RedirectResponse("/login?reason=code", 303)
            drop_sign_in_cookie(request, response, COOKIE)
            return response
        half, target = entry
        back = link_with_target("/login", target)
        if request.method != "POST":
            return self._pages.page(request, "code.html", back=back)
        if wait := await self._budgets.wait(request, half.device):
            return self._refused(request, wait, back)
        code = (await form_of(request)).get("code", "")
        client, most = client_of(request), self._settings().sessions_per_account
        attempt = accounts.SignInAttempt(half.account.name, client["address"], device=half.device)
        result = await to_thread.run_sync(
            lambda: accounts.sign_in_with_code(
                self._cookies.engine(), half, code, now=now, attempt=attempt, most_sessions=most, **client
            ),
            limiter=self._threads,
        )
        if isinstance(result, accounts.SignInRefused):
            why = "plain.code_unreadable" if result.unreadable else "plain.wrong_code"
            return self._refused(request, result.wait, back, why)
        await self._pending.pop(key, now)
        response = await self._cookies.open(request, result, target, known_as=half.account.name)
        drop_sign_in_cookie(request, response, COOKIE)
        return response

    def _refused(self, request: Request, wait: int, back: str, why: str = "plain.wrong_code") -> Response:
        error = waiting(self._pages.language(request), wait) if wait else self._pages.text(request, why)
        page = self._pages.page(request, "code.html", error=error, back=back, status=429 if wait else 401)
        if wait:
            page.headers["retry-after"] = str(wait)
        return page


def _decoded(text: str) -> tuple[CodeNeeded, str]:
    half, target = json.loads(text)
    return half_from_json(half), target
