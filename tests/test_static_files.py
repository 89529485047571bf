"""A first visit downloads Streamlit's frontend compressed, and every file as it is on the disk."""

from __future__ import annotations

import re

import pytest
import requests

from tests.served import Served
from web.static_files import FOREVER
from web.streamlit_internals import FILES, index_html

FIRST = re.findall(r'="\./(static/[^"]+)"', index_html())  # what the page asks for before anything else


def get(served: Served, path: str, accept: str = "gzip, deflate, br", **headers: str) -> requests.Response:
    return requests.get(
        f"{served.url}/{path}", headers={"accept-encoding": accept} | headers, cookies=served.cookie(), timeout=20
    )


def test_each_file_of_the_first_page_arrives_whole_and_may_be_kept_for_good(served: Served) -> None:
    sent = 0
    for path in FIRST:
        answer = get(served, path)
        content = (FILES.parent / path).read_bytes()
        assert answer.content == content, path
        assert answer.headers["cache-control"] == FOREVER
        assert answer.headers["x-content-type-options"] == "nosniff"
        sent += int(answer.headers["content-length"])

    assert sent < 0.45 * sum((FILES.parent / path).stat().st_size for path in FIRST)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [(".js", "text/javascript; charset=utf-8"), (".css", "text/css; charset=utf-8"), (".woff2", "font/woff2")],
)
def test_the_type_is_that_of_the_file(served: Served, kind: str, media_type: str) -> None:
    answer = get(served, next(path for path in FIRST if path.endswith(kind)))

    assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize("accept", ["", "identity", "br"])
def test_who_cannot_read_compressed_files_gets_them_as_they_are(served: Served, accept: str) -> None:
    script = next(path for path in FIRST if path.endswith(".js"))

    answer = get(served, script, accept=accept)

    assert "content-encoding" not in answer.headers
    assert answer.content == (FILES.parent / script).read_bytes()


def test_a_file_compressed_is_told_apart_from_the_other_by_caches_between(served: Served) -> None:
    answer = get(served, next(path for path in FIRST if path.endswith(".css")))

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    "path", ["static/js/no.such.js", "static/%2e%2e/index.html", "static/js", "static/js/%00.a.js"]
)
def test_nothing_else_is_served(served: Served, path: str) -> None:
    assert "content-encoding" not in get(served, path).headers


def test_without_a_session_there_are_no_files(served: Served) -> None:
    answer = requests.get(f"{served.url}/{FIRST[0]}", timeout=20)

    assert answer.status_code == 401
