"""msal's authorization-code flow: start a sign-in at the provider, and read the ID token of the one who comes back.

ProviderError     the sign-in failed; `why` is a key of the refusal page
"""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import msal
import requests
from msal.exceptions import MsalError
from msal.oauth2cli import JwtAssertionCreator

from core.graph.connection_problems import foreign_answer, is_page, no_answer
from core.graph.http import DIRECT, Http
from core.network import Proxies
from core.profiles.auth_profiles import AuthProfile

log = logging.getLogger(__name__)

TIMEOUT = (5.0, 15.0)  # seconds to connect and to read; short, because a person is waiting
WHO = {"tenant": "Microsoft sign-in", "what": "token"}
ERROR = re.compile(r"[a-z_]{1,60}")
AADSTS = re.compile(r"AADSTS\d+")
# response_mode=form_post is not possible: a form from the provider comes without our cookie (SameSite=Lax), and the
# gate refuses forms of other sites. The code in the address is useless without that cookie and the secret.
warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended", category=UserWarning)
NOT_ASSIGNED = "AADSTS50105"  # the app requires an assignment, and this person has none


class ProviderError(Exception):
    """The provider cannot be reached, has refused, or has given an answer that does not belong to the sign-in."""

    def __init__(self, why: Literal["away", "provider", "cancelled", "role", "token"]) -> None:
        super().__init__(why)
        self.why = why


class OpenIdClient:
    """A client of the provider in the sign-in profile; the provider's metadata is kept until the profile changes.

    Both methods wait for the network and may raise ProviderError.
    """

    def __init__(self, login_url: str, ca_bundle: str, proxies: Proxies = DIRECT) -> None:
        self._login_url = login_url
        self._ca_bundle, self._proxies = ca_bundle, proxies
        self._cached: tuple[AuthProfile, _HttpClient, Any] | None = None

    def start(self, profile: AuthProfile, redirect_url: str, prompt: str) -> dict[str, Any]:
        """Return a new flow: `auth_uri` is the address for the browser, the rest is for `finish`."""
        _, application = self._application(profile)
        flow: dict[str, Any] = application.initiate_auth_code_flow(
            [], redirect_uri=redirect_url, prompt=prompt or None, max_age=int(profile.max_age / timedelta(seconds=1))
        )
        # microsoft_claims.py checks the age: msal would require `auth_time` and put the claims into its error.
        flow.pop("max_age", None)
        return flow

    def finish(self, profile: AuthProfile, flow: dict[str, Any], answer: Mapping[str, str]) -> tuple[Any, str]:
        """Return (claims of the ID token, issuer in the provider's metadata), after a check of state and nonce."""
        http_client, application = self._application(profile)
        try:
            result = application.acquire_token_by_auth_code_flow(flow, dict(answer))
        except MsalError as error:
            log.error("The sign-in host did not answer: %s", type(error).__name__)  # noqa: TRY400
            raise ProviderError("away") from None
        except (ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
            # Wrong state or nonce, or no JSON. The text may contain the token, so only the class is logged.
            log.warning("A sign-in came back with an answer that does not fit: %s", type(error).__name__)
            raise ProviderError("token") from None
        if "error" in result:
            raise ProviderError(_why(result))
        return result.get("id_token_claims") or {}, http_client.issuer

    def _application(self, profile: AuthProfile) -> tuple[_HttpClient, Any]:
        cached = self._cached
        if cached is None or cached[0] != profile:
            # Without a lock, so that a host that does not answer delays no other sign-in.
            http_client = _HttpClient(self._ca_bundle, self._proxies)
            cached = self._cached = (profile, http_client, self._new_application(profile, http_client))
        return cached[1:]

    def _new_application(self, profile: AuthProfile, http_client: _HttpClient) -> Any:
        entra = f"{self._login_url}/{profile.tenant_id}"
        place = {"oidc_authority": profile.authority} if profile.authority else {"authority": entra}
        try:
            return msal.ConfidentialClientApplication(
                profile.client_id,
                client_credential=_credential(profile, http_client),
                http_client=http_client,
                token_cache=_NoTokens(),
                exclude_scopes=["offline_access"],  # no refresh token: the identity is needed once only
                instance_discovery=False,  # the login host is the operator's setting
                **place,
            )
        except MsalError as error:
            log.error("The sign-in host did not answer: %s", type(error).__name__)  # noqa: TRY400
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            log.error("The sign-in host does not know tenant or authority of the profile %s", profile.slug)  # noqa: TRY400
        raise ProviderError("away")


def _credential(profile: AuthProfile, http_client: _HttpClient) -> Any:
    if profile.certificate is None:
        return profile.secret
    certificate = profile.certificate
    creator = JwtAssertionCreator(
        certificate.private_key, algorithm="PS256", sha256_thumbprint=certificate.thumbprint_sha256
    )
    # A function, because the token endpoint is known only after the metadata has been read.
    return {"client_assertion": lambda: creator.create_normal_assertion(http_client.token_endpoint, profile.client_id)}


def _why(result: Mapping[str, Any]) -> Literal["provider", "cancelled", "role"]:
    """Return the reason for the page, and log the error codes; nothing else from the redirect is logged."""
    error, text = str(result["error"]), str(result.get("error_description", ""))
    code = AADSTS.search(text)
    if code and code.group() == NOT_ASSIGNED:
        return "role"
    if error == "access_denied":
        return "cancelled"
    name = error if ERROR.fullmatch(error) else "?"
    log.error("The provider refused a sign-in: %s %s", name, code.group() if code else "")
    return "provider"


class _HttpClient:
    """Sends msal's requests, and remembers issuer and token endpoint from the provider's metadata.

    Each request has a connection of its own: sign-ins are rare, and connections of ended threads would stay open.
    """

    def __init__(self, ca_bundle: str, proxies: Proxies) -> None:
        self._ca_bundle, self._proxies = ca_bundle, proxies
        self.issuer = self.token_endpoint = ""

    def get(self, url: str, **options: Any) -> requests.Response:
        answer = self._send("GET", url, **options)
        if answer.status_code == 200:
            metadata = json.loads(answer.text)
            self.issuer, self.token_endpoint = str(metadata["issuer"]), str(metadata["token_endpoint"])
        return answer

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._send("POST", url, **options)

    def close(self) -> None:
        """Do nothing: no connection stays open between two requests."""

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        http = Http(ca_bundle=self._ca_bundle, proxies=self._proxies, timeout=TIMEOUT)
        try:
            answer = http.request(method, url, **options)
            problem = foreign_answer(answer, http.route(url), **WHO) if is_page(answer) else None
        except requests.RequestException as error:
            problem = no_answer(error, http.route(url), **WHO)
        finally:
            http.close()
        if problem is None:
            return answer
        log.error("%s [%s]", problem, problem.detail)
        raise ProviderError("away")


class _NoTokens:
    """Replaces msal's token cache and keeps nothing: the access token is not used."""

    def add(self, event: Any, now: Any = None) -> None: ...
    def remove_rt(self, item: Any) -> None: ...
    def update_rt(self, item: Any, new: Any) -> None: ...
