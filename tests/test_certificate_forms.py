"""What operators have instead of a PEM with key and certificate: read where it can be, else named with the remedy."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import read_certificate
from core.texts import has_text
from simulator.certificates import rsa_key
from tests.profile_files import NOW, PEM, ProfileFolder, certificate_of, key_pem, pair_pem

DER = serialization.Encoding.DER
OPENSSH, PKCS8 = serialization.PrivateFormat.OpenSSH, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
KEY, OWN = rsa_key(0), certificate_of(rsa_key(0))
PAIR, CERTIFICATE = pair_pem(KEY), OWN.public_bytes(PEM)


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    """`profiles/` with the profile of contoso; its certificate is to be replaced."""
    found = ProfileFolder(tmp_path)
    found.tenant("contoso")
    return found


def put(folder: ProfileFolder, content: bytes, name: str = "mycert_contoso.pem") -> Path:
    """A file in the folder of the certificates of contoso."""
    path = folder.root / "certs" / "contoso" / name
    path.write_bytes(content)
    return path


def codes(folder: ProfileFolder) -> list[str]:
    return [problem.code for fault in folder.load().faults for problem in fault.problems]


# Read all the same


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"\xef\xbb\xbf" + PAIR, [], id="byte-order-mark"),
        pytest.param(PAIR.replace(b"\n", b"\r\n"), [], id="windows-line-ends"),
        pytest.param(PAIR.replace(b"\n", b"\r"), [], id="old-mac-line-ends"),
        pytest.param(b"\n".join(b"    " + line for line in PAIR.splitlines()), [], id="indented"),
        pytest.param("Schlüssel\n".encode("cp1252") + PAIR, [], id="ansi-text-in-front"),
        pytest.param(b"Bag Attributes\n    localKeyID: 01\nKey Attributes: <No>\n" + PAIR, [], id="bag-attributes"),
        pytest.param(PAIR.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), [], id="old-name-of-a-certificate"),
        pytest.param(PAIR.decode().encode("utf-16"), ["profile.cert_encoding"], id="utf-16"),
        pytest.param(PAIR.decode().encode("utf-16-le"), ["profile.cert_encoding"], id="utf-16-without-mark"),
    ],
)
def test_a_pem_is_read_however_it_was_saved(folder: ProfileFolder, content: bytes, told: list[str]) -> None:
    put(folder, content)

    assert [tenant.slug for tenant in folder.load().tenants] == ["contoso"]
    assert codes(folder) == told


def test_a_pss_key_works_and_is_told(folder: ProfileFolder) -> None:
    key, certificate = folder.root / "pss.key", folder.root / "pss.crt"
    subject = ["-subj", "/CN=Contoso", "-days", "9"]
    run = ["openssl", "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key)]
    subprocess.run(run, check=True, capture_output=True)
    run = ["openssl", "req", "-x509", "-new", "-key", str(key), *subject, "-out", str(certificate)]
    subprocess.run(run, check=True, capture_output=True)
    put(folder, key.read_bytes() + certificate.read_bytes())

    assert read_certificate(put(folder, key.read_bytes() + certificate.read_bytes())).notes == ("profile.cert_pss",)


def test_a_short_key_is_told_and_stops_nothing(folder: ProfileFolder) -> None:
    put(folder, pair_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)))

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    (short,) = [p for p in found.faults[0].problems if p.code == "profile.cert_short"]
    assert "1024 Bit" in short.text("de")
    assert "cert new contoso" in short.text("de")


# Named, with the remedy


def trusted() -> bytes:
    run = ["openssl", "x509", "-trustout", "-addtrust", "clientAuth"]
    return subprocess.run(run, input=CERTIFICATE, check=True, capture_output=True).stdout


def request() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Contoso")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(KEY, hashes.SHA256()).public_bytes(PEM)


def pfx(password: bytes = b"geheim") -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else PLAIN
    return pkcs12.serialize_key_and_certificates(b"contoso", KEY, OWN, None, lock)


def encoded(kind: str, der: bytes) -> bytes:
    """A PEM block."""
    return f"-----BEGIN {kind}-----\n".encode() + base64.encodebytes(der) + f"-----END {kind}-----\n".encode()


FORMS: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("pfx", pfx, "cert_pfx", "openssl pkcs12 -in certs/contoso/mycert_contoso.pem"),
    ("pfx-without-password", lambda: pfx(b""), "cert_pfx", "-nodes"),
    ("pfx-as-base64", lambda: base64.encodebytes(pfx()), "cert_pfx_text", "openssl base64 -d"),
    ("pfx-of-certutil", lambda: encoded("CERTIFICATE", pfx()), "cert_pfx_text", "-nodes"),
    ("pkcs7", lambda: pkcs7.serialize_certificates([OWN], PEM), "cert_chain_alone", "openssl pkcs7 -print_certs"),
    ("pkcs7-binary", lambda: pkcs7.serialize_certificates([OWN], DER), "cert_chain_alone", "-inform DER"),
    ("certificate-binary", lambda: OWN.public_bytes(DER), "cert_der", "openssl x509 -inform DER"),
    ("key-binary", lambda: KEY.private_bytes(DER, PKCS8, PLAIN), "cert_der_key", "openssl pkey -inform DER"),
    ("trusted", lambda: key_pem(KEY) + trusted(), "cert_trusted", "openssl x509 -in"),
    ("request", lambda: key_pem(KEY) + request(), "cert_request", "CSR"),
    ("openssh", lambda: KEY.private_bytes(PEM, OPENSSH, PLAIN) + CERTIFICATE, "cert_openssh", "ssh-keygen -p -m PEM"),
    ("encrypted", lambda: key_pem(KEY, b"geheim") + CERTIFICATE, "cert_encrypted", "openssl pkey -in"),
    ("public-key", lambda: b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "cert_no_key", "private"),
    ("putty", lambda: b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n", "cert_putty", "puttygen"),
    ("java", lambda: b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "cert_jks", "keytool -importkeystore"),
    ("html", lambda: b"<html><body>404</body></html>", "cert_no_pem", "-----BEGIN"),
    ("base64-alone", lambda: CERTIFICATE.split(b"-----")[2], "cert_no_pem", "-----BEGIN"),
]


@pytest.mark.parametrize(("make", "code", "remedy"), [pytest.param(*form[1:], id=form[0]) for form in FORMS])
def test_another_form_is_named_with_its_remedy(
    folder: ProfileFolder, make: Callable[[], bytes], code: str, remedy: str
) -> None:
    put(folder, make())

    (fault,) = folder.load().faults

    sentence = fault.cause.text("de")
    assert (fault.cause.code, fault.usable) == (f"profile.{code}", False)
    assert remedy in sentence
    assert "certs/contoso/mycert_contoso.pem" in sentence
    assert "geheim" not in sentence


@pytest.mark.parametrize("form", ["cert_pfx", "cert_der", "cert_trusted", "cert_encrypted", "cert_der_key"])
def test_the_command_that_is_named_does_what_it_says(folder: ProfileFolder, form: str) -> None:
    make = next(make for name, make, code, _ in FORMS if code == form and name != "pfx-without-password")
    put(folder, make())
    sentence = folder.load().faults[0].cause.text("en")

    command = re.findall(r"“(openssl [^”]+)”", sentence)[0].split()
    password = ["-passin", "pass:geheim"] if form in ("cert_pfx", "cert_encrypted") else []
    subprocess.run([*command, *password], cwd=folder.root, check=True, capture_output=True)

    made = (folder.root / command[command.index("-out") + 1]).read_bytes()
    whole = {"cert_pfx": made, "cert_encrypted": made + CERTIFICATE, "cert_der_key": made + CERTIFICATE}
    put(folder, whole.get(form, key_pem(KEY) + made))
    assert (len(folder.load().tenants), codes(folder)) == (1, [])


def test_the_certificate_beside_its_key_is_named(folder: ProfileFolder) -> None:
    put(folder, key_pem(KEY))
    put(folder, certificate_of(rsa_key(1)).public_bytes(PEM), "another.cer")
    put(folder, OWN.public_bytes(DER), "mycert_contoso.cer")

    assert codes(folder) == ["profile.cert_beside"]
    assert "mycert_contoso.cer" in folder.load().faults[0].problems[0].text("de")


def test_the_key_beside_its_certificate_is_named(folder: ProfileFolder) -> None:
    put(folder, CERTIFICATE)
    put(folder, key_pem(rsa_key(1)), "another.key")
    put(folder, key_pem(KEY), "mycert_contoso.key")

    assert codes(folder) == ["profile.cert_key_beside"]
    assert "mycert_contoso.key" in folder.load().faults[0].problems[0].text("de")


@pytest.mark.parametrize("name", ["pfx-as-base64", "pfx-of-certutil"])
def test_the_commands_for_a_pfx_as_text_do_what_they_say(folder: ProfileFolder, name: str) -> None:
    put(folder, next(form[1]() for form in FORMS if form[0] == name))
    first, second = re.findall(r"“((?:grep|openssl) [^”]+)”", folder.load().faults[0].cause.text("en"))

    for command in (first, f"{second} -passin pass:geheim"):
        subprocess.run(command, shell=True, cwd=folder.root, check=True, capture_output=True)

    put(folder, (folder.root / second.split()[5]).read_bytes())
    assert (len(folder.load().tenants), codes(folder)) == (1, [])


def test_a_folder_and_a_link_that_leads_nowhere_are_told_as_such(folder: ProfileFolder) -> None:
    folder.tenant("a", cert_path="certs/contoso")
    (folder.root / "certs" / "contoso" / "away.pem").symlink_to("gone.pem")
    (folder.root / "certs" / "contoso" / "loop.pem").symlink_to("loop.pem")
    folder.tenant("b", cert_path="certs/contoso/away.pem")
    folder.tenant("c", cert_path="certs/contoso/loop.pem")

    found = folder.load()

    told = [fault.cause.code for fault in found.faults]
    assert told == ["profile.cert_folder", "profile.cert_link_broken", "profile.cert_link_broken"]
    assert "certs/contoso/away.pem" in found.faults[1].cause.text("de")


def test_what_is_no_file_ends_no_refresh(folder: ProfileFolder) -> None:
    folder.tenant("a", cert_path="/dev/zero")
    folder.tenant("b", cert_path="certs/" + "b" * 5000)

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["contoso"]
    assert [fault.cause.code for fault in found.faults] == ["profile.cert_broken", "profile.cert_missing"]


NO_VERSION = OWN.public_bytes(DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1)


@pytest.mark.parametrize("name", ["mycert_contoso.pem", "beside.cer", "another.pem"])
def test_a_certificate_of_a_version_that_nobody_knows_costs_its_file_alone(folder: ProfileFolder, name: str) -> None:
    folder.tenant("fabrikam")
    key = key_pem(KEY)
    put(folder, key)  # looks for its certificate beside
    put(folder, NO_VERSION if name.endswith(".cer") else key + encoded("CERTIFICATE", NO_VERSION), name)

    found = folder.load()

    assert [tenant.slug for tenant in found.tenants] == ["fabrikam"]
    expected = "profile.cert_broken" if name == "mycert_contoso.pem" else "profile.cert_no_certificate"
    assert [fault.cause.code for fault in found.faults] == [expected]


def test_a_broken_certificate_beside_the_right_one_in_a_chain_stops_nothing(folder: ProfileFolder) -> None:
    put(folder, key_pem(KEY) + encoded("CERTIFICATE", NO_VERSION) + CERTIFICATE)

    assert (len(folder.load().tenants), codes(folder)) == (1, [])


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # odd serial numbers
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=5))
def test_whatever_bytes_are_wrong_it_is_a_certificate_or_a_certificate_error(
    of_key: bool, changes: list[tuple[int, int]]
) -> None:
    key, certificate = bytearray(KEY.private_bytes(DER, PKCS8, PLAIN)), bytearray(OWN.public_bytes(DER))
    spoiled = key if of_key else certificate
    for place, value in changes:
        spoiled[place % len(spoiled)] = value

    with TemporaryDirectory() as folder:
        path = Path(folder, "x.pem")
        path.write_bytes(encoded("PRIVATE KEY", key) + encoded("CERTIFICATE", certificate))
        with suppress(CertificateError):
            assert read_certificate(path).thumbprint


def test_a_certificate_error_has_words(tmp_path: Path) -> None:
    for _, make, _, _ in FORMS:
        (tmp_path / "x.pem").write_bytes(make())
        with pytest.raises(CertificateError) as error:
            read_certificate(tmp_path / "x.pem")
        assert has_text(error.value.code)


def test_the_times_are_those_of_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(PAIR.decode().encode("utf-16"))

    assert read_certificate(tmp_path / "x.pem").expires == NOW + timedelta(days=365)
