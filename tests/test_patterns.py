"""Every pattern that sees text from outside takes time in proportion to its length, and not to its square."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator

import pytest

import core
import ui
import web
from core.access.sign_in import account_key
from core.bounds import bounded_text, search_words, visible
from core.graph.connection_problems import title_of
from core.graph.errors import _field_of, sign_in_error
from core.name_key import clean_name, guid_key, name_key, plain, thumbprint_key
from core.spreadsheets import harmless
from ui import escaping
from ui.accounts.browser_names import browser_words
from web.api.authentication import language_of
from web.request_data import cookies_of
from web.url_checks import Hosts, local_path, same_origin

# What makes a pattern try again at every place: runs of one sign, of two, beginnings without an end.
SEEDS = (
    "a", "1", " ", "\t", "\n", "-", "_", ".", "a.", "a-", "=", "'", "<", "://", "://a:", "a@", "lzt_", "eyJ", "AADSTS",
    "<title", "<title>", "<!--", "<script>", "-----BEGIN A-----", "[Ff]ield '", "field '", "Trace ID", " Trace ID",
    "tenant a, product ", ", product ", "application/a+", "config-", "Version", "Chrome", "trial", "{", "\u200d",
    "\u200d ", "%", "bearer ", "cookie=", "password=", "\\", "a,", ";", "é", "=+",
)  # fmt: skip
LENGTH, QUICK = 600, 0.005  # characters; seconds that are no harm
# Pattern -> why no long text from outside meets it.
SHORT = {
    "core.graph.tenant_lookup.DOMAIN": "a domain has 253 characters, and is matched from its start",
    "core.profiles.profile_files.PROFILE_LIKE": "a file's name has 255 characters, and is matched from its start",
    "web.headers.INLINE_SCRIPT": "Streamlit's own page",
}


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of a module, by its name."""
    for package in (core, web, ui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name or module.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                found = value if isinstance(value, list | tuple) else (value,)
                for one in found:
                    if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
                        yield f"{module.name}.{name}", one


FOUND = list(patterns())
EACH = {pattern.pattern: (name, pattern) for name, pattern in FOUND if name not in SHORT}


def seconds(work: Callable[[str], object], text: str) -> float:
    """CPU time."""
    start = time.thread_time()
    work(text)
    return time.thread_time() - start


def superlinear(work: Callable[[str], object]) -> list[str]:
    """The seeds for which a text 16 times as long takes more than 80 times as long: linear 16, square 256."""
    found = []
    for seed in SEEDS:
        text = seed * (LENGTH // len(seed))
        for hostile in (text, f"{text}!"):
            long = seconds(work, hostile * 16)
            if long < QUICK:
                continue
            short = min(seconds(work, hostile) for _ in range(3))
            if long > 80 * short and min(seconds(work, hostile * 16) for _ in range(2)) > 80 * short:
                found.append(f"{seed!r}: {short:.5f} s, {long:.5f} s")
    return found


def test_each_exception_is_a_pattern() -> None:
    assert SHORT.keys() - {name for name, _ in FOUND} == set()


@pytest.mark.parametrize("pattern", [pytest.param(pattern, id=name) for name, pattern in EACH.values()])
def test_a_pattern_takes_time_in_proportion(pattern: re.Pattern[str]) -> None:
    assert superlinear(lambda text: pattern.sub("", text)) == []


FUNCTIONS: list[Callable[[str], object]] = [
    clean_name,
    guid_key,
    name_key,
    plain,
    thumbprint_key,
    search_words,
    visible,
    lambda text: bounded_text(text, 100),
    harmless,
    account_key,
    escaping.plain,
    browser_words,
    language_of,
    local_path,
    Hosts(["x"]).allows,
    lambda text: same_origin("https://x", text),
    lambda text: cookies_of({"type": "http", "headers": [(b"cookie", text.encode())]}),
    lambda text: title_of(text.encode()),
    lambda text: sign_in_error({"error_description": text}, "x", 400),
    _field_of,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_on_text_from_outside_takes_time_in_proportion(function: Callable[[str], object]) -> None:
    assert superlinear(function) == []
