"""What a product is called and of what kind it is: our mapping, Microsoft's list, and rows nobody knows."""

import datetime as dt
import ipaddress
import json
import os
import re
import ssl
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.cache.catalogue import load_catalogue
from core.cache.database import open_database
from core.graph.http import Http
from core.licenses.product_names_csv import ProductNamesError, parse_product_names
from core.licenses.sku_mappings import SkuMappingError, read_catalogue
from core.licenses.skus import KINDS, Catalogue, ImportedName, Product
from core.operations import product_list
from core.operations.product_list import read_product_names

MAPPING = Path(__file__).parents[1] / "sku_mappings.json"

BUSINESS_STANDARD = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"
E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
A3_FACULTY = "4b590615-0888-425a-a965-b3bf7789848d"
FLOW_FREE = "f30db892-07e9-47e9-837c-80727f46fd3d"
UNKNOWN = "00000000-1111-2222-3333-444444444444"
OTHER_UNKNOWN = "99999999-1111-2222-3333-444444444444"

HEADING = (
    "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\r\n"
)


def entry(part: str = "PART", de: str = "Name", en: str = "Name", kind: str = "paid") -> dict[str, str]:
    return {"part_number": part, "de": de, "en": en, "kind": kind}


def own(sku_id: str = E3, part: str = "SPE_E3", de: str = "Eigen", en: str = "Own", kind: str = "paid") -> Product:
    return Product(sku_id, part, de, en, kind)  # type: ignore[arg-type]


def csv_bytes(*rows: str, encoding: str = "utf-8") -> bytes:
    return (HEADING + "".join(f"{row},PLAN,{E3},Plan\r\n" for row in rows)).encode(encoding)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue as shipped, without imported names."""
    return read_catalogue(MAPPING)


# --- sku_mappings.json as shipped


@pytest.fixture(scope="module")
def mapping() -> dict[str, dict[str, str]]:
    """The shipped mapping as plain JSON."""
    loaded: dict[str, dict[str, str]] = json.loads(MAPPING.read_text(encoding="utf-8"))
    return loaded


def test_the_shipped_mapping_covers_at_least_170_products(mapping):
    assert len(mapping) >= 170


def test_every_shipped_entry_is_complete_and_in_swiss_spelling(mapping):
    faults = [
        sku_id
        for sku_id, value in mapping.items()
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sku_id)
        or list(value) != ["part_number", "de", "en", "kind"]
        or any(text != " ".join(text.split()) or not text for text in value.values())
        or value["kind"] not in KINDS
        or "ß" in value["de"]
    ]

    assert faults == []


def test_every_shipped_part_number_is_there_once(mapping):
    parts = Counter(value["part_number"].lower() for value in mapping.values())

    assert [part for part, times in parts.items() if times > 1] == []


def test_the_shipped_mapping_is_sorted_by_part_number_with_one_line_per_entry(mapping):
    parts = [value["part_number"].lower() for value in mapping.values()]

    assert parts == sorted(parts)
    assert len(MAPPING.read_text(encoding="utf-8").splitlines()) == len(mapping) + 2


@pytest.mark.parametrize(
    ("sku_id", "part", "de", "en", "kind"),
    [
        pytest.param(
            BUSINESS_STANDARD,
            "O365_BUSINESS_PREMIUM",
            "Microsoft 365 Business Standard",
            "Microsoft 365 Business Standard",
            "paid",
            id="part-number-says-premium-but-it-is-standard",
        ),
        pytest.param(
            "3b555118-da6a-4418-894f-7df1e2096870",
            "O365_BUSINESS_ESSENTIALS",
            "Microsoft 365 Business Basic",
            "Microsoft 365 Business Basic",
            "paid",
            id="part-number-says-essentials-but-it-is-basic",
        ),
        pytest.param(
            A3_FACULTY,
            "M365EDU_A3_FACULTY",
            "Microsoft 365 A3 für Lehrpersonal",
            "Microsoft 365 A3 for faculty",
            "paid",
            id="school",
        ),
        pytest.param(
            "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235",
            "POWER_BI_STANDARD",
            "Microsoft Fabric (kostenlos)",
            "Microsoft Fabric (free)",
            "free",
            id="free",
        ),
        pytest.param(
            "dcb1a3ae-b33f-4487-846a-a640262fadf4",
            "POWERAPPS_VIRAL",
            "Power Apps Plan 2 (Test)",
            "Power Apps Plan 2 Trial",
            "trial",
            id="trial",
        ),
        pytest.param(
            "e612d426-6bc3-4181-9658-91aa906b0ac0",
            "CDS_DB_CAPACITY",
            "Dataverse-Datenbankkapazität",
            "Dataverse Database Capacity",
            "not_per_user",
            id="capacity",
        ),
    ],
)
def test_the_shipped_mapping_knows(catalogue, sku_id, part, de, en, kind):
    assert catalogue.product(sku_id, part) == Product(sku_id, part, de, en, kind)


# --- names


def test_a_product_is_named_in_the_language_asked_for():
    product = own(de="für Studierende", en="for students")

    assert [product.name(language) for language in ("de", "de-CH", "en", "fr")] == [
        "für Studierende",
        "für Studierende",
        "for students",
        "for students",
    ]


@pytest.mark.parametrize(
    ("sku_id", "part", "expected"),
    [
        pytest.param(E3, "OTHER", "own E3", id="own-sku-id-decides-against-the-part-number"),
        pytest.param(f" {E3.upper()} ", "OTHER", "own E3", id="case-and-blanks-do-not-matter"),
        pytest.param(A3_FACULTY, "SPE_E3", "imported A3", id="imported-sku-id-decides-against-an-own-part-number"),
        pytest.param(UNKNOWN, "spe_e3", "own E3", id="then-the-own-part-number"),
        pytest.param(UNKNOWN, "M365EDU_A3_FACULTY", "imported A3", id="then-the-imported-part-number"),
        pytest.param(UNKNOWN, " NEW_PRODUCT ", "NEW_PRODUCT", id="then-the-part-number-itself"),
        pytest.param(UNKNOWN, "", UNKNOWN, id="then-the-sku-id"),
        pytest.param("", " ", "?", id="nothing-known-at-all"),
    ],
)
def test_the_name_comes_from_the_first_source_that_knows_one(sku_id, part, expected):
    catalogue = Catalogue(
        [own(de="own E3", en="own E3")],
        [ImportedName(E3, "SPE_E3", "imported E3"), ImportedName(A3_FACULTY, "M365EDU_A3_FACULTY", "imported A3")],
    )

    product = catalogue.product(sku_id, part)

    assert (product.name_de, product.name_en) == (expected, expected)


def test_a_row_without_part_number_gets_it_from_the_catalogue(catalogue):
    assert catalogue.product(E3, "").sku_part_number == "SPE_E3"


def test_a_row_keeps_its_own_sku_id_when_the_part_number_named_it(catalogue):
    product = catalogue.product(UNKNOWN.upper(), "SPE_E3")

    assert (product.sku_id, product.name_de, product.kind) == (UNKNOWN, "Microsoft 365 E3", "paid")


@given(
    sku_id=st.one_of(st.text(), st.sampled_from([E3, UNKNOWN])),
    part=st.one_of(st.text(), st.sampled_from(["SPE_E3", "NEW"])),
    imported=st.lists(st.builds(ImportedName, st.just(UNKNOWN), st.text(), st.text())),
)
def test_every_row_has_a_name_in_both_languages(sku_id, part, imported):
    product = Catalogue([own()], imported).product(sku_id, part)

    assert product.name_de.strip()
    assert product.name_en.strip()


# --- kinds


@pytest.mark.parametrize(
    ("sku_id", "part", "row", "expected"),
    [
        pytest.param(
            E3, "SPE_E3", {"applies_to": "Company"}, ("not_per_user", "applies_to"), id="company-wins-over-all"
        ),
        pytest.param(
            UNKNOWN,
            "NEW_TRIAL",
            {"applies_to": "Company", "is_trial": True},
            ("not_per_user", "applies_to"),
            id="company-wins-over-a-trial",
        ),
        pytest.param(E3, "SPE_E3", {"applies_to": ""}, ("paid", "mapping"), id="applies-to-not-given"),
        pytest.param(E3, "SPE_E3", {"applies_to": "user"}, ("paid", "mapping"), id="applies-to-in-small-letters"),
        pytest.param(E3, "SPE_E3", {"is_trial": True}, ("trial", "trial_subscription"), id="trial-of-a-paid-product"),
        pytest.param(FLOW_FREE, "FLOW_FREE", {"enabled": 10_000}, ("free", "mapping"), id="mapping"),
        pytest.param(UNKNOWN, "FLOW_FREE", {}, ("free", "mapping"), id="mapping-by-part-number"),
        pytest.param(E3, "SPE_E3", {"enabled": 1_000_000}, ("paid", "mapping"), id="mapping-wins-over-a-pool"),
        pytest.param(UNKNOWN, "Power_X_vTrial_for_Makers", {}, ("trial", "name"), id="vtrial"),
        pytest.param(UNKNOWN, "Dynamics_365_X_Viral_Trial", {}, ("trial", "name"), id="viral-trial-is-a-trial"),
        pytest.param(UNKNOWN, "X_VIRAL", {}, ("free", "name"), id="viral"),
        pytest.param(UNKNOWN, "X_FREE", {"enabled": 10_000}, ("free", "name"), id="free"),
        pytest.param(UNKNOWN, "INDUSTRIAL_FREEDOM", {}, ("paid", "default"), id="whole-words-only"),
        pytest.param(UNKNOWN, "NEW", {"enabled": 1_000_000}, ("free", "large_pool"), id="a-million-seats"),
        pytest.param(UNKNOWN, "NEW_IW", {"enabled": 10_000}, ("free", "large_pool"), id="10000-and-self-service"),
        pytest.param(UNKNOWN, "NEW_IW", {"enabled": 12_000}, ("paid", "default"), id="self-service-but-no-pool"),
        pytest.param(UNKNOWN, "NEW", {"enabled": 10_000}, ("paid", "default"), id="a-company-may-buy-10000"),
        pytest.param(UNKNOWN, "NEW", {"enabled": 12_000}, ("paid", "default"), id="a-company-with-12000-seats"),
        pytest.param(UNKNOWN, "NEW", {"enabled": 999_999}, ("paid", "default"), id="nearly-a-million"),
        pytest.param(UNKNOWN, "", {}, ("paid", "default"), id="nothing-known"),
    ],
)
def test_the_kind_and_the_rule_that_gave_it(catalogue, sku_id, part, row, expected):
    assert catalogue.kind(sku_id, part, **{"applies_to": "User", "enabled": 25, **row}) == expected


@given(enabled=st.integers(0, 2_000_000).filter(lambda seats: seats != 1_000_000), part=st.text("ABCX0_", max_size=8))
def test_an_unknown_product_without_a_telling_name_always_alarms(enabled, part):
    kind = Catalogue([own()]).kind(UNKNOWN, part, applies_to="User", enabled=enabled)

    assert kind == ("paid", "default")


def test_an_imported_name_does_not_hide_the_kind_that_the_part_number_has():
    catalogue = Catalogue([own(part="X", kind="free")], [ImportedName(UNKNOWN, "X", "Variant of X")])

    product = catalogue.product(UNKNOWN, "X")

    assert (product.name_en, product.kind) == ("Variant of X", "free")


# --- faults of the mapping file


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("{", "is no valid JSON", id="broken-json"),
        pytest.param("[]", "must be one object", id="no-object"),
        pytest.param("[" * 100_000, "is no valid JSON", id="absurdly-nested"),
        pytest.param(json.dumps({"E3": entry()}), "E3: is no SKU id", id="key-is-no-guid"),
        pytest.param(json.dumps({E3: "x"}), f"{E3}: must be an object", id="entry-is-no-object"),
        pytest.param(json.dumps({E3: entry(de=" ")}), f"{E3}: de is missing or empty", id="empty-name"),
        pytest.param(json.dumps({E3: entry(kind="gratis")}), f"{E3}: kind is 'gratis'", id="unknown-kind"),
        pytest.param(json.dumps({E3: entry() | {"fr": "x"}}), f"{E3}: fr is unknown", id="unknown-field"),
        pytest.param(f'{{"{E3}": {{}}, "{E3}": {{}}}}', f"{E3}: is there twice", id="same-id-twice"),
        pytest.param(json.dumps({E3: entry(), E3.upper(): entry()}), f"{E3.upper()}: is there twice", id="in-capitals"),
    ],
)
def test_a_faulty_mapping_names_file_entry_and_remedy(tmp_path, text, fault):
    path = tmp_path / "sku_mappings.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SkuMappingError, match=re.escape(f"sku_mappings.json: {fault}")):
        read_catalogue(path)


def test_all_faults_of_a_mapping_are_told_in_one_go(tmp_path):
    path = tmp_path / "sku_mappings.json"
    path.write_text(json.dumps({"E3": entry(), E3: entry(de="", kind="x"), UNKNOWN: entry()}), encoding="utf-8")

    with pytest.raises(SkuMappingError) as error:
        read_catalogue(path)

    assert [fault.partition(". ")[0] for fault in error.value.faults] == [
        "E3: is no SKU id",
        f"{E3}: de is missing or empty",
        f"{E3}: kind is 'x'",
    ]


def test_a_faulty_entry_costs_that_entry_alone(tmp_path, monkeypatch):
    path = tmp_path / "sku_mappings.json"
    path.write_text(json.dumps({E3: entry() | {"fr": "x"}, UNKNOWN: entry(kind="free")}), encoding="utf-8")
    monkeypatch.setattr("core.cache.catalogue.SKU_MAPPINGS", path)

    catalogue, fault = load_catalogue(open_database(f"sqlite:///{tmp_path / 'x.db'}"))

    assert fault.startswith(f"sku_mappings.json: {E3}: fr is unknown")
    assert catalogue.kind(UNKNOWN, "", applies_to="User", enabled=5) == ("free", "mapping")
    assert catalogue.kind(E3, "", applies_to="User", enabled=5) == ("paid", "default")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("key", ["{%s}", "\u200e%s\u00a0"])
def test_a_mapping_is_found_however_its_key_is_spelled(tmp_path, encoding, key):
    path = tmp_path / "sku_mappings.json"
    text = json.dumps({key % E3.upper(): entry() | {"part_number": "Bü\u0308ro_(no Teams)"}}, ensure_ascii=False)
    path.write_text(text, encoding=encoding)

    catalogue = read_catalogue(path)

    assert catalogue.product(E3, "").name_en == entry()["en"]
    part = unicodedata.normalize("NFC", "\u200bBü\u0308ro_(no\u00a0TEAMS) ")
    assert catalogue.product("", part).name_en == entry()["en"]


def test_a_missing_mapping_says_how_to_get_it_back(tmp_path):
    with pytest.raises(SkuMappingError, match=r"cannot be read .* Put back the file"):
        read_catalogue(tmp_path / "sku_mappings.json")


# --- Microsoft's CSV


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(csv_bytes(f"Plan – B,B,{E3}", encoding="utf-8-sig"), [(E3, "B", "Plan – B")], id="utf-8-with-bom"),
        pytest.param(csv_bytes(f"Plan – B,B,{E3}", encoding="cp1252"), [(E3, "B", "Plan – B")], id="cp1252"),
        pytest.param(csv_bytes(f"B,B,{E3}\u00a0", encoding="cp1252"), [(E3, "B", "B")], id="nbsp-after-guid-cp1252"),
        pytest.param(csv_bytes(f"B,B,{E3}\u00a0"), [(E3, "B", "B")], id="nbsp-after-guid-utf-8"),
        pytest.param(csv_bytes(f"B,B,({E3}"), [(E3, "B", "B")], id="bracket-before-guid"),
        pytest.param(csv_bytes(f"B,B,{E3.upper()}"), [(E3, "B", "B")], id="guid-in-capitals"),
        pytest.param(csv_bytes(f" B  C ,B C ,{E3}"), [(E3, "B C", "B C")], id="blanks"),
        pytest.param(csv_bytes(f'"Power, ""BI""",B,{E3}'), [(E3, "B", 'Power, "BI"')], id="quoted"),
        pytest.param(csv_bytes(f"B,B,{E3}", f"B,B,{E3}"), [(E3, "B", "B")], id="doubled-row"),
        pytest.param(csv_bytes(f"Old,B,{E3}", f"New,B,{E3}"), [(E3, "B", "New")], id="several-names-last-one-wins"),
        pytest.param(csv_bytes(f"B,B,{E3}").replace(b"\r\n", b"\n"), [(E3, "B", "B")], id="line-feeds-only"),
        pytest.param(csv_bytes(f"B,B,{E3}").replace(b",", b";"), [(E3, "B", "B")], id="semicolons-of-a-german-excel"),
        pytest.param(f"GUID,STRING_ID,product_display_name\n{E3},B,C".encode(), [(E3, "B", "C")], id="columns-moved"),
        pytest.param(b"\r\n" + csv_bytes(f"B,,{E3}") + b",,,\r\n", [(E3, "", "B")], id="blank-lines-and-no-part"),
    ],
)
def test_a_csv_is_read_with_its_known_quirks(raw, expected):
    names, skipped = parse_product_names(raw)

    assert [(n.sku_id, n.sku_part_number, n.display_name) for n in names] == expected
    assert skipped == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param("X,X,4b590615-0888-425a", "line 3: '4b590615-0888-425a' is no GUID", id="guid-cut-off"),
        pytest.param("X,X,", "line 3: '' is no GUID", id="no-guid"),
        pytest.param(f",X,{A3_FACULTY}", f"line 3: {A3_FACULTY} has no display name", id="no-name"),
        pytest.param(f'"X"Y,X,{A3_FACULTY}', "line 3: is no CSV", id="stray-quotation-mark"),
    ],
)
def test_a_bad_row_is_skipped_and_reported_with_line_and_reason(row, why):
    names, skipped = parse_product_names(csv_bytes(f"B,B,{E3}", row, f"C,C,{UNKNOWN}"))

    assert [name.sku_id for name in names] == [E3, UNKNOWN]
    assert [str(problem).startswith(why) for problem in skipped] == [True]


def test_a_row_that_is_too_short_is_reported():
    _, [problem] = parse_product_names(csv_bytes(f"B,B,{E3}") + b"C,C\r\n")

    assert problem.text("en") == "line 3: has only 2 columns"
    assert problem.text("de") == "Zeile 3: hat nur 2 Spalten"


def test_a_quotation_mark_never_closed_is_reported_not_swallowed():
    names, skipped = parse_product_names(csv_bytes(f"B,B,{E3}", f'"C,C,{UNKNOWN}', f"D,D,{OTHER_UNKNOWN}"))

    assert [name.display_name for name in names] == ["B"]
    assert [str(problem).partition(" (")[0] for problem in skipped] == ["line 4: is no CSV"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"<!DOCTYPE html>\n<html>", "no column Product_Display_Name, String_Id, GUID", id="a-web-page"),
        pytest.param(b"Product_Display_Name,GUID\r\n", "has no column String_Id. Its", id="one-column-missing"),
        pytest.param(HEADING.encode(), "No row names a product", id="heading-only"),
        pytest.param(csv_bytes("B,B,x"), "No row names a product", id="no-usable-row"),
    ],
)
def test_a_file_that_is_not_the_list_is_refused_with_the_address_of_the_list(raw, message):
    with pytest.raises(ProductNamesError, match=f"{message}.*learn.microsoft.com"):
        parse_product_names(raw)


@given(st.one_of(st.binary(), st.binary().map(lambda tail: HEADING.encode() + tail)))
def test_any_bytes_give_names_or_a_product_names_error(raw):
    try:
        names, _ = parse_product_names(raw)
    except ProductNamesError:
        return
    assert all(name.sku_id and name.display_name for name in names)


cell = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)


@given(st.dictionaries(st.uuids().map(str), st.tuples(cell, cell), min_size=1))
def test_what_is_written_as_csv_is_read_back(products):
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    raw = csv_bytes(*(f"{quoted(name)},{quoted(part)},{sku_id}" for sku_id, (name, part) in products.items()))

    assert parse_product_names(raw) == ([ImportedName(i, part, name) for i, (name, part) in products.items()], [])


# --- where the CSV comes from


def read(source: str, *, timeout: float = 60.0) -> bytes:
    http = Http(ca_bundle=os.environ.get("REQUESTS_CA_BUNDLE", ""), timeout=(5, timeout))
    try:
        return read_product_names(source, http)
    finally:
        http.close()


def test_a_list_is_read_from_a_path(tmp_path):
    path = tmp_path / "names.csv"
    path.write_bytes(csv_bytes(f"B,B,{E3}"))

    assert read(str(path)) == csv_bytes(f"B,B,{E3}")


@pytest.mark.parametrize("name", [pytest.param("missing.csv", id="missing"), pytest.param("", id="folder")])
def test_a_path_that_cannot_be_read_says_what_to_do(tmp_path, name):
    with pytest.raises(ProductNamesError, match=r"cannot be read: .*Check the path"):
        read(str(tmp_path / name))


def test_an_impossible_path_says_what_to_do():
    with pytest.raises(ProductNamesError, match="Check the path"):
        read("a\0b")


@pytest.mark.parametrize("url", ["http://contoso.example/n.csv", "file:///etc/hostname", "ftp://contoso.example/n.csv"])
def test_only_https_addresses_are_read(url):
    with pytest.raises(ProductNamesError, match="Only https:// is allowed"):
        read(url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "names.contoso.example")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    return path


class _Names(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/silent":
            self.rfile.read(1)  # returns when the client hangs up
            return
        status = {"/gone": 404, "/to-http": 302}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:9/names.csv")
        self.end_headers()
        self.wfile.write(b"x" * 100 if self.path == "/large" else csv_bytes(f"B,B,{E3}"))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Names)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(certificate, monkeypatch) -> Iterator[str]:
    """A real HTTPS server with a list of names; its certificate is trusted through REQUESTS_CA_BUNDLE."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with served(certificate) as url:
        yield url


def test_a_list_is_read_from_an_https_address(server):
    assert parse_product_names(read(f"{server}/names.csv"))[0] == [ImportedName(E3, "B", "B")]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        pytest.param("/gone", "404", id="not-found"),
        pytest.param("/to-http", "http://127.0.0.1:9", id="redirect-away-from-https"),
    ],
)
def test_a_failed_download_says_why_and_what_to_do(server, path, cause):
    with pytest.raises(ProductNamesError, match=f"could not be downloaded: .*{cause}.*give its path"):
        read(server + path)


def test_an_address_with_an_untrusted_certificate_is_not_read(server, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    with pytest.raises(ProductNamesError, match="certificate"):
        read(f"{server}/names.csv")


def test_a_file_that_is_too_large_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(product_list, "MAX_BYTES", 99)
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 100)

    for source in (str(large), f"{server}/large"):
        with pytest.raises(ProductNamesError, match=r"has more than .* MB"):
            read(source)


def test_a_server_that_stays_silent_is_given_up(server):
    with pytest.raises(ProductNamesError, match="did not answer in time"):
        read(f"{server}/silent", timeout=0.2)
