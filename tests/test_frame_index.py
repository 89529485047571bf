"""Searching the rows of a frame: what each question finds, compared with going through the rows one by one."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache.frame_index import FrameIndex
from core.name_key import name_key, sort_key

FRAME = pd.DataFrame(
    {
        "tenant": ["Schule Höri", "Gemeinde Au", "schule höri", "Zürich Ost"],
        "part": ["SPE_E3", "FLOW_FREE", "spe_e3", None],
        "free": [3, 0, -2, 0],
        "hidden": [False, True, False, False],
        "since": pd.to_datetime(["2026-03-01", None, "2026-01-01", None], utc=True),
    }
).astype({"tenant": "str", "part": "str"})


@pytest.fixture
def index() -> FrameIndex:
    return FrameIndex(FRAME, ("tenant", "part"))


@pytest.mark.parametrize(
    ("column", "wanted", "rows"),
    [
        ("tenant", ["Schule Höri"], [0]),
        ("tenant", ["Schule Höri", "Zürich Ost", "nobody"], [0, 3]),
        ("tenant", [], [0, 1, 2, 3]),
        ("free", [0], [1, 3]),
        ("hidden", [False], [0, 2, 3]),
        ("hidden", [True, False], [0, 1, 2, 3]),
        ("part", ["nan", "None"], []),
    ],
)
def test_rows_are_found_by_exact_values(index: FrameIndex, column: str, wanted: list[object], rows: list[int]) -> None:
    assert list(index.among(column, wanted).nonzero()[0]) == rows


@pytest.mark.parametrize(
    ("names", "rows"),
    [(["SCHULE  HO\u0308RI"], [0, 2]), (["\u200bzürich ost"], [3]), (["Schule"], []), ([], [0, 1, 2, 3])],
)
def test_rows_are_found_by_name_however_it_is_spelled(index: FrameIndex, names: list[str], rows: list[int]) -> None:
    assert list(index.named("tenant", names).nonzero()[0]) == rows


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ([], [0, 1, 2, 3]),
        (["schule"], [0, 2]),
        (["e3", "höri"], [0, 2]),
        (["au", "free"], [1]),
        (["höri spe"], []),  # no word reaches from one column into the next
        (["nan"], []),
        (["schule", "zürich"], []),
        (["hori"], [0, 2]),  # as in the jump box
        (["zürïch"], [3]),
    ],
)
def test_rows_hold_every_word_in_any_searched_column(index: FrameIndex, words: list[str], rows: list[int]) -> None:
    assert list(index.with_words(words).nonzero()[0]) == rows


@pytest.mark.parametrize(
    ("column", "descending", "rows"),
    [
        ("free", False, [2, 1, 3, 0]),
        ("free", True, [0, 1, 3, 2]),
        ("tenant", False, [1, 0, 2, 3]),  # whatever the case
        ("tenant", True, [3, 0, 2, 1]),  # equal ones stay as they come
        ("since", False, [2, 0, 1, 3]),
        ("since", True, [0, 2, 1, 3]),  # without a value last, either way
    ],
)
def test_rows_come_in_order(index: FrameIndex, column: str, descending: bool, rows: list[int]) -> None:
    assert list(index.ordered(index.all(), column, descending=descending)) == rows


def test_only_the_rows_asked_for_come_in_order(index: FrameIndex) -> None:
    assert list(index.ordered(index.among("hidden", [False]), "free")) == [2, 3, 0]


def test_records_hold_none_where_there_is_no_value(index: FrameIndex) -> None:
    (record,) = index.records(index.ordered(index.among("tenant", ["Zürich Ost"]), "free"))

    assert record == {"tenant": "Zürich Ost", "part": None, "free": 0, "hidden": False, "since": None}


def test_an_empty_frame_has_no_rows() -> None:
    index = FrameIndex(FRAME.iloc[:0], ("tenant", "part"))

    masks = [index.all(), index.among("free", [0]), index.named("tenant", ["a"]), index.with_words(["a"])]
    assert [list(mask) for mask in masks] == [[], [], [], []]
    assert index.records(index.ordered(index.all(), "tenant")) == []


@given(
    st.lists(st.text("aäÅb \n", max_size=6), min_size=1, max_size=6),
    st.lists(st.text("aäÅb\n", min_size=1), max_size=3),
)
def test_words_are_found_as_if_every_row_were_read(names: list[str], words: list[str]) -> None:
    index = FrameIndex(pd.DataFrame({"name": names}).astype("str"), ("name",))
    keys = [name_key(word) for word in words]

    folded = [*map(sort_key, keys)]
    assert list(index.with_words(keys)) == [all(key in sort_key(name) for key in folded) for name in names]
