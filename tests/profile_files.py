"""Profile files and certificates in the folders in which operators keep them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from core.profiles.profile_store import Profiles, ProfileStore
from simulator.certificates import rsa_key
from simulator.profiles import guid

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
PEM = serialization.Encoding.PEM


def key_pem(key: Any, password: bytes | None = None, *, old: bool = False) -> bytes:
    """Return the private key as PEM, in PKCS #8 or, with `old`, in the traditional format."""
    form = serialization.PrivateFormat.TraditionalOpenSSL if old else serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(PEM, form, lock))


def certificate_of(key: Any, *, start: datetime = NOW - timedelta(days=60), days: int = 365) -> x509.Certificate:
    """Return a self-signed certificate of `key` that ends `days` after NOW; the same for the same arguments."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contoso")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1)
    return builder.not_valid_before(start).not_valid_after(NOW + timedelta(days=days)).sign(key, hashes.SHA256())


def pair_pem(key: rsa.RSAPrivateKey, **options: Any) -> bytes:
    """Return key and certificate in one PEM, as `cert_path` needs them."""
    return key_pem(key) + certificate_of(key, **options).public_bytes(PEM)


class ProfileFolder:
    """`profiles/` and `certs/` below `root`; `load` returns what the next refresh would read."""

    def __init__(self, root: Path) -> None:
        self.root, self.profiles = root, root / "profiles"
        (self.profiles / "sharepoint").mkdir(parents=True)
        self.store = ProfileStore(self.profiles)

    def load(self, now: datetime = NOW) -> Profiles:
        return self.store.load(now)

    def write(self, name: str, content: Any) -> Path:
        """Write a file below `profiles/` and return its path; anything but bytes is written as JSON."""
        path = self.profiles / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def certificate(self, slug: str, pem: bytes | None = None, **options: Any) -> dict[str, str]:
        """Write the PEM file of `slug`; return the three fields of a profile that describe it."""
        path = self.root / "certs" / slug / f"mycert_{slug}.pem"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pem if pem is not None else pair_pem(rsa_key(0), **options))
        blocks = path.read_bytes()
        start = blocks.find(b"-----BEGIN CERTIFICATE")
        if start < 0:
            return {"thumbprint": "00" * 20, "cert_path": f"certs/{slug}/{path.name}", "expires": "2027-12-31"}
        found = x509.load_pem_x509_certificate(blocks[start:])
        return {
            "thumbprint": found.fingerprint(hashes.SHA1()).hex().upper(),
            "cert_path": f"certs/{slug}/{path.name}",
            "expires": found.not_valid_after_utc.date().isoformat(),
        }

    def fields(self, slug: str, **changes: Any) -> dict[str, Any]:
        """Return the fields of a good profile of `slug` with `changes`; a field set to ... is left out."""
        content = {"tenant_id": guid(slug), "tenant_name": slug.title(), "client_id": guid("app", slug)}
        if "cert_path" not in changes:
            content |= self.certificate(slug)
        else:
            content |= {"thumbprint": "00" * 20, "expires": "2027-12-31"}
        return {name: value for name, value in (content | changes).items() if value is not ...}

    def tenant(self, slug: str, **changes: Any) -> Path:
        """Write a tenant profile with its certificate, and return its path."""
        return self.write(f"config-{slug}-profile.json", self.fields(slug, **changes))

    def sharepoint(self, slug: str = "support", infos: Any = None, **changes: Any) -> Path:
        """Write the SharePoint profile and return its path; `infos` replaces `sharepoint_infos`."""
        content = self.fields(slug, sharepoint_infos=sharepoint_infos() if infos is None else infos, **changes)
        return self.write(f"sharepoint/sp-config-{slug}-profile.json", content)


def sharepoint_infos(**changes: Any) -> dict[str, Any]:
    """Return a good `sharepoint_infos` with `changes`; a field set to ... is left out."""
    mapping = {
        "Lizenzname": "Title",
        "Verfügbar": "Verf_x00fc_gbar",
        "Gebraucht": "Gebraucht",
        "Frei": "Frei",
        "Tenant": "tenant",
        "Infosup": "trigger_inform_supporter",
    }
    infos = {
        "site_id": f"contoso.example,{guid('site')},{guid('web')}",
        "tenant_list_id": guid("tenants"),
        "license_list_id": guid("licenses"),
        "parameter_list_id": guid("parameters"),
        "tenant_field": "tenant",
        "field_mapping": mapping,
    }
    return {name: value for name, value in (infos | changes).items() if value is not ...}
