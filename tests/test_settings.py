"""Settings: defaults, what each takes and refuses, all faults at once, `.env`, and `.env.example` as their manual."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from pathlib import Path
from typing import Any

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.setting_faults import SettingsError
from core.settings import PARSERS, PREFIX, Settings, language_or_default, load_settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"


def load(**values: str) -> Settings:
    return load_settings({PREFIX + name.upper(): value for name, value in values.items()}, None)


def faults_of(**values: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(**values)
    return error.value.faults


def test_without_any_setting_the_defaults_count() -> None:
    assert load_settings({"PATH": "/bin"}, None) == Settings()


def test_every_setting_has_a_parser() -> None:
    assert {field.name for field in dataclasses.fields(Settings)} == {*PARSERS, "proxies", "ca_bundle"}


def test_the_database_is_a_file_in_the_data_folder_unless_told_otherwise() -> None:
    assert load(data_dir="/srv/x").database == "sqlite:////srv/x/lizenztool.db"
    assert load(database_url="postgresql://u:p@db/x").database == "postgresql://u:p@db/x"


@pytest.mark.parametrize("role", ["web", "worker"])
def test_to_share_the_work_needs_postgresql(role: str) -> None:
    needed = [f"LIZENZTOOL_ROLE: {role!r} needs PostgreSQL; set LIZENZTOOL_DATABASE_URL to its address."]

    assert faults_of(role=role) == faults_of(role=role, database_url="sqlite:///x.db") == needed
    assert load(role=role, database_url="postgresql+psycopg://h/x").shares_work


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        pytest.param("data_dir", "/srv/data", Path("/srv/data"), id="data-dir"),
        pytest.param("profiles_dir", "p", Path("p"), id="profiles-dir"),
        pytest.param("log_dir", "l", Path("l"), id="log-dir"),
        pytest.param("database_url", "sqlite:///x.db", "sqlite:///x.db", id="sqlite"),
        pytest.param("database_url", "postgresql+psycopg://h/x", "postgresql+psycopg://h/x", id="postgresql-driver"),
        pytest.param("role", "All", "all", id="role"),
        pytest.param("login_url", "https://login.microsoftonline.us/", "https://login.microsoftonline.us", id="slash"),
        pytest.param("graph_url", "HTTPS://Graph.Microsoft.US", "https://graph.microsoft.us", id="capitals"),
        pytest.param("graph_url", "https://localhost:8443", "https://localhost:8443", id="port-in-url"),
        pytest.param("refresh_minutes", "0.5", 0.5, id="fraction"),
        pytest.param("refresh_minutes", "0", 0, id="no-background-refresh"),
        pytest.param("workers", " 4 ", 4, id="blanks-around"),
        pytest.param("flow_timeout_minutes", "90", 90, id="flow-timeout"),
        pytest.param("language", "EN", "en", id="language"),
        pytest.param("log_level", "debug", "DEBUG", id="log-level"),
        pytest.param("demo", "On", "on", id="demo"),
        pytest.param("host", "0.0.0.0", "0.0.0.0", id="host"),
        pytest.param("port", "80", 80, id="port"),
        pytest.param("allowed_hosts", "Lizenzen.contoso.example, ,x", ("lizenzen.contoso.example", "x"), id="hosts"),
        pytest.param("log_format", "JSON", "json", id="log-format"),
        pytest.param("proxy", "10.0.0.5, 10.1.0.0/16,::1", ("10.0.0.5", "10.1.0.0/16", "::1"), id="proxy"),
        pytest.param("metrics_tenants", "True", True, id="true"),
        pytest.param("time_zone", "Europe/Berlin", "Europe/Berlin", id="time-zone"),
        pytest.param("workers", "", 16, id="empty-means-default"),
    ],
)
def test_a_good_value_is_taken(name: str, raw: str, value: Any) -> None:
    assert getattr(load(**{name: raw}), name) == value


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        pytest.param("database_url", "data/x.db", "sqlite:///file", id="database-is-a-path"),
        pytest.param("database_url", "mysql://h/x", "postgresql://", id="other-database"),
        pytest.param("login_url", "http://login.example", "https://host[:port]", id="plain-http"),
        pytest.param("login_url", "login.example", "https://host[:port]", id="no-scheme"),
        pytest.param("graph_url", "https://graph.microsoft.com/v1.0", "https://host[:port]", id="path"),
        pytest.param("graph_url", "https://graph.microsoft.com#x", "https://host[:port]", id="fragment"),
        pytest.param("graph_url", "https://user:pw@graph.microsoft.com", "https://host[:port]", id="user-in-url"),
        pytest.param("graph_url", "https://graph.microsoft.com:999999", "https://host[:port]", id="no-such-port"),
        pytest.param("graph_url", "https://[::1", "https://host[:port]", id="half-an-address"),
        pytest.param("refresh_minutes", "-1", "0 to 10080", id="negative"),
        pytest.param("refresh_minutes", "nan", "0 to 10080", id="not-a-number"),
        pytest.param("refresh_minutes", "täglich", "0 to 10080", id="word"),
        pytest.param("workers", "0", "1 to 256", id="no-worker"),
        pytest.param("workers", "2.5", "1 to 256", id="half-a-worker"),
        pytest.param("flow_timeout_minutes", "0", "0.01 to 10080", id="no-time-for-the-flow"),
        pytest.param("language", "fr", "de, en", id="other-language"),
        pytest.param("log_level", "TRACE", "DEBUG, INFO, WARNING, ERROR", id="other-level"),
        pytest.param("demo", "yes", "auto, on, off", id="demo"),
        pytest.param("port", "65536", "1 to 65535", id="port"),
        pytest.param("proxy", "10.0.0.5,proxy.example", "'proxy.example' is no address", id="proxy-by-name"),
        pytest.param("proxy", "10.1.2.3/16", "10.1.0.0/16", id="proxy-network-with-host"),
        pytest.param("proxy", "*", "no address", id="every-proxy"),
        pytest.param("metrics_tenants", "1", "true, false", id="neither-true-nor-false"),
        pytest.param("time_zone", "Zürich", "Europe/Zurich", id="no-time-zone"),
    ],
)
def test_a_bad_value_is_told_with_what_would_be_good(name: str, raw: str, said: str) -> None:
    (fault,) = faults_of(**{name: raw})

    assert fault.startswith(f"{PREFIX}{name.upper()}: ")
    assert said in fault


@given(name=st.sampled_from(sorted(PARSERS)), raw=st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_is_either_taken_or_told(name: str, raw: str) -> None:
    with contextlib.suppress(SettingsError):
        load(**{name: raw})


def test_a_password_in_a_database_address_is_never_repeated() -> None:
    (fault,) = faults_of(database_url="mysql://lizenz:geheim@db/x")

    assert "geheim" not in fault
    assert "geheim" not in repr(load(database_url="postgresql://lizenz:geheim@db/x"))


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of(workers="x", port="y", languge="de", graph_url="z")

    assert [fault.partition(":")[0].removeprefix(PREFIX) for fault in faults] == [
        "GRAPH_URL",
        "LANGUGE",
        "PORT",
        "WORKERS",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("REFRESH_MINUTE", "did you mean LIZENZTOOL_REFRESH_MINUTES?", id="near"),
        pytest.param("QQQQ", "see .env.example", id="nothing-near"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_known_one(name: str, said: str) -> None:
    (fault,) = faults_of(**{name: "1"})

    assert said in fault


def test_each_fault_is_told_in_the_language_of_the_setting() -> None:
    with pytest.raises(SettingsError) as error:
        load(port="x", language="fr", database_url="mysql://lizenz:geheim@db/x")

    assert error.value.texts("de") == [
        "LIZENZTOOL_DATABASE_URL: Keine Adresse der Form sqlite:///datei oder postgresql://benutzer:passwort@host/name.",
        "LIZENZTOOL_LANGUAGE: 'fr' ist nicht möglich; möglich sind de, en.",
        "LIZENZTOOL_PORT: 'x' ist keine Zahl von 1 bis 65535.",
    ]


@pytest.mark.parametrize(
    ("environ", "file", "language"),
    [
        pytest.param("en", "LIZENZTOOL_LANGUAGE=de", "en", id="environment"),
        pytest.param("", "LIZENZTOOL_LANGUAGE=en\nLIZENZTOOL_PORT=x", "en", id="file-with-faults"),
        pytest.param("fr", "", "de", id="none-of-them"),
    ],
)
def test_the_language_is_known_before_the_settings_are_right(
    tmp_path: Path, environ: str, file: str, language: str
) -> None:
    (tmp_path / ".env").write_text(file)

    assert language_or_default({"LIZENZTOOL_LANGUAGE": environ}, tmp_path / ".env") == language


# .env


def test_the_environment_counts_more_than_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LIZENZTOOL_WORKERS=4\nLIZENZTOOL_PORT=9000\n# LIZENZTOOL_DEMO=on\nOTHER=1\n")

    found = load_settings({"LIZENZTOOL_PORT": "9001"}, file)

    assert (found.workers, found.port, found.demo) == (4, 9001, "auto")


def test_an_env_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfLIZENZTOOL_WORKERS=4\r\nLIZENZTOOL_PORT=9000\r\n")

    assert load_settings({}, file).workers == 4


def test_an_env_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("LIZENZTOOL_DATA_DIR=Höri".encode("cp1252"))

    with pytest.raises(SettingsError, match=r"\.env: the file cannot be read .* UTF-8"):
        load_settings({}, file)


def test_an_unknown_name_in_the_env_file_is_told_as_well(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LIZENZTOOL_WORKER=4\n")

    with pytest.raises(SettingsError, match="did you mean LIZENZTOOL_WORKERS"):
        load_settings({}, file)


def test_without_an_env_file_nothing_is_missing(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / ".env") == Settings()


# REQUESTS_CA_BUNDLE


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_authority_of_ones_own_is_taken(tmp_path: Path, name: str, kind: str) -> None:
    bundle = certifi.where() if kind == "file" else str(tmp_path)

    assert load_settings({name: bundle}, None).ca_bundle == bundle


@pytest.mark.parametrize(
    ("content", "said"),
    [pytest.param(None, "there is no file", id="missing"), pytest.param("x", "no PEM file", id="something-else")],
)
def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    bundle = tmp_path / "proxy.pem"
    if content:
        bundle.write_text(content)

    with pytest.raises(SettingsError) as error:
        load_settings({"REQUESTS_CA_BUNDLE": str(bundle), "LIZENZTOOL_PORT": "x"}, None)

    assert len(error.value.faults) == 2
    assert error.value.faults[1].startswith("REQUESTS_CA_BUNDLE: ")
    assert said in error.value.faults[1]


# .env.example


def test_the_example_documents_every_setting_once_in_order_with_a_line_of_help() -> None:
    text = EXAMPLE.read_text("utf-8")

    unexplained = [
        block for block in text.strip().split("\n\n")[1:] if not re.fullmatch(r"(# .*\n)*# .*\.(\n#[A-Z_]+=.*)+", block)
    ]

    assert unexplained == []
    assert re.findall(r"(?m)^#([A-Z_]+)=", text) == [
        *(PREFIX + name.upper() for name in _fields() if name not in ("proxies", "ca_bundle")),
        "HTTPS_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
    ]


def test_the_values_of_the_example_are_the_defaults(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text(re.sub(r"(?m)^#(?=[A-Z_]+=)", "", EXAMPLE.read_text("utf-8")), "utf-8")
    written = dict(re.findall(r"(?m)^LIZENZTOOL_(\w+)=(.*)$", copy.read_text("utf-8")))

    assert load_settings({}, copy) == Settings()
    assert all(
        (raw not in ("", "0", "false")) == bool(getattr(Settings(), name.lower())) for name, raw in written.items()
    )


def _fields() -> list[str]:
    return [field.name for field in dataclasses.fields(Settings)]
