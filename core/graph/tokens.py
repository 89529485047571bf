"""Access tokens by certificate, through msal; one msal application per profile, kept for its life."""

from __future__ import annotations

import threading
from typing import Any, Protocol

import msal
import requests
from msal.exceptions import MsalServiceError
from msal.oauth2cli import JwtAssertionCreator

from core.certificates import Certificate
from core.graph.errors import BadAnswer, GraphError, SignInRefused, Unreachable, sign_in_error
from core.graph.http import Http, wait_seconds
from core.problems import Problem

ATTEMPTS = 3


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


class TokenSource:
    """Tokens for Graph; cached until five minutes before their end. Safe to use from many threads."""

    def __init__(self, login_url: str, graph_url: str, http: Http) -> None:
        self._login_url = login_url
        self._scope = f"{graph_url}/.default"  # a national cloud has a scope of its own
        self._http = http
        self._apps: dict[tuple[str, str], tuple[str, Any]] = {}  # (tenant, client) -> (thumbprint, application)
        self._lock = threading.Lock()

    def token(self, credentials: Credentials) -> str:
        """A valid access token.

        Raises SignInRefused when Entra says no, Unreachable or BadAnswer when it says nothing useful.
        """
        for attempt in range(ATTEMPTS):
            try:
                result = self._application(credentials).acquire_token_for_client([self._scope])
                break
            except (requests.ConnectionError, requests.Timeout) as error:
                failure: GraphError = Unreachable(_unreachable(credentials, error))
            except (MsalServiceError, requests.HTTPError, RuntimeError) as error:
                failure = BadAnswer(
                    Problem("signin.busy", {"tenant": credentials.name, "aadsts": ""}, str(error)[:300])
                )
            except ValueError as error:
                raise _unknown_tenant(credentials, error) from error
            if attempt == ATTEMPTS - 1:
                raise failure
            self._http.sleep(wait_seconds({}, attempt))
        if "access_token" not in result:
            # msal would repeat this refusal from memory for a minute, also after somebody has mended the cause.
            self.forget(credentials)
            raise sign_in_error(result, credentials.name)
        return str(result["access_token"])

    def forget(self, credentials: Credentials) -> None:
        """Drop the token (Graph has refused it, or the profile is to be tried afresh)."""
        with self._lock:
            self._apps.pop((credentials.tenant_id, credentials.client_id), None)

    def _application(self, credentials: Credentials) -> Any:
        key, thumbprint = (credentials.tenant_id, credentials.client_id), credentials.certificate.thumbprint
        with self._lock:
            known, app = self._apps.get(key, ("", None))
        if known != thumbprint:
            app = self._new_application(credentials)
            with self._lock:
                self._apps[key] = (thumbprint, app)
        return app

    def _new_application(self, credentials: Credentials) -> Any:
        authority = f"{self._login_url}/{credentials.tenant_id}"
        certificate = credentials.certificate
        # A parsed key: as PEM text msal would parse and check it at every token request, 50 ms of CPU each.
        creator = JwtAssertionCreator(
            certificate.private_key, algorithm="PS256", sha256_thumbprint=certificate.thumbprint_sha256
        )
        assertion = creator.create_regenerative_assertion(f"{authority}/oauth2/v2.0/token", credentials.client_id)
        return msal.ConfidentialClientApplication(
            credentials.client_id,
            authority=authority,
            client_credential={"client_assertion": assertion},
            http_client=self._http,
            instance_discovery=False,  # the login host is the operator's setting; msal need not ask anybody about it
        )


def _unreachable(credentials: Credentials, error: Exception) -> Problem:
    return Problem("graph.unreachable", {"tenant": credentials.name, "what": "token"}, type(error).__name__)


def _unknown_tenant(credentials: Credentials, error: ValueError) -> GraphError:
    """msal hides Entra's answer for an unknown tenant in a ValueError; broken JSON arrives as one, too."""
    if "authority configuration" in str(error):
        return SignInRefused(Problem("signin.tenant_unknown", {"tenant": credentials.name, "aadsts": "AADSTS90002"}))
    return BadAnswer(Problem("graph.unreadable", {"tenant": credentials.name, "what": "token"}, str(error)[:200]))
