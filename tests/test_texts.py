"""The catalogues keep their rules; texts come out of them in every language, whatever is missing or broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests import catalogues


@pytest.mark.parametrize("rule", catalogues.RULES, ids=lambda rule: rule.__name__)
def test_the_catalogues_keep_the_rule(rule: Callable[[], Iterable[str]]) -> None:
    assert sorted(set(rule())) == []
