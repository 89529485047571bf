"""The second factor of local accounts: set-up, the second step of a sign-in, recovery codes, replay, lock-out."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import bcrypt
import pyotp
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, select

from core.access import accounts as access
from core.access import second_factor
from core.access.accounts import CodeNeeded, SignInRefused
from core.access.second_factor import SecondFactorError, State
from core.cache import account_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Search, find
from core.cache.schema import recovery_codes
from core.cache.schema import sessions as session_table
from core.roles import Actor, NotAllowed
from tests.actors import ADMIN, SUPPORT, entry
from tests.browser import axe_violations
from tests.served import Served

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)
PASSWORD = "Richtig-1-lang"
ANNA = SUPPORT  # the account anna, as its own page knows it


@pytest.fixture
def engine(database: Engine) -> Engine:
    quick = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    for name, provider in (("anna", "local"), ("beat", "local"), ("entra:t:o", "entra")):
        account = Account(name, quick, "support", False, NOW, NOW, provider=provider, display_name=name.title())
        account_rows.add_account(database, account, entry())
    return database


def switched_on(engine: Engine, at: datetime = NOW - timedelta(days=1)) -> tuple[pyotp.TOTP, list[str]]:
    """Anna's app and her recovery codes."""
    totp = pyotp.TOTP(second_factor.begin(engine, ANNA, PASSWORD, at).secret)
    return totp, second_factor.confirm(engine, ANNA, totp.at(at), at)


def half_in(engine: Engine, at: datetime = NOW, address: str = "10.0.0.5") -> CodeNeeded:
    """The password was right."""
    half = access.sign_in(engine, "anna", PASSWORD, now=at, address=address)
    assert isinstance(half, CodeNeeded)
    return half


def finish(engine: Engine, half: CodeNeeded, code: str, at: datetime = NOW) -> str | SignInRefused:
    return access.sign_in_with_code(engine, half, code, now=at, address="10.0.0.5")


def code_of(error: pytest.ExceptionInfo[SecondFactorError]) -> str:
    return error.value.problem.code


# Set-up


def test_setup_shows_a_qr_code_that_says_who_it_is_for(engine: Engine) -> None:
    setup = second_factor.begin(engine, ANNA, PASSWORD, NOW)

    assert setup.uri == f"otpauth://totp/Lizenztool:Anna?secret={setup.secret}&issuer=Lizenztool"
    assert ElementTree.fromstring(setup.svg).tag.endswith("svg")
    assert "http" not in setup.svg.replace("http://www.w3.org/2000/svg", "")
    assert setup.secret not in repr(setup)


def test_second_factor_is_asked_for_only_once_it_is_confirmed(engine: Engine) -> None:
    setup = second_factor.begin(engine, ANNA, PASSWORD, NOW)
    assert isinstance(access.sign_in(engine, "anna", PASSWORD, now=NOW), str)

    codes = second_factor.confirm(engine, ANNA, pyotp.TOTP(setup.secret).at(NOW), NOW)

    assert isinstance(access.sign_in(engine, "anna", PASSWORD, now=NOW), CodeNeeded)
    assert isinstance(access.sign_in(engine, "beat", PASSWORD, now=NOW), str)
    assert len(set(codes)) == 10
    assert second_factor.state(engine, "anna") == State(NOW, 10)


def test_database_knows_no_recovery_code_in_plain(engine: Engine) -> None:
    _, codes = switched_on(engine)

    with engine.begin() as connection:
        stored = str(connection.execute(select(recovery_codes)).all())
    assert [code for code in codes if code in stored or code.replace("-", "") in stored] == []


def test_wrong_code_confirms_nothing_and_is_counted(engine: Engine) -> None:
    setup = second_factor.begin(engine, ANNA, PASSWORD, NOW)
    right = pyotp.TOTP(setup.secret).at(NOW)
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        with pytest.raises(SecondFactorError) as error:
            second_factor.confirm(engine, ANNA, wrong, NOW)
        assert code_of(error) == "factor.wrong_code"

    with pytest.raises(SecondFactorError) as error:
        second_factor.confirm(engine, ANNA, right, NOW)

    assert code_of(error) == "factor.wait"
    assert second_factor.state(engine, "anna") == State(None, 0)


def test_setup_never_replaces_a_second_factor_that_is_in_force(engine: Engine) -> None:
    totp, _ = switched_on(engine)

    with pytest.raises(SecondFactorError) as error:
        second_factor.begin(engine, ANNA, PASSWORD, NOW)

    assert code_of(error) == "factor.there"
    assert isinstance(finish(engine, half_in(engine), totp.at(NOW)), str)


def test_only_the_newest_qr_code_can_be_confirmed(engine: Engine) -> None:
    old = second_factor.begin(engine, ANNA, PASSWORD, NOW)
    second_factor.begin(engine, ANNA, PASSWORD, NOW)

    with pytest.raises(SecondFactorError):
        second_factor.confirm(engine, ANNA, pyotp.TOTP(old.secret).at(NOW), NOW)


def test_people_of_microsoft_have_theirs_there(engine: Engine) -> None:
    with pytest.raises(SecondFactorError) as error:
        second_factor.begin(engine, Actor("entra:t:o", "support", "page"), PASSWORD, NOW)

    assert code_of(error) == "factor.not_local"


# Signing in


def test_people_of_microsoft_get_in_with_no_password(engine: Engine) -> None:
    assert access.sign_in(engine, "entra:t:o", PASSWORD, now=NOW) == SignInRefused()


def test_right_password_and_right_code_open_a_session(engine: Engine) -> None:
    totp, _ = switched_on(engine)

    token = finish(engine, half_in(engine), totp.at(NOW))

    assert isinstance(token, str)
    session = access.session_of(engine, token, NOW)
    assert session is not None
    assert session.account == "anna"


def test_password_alone_opens_nothing(engine: Engine) -> None:
    switched_on(engine)

    half_in(engine)

    with engine.begin() as connection:
        assert connection.execute(select(session_table)).all() == []


@pytest.mark.parametrize(
    ("steps", "opens"),
    [
        pytest.param(-2, False, id="a minute ago"),
        pytest.param(-1, True, id="just over"),
        pytest.param(0, True, id="now"),
        pytest.param(1, True, id="clock ahead"),
        pytest.param(2, False, id="too far ahead"),
    ],
)
def test_code_counts_one_step_around_now(engine: Engine, steps: int, opens: bool) -> None:
    totp, _ = switched_on(engine)

    assert isinstance(finish(engine, half_in(engine), totp.at(NOW + steps * STEP)), str) is opens


def test_code_may_be_typed_with_blanks(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    code = totp.at(NOW)

    assert isinstance(finish(engine, half_in(engine), f" {code[:3]} {code[3:]} "), str)


@pytest.mark.parametrize("code", ["", "abc", "１２３４５６", "0" * 5000, "\0", "-"])
def test_what_is_no_code_is_wrong(engine: Engine, code: str) -> None:
    switched_on(engine)

    assert finish(engine, half_in(engine), code) == SignInRefused()


def test_no_code_opens_twice_and_none_before_it_either(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    assert isinstance(finish(engine, half_in(engine), totp.at(NOW)), str)

    half = half_in(engine)
    assert finish(engine, half, totp.at(NOW)) == SignInRefused()
    assert finish(engine, half, totp.at(NOW - STEP)) == SignInRefused()
    assert isinstance(finish(engine, half, totp.at(NOW + STEP)), str)


def test_code_that_confirmed_the_setup_opens_nothing(engine: Engine) -> None:
    totp, _ = switched_on(engine, NOW)

    assert finish(engine, half_in(engine), totp.at(NOW)) == SignInRefused()


def test_of_attempts_side_by_side_with_one_code_one_gets_in(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    halves, code = [half_in(engine, address=f"10.0.0.{number}") for number in range(4)], totp.at(NOW)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda half: finish(engine, half, code), halves))

    assert sum(isinstance(result, str) for result in results) == 1


def test_recovery_code_opens_once_however_it_is_typed(engine: Engine) -> None:
    _, codes = switched_on(engine)

    assert isinstance(finish(engine, half_in(engine), f" {codes[3].lower().replace('-', ' ')} "), str)
    assert finish(engine, half_in(engine), codes[3]) == SignInRefused()

    assert second_factor.state(engine, "anna").codes_left == 9
    used, _ = find(engine, Search(actions=["account.recovery_code_used"]), limit=9)
    assert [(row.actor, row.target, row.source) for row in used] == [("anna", "anna", "sign-in")]


def test_recovery_codes_of_somebody_else_open_nothing(engine: Engine) -> None:
    switched_on(engine)
    beat = Actor("beat", "support", "page")
    setup = second_factor.begin(engine, beat, PASSWORD, NOW)
    codes = second_factor.confirm(engine, beat, pyotp.TOTP(setup.secret).at(NOW), NOW)

    assert finish(engine, half_in(engine), codes[0]) == SignInRefused()


def test_wrong_codes_wait_longer_and_longer_wherever_they_come_from(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    waits = []
    for number in range(6):
        result = finish(engine, half_in(engine, address=f"203.0.113.{number}"), "wrong")
        assert isinstance(result, SignInRefused)
        waits.append(result.wait)

    assert waits == [0, 0, 0, 0, 2, 2]
    assert isinstance(finish(engine, half_in(engine), totp.at(NOW + 2 * STEP), NOW + STEP), str)


def test_password_counts_as_failed_until_the_code_is_right_too(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    for _ in range(4):
        half_in(engine)
    half = half_in(engine)
    assert access.sign_in(engine, "anna", PASSWORD, now=NOW, address="10.0.0.5") == SignInRefused(2)

    assert isinstance(finish(engine, half, totp.at(NOW)), str)

    half_in(engine)


def test_half_a_sign_in_ends_with_what_it_rested_on(engine: Engine) -> None:
    changes = (
        lambda: access.passwd(engine, ADMIN, "anna", "Neues-2-Passwort", NOW),
        lambda: access.set_role(engine, ADMIN, "anna", "viewer", NOW),
        lambda: access.disable(engine, ADMIN, "anna", NOW),
    )
    totp, _ = switched_on(engine)
    halves = [half_in(engine)]
    changes[1]()
    halves.append(half_in(engine))
    changes[0]()
    halves.append(CodeNeeded(account_rows.find_account(engine, "anna") or halves[0].account, "x"))
    changes[2]()

    assert [finish(engine, half, totp.at(NOW)) for half in halves] == [SignInRefused()] * 3


def test_a_new_password_does_not_go_around_the_code(engine: Engine) -> None:
    totp, _ = switched_on(engine)

    access.passwd(engine, ADMIN, "anna", "Neues-2-Passwort", NOW)

    half = access.sign_in(engine, "anna", "Neues-2-Passwort", now=NOW, address="10.0.0.5")
    assert isinstance(half, CodeNeeded)
    assert isinstance(finish(engine, half, totp.at(NOW)), str)


def test_the_audit_tells_of_both_steps(engine: Engine) -> None:
    totp, _ = switched_on(engine)
    half = half_in(engine)
    finish(engine, half, "123")
    finish(engine, half, totp.at(NOW))

    steps = ["session.code_asked", "session.refused", "session.started"]
    rows, _ = find(engine, Search(words="anna", actions=steps), limit=9)

    told = [(row.action, row.actor, row.address, row.result, row.reason) for row in rows]
    assert told == [
        ("session.started", "anna", "10.0.0.5", "done", ""),
        ("session.refused", "anna", "10.0.0.5", "refused", "code"),
        ("session.code_asked", "anna", "10.0.0.5", "done", ""),
    ]


# Removal


def test_ones_own_goes_with_a_code_only(engine: Engine) -> None:
    totp, codes = switched_on(engine)
    with pytest.raises(SecondFactorError) as error:
        second_factor.remove(engine, ANNA, "anna", NOW, code="123")
    assert code_of(error) == "factor.wrong_code"
    assert isinstance(access.sign_in(engine, "anna", PASSWORD, now=NOW), CodeNeeded)

    second_factor.remove(engine, ANNA, "anna", NOW, code=totp.at(NOW))

    assert isinstance(access.sign_in(engine, "anna", PASSWORD, now=NOW), str)
    assert second_factor.state(engine, "anna") == State(None, 0)
    assert codes


def test_an_admin_takes_it_from_somebody_whose_phone_is_gone(engine: Engine) -> None:
    switched_on(engine)

    second_factor.remove(engine, ADMIN, "anna", NOW)

    assert isinstance(access.sign_in(engine, "anna", PASSWORD, now=NOW), str)
    rows, _ = find(engine, Search(actions=["account.second_factor_off"]), limit=9)
    assert [(row.actor, row.target) for row in rows] == [("chefin", "anna")]


def test_nobody_else_takes_it_away(engine: Engine) -> None:
    switched_on(engine)

    with pytest.raises(NotAllowed):
        second_factor.remove(engine, Actor("beat", "support", "page"), "anna", NOW)

    assert second_factor.state(engine, "anna").since


def test_removing_what_is_not_there_says_so(engine: Engine) -> None:
    with pytest.raises(SecondFactorError) as error:
        second_factor.remove(engine, ADMIN, "anna", NOW)

    assert code_of(error) == "factor.none"


# In a browser


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_password_then_code_then_the_page_that_was_asked_for(browser: Browser, served: Served, scheme: str) -> None:
    name, now = f"tom-{scheme}", datetime.now(UTC)
    quick = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    account_rows.add_account(served.engine, Account(name, quick, "support", False, now, now), entry())
    tom = Actor(name, "support", "page")
    totp = pyotp.TOTP(second_factor.begin(served.engine, tom, PASSWORD, now).secret)
    codes = second_factor.confirm(served.engine, tom, totp.at(now - STEP), now)
    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 720})  # type: ignore[arg-type]
    page = context.new_page()

    page.goto(f"{served.url}/two?q=abc")
    page.get_by_label("Konto").fill(name)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    assert "lizenztool_session" not in [cookie["name"] for cookie in context.cookies()]
    page.goto(f"{served.url}/two?q=abc")  # the password alone opens nothing
    expect(page.get_by_label("Passwort")).to_be_visible()
    page.goto(f"{served.url}/login/code?lang=en")
    page.get_by_label("Code").fill("000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_label("Code").fill(codes[0])
    page.keyboard.press("Enter")

    expect(page.get_by_label("Search")).to_have_value("abc")
    assert "lizenztool_code" not in [cookie["name"] for cookie in context.cookies()]
    context.close()


def test_code_page_without_a_password_before_it_leads_back(served: Served) -> None:
    for browser in (requests.get, requests.post):
        answer = browser(f"{served.url}/login/code", cookies={"lizenztool_code": "forged"}, allow_redirects=False)

        assert (answer.status_code, answer.headers["location"]) == (303, "/login?reason=code")


@given(st.text(max_size=40))
def test_no_text_is_the_code_of_a_step_but_the_code_itself(text: str) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    near = {pyotp.TOTP(secret).at(NOW + steps * STEP) for steps in (-1, 0, 1)}

    assert (second_factor._step_of(secret, text, NOW) is not None) is ("".join(text.split()) in near)


def test_recovery_codes_have_at_least_112_bits_and_older_shorter_ones_still_open(engine: Engine) -> None:
    _, codes = switched_on(engine)
    older = "ABCD-EFGH-JKMN"
    with engine.begin() as connection:
        row = {"account": "anna", "code_hash": hashlib.sha256(older.replace("-", "").encode()).hexdigest()}
        connection.execute(recovery_codes.insert().values(**row))

    assert {len(code.replace("-", "")) for code in codes} == {24}
    assert 24 * math.log2(len(second_factor.RECOVERY_SIGNS)) >= 112
    assert {len(group) for code in codes for group in code.split("-")} == {4}
    assert isinstance(finish(engine, half_in(engine), codes[0].lower().replace("-", " ")), str)
    assert isinstance(finish(engine, half_in(engine), older), str)
