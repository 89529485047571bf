"""Entra's login host: the metadata page, the admin consent, and tokens for an application with a certificate."""

import base64
import datetime as dt
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt

from .certificates import AppCertificate
from .replies import Reply, as_json
from .tenants import AppRegistration
from .world import Token, World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NO_SUCH_TENANT = (
    "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "
    "Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
)
# Entra's own words; the tool must not depend on any of them.
TEXTS = {
    50000: "There was an error issuing a token or an issue with our sign-in service.",
    500014: "The service principal for resource '00000003-0000-0000-c000-000000000000' is disabled. This indicate "
    "that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the "
    "application, preventing tokens from being issued for it.",
    5000225: "This tenant has been blocked due to inactivity.",
    53003: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    530035: "Access has been blocked by security defaults.",
}


class LoginError(Exception):
    """An error answer in Entra's format; clients read `error` and the AADSTS number."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code, self.text = status, error, code, text

    def reply(self) -> Reply:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        at = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        described = f"AADSTS{self.code}: {self.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
        body = {
            "error": self.error,
            "error_description": described,
            "error_codes": [self.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        return as_json(body, self.status)


def answer(world: World, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
    """Answer the metadata page, the admin consent and the token endpoint below `/{tenant}`, an id or a domain."""
    tenant_id, _, rest = path.strip("/").partition("/")
    try:
        if rest == "v2.0/.well-known/openid-configuration":
            return as_json(_discovery(world, tenant_id))
        if rest == "v2.0/adminconsent" and method == "GET":
            return _admin_consent(world, tenant_id, query)
        if rest == "oauth2/v2.0/token" and method == "POST":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return _token(world, tenant_id, form)
    except LoginError as error:
        return error.reply()
    return Reply(404, b"")


def _admin_consent(world: World, tenant: str, query: Mapping[str, str]) -> Reply:
    """Consent to the provider's application, as an administrator of the tenant who presses "Accept", and redirect."""
    app, provider = _app_of(world, tenant, "invalid_request"), world.portal.provider
    redirect = query.get("redirect_uri", "")
    if not query.get("scope"):
        raise LoginError(400, "invalid_request", 900144, "The request body must contain the parameter: 'scope'.")
    if provider is None or query.get("client_id") != provider.client_id:
        text = f"Application with identifier '{query.get('client_id')}' was not found in the directory."
        raise LoginError(400, "unauthorized_client", 700016, text)
    if redirect not in provider.redirects:
        text = f"The redirect URI '{redirect}' specified in the request does not match those of the application."
        raise LoginError(400, "invalid_request", 50011, text)
    said = {"admin_consent": "True", "tenant": app.tenant_id}
    if world.portal.declines:
        said |= {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent."}
    else:
        world.portal.consent_to_provider(app)
    state = {"state": query["state"]} if "state" in query else {}
    return Reply(302, headers={"Location": f"{redirect}?{urlencode(said | state)}"})


def _discovery(world: World, tenant: str) -> dict[str, Any]:
    if foreign := world.portal.other_clouds.get(tenant.lower()):
        base, graph_host = f"https://login.{foreign}/{uuid.uuid5(uuid.NAMESPACE_DNS, tenant)}", f"graph.{foreign}"
    else:
        tenant_id = _app_of(world, tenant, "invalid_tenant").tenant_id
        base, graph_host = f"{world.login_url}/{tenant_id}", world.graph_url.removeprefix("https://")
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "localhost",
        "msgraph_host": graph_host,
    }


def _token(world: World, tenant_id: str, form: dict[str, str]) -> Reply:
    app = _app_of(world, tenant_id, "invalid_request")
    _check_app(app, form.get("client_id", ""))
    early = app.consent_takes > 0  # the consent has not taken effect yet
    app.consent_takes -= early
    if form.get("grant_type") != "client_credentials":
        raise LoginError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    _check_assertion(world, app, form)
    if form.get("scope") != f"{world.graph_url}/.default":
        text = f"The provided request must include a 'scope' of the form <resource>/.default: {form.get('scope')}."
        raise LoginError(400, "invalid_scope", 70011, text)
    life = int(world.token_lifetime)
    token = issue(world, app, without_roles=early)
    return as_json({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token})


def issue(world: World, app: AppRegistration, *, without_roles: bool = False) -> str:
    """Return a new access token; it looks like a JWT, but its meaning is in `world.tokens` alone."""
    now = int(time.time())
    roles = [] if without_roles else sorted(app.permissions)
    claims: dict[str, Any] = {
        "aud": world.graph_url,
        "iss": f"{world.login_url}/{app.tenant_id}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + int(world.token_lifetime),
        "app_displayname": "Lizenztool",
        "appid": app.client_id,
        "idtyp": "app",
        "tid": app.tenant_id,
        **({"roles": roles} if roles else {}),
    }
    text = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'kid': 'simulator'})}.{_part(claims)}.{secrets.token_urlsafe(32)}"
    expires = time.time() + world.token_lifetime
    world.tokens[text] = Token(app.tenant_id, app.client_id, frozenset(roles), expires)
    return text


def _app_of(world: World, tenant_id: str, error: str) -> AppRegistration:
    app = world.app_of(tenant_id)
    if app is None:
        raise LoginError(400, error, 90002, NO_SUCH_TENANT.format(tenant_id))
    return app


def _check_app(app: AppRegistration, client_id: str) -> None:
    if client_id.lower() != app.client_id:
        text = f"Application with identifier '{client_id}' was not found in the directory '{app.name}'."
        raise LoginError(400, "unauthorized_client", 700016, text)
    if number := app.refused_with:
        raise LoginError(400, "invalid_client", number, TEXTS.get(number, "Somebody has not written that down yet."))
    if app.disabled:
        raise LoginError(400, "unauthorized_client", 7000112, f"Application '{client_id}'(Lizenztool) is disabled.")
    if app.from_provider and app.consent_takes:
        app.consent_takes -= 1
        text = f"The client application {client_id} is missing service principal in the tenant {app.tenant_id}."
        raise LoginError(401, "invalid_client", 7000229, text)
    if not app.service_principal:
        text = f"The client application {client_id} is missing service principal in the tenant {app.tenant_id}."
        raise LoginError(401, "invalid_client", 7000229, text)


def _check_assertion(world: World, app: AppRegistration, form: dict[str, str]) -> None:
    assertion = form.get("client_assertion", "")
    if not assertion or form.get("client_assertion_type") != ASSERTION_TYPE:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise LoginError(401, "invalid_client", 7000218, text)
    try:
        certificate = _certificate_of(app, jwt.get_unverified_header(assertion))
        claims = _verified(world, app, assertion, certificate)
    except jwt.ExpiredSignatureError as error:
        text = "Client assertion is not within its valid time range. Check the clock of the machine."
        raise LoginError(401, "invalid_client", 700024, text) from error
    except jwt.InvalidAudienceError as error:
        text = "Client assertion audience claim does not match Realm issuer."
        raise LoginError(401, "invalid_client", 700023, text) from error
    except jwt.PyJWTError as error:
        text = f"Client assertion failed signature validation or is malformed: {error}."
        raise LoginError(401, "invalid_client", 50012, text) from error
    if not (claims["iss"] == claims["sub"] == app.client_id):
        text = f"Client assertion's issuer and subject must both be the client id '{app.client_id}'."
        raise LoginError(401, "invalid_client", 700021, text)
    _refuse_replay(world, app, str(claims["jti"]))


def _verified(world: World, app: AppRegistration, assertion: str, certificate: AppCertificate) -> dict[str, Any]:
    base = f"{world.login_url}/{app.tenant_id}"
    claims: dict[str, Any] = jwt.decode(
        assertion,
        certificate.public_key,
        algorithms=["RS256", "PS256"],
        audience=[f"{base}/oauth2/v2.0/token", f"{base}/v2.0"],
        options={"require": ["exp", "iss", "sub", "aud", "jti"], "verify_iat": False},
        leeway=300,
    )
    return claims


def _certificate_of(app: AppRegistration, header: dict[str, Any]) -> AppCertificate:
    """Return the certificate named by `x5t#S256` or the older `x5t`; an unknown and an expired one are two errors."""
    sha256, sha1 = _hex(header.get("x5t#S256", "")), _hex(header.get("x5t", ""))
    matches = [c for c in app.certificates.values() if sha256 in (c.sha256, "") and sha1 in (c.sha1, "")]
    if matches and app.young_keys.get(matches[0].sha256):
        app.young_keys[matches[0].sha256] -= 1
        matches = []  # the key has not reached this server of Entra yet
    if not matches or not (sha256 or sha1):
        reason, thumbprint = "The key was not found.", sha256 or sha1
    elif matches[0].not_after < dt.datetime.now(dt.UTC):
        reason, thumbprint = "The key used is expired.", matches[0].sha1
    else:
        return matches[0]
    text = (
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - {reason}, Thumbprint of key used by client: '{thumbprint}']"
    )
    raise LoginError(401, "invalid_client", 700027, text)


def _refuse_replay(world: World, app: AppRegistration, jti: str) -> None:
    """Raise LoginError if another app has sent this assertion; msal itself repeats one for nine minutes."""
    if world.assertions.setdefault(jti, app.client_id) != app.client_id:
        raise LoginError(401, "invalid_client", 50012, "The client assertion was already used by another application.")


def _hex(encoded: str) -> str:
    padded = encoded + "=" * (-len(encoded) % 4)
    return base64.urlsafe_b64decode(padded).hex().upper()


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).rstrip(b"=").decode()
