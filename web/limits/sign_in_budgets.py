"""What the sign-in pages ask the budgets of core, before a form is read and before a password is looked at."""

from __future__ import annotations

import time

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from core.access import accounts
from core.access.accounts import SignInAttempt
from web.plain_pages import client_of
from web.sign_in.cookies import DEVICE, SessionCookies, sign_in_cookie

FREE_SECONDS = 0.5  # how long an address that may try is not looked at anew
MOST_ADDRESSES = 1000  # that are remembered for it
THREADS = 2  # of its own: looks at the database must not wait for those at passwords


class SignInBudgets:
    """All raise DatabaseError."""

    def __init__(self, cookies: SessionCookies) -> None:
        self._cookies = cookies
        self._threads = CapacityLimiter(THREADS)
        self._free_until: dict[str, float] = {}  # address -> monotonic time

    async def wait(self, request: Request, device: str = "") -> int:
        """Return the seconds that the caller's network has to wait, 0 with a device that is, or may be, known."""
        address = client_of(request)["address"]
        if device or sign_in_cookie(request, DEVICE) or self._free_until.get(address, 0.0) > time.monotonic():
            return 0
        engine, now = self._cookies.engine(), self._cookies.now()

        def look() -> int:
            wait = accounts.wait_of_network(engine, address, now)
            if wait:
                accounts.note_failure(engine, address, "", now, early=True)
            return wait

        wait = await to_thread.run_sync(look, limiter=self._threads)
        if wait == 0:
            self._note_free(address)
        return wait

    def _note_free(self, address: str) -> None:
        """Hundreds of forms at once are one look; what they spend is counted when their turn comes."""
        if len(self._free_until) >= MOST_ADDRESSES:
            self._free_until.clear()
        self._free_until[address] = time.monotonic() + FREE_SECONDS

    async def standing(self, request: Request, name: str) -> SignInAttempt:
        """Return how an attempt to sign in as `name` stands."""
        engine, now, address = self._cookies.engine(), self._cookies.now(), client_of(request)["address"]
        cookie = sign_in_cookie(request, DEVICE)
        return await to_thread.run_sync(
            lambda: accounts.attempt_of(engine, name, now=now, address=address, cookie=cookie), limiter=self._threads
        )
