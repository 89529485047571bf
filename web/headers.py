"""Headers, ours and those of callers; the content security policy; Streamlit's HTML page with our name."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from core import texts
from core.roles import new_request_id

Header = tuple[bytes, bytes]

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
OWN_COOKIE = re.compile(rb"(__Host-)?(lizenztool_\w+|lang)=")
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# Otherwise the frontend looks for a server of its own under /alle-tenants/ first, with two 404s at each deep link.
ONE_SERVER = "window.__streamlit = { BACKEND_BASE_URL: window.location.origin }"

# For our own plain pages: no script at all.
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
    """What the headers of an answer depend on, as long as it is not sent; in the scope under HEADER_CHOICE.

    `private` answers hold somebody's data: neither the browser nor a proxy keeps them.
    """

    policy: str = PLAIN_POLICY
    private: bool = False


HEADER_CHOICE = "lizenztool.header_choice"


def security_headers() -> dict[str, str]:
    """The security headers, and a new request id, of an answer to what is no request."""
    return COMMON | {"content-security-policy": PLAIN_POLICY, "x-request-id": new_request_id()}


def hsts_for(*, subdomains: bool) -> str:
    """How long a browser that came by https comes by https only, and whether to all names below ours, too."""
    return f"{HSTS}; includeSubDomains" if subdomains else HSTS


def dashboard_policy(index: str) -> str:
    """As strict as Streamlit's frontend bears: its emotion styles are inline, graphviz needs wasm.

    The hashes of the inline scripts come from the page that is really served, so an update does not break it.
    """
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in INLINE_SCRIPT.findall(index))
    scripts = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'; form-action 'self'"
    )


class IndexPage:
    """Streamlit's HTML page, once per language, with our title and icon and without its pointer to the agent API."""

    def __init__(self, index: str) -> None:
        page = re.sub(r"<!--.*?-->\s*", "", index, flags=re.DOTALL)
        page = re.sub(r'<link rel="service-desc"[^>]*>\s*', "", page)
        page = page.replace("<title>Streamlit</title>", "<title>Lizenztool</title>")
        page = page.replace('href="./favicon.png"', 'href="/assets/icon.svg"')
        page = page.replace("<script>", f"<script>{ONE_SERVER}</script>\n    <script>", 1)
        self._pages = {
            language: page.replace('<html lang="en">', f'<html lang="{language}">').encode()
            for language in texts.languages()
        }
        self.policy = dashboard_policy(page)

    def page(self, language: str) -> bytes:
        return self._pages[language]


def with_headers(
    send: Send, policy: str, *, secure: bool, private: bool, request_id: str = "", hsts: str = HSTS
) -> Send:
    """`send` that adds the security headers a response does not set itself.

    `private` answers hold somebody's data: neither the browser nor a proxy keeps them. `secure` says that the
    browser speaks https: it shall go on doing so as `hsts` says, and no cookie ever leaves it otherwise.
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
    """Return True for a cookie of Streamlit's own: it guards uploads, which are closed, and names no host."""
    return pair[0] == b"set-cookie" and not OWN_COOKIE.match(pair[1])


def _cookie(pair: Header, *, secure: bool) -> Header:
    """Return the header; over https a cookie is for this host and https alone, also that of the language."""
    name, value = pair
    if name != b"set-cookie" or not secure:
        return pair
    value = value if value.startswith(b"__Host-") else b"__Host-" + value
    return name, value if b"; secure" in value.lower() else value + b"; Secure"


def request_id_of(scope: Scope) -> str:
    """The id that was given already, else the caller's own where it may stand in a log, else a new one."""
    if given := scope.get("request_id"):
        return str(given)
    told = Headers(scope=scope).get("x-request-id", "")
    return told if REQUEST_ID.fullmatch(told) else new_request_id()


def bearer_token(scope: Scope) -> str:
    """The secret that a program sends along, "" for none."""
    kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""
