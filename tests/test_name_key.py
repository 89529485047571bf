"""One key for everything that is compared by name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.name_key import guid_key, name_key, sort_key, thumbprint_key

NAMES = st.text(max_size=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Schule Höri", unicodedata.normalize("NFD", "Schule Höri"), id="decomposed"),
        pytest.param("Schule Höri", "SCHULE  HÖRI ", id="case-and-blanks"),
        pytest.param("Schule Höri", "Schule\u00a0Höri", id="no-break-space"),
        pytest.param("Schule Höri", "\ufeffSchule\u200b Höri\u200e", id="format-characters"),
        pytest.param("Strasse", "Straße", id="sharp-s"),
        pytest.param("Büro", "Bü\u00adro", id="soft-hyphen"),
        pytest.param("Firma", "ＦＩＲＭＡ", id="full-width"),
        pytest.param("fi-Schule", "ﬁ-Schule", id="ligature"),
    ],
)
def test_two_spellings_of_a_name_share_their_key(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Schule A", "Schule B"), ("SchuleA", "Schule A"), ("Höri", "Hori"), ("E3", "E5")]
)
def test_two_names_have_two_keys(one, other):
    assert name_key(one) != name_key(other)


def test_names_are_sorted_as_in_a_german_dictionary():
    names = ["Adler", "ähren AG", "Alpin", "Ébène", "Eber", "Oase", "Öko GmbH", "Strasse", "Straße", "Zoo", "Zürich"]

    assert sorted(set(names), key=lambda name: (sort_key(name), name)) == [
        "Adler", "ähren AG", "Alpin", "Ébène", "Eber", "Oase", "Öko GmbH", "Strasse", "Straße", "Zoo", "Zürich",
    ]  # fmt: skip


@given(NAMES)
def test_spellings_of_a_name_stand_together(name):
    assert sort_key(unicodedata.normalize("NFD", f" {name}".upper())) == sort_key(name.upper())


@given(NAMES)
def test_the_key_of_a_key_is_the_key(name):
    assert name_key(name_key(name)) == name_key(name)


@given(NAMES, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_no_normal_form_changes_the_key(name, form):
    assert name_key(unicodedata.normalize(form, name)) == name_key(name)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Zs", "Cc"]), min_size=1), min_size=1))
def test_blanks_and_hidden_signs_between_words_make_no_difference(words):
    assert name_key("\u200e" + "\u00a0 \u2003".join(words) + "\ufeff ") == name_key(" ".join(words))


@pytest.mark.parametrize("text", ["\u200eA1:B2 C3\u00a0D4", "SHA1 Fingerprint=a1:b2:c3:d4", "a1-b2-c3-d4"])
def test_a_thumbprint_is_compared_without_what_tools_put_between_its_signs(text):
    assert thumbprint_key(text) == "a1b2c3d4"


@pytest.mark.parametrize(
    "text", ["{1A2B3C4D-0000-4000-8000-00000000000F}", "\ufeff1a2b3c4d\u20110000-4000-8000-00000000000f "]
)
def test_a_guid_is_compared_without_braces_and_hidden_signs(text):
    assert guid_key(text) == "1a2b3c4d-0000-4000-8000-00000000000f"
