"""Keys and certificates: the server's own authority, and the certificates of the app registrations."""

import datetime as dt
import ipaddress
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
_pool: dict[int, rsa.RSAPrivateKey] = {}
_pool_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class AppCertificate:
    """What Entra stores of an uploaded certificate: public key, SHA-1 and SHA-256 fingerprint, end date."""

    public_key: rsa.RSAPublicKey
    sha1: str
    sha256: str
    not_after: dt.datetime


def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """Return the n-th RSA key of this process; all worlds share them, because making one takes about 100 ms."""
    with _pool_lock:
        if number not in _pool:
            _pool[number] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return _pool[number]


def write_app_certificate(path: Path, name: str, key: rsa.RSAPrivateKey, days: float) -> AppCertificate:
    """Write private key and self-signed certificate into one PEM file, as the product expects it."""
    end = _now() + dt.timedelta(days=days)
    start = min(_now(), end) - dt.timedelta(days=1)
    cert = _builder(name, name, start, end).public_key(key.public_key()).sign(key, hashes.SHA256())
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_private(path, _private_pem(key) + cert.public_bytes(PEM))
    return registered(cert)


def read_app_certificate(path: Path) -> AppCertificate | None:
    """Return the certificate in this file, or None if there is none or it is no longer valid."""
    if not path.is_file():
        return None
    cert = x509.load_pem_x509_certificate(path.read_bytes())
    return registered(cert) if cert.not_valid_after_utc > _now() else None


def server_files(folder: Path) -> tuple[Path, Path]:
    """Return the paths of (CA bundle, server key and certificate) for localhost; make them if missing or expiring."""
    ca_path, server_path = folder / "ca.pem", folder / "server.pem"
    if not (ca_path.is_file() and server_path.is_file() and _lasts(server_path)):
        folder.mkdir(parents=True, exist_ok=True)
        _make_server_files(ca_path, server_path)
    return ca_path, server_path


def _make_server_files(ca_path: Path, server_path: Path) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start, end = _now() - dt.timedelta(days=1), _now() + dt.timedelta(days=400)
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = (
        _builder("Simulator CA", "Simulator CA", start, end)
        .public_key(ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    cert = (
        _builder("localhost", "Simulator CA", start, end)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    # The key of the authority is not stored: nobody can sign another certificate with it.
    ca_path.write_bytes(ca.public_bytes(PEM))
    _write_private(server_path, _private_pem(key) + cert.public_bytes(PEM))


def _builder(subject: str, issuer: str, start: dt.datetime, end: dt.datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    builder = builder.subject_name(_name(subject)).issuer_name(_name(issuer))
    return builder.not_valid_before(start).not_valid_after(end)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def registered(cert: x509.Certificate) -> AppCertificate:
    """Return what Entra stores of this certificate."""
    key = cert.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("an app certificate has an RSA key")
    sha1, sha256 = cert.fingerprint(hashes.SHA1()), cert.fingerprint(hashes.SHA256())
    return AppCertificate(key, sha1.hex().upper(), sha256.hex().upper(), cert.not_valid_after_utc)


def _lasts(path: Path) -> bool:
    cert = x509.load_pem_x509_certificate(path.read_bytes())
    return cert.not_valid_after_utc > _now() + dt.timedelta(days=30)


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write_private(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    part.replace(path)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
