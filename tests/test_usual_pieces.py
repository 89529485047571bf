"""Which pieces of a refresh a process reads before others: those whose tenants it read before."""

from __future__ import annotations

import pytest

from core.cache.chunk_rows import Chunk
from core.refresh.shared_run import piece_size
from core.refresh.usual_pieces import usual


@pytest.mark.parametrize(
    ("pieces", "numbers"),
    [
        pytest.param(["abc", "def"], [1], id="as-before"),
        pytest.param(["xab", "cde"], [1], id="moved-by-a-new-tenant"),
        pytest.param(["xya", "bcd"], [2], id="moved-by-two"),
        pytest.param(["ax", "by"], [], id="half-is-not-enough"),
        pytest.param([], [], id="no-pieces"),
    ],
)
def test_a_piece_is_usual_if_most_of_its_tenants_are(pieces: list[str], numbers: list[int]) -> None:
    assert usual([Chunk("run", number, piece) for number, piece in enumerate(pieces, 1)], set("abc")) == numbers


@pytest.mark.parametrize(
    ("tenants", "size"), [(0, 25), (5_000, 25), (5_001, 50), (10_000, 50), (10_001, 100), (100_000, 100)]
)
def test_the_pieces_of_many_tenants_are_larger(tenants: int, size: int) -> None:
    assert piece_size(tenants) == size
