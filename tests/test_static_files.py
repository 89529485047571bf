"""A first visit downloads Streamlit's frontend compressed, and every file as it is on the disk."""

from __future__ import annotations

import re

import pytest
import requests

from tests.served import Served
from web.asgi_app import FIRST_FILES
from web.first_files import first_files, in_language
from web.static_files import FOREVER, read_static_file
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


def test_the_start_page_has_at_most_1_6_mb_to_fetch() -> None:
    sizes = {name: len(read_static_file(FILES / name, "de").content) for name in FIRST_FILES}

    assert sum(sizes.values()) < 1_500_000  # the pages themselves, our own scripts and headers are the rest
    assert first_files(index_html(), FILES) == FIRST_FILES == list(dict.fromkeys(FIRST_FILES))


def test_who_opens_the_sign_in_page_may_fetch_the_files_of_the_start_page_and_no_others(served: Served) -> None:
    page = requests.get(f"{served.url}/login", headers={"accept-language": "de"}, timeout=20).text
    links = re.findall(r'<link rel="prefetch" href="([^"]+)" as="(script|style|font)" crossorigin>', page)

    assert links == [(file.path, file.kind) for file in in_language(FIRST_FILES, "de")]
    for path, _ in links:
        answer = requests.get(served.url + path, timeout=20)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, FOREVER), path
    for other in [
        "/static/de/js/Selectbox.7rsxE6LC.js",
        f"/static/{FIRST_FILES[1]}",
        f"{links[1][0]}/",
        links[1][0] + "%0a",
    ]:
        assert requests.get(served.url + other, timeout=20).status_code == 401, other


def test_who_saves_data_fetches_nothing_ahead(served: Served) -> None:
    assert "prefetch" not in requests.get(f"{served.url}/login", headers={"save-data": "on"}, timeout=20).text


def test_without_a_session_there_are_no_files(served: Served) -> None:
    answer = requests.get(f"{served.url}/{FIRST[0]}", timeout=20)

    assert answer.status_code == 401
