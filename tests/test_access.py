"""Accounts, sign-in and sessions on real databases; time is passed in."""

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pytest
from sqlalchemy import Engine, select

from core.access import accounts as access
from core.access import lockout, passwords
from core.access.accounts import AccessError, EndedSession, Session, Sessions, SignInRefused, session_id
from core.cache import account_rows, session_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Search, find
from core.cache.database import open_database
from core.cache.schema import sessions
from tests.actors import ADMIN, entry

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PASSWORD = "Richtig-1-lang"
# Cost 4 instead of 12, so that the tests are quick; verifying takes any cost.
QUICK_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with the account anna."""
    store(database, "anna")
    return database


def store(engine: Engine, name: str, role: str = "support") -> None:
    account_rows.add_account(engine, Account(name, QUICK_HASH, role, False, NOW, NOW), entry())


def quick_check(password: str, password_hash: str | None) -> bool:
    """The real check without the cost of a hash for nobody."""
    return password_hash is not None and passwords.check_password(password, password_hash)


def attempt(engine: Engine, password: str = PASSWORD, *, name: str = "anna", at: datetime = NOW, address: str = "a"):
    return access.sign_in(engine, name, password, now=at, address=address, check=quick_check)


def signed_in(engine: Engine, at: datetime = NOW) -> str:
    token = attempt(engine, at=at)
    assert isinstance(token, str)
    return token


# ---------------------------------------------------------------- accounts


def test_first_start_creates_admin_with_a_random_password_that_keeps_the_rules(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path / 'new.db'}")

    password = access.create_first_admin(engine, NOW)

    assert password is not None
    assert passwords.password_faults(password) == []
    assert isinstance(access.sign_in(engine, "admin", password, now=NOW), str)
    assert [(a.name, a.role) for a in access.list_accounts(engine, ADMIN)] == [("admin", "admin")]
    assert password not in repr(access.list_accounts(engine, ADMIN))
    engine.dispose()


def test_second_start_creates_nobody(engine: Engine):
    assert access.create_first_admin(engine, NOW) is None

    assert [account.name for account in access.list_accounts(engine, ADMIN)] == ["anna"]


def test_add_tells_all_faults_at_once_and_stores_nothing(engine: Engine):
    with pytest.raises(AccessError) as caught:
        access.add(engine, ADMIN, "mit leer", "kurz", "chef", NOW)

    assert caught.value.codes == [
        "account.name", "account.role", "password.short", "password.upper", "password.digit", "password.special",
    ]  # fmt: skip
    assert "mindestens 8 Zeichen" in caught.value.text("de")
    assert "at least 8 characters" in caught.value.text("en")
    assert len(access.list_accounts(engine, ADMIN)) == 1


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("anna.muster", True), ("a.b.c", True), ("anna", True), ("anna_m-1", True), ("anna@contoso.example", True),
        (".anna", False), ("anna.", False), ("anna..muster", False), ("anna muster", False), ("a" * 21, False),
        ("anna.muster-muellers", True), ("anna.muster-muellers1", False), ("anna.muster\n", False), ("", False),
    ],
)  # fmt: skip
def test_a_name_may_hold_dots_between_other_characters(name: str, valid: bool) -> None:
    assert passwords.name_is_valid(name) == valid


def test_add_refuses_a_name_that_is_taken_whatever_its_case(engine: Engine):
    with pytest.raises(AccessError, match="There is an account “anna” already"):
        access.add(engine, ADMIN, " ANNA ", PASSWORD, now=NOW)


@pytest.mark.real_hashes
def test_add_stores_role_and_hash_but_never_the_password(engine: Engine):
    access.add(engine, ADMIN, "Beat", PASSWORD, now=NOW)

    beat = account_rows.find_account(engine, "beat")
    assert beat is not None
    assert beat.role == "support"
    assert beat.password_hash.startswith("$2b$12$")


@pytest.mark.parametrize(
    ("password", "faults"),
    [
        pytest.param("Kx7-pQzw", [], id="shortest"),
        pytest.param("Ein langer Satz mit 3 Wörtern und mehr!", [], id="a-sentence"),
        pytest.param("Ab-1" + "ü" * 252, [], id="longest"),
        pytest.param("Ab-1" + "ü" * 253, ["password.long"], id="too-long"),
        pytest.param("abcdefgh", ["password.upper", "password.digit", "password.special"], id="only-lower-case"),
        pytest.param("Abcdef-1", ["password.common"], id="run-of-the-alphabet"),
        pytest.param("ABCDEFG1-", ["password.lower"], id="no-lower-case"),
    ],
)
def test_password_rules(password: str, faults: list[str]):
    assert passwords.password_faults(password) == faults


def test_password_is_the_same_however_the_keyboard_composes_its_accents():
    assert passwords.check_password("Zu\u0308rich-2026", passwords.hash_password("Z\u00fcrich-2026"))


@pytest.mark.parametrize("length", [34, 35, 64, 252])  # bcrypt itself looks at 72 bytes: four and 34 letters
def test_every_sign_of_a_long_password_counts(length: int):
    password = "Ab-1" + "ü" * length
    stored = passwords.hash_password(password)

    assert passwords.check_password(password, stored)
    assert not passwords.check_password(password[:-1] + "u", stored)
    assert not passwords.check_password(password + "ü", stored)


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        pytest.param(
            "Z\u00fcrich-2026-Birke",
            "$2b$12$PJc5FlnJRa8zMej26PgsP.u.oQ0q4dauiVWph9Axqanhh8nb4B5De",
            id="made with streamlit-authenticator",
        ),
        pytest.param(
            "Ab-1" + "\u00fc" * 64,
            "$2b$12$ZXEgjeEaLdAilZC2X7moTOpRPKbD8/hZlwQKU8UVIg8izGruWXwYi",
            id="the same, longer than 72 bytes",
        ),
        pytest.param(
            "Ab-1" + "x" * 68,
            bcrypt.hashpw(b"Ab-1" + b"x" * 68, bcrypt.gensalt(4)).decode(),
            id="as long as passwords once could be",
        ),
    ],
)
def test_hashes_of_earlier_versions_hold(password: str, stored: str):
    assert passwords.check_password(password, stored)
    assert not passwords.check_password(password + "x", stored)


def test_check_of_a_password_that_nobody_can_have_says_no():
    assert not passwords.check_password("x" * 500, QUICK_HASH)


def test_a_password_holds_however_old_it_is(engine: Engine):
    assert isinstance(attempt(engine, at=NOW + timedelta(days=3650)), str)


def test_a_random_password_has_128_bits():
    words = {passwords.random_password() for _ in range(50)}

    assert len(words) == 50
    assert min(len(word.replace("-", "")) for word in words) * math.log2(56) >= 128


# ---------------------------------------------------------------- sign-in


def test_sign_in_takes_the_name_in_any_case(engine: Engine):
    assert isinstance(attempt(engine, name=" Anna "), str)


def test_refusal_is_the_same_whether_the_account_exists_or_is_disabled(engine: Engine):
    store(engine, "weg")
    access.disable(engine, ADMIN, "weg", NOW)

    assert attempt(engine, "falsch") == attempt(engine, "falsch", name="niemand") == SignInRefused()
    assert attempt(engine, name="weg") == SignInRefused()


@pytest.mark.real_hashes
def test_unknown_account_costs_a_real_password_check(engine: Engine):
    checked: list[str | None] = []

    def check(password: str, password_hash: str | None) -> bool:
        checked.append(password_hash)
        return False

    access.sign_in(engine, "niemand", "x", now=NOW, check=check)

    assert checked == [None]
    assert passwords.UNKNOWN_ACCOUNT_HASH.startswith(f"$2b${passwords.COST}$")


def test_delay_grows_after_some_failures_and_survives_a_restart(engine: Engine):
    at = NOW
    waits = []
    for _ in range(8):
        result = attempt(engine, "falsch", at=at)
        assert isinstance(result, SignInRefused)
        waits.append(result.wait)
        at += timedelta(seconds=result.wait)
    restarted = open_database(engine.url.render_as_string(hide_password=False))

    assert waits == [0, 0, 0, 0, 2, 4, 8, 16]
    assert attempt(restarted, at=at - timedelta(seconds=1)) == SignInRefused(1)
    assert isinstance(attempt(restarted, at=at), str)
    restarted.dispose()


def test_delay_never_exceeds_a_quarter_of_an_hour(engine: Engine):
    at = NOW
    for _ in range(30):
        result = attempt(engine, "falsch", at=at)
        assert isinstance(result, SignInRefused)
        at += timedelta(seconds=result.wait)

    assert result.wait == 15 * 60


def test_attempts_while_waiting_are_not_looked_at_and_do_not_prolong_the_wait(engine: Engine):
    for _ in range(5):
        attempt(engine, "falsch")

    for _ in range(20):
        assert attempt(engine) == SignInRefused(2)

    assert isinstance(attempt(engine, at=NOW + timedelta(seconds=2)), str)


def test_failures_from_one_address_do_not_lock_out_another(engine: Engine):
    for _ in range(10):
        attempt(engine, "falsch", address="203.0.113.9")

    assert isinstance(attempt(engine, address="10.0.0.5"), str)


def test_attempts_side_by_side_get_no_more_tries_than_one_after_the_other(engine: Engine):
    checked = []

    def check(password: str, password_hash: str | None) -> bool:
        checked.append(password)
        return False

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: access.sign_in(engine, "anna", str(n), now=NOW, address="a", check=check), range(24)))

    assert len(checked) == lockout.FREE_FAILURES + 1


def test_success_forgets_the_failures(engine: Engine):
    for _ in range(4):
        attempt(engine, "falsch")
    signed_in(engine)

    assert attempt(engine, "falsch") == SignInRefused()


def test_failures_are_forgotten_after_a_day(engine: Engine):
    for _ in range(9):
        attempt(engine, "falsch")
    attempt(engine, "falsch", name="andere", at=NOW + timedelta(days=1, minutes=1))

    assert attempt(engine, "falsch", at=NOW + timedelta(days=1, minutes=1)) == SignInRefused()


# ---------------------------------------------------------------- sessions


def test_session_knows_account_and_role_and_the_database_never_sees_the_token(engine: Engine):
    token = signed_in(engine)

    session = access.session_of(engine, token, NOW)

    assert session == Session(session_id(token), "anna", "anna", "support", NOW, NOW)
    with engine.begin() as connection:
        assert token not in str(connection.execute(select(sessions)).all())


@pytest.mark.parametrize("token", ["", "forged", "0" * 64])
def test_forged_token_opens_nothing(engine: Engine, token: str):
    signed_in(engine)

    assert access.session_of(engine, token, NOW) is None


def test_stored_id_is_no_token(engine: Engine):
    assert access.session_of(engine, session_id(signed_in(engine)), NOW) is None


def test_session_ends_after_an_hour_without_activity(engine: Engine):
    token = signed_in(engine)

    assert access.session_of(engine, token, NOW + 59 * MINUTE)
    assert access.session_of(engine, token, NOW + 60 * MINUTE) is None


def test_session_ends_after_eight_hours_however_active(engine: Engine):
    token = signed_in(engine)
    watch = Sessions(engine)
    for minutes in range(0, 480, 30):
        assert isinstance(watch.find(session_id(token), NOW + minutes * MINUTE, active=True), Session)

    assert watch.find(session_id(token), NOW + 8 * HOUR, active=True) == EndedSession("expired")


def test_activity_is_written_at_most_once_a_minute_and_looking_is_none(engine: Engine):
    token = signed_in(engine)
    watch = Sessions(engine)

    seen = [
        watch.find(session_id(token), NOW + timedelta(seconds=seconds), active=active).last_seen_at - NOW
        for seconds, active in [(59, True), (70, False), (70, True), (80, True)]
    ]

    assert seen == [timedelta(0), timedelta(0), timedelta(seconds=70), timedelta(seconds=70)]


def test_sign_out_is_seen_at_once_by_whoever_remembers_the_session(engine: Engine):
    token = signed_in(engine)
    watch = Sessions(engine, clock=lambda: 0.0)  # its memory never gets old by time
    watch.find(session_id(token), NOW)
    assert isinstance(watch.cached(session_id(token), NOW), Session)

    access.sign_out(engine, token, NOW)

    assert watch.cached(session_id(token), NOW) is None
    assert watch.find(session_id(token), NOW) == EndedSession("revoked")


def test_sessions_that_nobody_looks_at_any_more_are_let_go(engine: Engine):
    clock = [0.0]
    watch = Sessions(engine, clock=lambda: clock[0])

    for day in range(5):  # everybody closes the browser without a word
        clock[0] = 86_400.0 * day
        watch.find_all([session_id(signed_in(engine)) for _ in range(3)], NOW)

    assert len(watch) == 3


def test_revocation_by_another_process_is_seen_within_a_second(engine: Engine):
    token = signed_in(engine)
    clock = [0.0]
    watch = Sessions(engine, clock=lambda: clock[0])
    watch.find(session_id(token), NOW)

    session_rows.revoke_session(engine, session_id(token), NOW)  # no word to this process

    clock[0] = 0.9
    assert isinstance(watch.cached(session_id(token), NOW), Session)
    clock[0] = 1.0
    assert watch.cached(session_id(token), NOW) is None
    assert watch.find(session_id(token), NOW) == EndedSession("revoked")


def test_revocation_while_the_database_is_asked_is_not_missed(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    token = signed_in(engine)
    watch = Sessions(engine)
    real = session_rows.find_sessions

    def slow(*args):
        rows = real(*args)
        access.sign_out(engine, token, NOW)
        return rows

    monkeypatch.setattr(session_rows, "find_sessions", slow)
    watch.find(session_id(token), NOW)

    assert watch.cached(session_id(token), NOW) is None


def test_disabling_and_a_new_password_end_all_sessions_of_the_account_and_no_other(engine: Engine):
    store(engine, "beat")
    other = attempt(engine, name="beat")
    tokens = [signed_in(engine), signed_in(engine)]

    access.passwd(engine, ADMIN, "anna", "Neues-2-Passwort", NOW)
    assert [access.session_of(engine, token, NOW) for token in tokens] == [None, None]

    token = attempt(engine, "Neues-2-Passwort")
    access.disable(engine, ADMIN, "anna", NOW)
    assert access.session_of(engine, token, NOW) is None

    access.enable(engine, ADMIN, "anna", NOW)
    assert access.session_of(engine, token, NOW) is None
    assert access.session_of(engine, other, NOW)


def test_changing_an_unknown_account_says_so(engine: Engine):
    for change in (
        lambda: access.disable(engine, ADMIN, "x", NOW),
        lambda: access.passwd(engine, ADMIN, "x", PASSWORD, NOW),
    ):
        with pytest.raises(AccessError, match="There is no account “x”"):
            change()


def test_ended_sessions_are_forgotten_after_a_month(engine: Engine):
    signed_in(engine)
    signed_in(engine, NOW + timedelta(days=31))

    with engine.begin() as connection:
        assert len(connection.execute(select(sessions)).all()) == 1


def test_core_access_imports_no_streamlit():
    code = "import sys, core.access.accounts, core.runtime; sys.exit('streamlit' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- how many sessions


def many_sessions(engine: Engine, times: list[datetime], most: int) -> list[str]:
    tokens = []
    for at in times:
        token = access.sign_in(engine, "anna", PASSWORD, now=at, most_sessions=most, check=quick_check)
        assert isinstance(token, str)
        tokens.append(token)
    return tokens


def test_the_oldest_session_ends_when_one_more_opens_than_the_setting_allows(engine: Engine):
    store(engine, "beat")
    other = attempt(engine, name="beat")
    tokens = many_sessions(engine, [NOW + minute * MINUTE for minute in range(5)], most=3)

    at = NOW + 5 * MINUTE
    assert [access.session_of(engine, token, at) is not None for token in tokens] == [False, False, True, True, True]
    assert access.session_of(engine, other, at)
    rows, _ = find(engine, Search(actions=["session.ended"]), limit=5)
    assert [(row.target, row.reason, row.after) for row in rows] == [("anna", "too many", '{"sessions": 1}')] * 2


def test_sessions_that_have_run_out_take_no_place(engine: Engine):
    tokens = many_sessions(engine, [NOW, NOW + 2 * HOUR, NOW + 2 * HOUR + MINUTE], most=2)

    assert [access.session_of(engine, token, NOW + 2 * HOUR + MINUTE) is not None for token in tokens[1:]] == [True] * 2
    assert find(engine, Search(actions=["session.ended"]), limit=5)[1] == 0


def test_an_open_tab_of_the_ended_session_learns_of_it_at_once(engine: Engine):
    watch = Sessions(engine, clock=lambda: 0.0)  # its memory never gets old by time
    (first,) = many_sessions(engine, [NOW], most=1)
    watch.find(session_id(first), NOW)

    many_sessions(engine, [NOW + MINUTE], most=1)

    assert watch.cached(session_id(first), NOW + MINUTE) is None
