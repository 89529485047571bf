"""The keys of an application in Graph: read its object, `addKey` and `removeKey` with a proof of possession.

https://learn.microsoft.com/graph/application-rollkey-prooftoken
"""

import base64
import binascii
import datetime as dt
import re
import time
from typing import Any

import jwt
from cryptography import x509

from .certificates import AppCertificate, registered
from .profiles import guid
from .replies import Call, GraphError, Reply, as_json, stamp
from .tenants import AppRegistration
from .world import Token, World

READ_OWN = {"Application.ReadWrite.OwnedBy", "Application.Read.All", "Application.ReadWrite.All"}
LONGEST_PROOF = 600  # seconds
LEEWAY = 300  # seconds that two clocks may differ
BY_APP_ID = re.compile(r"applications\(appId='([^']*)'\)")


def answer(world: World, token: Token, call: Call) -> Reply:
    """Answer a call about the application of the token; no application sees or changes another."""
    app = world.apps[token.tenant_id]
    by_app_id = BY_APP_ID.fullmatch(call.parts[0])
    wanted, rest = (by_app_id[1], call.parts[1:]) if by_app_id else (call.parts[1], call.parts[2:])
    own = wanted.lower() in ((app.client_id,) if by_app_id else (app.object_id,))
    if call.method == "GET" and not rest:
        if not token.roles & READ_OWN:
            raise _denied()
        if not own or app.from_provider:
            raise GraphError(404, "Request_ResourceNotFound", f"Resource '{wanted}' does not exist.")
        return as_json({"id": app.object_id, "appId": app.client_id, "keyCredentials": _keys(app)})
    if call.method != "POST" or rest not in (["addKey"], ["removeKey"]):
        raise GraphError(404, "ResourceNotFound", "Resource not found for the segment 'applications'.")
    if not own or app.from_provider or token.app_id != app.client_id:
        raise _denied()
    body = call.json()
    _check_proof(world, app, str(body.get("proof")))
    return _add(world, app, body) if rest == ["addKey"] else _remove(app, body)


def _denied() -> GraphError:
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _keys(app: AppRegistration) -> list[dict[str, Any]]:
    return [_key(app, certificate) for certificate in app.certificates.values()]


def _key(app: AppRegistration, certificate: AppCertificate) -> dict[str, Any]:
    return {
        "keyId": guid("key", app.client_id, certificate.sha256),
        "customKeyIdentifier": certificate.sha1,
        "displayName": f"CN={app.name}",
        "endDateTime": stamp(certificate.not_after),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": None,
    }


def _add(world: World, app: AppRegistration, body: Any) -> Reply:
    credential = body.get("keyCredential") or {}
    if (credential.get("type"), credential.get("usage")) != ("AsymmetricX509Cert", "Verify"):
        raise GraphError(400, "Request_BadRequest", "Key credential type or usage is invalid.")
    try:
        certificate = registered(x509.load_der_x509_certificate(base64.b64decode(credential.get("key") or "")))
    except (ValueError, TypeError, binascii.Error):
        raise GraphError(400, "Request_BadRequest", "Key credential value is invalid.") from None
    world.portal.add_key(app, certificate)
    return as_json(_key(app, certificate))


def _remove(app: AppRegistration, body: Any) -> Reply:
    kept = {sha256: one for sha256, one in app.certificates.items() if _key(app, one)["keyId"] != body.get("keyId")}
    if len(kept) == len(app.certificates):
        raise GraphError(400, "Request_BadRequest", "No credentials found to be removed.")
    app.certificates = kept
    return Reply(204)


def _check_proof(world: World, app: AppRegistration, proof: str) -> None:
    """Raise GraphError unless a valid certificate of the application has signed the proof for this application."""
    now, today = time.time(), dt.datetime.now(dt.UTC)
    for certificate in app.certificates.values():
        if certificate.not_after < today:
            continue
        try:
            claims = jwt.decode(
                proof, certificate.public_key, algorithms=["RS256"], audience=world.portal.proof_audience,
                issuer=app.object_id, leeway=LEEWAY, options={"require": ["exp", "nbf", "aud", "iss"]},
            )  # fmt: skip
        except jwt.PyJWTError:
            continue
        if claims["exp"] - claims["nbf"] <= LONGEST_PROOF and claims["exp"] - now <= LONGEST_PROOF + LEEWAY:
            return
    raise GraphError(401, "Authentication_MissingOrMalformed", "Access Token missing or malformed.")
