"""Access tokens by certificate, fetched through msal and kept here."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import msal
import requests
from msal.oauth2cli import JwtAssertionCreator

from core.graph.errors import BadAnswer, GraphError, Intercepted, Unreachable, sign_in_error
from core.graph.http import Http, json_of, wait_seconds
from core.graph.retry import repeat
from core.graph.trouble import foreign_answer, from_entra, is_page, may_pass, no_answer
from core.problems import Problem
from core.profiles.certificates import Certificate

ATTEMPTS = 3
SPARE = 300.0  # seconds before its end from which on a token is not used any more


class Credentials(Protocol):
    """What a profile must have so that a token can be fetched for it."""

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
    """A token, the certificate it was fetched with, and until when (monotonic seconds) it is used."""

    text: str = field(repr=False)
    thumbprint: str
    until: float


class TokenSource:
    """Tokens for Graph; kept until five minutes before their end. Safe to use from many threads.

    msal's own cache is left aside: with the application around it, it holds 20 KB for each tenant.
    """

    def __init__(self, login_url: str, graph_url: str, http: Http) -> None:
        self._login_url = login_url
        self._scope = f"{graph_url}/.default"  # a national cloud has a scope of its own
        self._http = http
        self._tokens: dict[tuple[str, str], _Token] = {}  # by tenant and client
        self._gates: dict[tuple[str, str], threading.Lock] = {}

    def token(self, credentials: Credentials) -> str:
        """A valid access token; of several threads that need the same one, one fetches it.

        Raises SignInRefused when Entra says no; Unreachable, Throttled or BadAnswer when it says nothing useful.
        """
        key = _key(credentials)
        with self._gates.setdefault(key, threading.Lock()):
            known = self._tokens.get(key)
            if known and known.thumbprint == credentials.certificate.thumbprint and time.monotonic() < known.until:
                return known.text
            return repeat(lambda attempt: self._ask(credentials, attempt), ATTEMPTS, self._http.sleep)

    def forget(self, credentials: Credentials) -> None:
        """Drop the token (Graph has refused it, or the profile is to be tried afresh)."""
        self._tokens.pop(_key(credentials), None)

    def keep_only(self, used: Iterable[Credentials]) -> None:
        """Drop the tokens of applications that no profile names any more."""
        wanted = {_key(credentials) for credentials in used}
        for key in set(self._gates) - wanted:
            self._gates.pop(key, None)
            self._tokens.pop(key, None)

    def _ask(self, credentials: Credentials, attempt: int) -> str:
        try:
            return self._fetch(credentials)
        except _RefusedError as refused:
            failure = self._refusal(credentials, refused.answer, attempt)
        except requests.RequestException as error:
            problem = no_answer(error, self._http.route(self._login_url), tenant=credentials.name, what="token")
            failure = Unreachable(problem)
            failure.again_after = wait_seconds({}, attempt) if may_pass(problem) else None
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            # JSON in which msal stumbles over something else than the token. It may be secret: only its kind is told.
            failure = _unreadable(credentials, type(error).__name__, attempt)
        raise failure

    def _refusal(self, credentials: Credentials, answer: requests.Response, attempt: int) -> GraphError:
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
        asked = time.monotonic()
        result = self._new_application(credentials).acquire_token_for_client([self._scope])
        text, until = str(result["access_token"]), asked + float(result.get("expires_in") or 0) - SPARE
        self._tokens[_key(credentials)] = _Token(text, credentials.certificate.thumbprint, until)
        return text

    def _new_application(self, credentials: Credentials) -> Any:
        authority = f"{self._login_url}/{credentials.tenant_id}"
        certificate = credentials.certificate
        # A parsed key: as PEM text msal would parse and check it at every token request, 50 ms of CPU each.
        # A copy of it: OpenSSL keeps 8 KB of tables with a key that has signed.
        key = certificate.private_key.private_numbers().private_key(unsafe_skip_rsa_key_validation=True)
        creator = JwtAssertionCreator(key, algorithm="PS256", sha256_thumbprint=certificate.thumbprint_sha256)
        assertion = creator.create_regenerative_assertion(f"{authority}/oauth2/v2.0/token", credentials.client_id)
        return msal.ConfidentialClientApplication(
            credentials.client_id,
            authority=authority,
            client_credential={"client_assertion": assertion},
            http_client=_LoginWire(self._http, authority),
            instance_discovery=False,  # the login host is the operator's setting; msal need not ask anybody about it
        )


def _key(credentials: Credentials) -> tuple[str, str]:
    return credentials.tenant_id, credentials.client_id


def _unreadable(credentials: Credentials, detail: str, attempt: int) -> GraphError:
    failure = BadAnswer(Problem("graph.unreadable", {"tenant": credentials.name, "what": "token"}, detail))
    failure.again_after = wait_seconds({}, attempt)
    return failure


def _has_token(body: Any) -> bool:
    """Return True if the answer holds a token that fits into a header: ASCII without blanks."""
    found = body.get("access_token") if isinstance(body, Mapping) else None
    return isinstance(found, str) and re.fullmatch(r"[!-~]+", found) is not None


class _RefusedError(Exception):
    """The login host has answered with something else than what was asked for."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class _LoginWire:
    """What msal sends its requests through.

    Refusals, and answers without a token, are raised before msal sees them: it would repeat them from memory for
    5 to 60 seconds, also after somebody has mended the cause, hide what Entra says about an unknown tenant, and
    write what it cannot read into the log.
    """

    def __init__(self, http: Http, authority: str) -> None:
        self._http = http
        self._authority = authority

    def get(self, url: str, **options: Any) -> Any:
        """msal's only question is where the endpoints are; asking would cost each tenant one more round trip."""
        base = f"{self._authority}/oauth2/v2.0"
        endpoints = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}
        return SimpleNamespace(status_code=200, text=json.dumps(endpoints), headers={})

    def post(self, url: str, **options: Any) -> requests.Response:
        answer = self._http.request("POST", url, **options)
        if answer.status_code != 200 or is_page(answer) or not _has_token(json_of(answer)):
            raise _RefusedError(answer)
        return answer

    def close(self) -> None:
        """The connections are not msal's to close."""
