"""Read the blocks of a PEM file, recognise other formats, and find keys and certificates beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from core.text_files import NoFile, decoded, read_file

PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
PKCS7 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"  # object id 1.2.840.113549.1.7.2, signedData
# Kinds of blocks that cannot be used -> code of the problem.
OTHER_BLOCKS = {
    b"OPENSSH PRIVATE KEY": "profile.cert_openssh",
    b"TRUSTED CERTIFICATE": "profile.cert_trusted",
    b"PKCS7": "profile.cert_chain_alone",
    b"CMS": "profile.cert_chain_alone",
    b"CERTIFICATE REQUEST": "profile.cert_request",
    b"NEW CERTIFICATE REQUEST": "profile.cert_request",
}
CODE_BY_START = {
    b"\xfe\xed\xfe\xed": "profile.cert_jks",
    b"PuTTY-User-Key-File": "profile.cert_putty",
}
CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE")  # the second is the old name of the same, which OpenSSL reads
NEIGHBOURS = (".pem", ".cer", ".crt", ".der", ".key")
MOST_NEIGHBOURS = 20


class CertificateError(Exception):
    """The file cannot be used; `code` is the problem code, `other` a file beside it for the text of the remedy."""

    def __init__(self, code: str, other: str = "") -> None:
        super().__init__(code)
        self.code, self.other = code, other


@dataclass(frozen=True, slots=True)
class PemFile:
    """The blocks of a file as (kind, block), and the name of its encoding."""

    blocks: Sequence[tuple[bytes, bytes]]
    encoding: str = "UTF-8"

    @property
    def keys(self) -> list[bytes]:
        return [block for kind, block in self.blocks if kind.endswith(b"PRIVATE KEY") and kind not in OTHER_BLOCKS]

    @property
    def certificates(self) -> list[bytes]:
        return [block for kind, block in self.blocks if kind in CERTIFICATES]

    @property
    def other(self) -> str:
        """Return the problem code of a block that must be converted first, "" if there is none."""
        return next((OTHER_BLOCKS[kind] for kind, _ in self.blocks if kind in OTHER_BLOCKS), "")


def read_pem(path: Path) -> PemFile:
    """Return the blocks of the PEM file `path`. Raises CertificateError with the kind of the file if it is no PEM."""
    raw = read_bytes(path)
    text, encoding = _as_ascii(raw)
    blocks = [(match.group(1), match.group(0)) for match in PEM_BLOCK.finditer(text)]
    pem = PemFile(blocks, encoding)
    if not pem.keys and is_pfx(_from_base64(text)):
        raise CertificateError("profile.cert_pfx_text")
    if not blocks and raw.strip():
        raise CertificateError(_code_of_format(raw))
    return pem


def certificate_beside(path: Path, public: bytes) -> str:
    """Return the name of a file in the same folder that holds the certificate of the key `public`, or ""."""
    for other in _neighbours(path):
        if any(_spki(certificate) == public for certificate in _certificates(other)):
            return other.name
    return ""


def key_beside(path: Path) -> str:
    """Return the name of a file in the same folder that holds the key of a certificate in `path`, or ""."""
    wanted = {_spki(certificate) for certificate in _certificates(path)}
    for other in _neighbours(path):
        try:
            keys = [serialization.load_pem_private_key(block, None) for block in read_pem(other).keys]
        except (CertificateError, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if any(spki(key.public_key()) in wanted for key in keys):
            return other.name
    return ""


def spki(key: object) -> bytes:
    """Return the public key as DER (SubjectPublicKeyInfo), for comparing."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_bytes(serialization.Encoding.DER, form))  # type: ignore[attr-defined]


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file that may hold a key. Raises CertificateError."""
    try:
        return read_file(path)
    except FileNotFoundError:
        raise CertificateError("profile.cert_missing") from None
    except NoFile as error:
        raise CertificateError("profile.cert_folder" if error.code == "folder" else "profile.cert_broken") from None
    except OSError:
        raise CertificateError("profile.cert_unreadable") from None


def _as_ascii(raw: bytes) -> tuple[bytes, str]:
    """Return the bytes of a PEM with one line end and no blanks around lines, from whatever encoding."""
    encoding = "UTF-8"
    try:
        text, encoding = decoded(raw)
        raw = text.encode("ascii", "replace")
    except UnicodeDecodeError:
        pass  # text around the blocks may be in any encoding, and the blocks are ASCII
    return b"\n".join(line.strip() for line in raw.splitlines()), encoding


def _from_base64(text: bytes) -> bytes:
    """Return the decoded bytes of a base64 text, with or without PEM lines around it; b"" if it is none."""
    lines = [line for line in text.splitlines() if not line.startswith(b"-----")]
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except ValueError:
        return b""


def is_pfx(raw: bytes) -> bool:
    """Return True if the bytes are a PFX (PKCS #12)."""
    return raw[:1] == b"\x30" and b"\x02\x01\x03" in raw[:12]  # a SEQUENCE, which goes on with the version, 3


def _code_of_format(raw: bytes) -> str:
    """Return the problem code for a file without a PEM block, by its format."""
    code = next((named for start, named in CODE_BY_START.items() if raw.startswith(start)), "")
    if code or raw[:1] != b"\x30":  # DER begins with a SEQUENCE
        return code or "profile.cert_no_pem"
    if is_pfx(raw):
        return "profile.cert_pfx"
    if PKCS7 in raw[:32]:
        return "profile.cert_chain_alone"
    return "profile.cert_der" if _der_certificate(raw) else "profile.cert_der_key"


def load_certificates(blocks: Iterable[bytes]) -> list[x509.Certificate]:
    """Return the certificates in PEM blocks, without those that cannot be read."""
    return [certificate for block in blocks for certificate in _load_readable(x509.load_pem_x509_certificate, block)]


def _load_readable(load: Callable[[bytes], x509.Certificate], raw: bytes) -> list[x509.Certificate]:
    """Return the certificate in a list, [] if it cannot be read."""
    try:
        return [load(raw)]
    except (ValueError, x509.InvalidVersion):  # the second is no ValueError
        return []


def _der_certificate(raw: bytes) -> list[x509.Certificate]:
    return _load_readable(x509.load_der_x509_certificate, raw)


def _certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates in the PEM or DER file `path`, [] if there are none."""
    try:
        return load_certificates(read_pem(path).certificates)
    except CertificateError as error:
        return _der_certificate(read_file(path)) if error.code == "profile.cert_der" else []


def _spki(certificate: x509.Certificate) -> bytes:
    """Return the public key of the certificate as `spki` does, b"" for an unknown kind of key."""
    try:
        return spki(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _neighbours(path: Path) -> Iterator[Path]:
    """Yield the files beside `path` that may hold a key or a certificate, by name."""
    try:
        others = sorted(other for other in path.parent.iterdir() if other.suffix.lower() in NEIGHBOURS)
    except OSError:
        return
    yield from [other for other in others if other != path][:MOST_NEIGHBOURS]
