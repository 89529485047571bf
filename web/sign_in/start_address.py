"""The address to which the sign-in leads if no page was requested: the choice of the account."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from core.roles import PASSWORD_DUE, Action, may_open
from core.views.saved_views import Start, query_of

START_PAGE = "/"


def start_address(start: Start | None, role: str, pages: Mapping[str, Action]) -> str:
    """Return the address of the choice; the start page without a choice, or if `role` may not open it (any more).

    `pages`: address of each page -> action that a role must allow to open it.
    """
    if start is None or start.page not in pages or role == PASSWORD_DUE or not may_open(role, pages[start.page]):
        return START_PAGE
    query = query_of(start.params)
    return f"/{quote(start.page)}?{query}" if query else f"/{quote(start.page)}"
