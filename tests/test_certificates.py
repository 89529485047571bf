"""Certificates: read what operators put there, make a new pair that nobody else can read."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519

from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import new_certificate, read_certificate
from simulator.certificates import rsa_key
from tests.profile_files import NOW, PEM, ProfileFolder, certificate_of, key_pem, pair_pem

OWN = certificate_of(rsa_key(0)).public_bytes(PEM)
OTHER = certificate_of(rsa_key(1), days=9).public_bytes(PEM)


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(key_pem(rsa_key(0)) + OWN, id="key-first"),
        pytest.param(OWN + key_pem(rsa_key(0)), id="certificate-first"),
        pytest.param(key_pem(rsa_key(0), old=True) + OWN, id="rsa-private-key"),
        pytest.param(key_pem(rsa_key(0)) + OTHER + OWN, id="chain-in-any-order"),
        pytest.param(b"Bag Attributes\n  name: x\n" + OWN + b"\n\n" + key_pem(rsa_key(0)), id="text-around"),
        pytest.param((key_pem(rsa_key(0)) + OWN).replace(b"\n", b"\r\n"), id="windows-line-ends"),
    ],
)
def test_the_certificate_of_the_key_is_taken_however_the_file_is_put_together(tmp_path: Path, pem: bytes) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(pem)

    found = read_certificate(path)

    expected = x509.load_pem_x509_certificate(OWN)
    assert found.expires == NOW + timedelta(days=365) == expected.not_valid_after_utc
    assert found.private_key.public_key().public_numbers() == rsa_key(0).public_key().public_numbers()


def key_of(kind: str) -> bytes:
    if kind == "dsa":
        return key_pem(dsa.generate_private_key(1024))
    if kind == "ed25519":
        return key_pem(ed25519.Ed25519PrivateKey.generate())
    return key_pem(ec.generate_private_key(ec.SECP384R1()), old=True)


@pytest.mark.parametrize("kind", ["dsa", "ed25519", "ec"])
def test_only_rsa_keys_are_taken(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(key_of(kind) + OWN)

    with pytest.raises(CertificateError) as error:
        read_certificate(path)

    assert error.value.code == "profile.cert_not_rsa"


def test_a_printed_certificate_does_not_show_its_key(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(pair_pem(rsa_key(0)))

    assert "private" not in repr(read_certificate(path)).lower()


def test_a_new_pair_is_one_pem_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    made = new_certificate(tmp_path / "certs" / "contoso", "contoso", days=730, now=NOW)

    assert made.path == tmp_path / "certs" / "contoso" / "mycert_contoso.pem"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made == read_certificate(made.path)
    assert made.expires == NOW + timedelta(days=730)
    assert made.private_key.key_size >= 3072


def test_the_public_part_holds_no_key_and_nothing_on_disk_has_a_password(tmp_path: Path) -> None:
    made = new_certificate(tmp_path, "contoso", days=730, now=NOW)

    public = made.path.with_suffix(".cer").read_bytes()

    assert b"PRIVATE" not in public
    assert x509.load_pem_x509_certificate(public).not_valid_after_utc == made.expires
    assert serialization.load_pem_private_key(made.path.read_bytes(), None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mycert_contoso.cer", "mycert_contoso.pem"]


def test_a_key_that_is_there_stays_and_the_next_is_named_after_its_last_day(tmp_path: Path) -> None:
    kept = tmp_path / "mycert_contoso.pem"
    kept.write_bytes(b"somebody's key")

    made = new_certificate(tmp_path, "contoso", days=730, now=NOW)

    assert kept.read_bytes() == b"somebody's key"
    assert made.path.name == f"mycert_contoso_{made.expires.date()}.pem"


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mycert_contoso.pem").write_bytes(b"somebody's key")
    made = new_certificate(tmp_path, "contoso", days=730, now=NOW)
    before = made.path.read_bytes()

    with pytest.raises(FileExistsError):
        new_certificate(tmp_path, "contoso", days=730, now=NOW)

    assert made.path.read_bytes() == before


def test_a_public_part_that_is_there_stays_too(tmp_path: Path) -> None:
    kept = tmp_path / "mycert_contoso.cer"
    kept.write_bytes(b"uploaded")

    made = new_certificate(tmp_path, "contoso", days=730, now=NOW)
    assert made.path.name == f"mycert_contoso_{made.expires.date()}.pem"
    made.path.unlink()
    with pytest.raises(FileExistsError):
        new_certificate(tmp_path, "contoso", days=730, now=NOW)

    assert kept.read_bytes() == b"uploaded"
    assert not made.path.exists()


def test_a_new_pair_is_what_a_profile_wants(tmp_path: Path) -> None:
    folder = ProfileFolder(tmp_path)
    made = new_certificate(tmp_path / "certs" / "contoso", "contoso", days=30, now=NOW)
    folder.tenant(
        "contoso",
        cert_path="certs/contoso/mycert_contoso.pem",
        thumbprint=made.thumbprint,
        expires=made.expires.date().isoformat(),
    )

    assert folder.load().faults == []
    assert len(made.thumbprint) == 40
