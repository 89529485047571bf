"""Get access tokens by certificate through msal, and cache them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests
from msal.oauth2cli import Client, JwtAssertionCreator

from core.graph.connection_problems import foreign_answer, from_entra, is_page, may_pass, no_answer
from core.graph.errors import BadAnswer, GraphError, Intercepted, Unreachable, sign_in_error
from core.graph.http import Http, json_of, wait_seconds
from core.graph.retry import repeat
from core.problems import Problem
from core.profiles.certificates import Certificate

ATTEMPTS = 3
SPARE = 300.0  # seconds; a token is not used in this time before its end


class Credentials(Protocol):
    """The data of a profile that a token request needs."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def certificate(self) -> Certificate: ...


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, the certificate of its request, and the end of its use (monotonic seconds)."""

    text: str = field(repr=False)
    thumbprint: str
    until: float


class TokenSource:
    """Tokens for Graph, cached until five minutes before their end; safe for many threads.

    Of msal only its protocol is used: an application with its cache takes 20 KB per tenant, and to make one for each
    token takes longer than to sign the request.
    """

    def __init__(self, login_url: str, graph_url: str, http: Http) -> None:
        self._login_url = login_url
        self._scope = f"{graph_url}/.default"  # also right for national clouds
        self._http = http
        self._tokens: dict[tuple[str, str], _Token] = {}  # by tenant and client
        self._gates: dict[tuple[str, str], threading.Lock] = {}

    def token(self, credentials: Credentials) -> str:
        """Return a valid access token; if several threads need the same one, only one requests it.

        Raises SignInRefused if Entra refuses; Unreachable, Throttled or BadAnswer if there is no usable answer.
        """
        key = _key(credentials)
        with self._gates.setdefault(key, threading.Lock()):
            token = self._tokens.get(key)
            if token and token.thumbprint == credentials.certificate.thumbprint and time.monotonic() < token.until:
                return token.text
            return repeat(lambda attempt: self._request_token(credentials, attempt), ATTEMPTS, self._http.sleep)

    def forget(self, credentials: Credentials) -> None:
        """Drop the token, because Graph has refused it or a new sign-in is to be tested."""
        self._tokens.pop(_key(credentials), None)

    def keep_only(self, used: Iterable[Credentials]) -> None:
        """Drop the tokens of applications that are not in `used`."""
        used_keys = {_key(credentials) for credentials in used}
        for key in set(self._gates) - used_keys:
            self._gates.pop(key, None)
            self._tokens.pop(key, None)

    def _request_token(self, credentials: Credentials, attempt: int) -> str:
        try:
            return self._fetch(credentials)
        except _RefusedError as refused:
            failure = self._error_of(credentials, refused.answer, attempt)
        except requests.RequestException as error:
            problem = no_answer(error, self._http.route(self._login_url), tenant=credentials.name, what="token")
            failure = Unreachable(problem)
            failure.again_after = wait_seconds({}, attempt) if may_pass(problem) else None
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            # JSON that msal cannot read. Its content may be secret, so only the type of the error is used.
            failure = _unreadable(credentials, type(error).__name__, attempt)
        raise failure

    def _error_of(self, credentials: Credentials, answer: requests.Response, attempt: int) -> GraphError:
        status, body = answer.status_code, json_of(answer)
        later = status == 429 or status >= 500
        if status == 200 and not is_page(answer) and not from_entra(body):
            return _unreadable(credentials, "HTTP 200", attempt)
        if not later and not from_entra(body):
            route = self._http.route(self._login_url)
            return Intercepted(foreign_answer(answer, route, tenant=credentials.name, what="token"), status)
        failure = sign_in_error(body, credentials.name, status)
        failure.again_after = wait_seconds(answer.headers, attempt) if later else None
        return failure

    def _fetch(self, credentials: Credentials) -> str:
        requested_at = time.monotonic()
        result = self._client(credentials).obtain_token_for_client([self._scope])
        text, until = str(result["access_token"]), requested_at + int(result.get("expires_in") or 0) - SPARE
        self._tokens[_key(credentials)] = _Token(text, credentials.certificate.thumbprint, until)
        return text

    def _client(self, credentials: Credentials) -> Any:
        endpoint = f"{self._login_url}/{credentials.tenant_id}/oauth2/v2.0/token"
        certificate = credentials.certificate
        # A parsed key, because PEM text is parsed and checked at every token request (50 ms of CPU).
        # A copy, because OpenSSL keeps 8 KB of tables with a key that has signed.
        key = certificate.private_key.private_numbers().private_key(unsafe_skip_rsa_key_validation=True)
        creator = JwtAssertionCreator(key, algorithm="PS256", sha256_thumbprint=certificate.thumbprint_sha256)
        return Client(
            {"token_endpoint": endpoint},
            credentials.client_id,
            http_client=_LoginWire(self._http),
            client_assertion=creator.create_normal_assertion(endpoint, credentials.client_id),
            client_assertion_type=Client.CLIENT_ASSERTION_TYPE_JWT,
        )


def _key(credentials: Credentials) -> tuple[str, str]:
    return credentials.tenant_id, credentials.client_id


def _unreadable(credentials: Credentials, detail: str, attempt: int) -> GraphError:
    failure = BadAnswer(Problem("graph.unreadable", {"tenant": credentials.name, "what": "token"}, detail))
    failure.again_after = wait_seconds({}, attempt)
    return failure


def _has_token(body: Any) -> bool:
    """Return True if the answer has a token that is valid in a header: ASCII without blanks."""
    token = body.get("access_token") if isinstance(body, Mapping) else None
    return isinstance(token, str) and re.fullmatch(r"[!-~]+", token) is not None


class _RefusedError(Exception):
    """The answer of the login host has no token."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class _LoginWire:
    """The HTTP client for msal.

    Refusals, and answers without a token, are raised before msal sees them: it would hide Entra's text about an unknown
    tenant, and log what it cannot read.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(self, url: str, **options: Any) -> requests.Response:
        answer = self._http.request("POST", url, **options)
        if answer.status_code != 200 or is_page(answer) or not _has_token(json_of(answer)):
            raise _RefusedError(answer)
        return answer
