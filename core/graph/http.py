"""The wire: one `requests` session per living thread, shared TLS settings, time-outs, how long to wait."""

from __future__ import annotations

import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import HTTPAdapter

from core import metrics
from core.network import Proxies, without_password

DIRECT = Proxies()
TIMEOUT = (5.0, 30.0)  # connect, read; seconds
IDLE = 120.0  # seconds; a connection that has rested for longer is made anew: hosts close it, firewalls forget it
NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])  # we are known by our token alone, and a jar would only grow
USER_AGENT = "NONISV|Lizenztool|Lizenztool/1.0"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a host: through `proxy` (without its password; "" for none), by the authorities in `ca_bundle`."""

    host: str
    proxy: str = ""
    ca_bundle: str = ""


@dataclass(slots=True)
class _Seat:
    """The session of one thread, and when it was last used (monotonic seconds)."""

    session: requests.Session
    used: float = 0.0


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow none; `requests` would also read the target, and raise ValueError over `http://[`."""


class Http:
    """Sessions for any number of threads to one Graph and one login host.

    `sleep` waits (and may raise to end a run early); `ca_bundle` is a PEM file or a
    folder of hashed ones, empty for the usual authorities. Plain http is never spoken,
    but to a proxy.
    """

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Proxies = DIRECT,
        timeout: tuple[float, float] = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.timeout = timeout
        self.sleep = sleep
        self.sent = 0
        self._ca_bundle, self._proxies = ca_bundle, proxies
        self._routes: dict[str, str] = {}  # scheme and host -> proxy
        bundle = ca_bundle or certifi.where()
        folder = os.path.isdir(bundle)  # of hashed certificates, which `requests` would take as well
        self._tls = ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
        self._seats: dict[threading.Thread, _Seat] = {}
        self._lock = threading.Lock()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send one request; raises what `requests` raises."""
        with self._lock:
            self.sent += 1
        status = 0
        try:
            proxy = self._proxy(url)
            answer = self._session().request(
                method,
                url,
                timeout=self.timeout,
                allow_redirects=False,
                proxies={urlsplit(url).scheme: proxy} if proxy else {},
                **options,
            )
            status = answer.status_code
        finally:
            metrics.request_sent(method, status)
        return answer

    def close(self) -> None:
        """Close every connection; the object can be used again afterwards."""
        with self._lock:
            seats, self._seats = self._seats, {}
        for seat in seats.values():
            seat.session.close()

    def route(self, url: str) -> Route:
        """By what way `url` is reached, to be told to people."""
        proxy = self._proxy(url)
        return Route(urlsplit(url).netloc.rpartition("@")[2], proxy and without_password(proxy), self._ca_bundle)

    def _proxy(self, url: str) -> str:
        """Looked up once for each host, not at every call."""
        host = "://".join(urlsplit(url)[:2])
        if host not in self._routes:
            self._routes[host] = self._proxies.of(url)
        return self._routes[host]

    def _session(self) -> requests.Session:
        """That of this thread. Connections live no longer than their thread, and are not used after a long rest."""
        thread, now = threading.current_thread(), time.monotonic()
        seat = self._seats.get(thread)
        if seat is None:
            seat = self._new_seat(thread)
        elif now - seat.used > IDLE:
            seat.session.close()  # its connections; a firewall may have forgotten them without a word
        seat.used = now
        return seat.session

    def _new_seat(self, thread: threading.Thread) -> _Seat:
        seat = _Seat(self._new_session())
        with self._lock:
            left = [gone for gone in self._seats if not gone.is_alive()]
            empty = [self._seats.pop(gone) for gone in left]
            self._seats[thread] = seat
        for found in empty:
            found.session.close()
        return seat

    def _new_session(self) -> requests.Session:
        session = _Session()
        # The settings have read the environment already; .netrc must never replace our bearer token.
        session.trust_env = False
        session.headers["User-Agent"] = USER_AGENT
        session.cookies.set_policy(NO_COOKIES)
        session.adapters.clear()
        session.mount("https://", _Adapter(self._tls))
        return session


class _Adapter(HTTPAdapter):
    """Hands every connection the one TLS context: reading the authorities costs 20 ms each time otherwise."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._tls)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):
            kwargs["proxy_ssl_context"] = self._tls
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._tls)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {key: value for key, value in pool.items() if key not in ("ca_certs", "ca_cert_dir")}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def json_of(answer: requests.Response) -> Any:
    """The JSON body of an answer; None when it has none."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def wait_seconds(headers: Mapping[str, str], attempt: int, now: datetime | None = None) -> float:
    """How long an answer asks us to wait: Retry-After (integer, decimal or date) or RateLimit-Reset, the larger.

    Without either: 0.5 s doubled at each `attempt` (from 0), spread by chance, at most 30 s.
    """
    asked = [_seconds(headers.get(name), now) for name in ("Retry-After", "RateLimit-Reset")]
    known = [seconds for seconds in asked if seconds is not None]
    backoff: float = min(30.0, 0.5 * 2**attempt) * random.uniform(0.75, 1.25)
    return max(known) if known else backoff


def _seconds(text: str | None, now: datetime | None) -> float | None:
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
