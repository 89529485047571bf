"""The paths of the server: which are public, which need a session, which are pages. Pure functions."""

from __future__ import annotations

# Says that too many tabs are open; a tab that gets no place is sent there.
BUSY = "/busy"

# To the letter: what lies below one of them would fall through to Streamlit.
SIGN_IN = ("/login", "/login/code", "/login/microsoft", "/login/microsoft/callback", "/login/refused", "/logout")
PUBLIC = frozenset({*SIGN_IN, BUSY, "/health", "/health/ready", "/favicon.ico", "/favicon.png"})
# With a session these and the pages are served, nothing else: what Streamlit's server offers besides (uploads,
# metrics, agent API, components, its own sign-in) has no way in, also what an update may add.
SERVED = ("/static", "/media")
# A program may come here without a session: what is behind checks its token.
BY_TOKEN = ("/metrics",)
# Answers strangers itself, too: each of its calls carries a token.
API = "/api/v1"
NO_PAGES = (*SERVED, *BY_TOKEN, "/api", "/_stcore", "/component", "/auth", "/oauth2callback", "/app")


def is_under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def is_public(path: str) -> bool:
    # With a line break in it a path gets past the mount of the files, too.
    return path in PUBLIC or (path.startswith("/assets/") and path.isprintable())


def is_api(path: str) -> bool:
    return path.startswith(f"{API}/")


def is_page(path: str) -> bool:
    """An address as that of a page: one part and no file."""
    return "/" not in path[1:] and "." not in path and not is_under(path, NO_PAGES)
