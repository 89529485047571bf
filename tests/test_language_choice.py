"""The language that a browser has chosen is kept in a cookie, and choosing one leads back to where one was."""

from __future__ import annotations

import pytest
import requests

from core import texts
from tests.served import Served
from web.language_choice import way_back

HOST = "lizenzen.example.ch"


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("https://lizenzen.example.ch/alle-tenants?q=a+b&state=over", "/alle-tenants?q=a+b&state=over"),
        ("https://lizenzen.example.ch/", "/"),
        ("http://lizenzen.example.ch/tenant?lang=de&tenant=x", "/tenant?tenant=x"),
        ("https://lizenzen.example.ch:8443/tenant", "/"),
        ("https://other.example.ch/tenant", "/"),
        ("https://lizenzen.example.ch//other.example.ch", "/"),
        ("https://lizenzen.example.ch@other.example.ch/x", "/"),
        ("https://lizenzen.example.ch/a?next=%0d%0aset-cookie:x", "/a?next=%0D%0Aset-cookie%3Ax"),
        ("https://[", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_leads_to_a_page_of_this_server_only(referer: str, page: str) -> None:
    assert way_back(referer, HOST) == page


@pytest.mark.parametrize("language", texts.languages())
def test_the_choice_is_kept_and_leads_back(served: Served, language: str) -> None:
    answer = requests.get(
        f"{served.url}/language?to={language}",
        headers={"referer": f"{served.url}/two?q=x"},
        cookies=served.cookie(),
        allow_redirects=False,
        timeout=20,
    )

    assert (answer.status_code, answer.headers["location"], answer.cookies["lang"]) == (303, "/two?q=x", language)


def test_an_unknown_language_changes_nothing(served: Served) -> None:
    answer = requests.get(f"{served.url}/language?to=xx", allow_redirects=False, timeout=20)

    assert (answer.status_code, answer.headers["location"], "set-cookie" in answer.headers) == (303, "/", False)


def test_a_page_in_a_language_is_of_that_language_afterwards(served: Served) -> None:
    with requests.Session() as browser:
        browser.cookies.update(served.cookie())
        browser.get(f"{served.url}/two?lang=en", timeout=20)

        assert '<html lang="en"' in browser.get(f"{served.url}/two", timeout=20).text
