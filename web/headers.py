"""Headers of answers and requests, the content security policies, and Streamlit's index page with our title."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from core import texts
from core.roles import new_request_id

Header = tuple[bytes, bytes]

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
OWN_COOKIE = re.compile(rb"(__Host-)?(lizenztool_\w+|lang)=")
NO_SCRIPT = re.compile(r"(?<=<noscript>).*?(?=</noscript>)", re.DOTALL)
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# Without this the frontend first looks for a server below the page's own address: two 404s for each deep link.
ONE_SERVER = "window.__streamlit = { BACKEND_BASE_URL: window.location.origin }"
# Numbers, dates and words of Streamlit's controls follow the language of the page and not that of the browser.
ONE_LANGUAGE = (
    "const formats = document.documentElement.dataset.formats; "
    "Object.defineProperties(navigator, { language: { value: formats }, languages: { value: [formats] } })"
)

# For the pages without Streamlit, which have no script.
PLAIN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

COMMON = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
HSTS = "max-age=31536000"


@dataclass(slots=True)
class HeaderChoice:
    """The choice of headers for the answer to a request, in the scope under HEADER_CHOICE; the gate changes it.

    `private` answers contain data of people or tenants: neither the browser nor a proxy may store them.
    """

    policy: str = PLAIN_POLICY
    private: bool = False


HEADER_CHOICE = "lizenztool.header_choice"


def security_headers() -> dict[str, str]:
    """Return the security headers and a new request id, for an answer to something that is not a valid request."""
    return COMMON | {"content-security-policy": PLAIN_POLICY, "x-request-id": new_request_id()}


def hsts_for(*, subdomains: bool) -> str:
    """Return the value of Strict-Transport-Security, with or without subdomains."""
    return f"{HSTS}; includeSubDomains" if subdomains else HSTS


def dashboard_policy(index: str) -> str:
    """Return the strictest policy with which Streamlit's frontend works: its styles are inline, graphviz needs wasm.

    The hashes of the inline scripts are computed from the page that is served, so they survive an update.
    """
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in INLINE_SCRIPT.findall(index))
    scripts = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'; form-action 'self'"
    )


class IndexPage:
    """Streamlit's HTML page, once per language, with our title and icon and without its pointer to the agent API.

    `first_files`: what the start page loads (web.first_files); its scripts are fetched at once, and not only when
    others have run that import them.
    """

    def __init__(self, index: str, first_files: Iterable[str] = ()) -> None:
        page = re.sub(r"<!--.*?-->\s*", "", index, flags=re.DOTALL)
        page = re.sub(r'<link rel="service-desc"[^>]*>\s*', "", page)
        page = page.replace("<title>Streamlit</title>", "<title>Lizenztool</title>")
        page = page.replace('href="./favicon.png"', 'href="/assets/icon.svg"')
        page = page.replace("<script>", f"<script>{ONE_SERVER}; {{ {ONE_LANGUAGE} }}</script>\n    <script>", 1)
        later = [name for name in first_files if name.endswith(".js") and name not in index]
        preloads = "".join(f'<link rel="modulepreload" crossorigin href="./static/{name}">\n    ' for name in later)
        page = page.replace('<link rel="stylesheet"', f'{preloads}<link rel="stylesheet"', 1)
        self._pages = {language: _in_language(page, language).encode() for language in texts.languages()}
        self.policy = dashboard_policy(page)

    def page(self, language: str) -> bytes:
        return self._pages[language]


def _in_language(page: str, language: str) -> str:
    """Return the page with the scripts, formats and the sentence without JavaScript of a language."""
    formats = texts.text("format.locale", language).replace("_", "-")
    page = page.replace('<html lang="en">', f'<html lang="{language}" data-formats="{formats}">')
    page = NO_SCRIPT.sub(lambda _: escape(texts.text("plain.no_script", language)), page)
    return page.replace('"./static/', f'"./static/{language}/')


def with_headers(
    send: Send, policy: str, *, secure: bool, private: bool, request_id: str = "", hsts: str = HSTS
) -> Send:
    """Return a `send` that adds the security headers which an answer does not set itself.

    `private` answers may not be stored (see HeaderChoice). `secure`: the browser uses https, so it gets `hsts`, and
    its cookies are sent over https only.
    """
    defaults = COMMON | {"content-security-policy": policy} | ({"strict-transport-security": hsts} if secure else {})

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Header] = [
                _cookie(pair, secure=secure)
                for pair in message.get("headers", [])
                if not (private and pair[0] == b"cache-control") and not _is_foreign_cookie(pair)
            ]
            present = {name for name, _ in headers}
            headers += [(k.encode(), v.encode()) for k, v in defaults.items() if k.encode() not in present]
            if private:
                headers.append((b"cache-control", b"private, no-store"))
            if b"x-request-id" not in present:
                headers.append((b"x-request-id", request_id.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers


def _is_foreign_cookie(pair: Header) -> bool:
    """Return True for a cookie of Streamlit itself, which is removed: it protects uploads, which are closed."""
    return pair[0] == b"set-cookie" and not OWN_COOKIE.match(pair[1])


def _cookie(pair: Header, *, secure: bool) -> Header:
    """Return the header; over https every cookie gets the prefix __Host- and the attribute Secure."""
    name, value = pair
    if name != b"set-cookie" or not secure:
        return pair
    value = value if value.startswith(b"__Host-") else b"__Host-" + value
    return name, value if b"; secure" in value.lower() else value + b"; Secure"


def request_id_of(scope: Scope) -> str:
    """Return the id in the scope, else the caller's X-Request-Id if it is safe for the log, else a new id."""
    if request_id := scope.get("request_id"):
        return str(request_id)
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if REQUEST_ID.fullmatch(sent) else new_request_id()


def bearer_token(scope: Scope) -> str:
    """Return the token in the Authorization header, "" without one."""
    kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""
