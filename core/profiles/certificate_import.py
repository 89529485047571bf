"""Take over a key with its certificate from a PEM or PFX file (PKCS #12) of other tools."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from core.profiles.certificate_files import CertificateError, is_pfx, load_certificates, read_bytes, read_pem
from core.profiles.certificates import LEAST_BITS, Certificate, read_certificate, write_pair

PEM = serialization.Encoding.PEM


def take_over(source: Path, password: str, target: Path, now: datetime | None = None) -> Certificate:
    """Write key and certificate of the file `source` to `target`, and the public part beside it; return them.

    `password` opens a PFX or an encrypted PEM, "" for none. Raises CertificateError if the file cannot be used, has
    expired, or its key is too small; OSError if the new files cannot be written. Nothing is written then.
    """
    raw = read_bytes(source)
    key, certificates = _from_pfx(raw, password) if is_pfx(raw) else _from_pem(source, password)
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own = next((one for one in certificates if one.public_key() == key.public_key()), None)
    if own is None:
        raise CertificateError("profile.cert_pair" if certificates else "profile.cert_no_certificate")
    if key.key_size < LEAST_BITS:
        raise CertificateError("onboarding.cert_short")
    if own.not_valid_after_utc <= (now or datetime.now(UTC)):
        raise CertificateError("onboarding.cert_expired")
    write_pair(target, private, own.public_bytes(PEM))
    return read_certificate(target)


def _from_pfx(raw: bytes, password: str) -> tuple[rsa.RSAPrivateKey, list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(raw, password.encode() if password else None)
    except ValueError:
        raise CertificateError("onboarding.pfx_password") from None
    except UnsupportedAlgorithm:
        raise CertificateError("onboarding.pfx_old") from None
    if key is None:
        raise CertificateError("profile.cert_no_key")
    return _rsa(key), [one for one in (certificate, *others) if one is not None]


def _from_pem(source: Path, password: str) -> tuple[rsa.RSAPrivateKey, list[x509.Certificate]]:
    pem = read_pem(source)
    if not pem.keys or b"ENCRYPTED" not in pem.keys[0]:
        return _rsa(read_certificate(source).private_key), load_certificates(pem.certificates)
    if not password:
        raise CertificateError("profile.cert_encrypted")
    try:
        key = serialization.load_pem_private_key(pem.keys[0], password.encode())
    except (ValueError, TypeError):
        raise CertificateError("onboarding.pem_password") from None
    except UnsupportedAlgorithm:
        raise CertificateError("profile.cert_not_rsa") from None
    return _rsa(key), load_certificates(pem.certificates)


def _rsa(key: object) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateError("profile.cert_not_rsa")
    return key
