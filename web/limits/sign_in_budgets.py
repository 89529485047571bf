"""Checks of the sign-in budgets in core, before a form is read and before a password is checked."""

from __future__ import annotations

import time

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from core.access import accounts
from core.access.accounts import SignInAttempt
from web.plain_pages import client_of
from web.sign_in.cookies import DEVICE, SessionCookies, sign_in_cookie

FREE_SECONDS = 0.5  # for how long the database is not asked again about an address that may try
MOST_ADDRESSES = 1000  # addresses that are remembered for that
THREADS = 2  # own threads: reading the database must not wait for checks of passwords


class SignInBudgets:
    """Asks the database how long an attempt to sign in has to wait. All methods may raise DatabaseError."""

    def __init__(self, cookies: SessionCookies) -> None:
        self._cookies = cookies
        self._threads = CapacityLimiter(THREADS)
        self._free_until: dict[str, float] = {}  # address -> monotonic time

    async def wait(self, request: Request, device: str = "") -> int:
        """Return the seconds that the caller's network has to wait; 0 if the browser sends the cookie of a device."""
        address = client_of(request)["address"]
        if device or sign_in_cookie(request, DEVICE) or self._free_until.get(address, 0.0) > time.monotonic():
            return 0
        engine, now = self._cookies.engine(), self._cookies.now()

        def read_wait() -> int:
            wait = accounts.wait_of_network(engine, address, now)
            if wait:
                accounts.note_failure(engine, address, "", now, early=True)
            return wait

        wait = await to_thread.run_sync(read_wait, limiter=self._threads)
        if wait == 0:
            self._note_free(address)
        return wait

    def _note_free(self, address: str) -> None:
        """Remember that this address may try, so that hundreds of forms at once read the database once only.

        What the attempts use of the budget is counted later, when their passwords are checked.
        """
        if len(self._free_until) >= MOST_ADDRESSES:
            self._free_until.clear()
        self._free_until[address] = time.monotonic() + FREE_SECONDS

    async def attempt(self, request: Request, name: str) -> SignInAttempt:
        """Return an attempt to sign in as `name`, with its wait and what is known about its caller."""
        engine, now, address = self._cookies.engine(), self._cookies.now(), client_of(request)["address"]
        cookie = sign_in_cookie(request, DEVICE)
        return await to_thread.run_sync(
            lambda: accounts.attempt_of(engine, name, now=now, address=address, cookie=cookie), limiter=self._threads
        )
