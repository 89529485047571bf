"""The way out: proxies, their exceptions and authorities hold for every call, and each failure has words of its own."""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from core.__main__ import main
from core.graph import GraphClient, GraphError, subscribed_skus
from core.graph.access_tokens import TokenSource
from core.graph.connection_problems import harmless, no_answer
from core.graph.http import Http, Route
from core.network import Proxies, is_exception, without_password
from core.problems import Problem
from core.profiles.auth_profiles import AuthProfile
from core.profiles.profile_store import ProfileStore
from core.setting_faults import SettingsError
from core.settings import Settings, load_settings
from simulator import Fault, Microsoft365, Tenant
from tests.forward_proxy import ForwardProxy, forward_proxy, http_answer
from tests.loggers import restored_loggers
from web.demo import Demo
from web.sign_in.open_id_client import OpenIdClient

PASSWORD = "ge%40heim"
BLOCKED = (
    "<html><head><title>Zscaler &ndash; <b>Access\n denied</b></title></head><body>[x](javascript:1)</body></html>"
)


# Settings


def load(*lines: str, tmp_path: Path, **environ: str) -> Settings:
    """From an .env with these lines, and this environment."""
    (tmp_path / ".env").write_text("\n".join(lines), "utf-8")
    return load_settings(environ, tmp_path / ".env")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_may_stand_in_env_or_environment_in_either_case(tmp_path: Path, name: str) -> None:
    written = load(f"{name}=http://proxy:3128", tmp_path=tmp_path)
    real = load(tmp_path=tmp_path, **{name: "http://proxy:3128"})

    for settings in (written, real):
        assert settings.proxies.of("https://graph.microsoft.com/v1.0") == "http://proxy:3128"


def test_what_is_nearer_wins(tmp_path: Path) -> None:
    """https before all, small letters before capitals, the environment before .env; empty means none."""

    def proxy(*lines: str, **environ: str) -> str:
        return load(*lines, tmp_path=tmp_path, **environ).proxies.of("https://a.example")

    assert proxy("ALL_PROXY=http://all", "HTTPS_PROXY=http://one") == "http://one"
    assert proxy("HTTP_PROXY=http://plain") == ""
    assert proxy("HTTPS_PROXY=http://big", "https_proxy=http://small") == "http://small"
    assert proxy("https_proxy=http://file", HTTPS_PROXY="http://real") == "http://real"
    assert proxy("https_proxy=http://file", HTTPS_PROXY="") == ""


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "ssl_cert_file"])
def test_a_bundle_of_the_environment_goes_before_that_of_env(tmp_path: Path, name: str, proxy: ForwardProxy) -> None:
    bundle = str(proxy.authority)

    assert load(f"{name}={bundle}", tmp_path=tmp_path).ca_bundle == bundle
    with pytest.raises(SettingsError, match=f"^{name.upper()}: there is no file"):
        load(f"{name}={bundle}", tmp_path=tmp_path, **{name: "/nowhere.pem"})


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("user:ge@heim@proxy:8080", "@ as %40", id="no-scheme-but-a-password"),
        pytest.param("ftp://proxy:8080", "not by “ftp”", id="scheme"),
        pytest.param("http://", "http://user:password@host:port", id="no-host"),
        pytest.param("http://proxy:99999", "http://user:password@host:port", id="port"),
        pytest.param("http://user:ge#heim@proxy:8080", "# as %23", id="hash-in-password"),
        pytest.param("http://user:ge/heim@proxy:8080", "/ as %2F", id="slash-in-password"),
        pytest.param("http://user:ge@heim@proxy:8080", "@ as %40", id="at-in-password"),
        pytest.param("http://proxy:8080/path", "http://user:password@host:port", id="path"),
        pytest.param("http://pro xy:8080", "http://user:password@host:port", id="blank"),
        pytest.param("socks5h://proxy:1080", "PySocks", id="socks"),
    ],
)
def test_a_wrong_address_of_a_proxy_is_told_without_its_password(tmp_path: Path, address: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(f"HTTPS_PROXY='{address}'", tmp_path=tmp_path)

    (fault,) = error.value.faults
    assert fault.startswith("HTTPS_PROXY: ")
    assert said in fault
    assert "heim" not in fault


@pytest.mark.parametrize("address", ["proxy.example.com:8080", "proxy.example.com", "user:word@10.0.0.5:3128"])
def test_a_proxy_without_a_scheme_is_reached_by_http_as_with_curl(tmp_path: Path, address: str) -> None:
    settings = load(f"HTTPS_PROXY={address}", tmp_path=tmp_path)

    assert settings.proxies.of("https://graph.microsoft.com") == f"http://{address}"


@given(
    st.text(min_size=1, max_size=12), st.sampled_from(["http://u:{}@proxy:1", "u:{}@proxy", "{}@proxy:80", "x://{}@p"])
)
def test_no_address_of_a_proxy_shows_its_password(word: str, form: str) -> None:
    secret = f"<{word}>"
    try:
        found = repr(load_settings({"HTTPS_PROXY": form.format(secret)}, None))
    except SettingsError as error:
        found = str(error)

    assert secret not in found


@pytest.mark.parametrize(
    ("entry", "host", "port", "meant"),
    [
        ("login.microsoftonline.com", "login.microsoftonline.com", 443, True),
        ("microsoftonline.com", "login.microsoftonline.com", 443, True),
        (".microsoftonline.com", "login.microsoftonline.com", 443, True),
        ("*.microsoftonline.com", "login.microsoftonline.com", 443, True),
        ("MicrosoftOnline.COM", "login.microsoftonline.com", 443, True),
        ("online.com", "login.microsoftonline.com", 443, False),  # `requests` takes it for its end
        ("microsoftonline.com", "microsoftonline.com", 443, True),
        ("login.microsoftonline.com:443", "login.microsoftonline.com", 443, True),
        ("login.microsoftonline.com:8443", "login.microsoftonline.com", 443, False),
        ("graph.microsoft.com", "login.microsoftonline.com", 443, False),
        ("*", "anything.example", 443, True),
        ("10.0.0.0/8", "10.20.30.40", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.0.0.1", "10.0.0.1", 8443, True),
        ("10.0.0.1:443", "10.0.0.1", 8443, False),
        ("0.0.0.1", "10.0.0.1", 443, False),
        ("[::1]:443", "::1", 443, True),
        ("fd00::/8", "fd12::1", 443, True),
        ("::1", "::1", 443, True),
        ("10.0.0.0/8", "ten.example", 443, False),
        ("", "a.example", 443, False),
        (".", "a.example", 443, False),
    ],
)
def test_an_exception_means_a_domain_a_host_or_a_network(entry: str, host: str, port: int, meant: bool) -> None:
    assert is_exception(entry, host, port) is meant


def test_exceptions_are_parted_by_commas_or_blanks(tmp_path: Path) -> None:
    settings = load("HTTPS_PROXY=http://p", "no_proxy=' a.example, ,b.example  c.example'", tmp_path=tmp_path)

    assert settings.proxies.exceptions == ("a.example", "b.example", "c.example")


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 65535))
def test_no_entry_of_no_proxy_makes_anything_fail(entry: str, host: str, port: int) -> None:
    is_exception(entry, host, port)


# Every call takes the way that is set


@pytest.fixture
def m365(tmp_path: Path) -> Iterator[Microsoft365]:
    """A cloud whose login host has another name than Graph."""
    with Microsoft365(tmp_path / "m365") as running:
        running.login_url = running.login_url.replace("localhost", "127.0.0.1")
        yield running


@pytest.fixture
def tenant(m365: Microsoft365) -> Tenant:
    return m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ForwardProxy]:
    with forward_proxy(tmp_path / "proxy") as running:
        yield running


class Tool:
    """The product's end of the wire, with `variables` in its environment."""

    def __init__(self, m365: Microsoft365, **variables: str) -> None:
        self.settings = load_settings(m365.environment() | variables, None)
        self.waited: list[float] = []
        proxies, bundle = self.settings.proxies, self.settings.ca_bundle
        self.http = Http(ca_bundle=bundle, proxies=proxies, sleep=self.waited.append, timeout=(5, 5))
        self.tokens = TokenSource(self.settings.login_url, self.settings.graph_url, self.http)

    def read(self) -> list[str]:
        """The products of the one tenant."""
        (profile,) = ProfileStore(self.settings.profiles_dir).load().tenants
        client = GraphClient(profile, self.settings.graph_url, self.tokens, self.http)
        try:
            return [row.sku_part_number for row in subscribed_skus(client).licenses]
        finally:
            self.http.close()


def hosts(proxy: ForwardProxy) -> set[str]:
    return {asked.partition(":")[0] for asked in proxy.asked}


def test_login_and_graph_go_through_the_proxy(m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy) -> None:
    assert Tool(m365, HTTPS_PROXY=proxy.url).read() == ["SPB"]

    assert hosts(proxy) == {"127.0.0.1", "localhost"}


@pytest.mark.parametrize(
    ("exception", "through"),
    [("127.0.0.1", "localhost"), ("localhost", "127.0.0.1"), ("contoso.example;localhost", "127.0.0.1")],
)
def test_each_host_is_looked_up_for_itself(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy, exception: str, through: str
) -> None:
    assert Tool(m365, HTTPS_PROXY=proxy.url, NO_PROXY=exception).read() == ["SPB"]

    assert hosts(proxy) == {through}


def test_the_password_of_the_proxy_goes_to_the_proxy_alone(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy
) -> None:
    proxy.user = "hans:ge@heim"

    assert Tool(m365, HTTPS_PROXY=proxy.url.replace("//", f"//hans:{PASSWORD}@")).read() == ["SPB"]


def test_netrc_does_not_replace_the_token(
    m365: Microsoft365, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine localhost login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    assert Tool(m365).read() == ["SPB"]


def test_every_command_takes_the_way_that_env_names(
    m365: Microsoft365, proxy: ForwardProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
    m365.add_sharepoint()
    monkeypatch.chdir(tmp_path)
    variables = m365.environment() | {"https_proxy": proxy.url}
    (tmp_path / ".env").write_text("\n".join(f"{name}={value}" for name, value in variables.items()))

    with restored_loggers():
        assert main(["sync"]) == 0
        assert hosts(proxy) == {"127.0.0.1", "localhost"}
        proxy.asked.clear()
        assert main(["check"]) == 0
        assert hosts(proxy) == {"127.0.0.1", "localhost"}


def test_the_import_of_product_names_takes_proxy_and_authority_from_env(
    proxy: ForwardProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = f"HTTPS_PROXY={proxy.url}\nREQUESTS_CA_BUNDLE={proxy.authority}\n"
    (tmp_path / ".env").write_text(lines)
    row = "Microsoft 365 E3,SPE_E3,05e9a617-0261-4cee-bb44-138d3ef5d965"
    proxy.page = http_answer("200 OK", f"Product_Display_Name,String_Id,GUID\n{row}\n", "text/csv")

    with restored_loggers():
        assert main(["skus", "import", "https://localhost/names.csv"]) == 0

    assert proxy.asked == ["localhost:443"]
    assert capsys.readouterr().out.startswith("1 Produktname eingelesen")


@pytest.mark.filterwarnings("ignore:response_mode='form_post'")  # see web/sign_in/open_id_client.py
def test_sign_in_with_microsoft_takes_the_proxy(m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy) -> None:
    settings = Tool(m365, HTTPS_PROXY=proxy.url).settings
    provider = OpenIdClient(settings.login_url, settings.ca_bundle, settings.proxies)
    profile = AuthProfile("x", tenant.tenant_id, tenant.client_id, "secret", None, "", "", {}, timedelta(hours=1))

    flow = provider.start(profile, "https://tool.example/login/callback", "")

    assert flow["auth_uri"].startswith(settings.login_url)
    assert hosts(proxy) == {"127.0.0.1"}


def test_the_demo_on_this_machine_is_reached_without_a_proxy(tmp_path: Path) -> None:
    told = {"login_url": "https://l", "graph_url": "https://g", "ca_bundle": "ca.pem", "profiles_dir": "made-up"}
    command = [sys.executable, "-c", f"print({json.dumps(json.dumps(told))}); input()"]

    with Demo(Settings(data_dir=tmp_path, proxies=Proxies(https="http://proxy:3128")), command) as settings:
        assert settings.proxies == Proxies()


# What is told when no answer comes


def trouble(tool: Tool) -> Problem:
    with pytest.raises(GraphError) as error:
        tool.read()
    problem = error.value.problem
    for text in (problem.text("de"), problem.text("en"), problem.detail, str(error.value), repr(error.value.__cause__)):
        assert "heim" not in text
    return problem


def test_a_proxy_that_wants_a_sign_in_is_told(m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy) -> None:
    proxy.user = "hans:richtig"
    tool = Tool(m365, HTTPS_PROXY=proxy.url.replace("//", f"//hans:{PASSWORD}@"))

    problem = trouble(tool)

    assert problem.code == "network.proxy_sign_in"
    assert f"The proxy {proxy.url} wants a sign-in for 127.0.0.1:".lower() in problem.text("en").lower()
    assert "407" in problem.text("en")
    assert len(proxy.asked) == 1  # another try would end alike, and may lock the account of the proxy


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("403 Forbidden", "network.proxy_refuses"),
        ("400 <b>Bad</b>", "network.proxy_refuses"),
        ("502 Bad Gateway", "network.proxy_fails"),
        ("504 Gateway Timeout", "network.proxy_fails"),
    ],
)
@pytest.mark.parametrize("direct", ["", "127.0.0.1"])
def test_a_proxy_that_opens_no_way_is_no_missing_permission(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy, line: str, code: str, direct: str
) -> None:
    proxy.refuses = line

    problem = trouble(Tool(m365, HTTPS_PROXY=proxy.url, NO_PROXY=direct))

    host = "localhost" if direct else "127.0.0.1"
    assert (problem.code, problem.params["host"].partition(":")[0], problem.params["proxy"]) == (code, host, proxy.url)
    assert line[:3] in problem.text("de")
    assert "<" not in problem.text("de") + problem.detail


@pytest.mark.parametrize(
    ("address", "code"),
    [
        pytest.param("http://127.0.0.1:1", "network.proxy_away", id="refused"),
        pytest.param("http://no-such-proxy.invalid:3128", "network.proxy_unknown", id="unknown"),
    ],
)
def test_a_proxy_that_is_not_there_is_named(m365: Microsoft365, tenant: Tenant, address: str, code: str) -> None:
    problem = trouble(Tool(m365, HTTPS_PROXY=address.replace("//", f"//hans:{PASSWORD}@")))

    assert problem.code == code
    assert address in problem.text("de")
    assert "127.0.0.1:" in problem.text("de")


def test_a_proxy_that_speaks_no_tls_itself_is_named(m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy) -> None:
    problem = trouble(Tool(m365, HTTPS_PROXY=proxy.url.replace("http:", "https:")))

    assert (problem.code, problem.params["host"]) == ("network.tls", f"127.0.0.1:{proxy.port}")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        pytest.param("https://127.0.0.1:1", "network.refused", id="refused"),
        pytest.param("https://no-such-host.invalid", "network.name_unknown", id="unknown"),
    ],
)
def test_a_host_that_is_not_there_is_named(m365: Microsoft365, tenant: Tenant, url: str, code: str) -> None:
    problem = trouble(Tool(m365, LIZENZTOOL_LOGIN_URL=url))

    assert problem.code == code
    assert url.removeprefix("https://") in problem.text("de")
    assert "HTTPS_PROXY" in problem.text("de")


@pytest.mark.parametrize(("kind", "code"), [("reset", "network.cut_off"), ("hang", "network.silent")])
@pytest.mark.parametrize("path", ["/oauth2/v2.0/token", "subscribedSkus"])
def test_a_connection_that_ends_says_where(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy, kind: str, code: str, path: str
) -> None:
    tool = Tool(m365, HTTPS_PROXY=proxy.url)
    tool.http.timeout = (5, 0.2)
    m365.faults.add(Fault(path, kind, times=None))

    problem = trouble(tool)

    assert (problem.code, problem.params["proxy"]) == (code, proxy.url)


@pytest.mark.parametrize("direct", ["", "127.0.0.1"])
def test_a_proxy_that_opens_tls_is_told_with_the_setting(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy, direct: str
) -> None:
    proxy.page = http_answer("403 Forbidden", BLOCKED)
    tool = Tool(m365, HTTPS_PROXY=proxy.url, NO_PROXY=direct)

    problem = trouble(tool)

    assert problem.code == "network.tls_authority"
    for word in ("REQUESTS_CA_BUNDLE", str(m365.ca_bundle), proxy.url, "unable to get local issuer certificate"):
        assert word in problem.text("de")
    assert tool.waited == []  # nobody mends that within seconds


@pytest.mark.parametrize(
    ("verify_code", "code"),
    [
        (18, "network.tls_authority"),
        (19, "network.tls_authority"),
        (20, "network.tls_authority"),
        (10, "network.tls_date"),
        (9, "network.tls_date"),
        (62, "network.tls_name"),
        (64, "network.tls_name"),
        (23, "network.tls"),
    ],
)
def test_a_certificate_is_refused_for_a_reason(verify_code: int, code: str) -> None:
    cause = ssl.SSLCertVerificationError("x")
    cause.verify_code, cause.verify_message = verify_code, "because"
    error = requests.exceptions.SSLError(cause)

    problem = no_answer(error, Route("graph.microsoft.com", "", "/etc/ca.pem"), tenant="A", what="x")

    assert (problem.code, problem.params["said"], problem.detail) == (code, "because", "SSLError: because")


def trusting(m365: Microsoft365, proxy: ForwardProxy, tmp_path: Path) -> str:
    """Both authorities in one file, as an operator makes it."""
    both = tmp_path / "both.pem"
    both.write_bytes(m365.ca_bundle.read_bytes() + proxy.authority.read_bytes())
    return str(both)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(http_answer("403 Forbidden", BLOCKED), "HTTP 403, Zscaler – Access denied", id="block-page"),
        pytest.param(http_answer("200 OK", BLOCKED), "HTTP 200, Zscaler – Access denied", id="page-as-success"),
        pytest.param(
            http_answer("302 Found", "", Location="http://portal.example/login?x=<y>"),
            "HTTP 302, portal.example",
            id="portal",
        ),
        pytest.param(http_answer("302 Found", "", Location="http://["), "HTTP 302", id="portal-without-address"),
        pytest.param(
            http_answer("401 Unauthorized", "x", "text/plain", Server="squid/6"), "HTTP 401, squid/6", id="401"
        ),
        pytest.param(http_answer("404 Not Found", "{}", "application/json"), "HTTP 404", id="json-of-somebody"),
        pytest.param(
            http_answer("403 Forbidden", '{"error": {"code": "x"}}', "application/json"), "HTTP 403", id="alike"
        ),
        pytest.param(http_answer("407 Proxy Auth", "x", "text/plain"), "HTTP 407", id="407"),
    ],
)
@pytest.mark.parametrize("direct", ["", "127.0.0.1"])
def test_what_answers_in_between_is_no_answer_of_microsoft(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy, tmp_path: Path, answer: bytes, said: str, direct: str
) -> None:
    proxy.page = answer
    bundle = trusting(m365, proxy, tmp_path)

    problem = trouble(Tool(m365, HTTPS_PROXY=proxy.url, NO_PROXY=direct, REQUESTS_CA_BUNDLE=bundle))

    assert (problem.code, problem.params["said"], problem.params["proxy"]) == ("network.between", said, proxy.url)
    assert problem.detail == said
    assert not set("<>[]") & set(problem.text("de"))


def test_microsofts_own_refusal_through_a_proxy_stays_one(
    m365: Microsoft365, tenant: Tenant, proxy: ForwardProxy
) -> None:
    tenant.permissions.clear()

    assert trouble(Tool(m365, HTTPS_PROXY=proxy.url)).code == "graph.forbidden"


@given(st.text(max_size=300))
def test_a_foreign_text_becomes_harmless_words(text: str) -> None:
    found = harmless(text)

    assert len(found) <= 80
    assert found == " ".join(found.split())
    assert not set('<>[]{}*_`|\\$!"\n\u202e\u200b') & set(found)


def test_the_address_of_a_proxy_is_shown_without_its_password() -> None:
    assert without_password("http://u:p%40@proxy.example:3128/x?y#z") == "http://proxy.example:3128"
    assert without_password("http://u:p@[fd00::1]:3128") == "http://[fd00::1]:3128"
