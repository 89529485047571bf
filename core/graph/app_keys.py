"""The keys of the application itself in Graph: find, add and remove them, each with a proof of possession.

An application needs no permission to change its own keys, but one to find them (Application.ReadWrite.OwnedBy and being
an owner of itself): https://learn.microsoft.com/graph/api/application-addkey
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from msal.oauth2cli import JwtAssertionCreator

from core.graph.client import GraphClient
from core.graph.errors import BadAnswer, PermissionMissing
from core.problems import Problem
from core.profiles.certificates import Certificate

# Microsoft has documented both: until 2023 Azure AD Graph, since then Microsoft Graph
# (https://learn.microsoft.com/graph/application-rollkey-prooftoken).
PROOF_AUDIENCES = ("00000002-0000-0000-c000-000000000000", "00000003-0000-0000-c000-000000000000")
PROOF_SECONDS = 540  # Graph refuses a proof that is good for more than ten minutes
EARLIER = 60  # seconds by which a proof begins before now: clocks differ a little
SHA1_BYTES = 20


@dataclass(frozen=True, slots=True)
class AppKey:
    """A key of an application; `thumbprint` is SHA-1 in upper-case hex, "" if Graph does not tell it."""

    key_id: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class App:
    """An application in Graph; `object_id` is not its client id."""

    object_id: str
    keys: Sequence[AppKey]

    def key_of(self, thumbprint: str) -> AppKey | None:
        """Return the key of the certificate with this SHA-1 thumbprint, None if the application has none."""
        return next((key for key in self.keys if key.thumbprint == thumbprint), None)


def find_app(client: GraphClient, client_id: str) -> App:
    """Return the application with its keys. Raises GraphError: PermissionMissing, NotFound in another tenant, ..."""
    found = client.get(f"/applications(appId='{client_id}')", {"$select": "id,keyCredentials"})
    rows = found.get("keyCredentials") if isinstance(found, Mapping) else None
    if not isinstance(rows, list) or not isinstance(found.get("id"), str):
        raise BadAnswer(Problem("graph.unreadable", {"tenant": client.name, "what": "applications"}))
    return App(found["id"], [app_key(row) for row in rows if isinstance(row, Mapping)])


def app_key(row: Mapping[str, Any]) -> AppKey:
    """Return the key of a row of `keyCredentials`.

    The certificate itself tells the thumbprint; without it `customKeyIdentifier`, which is the thumbprint in hex or
    base64 unless somebody has set it to something else.
    """
    key_id, key, identifier = (str(row.get(name) or "") for name in ("keyId", "key", "customKeyIdentifier"))
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(key))
        return AppKey(key_id, certificate.fingerprint(hashes.SHA1()).hex().upper())  # noqa: S303
    except (ValueError, binascii.Error):
        pass
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            raw = decode(identifier)
        except (ValueError, binascii.Error):
            continue
        if len(raw) == SHA1_BYTES:
            return AppKey(key_id, raw.hex().upper())
    return AppKey(key_id, "")


def add_key(client: GraphClient, app: App, new: x509.Certificate, signer: Certificate) -> None:
    """Add the certificate `new` to the application; `signer` is one that it has and that is valid. Raises GraphError"""
    credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": _encoded(new)}
    body = {"keyCredential": credential, "passwordCredential": None}
    _proven(app, signer, lambda proof: client.post(f"/applications/{app.object_id}/addKey", {**body, "proof": proof}))


def remove_key(client: GraphClient, app: App, key: AppKey, signer: Certificate) -> None:
    """Remove the key from the application; `signer` is a valid certificate of it. Raises GraphError."""
    path = f"/applications/{app.object_id}/removeKey"
    _proven(app, signer, lambda proof: client.post(path, {"keyId": key.key_id, "proof": proof}))


def _encoded(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _proven(app: App, signer: Certificate, call: Callable[[str], Any]) -> None:
    """Call with a proof; a refused one (401) is made once more for the other audience."""
    for audience in PROOF_AUDIENCES:
        try:
            call(proof_of(app, signer, audience))
        except PermissionMissing as error:
            if error.status != 401 or audience == PROOF_AUDIENCES[-1]:
                raise
        else:
            return


def proof_of(app: App, signer: Certificate, audience: str, now: float | None = None) -> str:
    """Return the JWT with which the owner of the key of `signer` proves that it is allowed to change the keys."""
    begin = int(time.time() if now is None else now) - EARLIER
    creator = JwtAssertionCreator(signer.private_key, algorithm="RS256", sha1_thumbprint=signer.thumbprint)
    proof = creator.create_normal_assertion(
        audience, app.object_id, expires_at=begin + PROOF_SECONDS, issued_at=begin, not_before=begin
    )
    return proof.decode() if isinstance(proof, bytes) else str(proof)
