"""Passwords that anybody would guess are refused, whatever is put around them; others are not."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from core.access import accounts, common_passwords, passwords
from core.access.accounts import AccessError
from core.access.common_passwords import is_common
from tests.actors import ADMIN

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
COMMON = """
Passwort-1 Winter2026! Lizenztool1! Sommer2026! Herbst-2025 Frühling2026! Fruehling26! Fruhling-26 P@ssw0rd1!
Qwertz-123 Qwertz12345! Asdf-1234 Abcdef-1 Willkommen1! Geheim-123 Schule2026! $chule2026 Zürich2026!
Zuerich-2026 Januar-2027 Start-1234 Microsoft365! Admin-1234 Kennwort-1 Hallo-123 Schatz-123! Bern-2026!
Montag-12 Sonnenschein1! Passw0rt!2026 Passwort-Passwort-1 1Passwort! !Winter26 2026Winter! Winter-Zürich-26
1qay2wsxE! Yxcvbnm1! Aaaa-1111 ABCabc123! L1zenzt00l! tr0wssaP-1 Pa$$w0rt-2026 Passwort.Neu.2026
September_2026 Dragon-99 Iloveyou-1 Welcome-2026 Winter2026!A a1Winter-26
""".split()  # noqa: SIM905
GOOD = """
Richtig-1-lang Neues-2-Geheimnis kX7-pQz9-w G7k-pWq2x Birke-4-Nachthemd Blaue7Gabel-laeuft Kx7-pQzw
Giraffe+Werkbank9
""".split()  # noqa: SIM905
DECORATION = st.text("0123456789!?.-_#", max_size=6)


@pytest.mark.parametrize("password", COMMON)
def test_what_anybody_would_guess_is_refused(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", [*GOOD, "Ein langer Satz mit 3 Wörtern und mehr!"])
def test_what_nobody_would_guess_is_taken(password: str) -> None:
    assert passwords.password_faults(password) == []


@given(
    DECORATION,
    st.sampled_from(["passwort", "Winter", "SOMMER", "lizenztool", "Zürich", "qwertz", "dragon"]),
    DECORATION,
)
def test_decoration_makes_no_good_password_of_a_common_word(before: str, word: str, after: str) -> None:
    assert is_common(f"{before}{word}{after}")


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=3))
def test_any_text_is_judged(password: str, names: list[str]) -> None:
    assert is_common(password, names) in (True, False)


def test_a_random_password_is_never_a_common_one() -> None:
    assert not any(is_common(passwords.random_password()) for _ in range(500))


@pytest.mark.parametrize("password", ["Mueller-2026", "Contoso-2026!", "Xaver1234!", "revax-2026!A"])
def test_the_names_of_an_account_are_no_password_for_it(database: Engine, password: str) -> None:
    with pytest.raises(AccessError) as caught:
        accounts.add(database, ADMIN, "xaver.mueller@contoso.ch", password, now=NOW)

    assert caught.value.codes == ["password.common"]
    assert "leicht zu erraten" in caught.value.text("de")


def test_the_account_that_has_it_may_not_choose_a_common_one_either(database: Engine) -> None:
    accounts.add(database, ADMIN, "anna", GOOD[0], now=NOW)

    with pytest.raises(AccessError):
        accounts.passwd(database, ADMIN, "anna", "Anna-2026!", NOW)


def test_the_lists_are_as_they_are_compared_and_each_says_where_it_comes_from() -> None:
    for name in ("common_words.txt", "common_passwords.txt"):
        words = common_passwords._read(name)
        assert [word for word in words if not word.isascii() or not word.isalpha() or word != word.lower()] == []
        assert (common_passwords.FOLDER / name).read_text("utf-8").startswith("# ")


def test_a_command_that_sets_no_password_reads_no_list() -> None:
    code = "import core.__main__, core.access.common_passwords as c; exit(c._leaked_passwords.cache_info().currsize)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_work_for_a_hostile_password_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    forms: list[str] = []
    monkeypatch.setattr(common_passwords, "_is_weak", lambda form, _common_words: forms.append(form))

    is_common("4@8({[<369&#!1/|0$5+7%2" * 500)

    assert len(forms) <= 20
    assert max(map(len, forms)) <= 2 * common_passwords.LONGEST
