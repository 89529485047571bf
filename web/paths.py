"""The paths of the server: which are public, which need a session, which are pages. Pure functions."""

from __future__ import annotations

# The page that says that too many tabs are open.
BUSY = "/busy"
# Sets the language of the browser.
LANGUAGE = "/language"

# The way to Microsoft's admin consent, which needs a session, and the public way back; see web/consent_pages.py.
CONSENT_START, CONSENT_ANSWER = "/onboarding/consent/start", "/onboarding/consent"

# Where customers approve orders, by a token in the address; see web/approval_pages.py.
APPROVAL = "/freigabe"
# Where they may rate how an order went, likewise; see web/rating_pages.py.
RATING = "/bewertung"
OF_CUSTOMERS = (APPROVAL, RATING)
# Where staff adds a file to a consent; see web/attachment_pages.py.
ATTACHMENT = "/beleg"

# Exact paths: a path below one of them would be answered by Streamlit.
SIGN_IN = ("/login", "/login/code", "/login/microsoft", "/login/microsoft/callback", "/login/refused", "/logout")
PUBLIC = frozenset(
    {*SIGN_IN, BUSY, LANGUAGE, CONSENT_ANSWER, "/health", "/health/ready", "/favicon.ico", "/favicon.png"}
)
# With a session only these and the pages are served. Everything else of Streamlit's server is closed (uploads, metrics,
# agent API, components, its own sign-in), and so is what an update may add.
SERVED = (
    "/static", "/media",
    "/_stcore/bidi-components/lizenztool.html_table", "/_stcore/bidi-components/lizenztool.copy_link",  # ours
    "/_stcore/bidi-components/lizenztool.jump_box", "/_stcore/bidi-components/lizenztool.focus",
    "/_stcore/bidi-components/lizenztool.passing_line",
)  # fmt: skip
# Programs may come here without a session: the route checks their token.
BY_TOKEN = ("/metrics",)
# The names for the jump box: a script asks for them, so that without a session the answer is no sign-in page.
JUMP = "/jump"
# The API checks the token of each call itself.
API = "/api/v1"
NO_PAGES = (*SERVED, *BY_TOKEN, JUMP, "/api", "/_stcore", "/component", "/auth", "/oauth2callback", "/app")


def is_under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def is_public(path: str) -> bool:
    # The mount of the files does not match a path with a line break, so that Streamlit would get it.
    return path in PUBLIC or is_of_customers(path) or (path.startswith("/assets/") and path.isprintable())


def is_of_customers(path: str) -> bool:
    """Return True for the pages of customers, which need no session and take no cookies."""
    return is_under(path, OF_CUSTOMERS) and path.isprintable()


def shown_path(path: str) -> str:
    """Return the path as it may stand in a log: without the token of a customer."""
    return next((f"{page}/…" for page in OF_CUSTOMERS if path.startswith(f"{page}/")), path)


def is_api(path: str) -> bool:
    return path.startswith(f"{API}/")


def is_page(path: str) -> bool:
    """Return True if the path has the form of a page's address: one segment without a dot."""
    return "/" not in path[1:] and "." not in path and not is_under(path, NO_PAGES)
