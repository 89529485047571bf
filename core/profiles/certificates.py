"""Read a PEM file with key and certificate, and make new ones."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID, PublicKeyAlgorithmOID

from core.bounds import clipped
from core.durable_files import new_file
from core.profiles.certificate_files import (
    CertificateError,
    PemFile,
    certificate_beside,
    key_beside,
    load_certificates,
    read_pem,
    spki,
)

KEY_BITS = 3072
LEAST_BITS = 2048  # https://learn.microsoft.com/entra/identity-platform/certificate-credentials


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key and its certificate. `thumbprint` is SHA-1, `thumbprint_sha256` SHA-256, both upper-case hex.

    `notes` are codes of problems that should be corrected although the file can be used.
    """

    path: Path
    private_key: Any = field(repr=False, compare=False)
    thumbprint: str
    thumbprint_sha256: str
    not_before: datetime
    expires: datetime
    notes: tuple[str, ...] = ()


def read_certificate(path: Path) -> Certificate:
    """Return the certificate in the PEM file `path`, which has an unencrypted RSA key and its certificate.

    Of a chain the certificate that belongs to the key is taken. Raises CertificateError.
    """
    pem = read_pem(path)
    key = _private_key(path, pem)
    certificate = _certificate_of(path, pem, key)
    return Certificate(
        path=path,
        private_key=key,
        thumbprint=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
        thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        not_before=clipped(certificate.not_valid_before_utc),
        expires=clipped(certificate.not_valid_after_utc),  # 9999-12-31 means "no end" (RFC 5280, 4.1.2.5)
        notes=tuple(_notes(pem, key, certificate)),
    )


def _notes(pem: PemFile, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> Iterator[str]:
    """Yield the codes of problems that leave the certificate usable."""
    if pem.encoding != "UTF-8":
        yield "profile.cert_encoding"
    if key.key_size < LEAST_BITS:
        yield "profile.cert_short"
    if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
        yield "profile.cert_pss"


def _private_key(path: Path, pem: PemFile) -> rsa.RSAPrivateKey:
    """Return the RSA key in the file. Raises CertificateError."""
    if not pem.keys:
        if pem.other:
            raise CertificateError(pem.other)
        beside = key_beside(path)
        raise CertificateError("profile.cert_key_beside" if beside else "profile.cert_no_key", beside)
    if b"ENCRYPTED" in pem.keys[0]:
        raise CertificateError("profile.cert_encrypted")
    try:
        # Checking the primes costs 50 ms a key; that key and certificate belong together is checked below.
        key = serialization.load_pem_private_key(pem.keys[0], None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise CertificateError("profile.cert_broken") from None
    except UnsupportedAlgorithm:
        raise CertificateError("profile.cert_not_rsa") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateError("profile.cert_not_rsa")
    return key


def _certificate_of(path: Path, pem: PemFile, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Return the certificate in the file that belongs to `key`. Raises CertificateError."""
    public = key.public_key()
    if not pem.certificates:
        if pem.other:
            raise CertificateError(pem.other)
        beside = certificate_beside(path, spki(public))
        raise CertificateError("profile.cert_beside" if beside else "profile.cert_no_certificate", beside)
    certificates = load_certificates(pem.certificates)
    matching = next((one for one in certificates if _rsa_numbers(one) == public.public_numbers()), None)
    if matching is None:
        broken = len(certificates) < len(pem.certificates)
        raise CertificateError("profile.cert_broken" if broken else "profile.cert_pair")
    return matching


def _rsa_numbers(certificate: x509.Certificate) -> rsa.RSAPublicNumbers | None:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):  # of another certificate of the chain
        return None
    return key.public_numbers() if isinstance(key, rsa.RSAPublicKey) else None


def new_certificate(folder: Path, slug: str, *, days: int, now: datetime | None = None) -> Certificate:
    """Make `mycert_<slug>.pem` (key and certificate, readable by its owner alone) and `mycert_<slug>.cer`.

    The `.cer` is the public part for the upload to the app registration. If one of them exists already, the new files
    get the last day of the certificate in their names; the old key stays in use until the profile names the new one.
    Raises FileExistsError rather than overwrite a file.
    """
    start = now or datetime.now(UTC)
    pem = folder / f"mycert_{slug}.pem"
    if pem.exists() or pem.with_suffix(".cer").exists():
        pem = folder / f"mycert_{slug}_{(start + timedelta(days=days)).date()}.pem"
    return certificate_at(pem, slug, days=days, now=start)


def new_private_key() -> rsa.RSAPrivateKey:
    """Make a key of KEY_BITS; it takes about half a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def certificate_at(pem: Path, slug: str, *, days: int, now: datetime) -> Certificate:
    """Make key and certificate in `pem`, and the public part beside it. Raises FileExistsError, OSError."""
    start = now.replace(microsecond=0)
    key = new_private_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Lizenztool {slug}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(minutes=5))  # the clocks of the token servers differ a little
        .not_valid_after(start + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    write_pair(pem, private, public)
    return read_certificate(pem)


def write_pair(pem: Path, private: bytes, public: bytes) -> None:
    """Write key and certificate to `pem` (readable by its owner alone), the public part beside it as .cer.

    Raises FileExistsError rather than overwrite a file. After an error (a full disk) neither file is there.
    """
    cer = pem.with_suffix(".cer")
    if cer.exists():  # before the key is written, which would be of no use without it
        raise FileExistsError(errno.EEXIST, "exists", str(cer))
    pem.parent.mkdir(parents=True, exist_ok=True)
    _write_new(pem, private + public, 0o600)
    try:
        _write_new(cer, public, 0o644)
    except OSError:
        pem.unlink(missing_ok=True)
        raise


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that does not exist yet, whole or not at all. Raises FileExistsError, OSError."""
    with new_file(path, mode) as file:
        file.write(content)


def public_part(certificate: Certificate) -> x509.Certificate:
    """Return the certificate without its key. Raises CertificateError if the file has changed meanwhile."""
    for one in load_certificates(read_pem(certificate.path).certificates):
        if one.fingerprint(hashes.SHA256()).hex().upper() == certificate.thumbprint_sha256:
            return one
    raise CertificateError("profile.cert_pair")


def public_pem(certificate: Certificate) -> bytes:
    """Return the certificate without its key as PEM, for the upload in the portal. Raises CertificateError."""
    return public_part(certificate).public_bytes(serialization.Encoding.PEM)
