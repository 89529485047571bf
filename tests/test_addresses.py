"""Host names, origins and targets, and the headers over https."""

import socket

import pytest
from anyio.from_thread import start_blocking_portal

from web.headers import hsts_for, with_headers
from web.plain_pages import waiting
from web.url_checks import Hosts, local_path, same_origin


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8501", "127.0.0.1:8501", "[::1]:8501", "10.1.2.3", "localhost."]
)
def test_address_and_localhost_are_always_good(host: str):
    assert Hosts().allows(host)
    assert Hosts(["lizenz.example.ch"]).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "user@localhost",
        "localhost:x",
        "a/b",
    ],
)
def test_other_name_is_not(host: str | None):
    assert not Hosts().allows(host)
    assert not Hosts(["*"]).allows("user@evil.example")


def test_own_name_of_the_machine_is_good_until_names_are_listed():
    assert Hosts().allows(socket.gethostname())
    assert not Hosts(["lizenz.example.ch"]).allows("other-" + socket.gethostname())


def test_listed_names_and_patterns():
    hosts = Hosts(["lizenz.example.ch", "*.intern.example.ch"])

    assert hosts.allows("Lizenz.example.ch:443")
    assert hosts.allows("a.intern.example.ch")
    assert not hosts.allows("intern.example.ch")
    assert not hosts.allows("evil-intern.example.ch")
    assert Hosts(["*"]).allows("any.example")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        (None, "a.example", True),
        ("http://a.example:8501", "a.example:8501", True),
        ("https://A.example", "a.example:443", True),
        ("http://a.example:8502", "a.example:8501", False),
        ("http://b.example", "a.example", False),
        ("null", "a.example", False),
        ("http://a.example", None, False),
        ("ftp://a.example", "a.example", False),
    ],
)
def test_same_origin(origin: str | None, host: str | None, same: bool):
    assert same_origin(origin, host) is same


@pytest.mark.parametrize("target", ["/", "/two", "/two?q=a%20b&x=//y", "/a/b#c"])
def test_local_path_is_kept(target: str):
    assert local_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "x",
        "//x",
        "///x",
        "/\\x",
        "\\x",
        "http://x",
        "/\tx",
        "/a\nb",
        "/x y",
        "/login",
        "/login/?a",
        "/login/microsoft",
        "/" + "x" * 3000,
    ],
)
def test_target_that_leads_away_or_in_circles_becomes_the_start(target: str | None):
    assert local_path(target) == "/"


@pytest.mark.parametrize("secure", [True, False])
def test_browser_is_bound_to_https_only_over_https(secure: bool):
    sent = []

    async def keep(message):
        sent.append(message)

    start = {"type": "http.response.start", "status": 200, "headers": []}
    with start_blocking_portal() as portal:
        portal.call(with_headers(keep, "default-src 'none'", secure=secure, private=False), start)

    assert (b"strict-transport-security" in dict(sent[0]["headers"])) is secure


@pytest.mark.parametrize(
    ("seconds", "german"),
    [(1, "in 1 Sekunde möglich"), (120, "in 120 Sekunden möglich"), (121, "in 3 Minuten möglich")],
)
def test_waiting_is_told_in_whole_units(seconds: int, german: str):
    assert german in waiting("de", seconds)


def test_https_for_all_names_below_is_a_setting() -> None:
    assert hsts_for(subdomains=False) == "max-age=31536000"
    assert hsts_for(subdomains=True) == "max-age=31536000; includeSubDomains"
