"""HTTP to Microsoft: one `requests` session per thread, shared TLS settings, time-outs, waiting times."""

from __future__ import annotations

import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import HTTPAdapter

from core import metrics, tracing
from core.network import Proxies, without_password

DIRECT = Proxies()
TIMEOUT = (5.0, 30.0)  # connect, read; seconds
IDLE = 120.0  # seconds; a connection idle for longer is not used: hosts and firewalls drop it
NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])  # requests have a token; a cookie jar would only grow
USER_AGENT = "NONISV|Lizenztool|Lizenztool/1.0"


@dataclass(slots=True)
class RequestCount:
    """The requests sent so far for one piece of work."""

    sent: int = 0


_count_of_this_work: ContextVar[RequestCount | None] = ContextVar("request_count", default=None)


@contextmanager
def requests_counted(count: RequestCount) -> Iterator[None]:
    """Count the requests that this block sends, also in the threads that work for it."""
    token = _count_of_this_work.set(count)
    try:
        yield
    finally:
        _count_of_this_work.reset(token)


@dataclass(frozen=True, slots=True)
class Route:
    """The route to a host: `proxy` without its password, "" for none; authorities in `ca_bundle`, "" for default."""

    host: str
    proxy: str = ""
    ca_bundle: str = ""


@dataclass(slots=True)
class _ThreadSession:
    """The session of one thread and the time of its last use (monotonic seconds)."""

    session: requests.Session
    used: float = 0.0


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that no redirect is followed; `requests` raises ValueError for targets like `http://[`."""


class Http:
    """Sessions for any number of threads to one Graph and one login host.

    `sleep` waits (and may raise to end a run early); `ca_bundle` is a PEM file or a folder of hashed ones, "" for the
    default authorities. Only https is allowed, except to a proxy.
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
        self.asked_to_wait_at = 0.0  # monotonic seconds of the latest answer with Retry-After
        self._ca_bundle, self._proxies = ca_bundle, proxies
        self._routes: dict[str, str] = {}  # scheme and host -> proxy
        bundle = ca_bundle or certifi.where()
        folder = os.path.isdir(bundle)  # of hashed certificates, which `requests` would take as well
        self._tls = ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
        self._sessions: dict[threading.Thread, _ThreadSession] = {}
        self._lock = threading.Lock()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send one request; raises what `requests` raises."""
        if (count := _count_of_this_work.get()) is not None:
            with self._lock:
                count.sent += 1
        status = 0
        with tracing.span(f"HTTP {method}", **{"server.address": urlsplit(url).netloc}) as span:
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
                if "Retry-After" in answer.headers:
                    self.asked_to_wait_at = time.monotonic()
            finally:
                metrics.request_sent(method, status)
                span.set_attribute("http.response.status_code", status)
        return answer

    def close(self) -> None:
        """Close every connection; the object can be used again afterwards."""
        with self._lock:
            sessions, self._sessions = self._sessions, {}
        for thread_session in sessions.values():
            thread_session.session.close()

    def route(self, url: str) -> Route:
        """Return the route to `url`, for messages."""
        proxy = self._proxy(url)
        return Route(urlsplit(url).netloc.rpartition("@")[2], proxy and without_password(proxy), self._ca_bundle)

    def _proxy(self, url: str) -> str:
        """Return the proxy for `url`; it is looked up once per host."""
        host = "://".join(urlsplit(url)[:2])
        if host not in self._routes:
            self._routes[host] = self._proxies.of(url)
        return self._routes[host]

    def _session(self) -> requests.Session:
        """Return the session of this thread, with new connections after IDLE seconds without use."""
        thread, now = threading.current_thread(), time.monotonic()
        thread_session = self._sessions.get(thread)
        if thread_session is None:
            thread_session = self._add_session(thread)
        elif now - thread_session.used > IDLE:
            thread_session.session.close()  # closes its connections
        thread_session.used = now
        return thread_session.session

    def _add_session(self, thread: threading.Thread) -> _ThreadSession:
        thread_session = _ThreadSession(self._new_session())
        with self._lock:
            ended = [one for one in self._sessions if not one.is_alive()]
            unused = [self._sessions.pop(one) for one in ended]
            self._sessions[thread] = thread_session
        for one in unused:
            one.session.close()
        return thread_session

    def _new_session(self) -> requests.Session:
        session = _Session()
        # The environment is read by the settings; .netrc must not replace our bearer token.
        session.trust_env = False
        session.headers["User-Agent"] = USER_AGENT
        session.cookies.set_policy(NO_COOKIES)
        session.adapters.clear()
        session.mount("https://", _Adapter(self._tls))
        return session


class _Adapter(HTTPAdapter):
    """An adapter whose connections share one TLS context: reading the authorities takes 20 ms each time."""

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
    """Return the JSON body of an answer, None if it has none."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def wait_seconds(headers: Mapping[str, str], attempt: int, now: datetime | None = None) -> float:
    """Return the seconds to wait: Retry-After (integer, decimal or date) or RateLimit-Reset, the larger one.

    Without both: 0.5 s, doubled at each `attempt` (from 0), with jitter, at most 30 s.
    """
    waits = [_seconds(headers.get(name), now) for name in ("Retry-After", "RateLimit-Reset")]
    given = [seconds for seconds in waits if seconds is not None]
    backoff: float = min(30.0, 0.5 * 2**attempt) * random.uniform(0.75, 1.25)
    return max(given) if given else backoff


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
