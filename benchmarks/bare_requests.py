"""The floor: the requests of a bare client that reads what the product reads, without cache, retries or writes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import jwt

from benchmarks.cloud import Cloud
from core.graph import SKU_FIELDS
from core.profiles.profile_store import ProfileStore
from core.profiles.sharepoint_profile import SharePointProfile
from core.profiles.tenant_profile import TenantProfile

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PAGE = 5000


@dataclass(frozen=True, slots=True)
class Reads:
    """What a refresh reads. The certificates are parsed here, before time is measured."""

    cloud: Cloud
    tenants: Sequence[TenantProfile]
    sharepoint: SharePointProfile | None
    subscriptions: bool = False

    def tenant_urls(self) -> list[str]:
        """Return the addresses to read for each tenant."""
        base = f"{self.cloud.url}/v1.0"
        urls = [f"{base}/subscribedSkus?$select={SKU_FIELDS}"]
        return urls + ([f"{base}/directory/subscriptions"] if self.subscriptions else [])

    def list_urls(self) -> list[str]:
        """Return the addresses of the first page of each of the three lists."""
        site = self.sharepoint
        if site is None:
            return []
        columns = ",".join([*site.field_mapping.values(), "technician_informed"])
        base, query = f"{self.cloud.url}/v1.0/sites/{site.site_id}/lists", f"$top={PAGE}&$expand=fields"
        return [
            f"{base}/{site.license_list_id}/items?{query}($select={quote(columns)})",
            f"{base}/{site.tenant_list_id}/items?{query}",
            f"{base}/{site.parameter_list_id}/items?{query}",
        ]


class Client(Protocol):
    """A bare client; it keeps its connections and tokens from one call to the next."""

    def read(self) -> int:
        """Read everything once; return the number of rows."""

    def close(self) -> None: ...


def reads_of(cloud: Cloud, *, sharepoint: bool = True, subscriptions: bool = False) -> Reads:
    profiles = ProfileStore(cloud.profiles_dir).load()
    return Reads(cloud, profiles.tenants, profiles.sharepoint if sharepoint else None, subscriptions)


def token_request(cloud: Cloud, profile: TenantProfile | SharePointProfile) -> tuple[str, dict[str, str]]:
    """Return (address, form) of a token request with a newly signed assertion."""
    url = f"{cloud.url}/{profile.tenant_id}/oauth2/v2.0/token"
    now = int(time.time())
    client = profile.client_id
    claims: dict[str, Any] = {"aud": url, "iss": client, "sub": client, "jti": str(uuid.uuid4()), "exp": now + 600}
    thumbprint = _encoded(bytes.fromhex(profile.certificate.thumbprint_sha256))
    signed = jwt.encode(claims, profile.certificate.private_key, algorithm="PS256", headers={"x5t#S256": thumbprint})
    return url, {
        "client_id": client,
        "grant_type": "client_credentials",
        "scope": f"{cloud.url}/.default",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
    }


def _encoded(raw: bytes) -> str:
    return jwt.utils.base64url_encode(raw).decode()
