"""Find a tenant by its id or one of its domains, through the OpenID configuration of the login host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from core.graph.connection_problems import foreign_answer, from_entra, is_page, no_answer
from core.graph.errors import GraphError, Intercepted, SignInRefused, Unreachable, sign_in_error
from core.graph.http import Http, json_of
from core.name_key import guid_key
from core.problems import Problem

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(?:\.{LABEL})*\.[a-z][a-z0-9-]*[a-z0-9]")
LONGEST_DOMAIN = 253


@dataclass(frozen=True, slots=True)
class TenantLookup:
    """Looks tenants up at `login_url`; only those in the cloud of `graph_url` can be read."""

    login_url: str
    graph_url: str
    http: Http

    def tenant_id(self, wanted: str) -> str:
        """Return the id of the tenant with this id or domain.

        https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc. Raises SignInRefused for an unknown
        tenant, or one of another cloud; Unreachable, Throttled or BadAnswer if there is no usable answer.
        """
        url = f"{self.login_url}/{wanted}/v2.0/.well-known/openid-configuration"
        try:
            answer = self.http.request("GET", url)
        except requests.RequestException as error:
            route = self.http.route(self.login_url)
            raise Unreachable(no_answer(error, route, tenant=wanted, what="openid-configuration")) from error
        body = json_of(answer)
        if answer.status_code != 200 or is_page(answer) or not isinstance(body, dict):
            raise self._refusal(wanted, answer, body)
        return self._checked(wanted, body)

    def _refusal(self, wanted: str, answer: requests.Response, body: Any) -> GraphError:
        if not from_entra(body) and answer.status_code < 500:
            route = self.http.route(self.login_url)
            what = foreign_answer(answer, route, tenant=wanted, what="openid-configuration")
            return Intercepted(what, answer.status_code)
        refused = sign_in_error(body, wanted, answer.status_code)
        if refused.problem.code == "signin.tenant_unknown":
            return SignInRefused(Problem("onboarding.tenant_unknown", {"wanted": wanted}, refused.problem.detail))
        return refused

    def _checked(self, wanted: str, body: dict[str, Any]) -> str:
        """Return the tenant id in the issuer. Raises SignInRefused if the tenant is in another cloud."""
        graph_host = str(body.get("msgraph_host") or "")
        if graph_host and graph_host != urlsplit(self.graph_url).netloc:
            params = {"wanted": wanted, "host": graph_host, "ours": urlsplit(self.graph_url).netloc}
            raise SignInRefused(Problem("onboarding.other_cloud", params))
        tenant_id = guid_key(urlsplit(str(body.get("issuer") or "")).path.strip("/").partition("/")[0])
        if not tenant_id:
            raise SignInRefused(Problem("onboarding.no_issuer", {"wanted": wanted}))
        return tenant_id


def domain_key(text: str) -> str:
    """Return the domain that `text` spells, in lower case and for the wire (IDNA); "" if it spells none."""
    name = text.strip().strip(".").casefold()
    try:
        name = name.encode("idna").decode() if name and not name.isascii() else name
    except UnicodeError:
        return ""
    return name if len(name) <= LONGEST_DOMAIN and DOMAIN.fullmatch(name) else ""
