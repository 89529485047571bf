"""Guessing on a large scale: what strangers may try, and that they keep nobody out who belongs here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pyotp
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, select, update

from core.access import accounts as access
from core.access import known_devices, password_spray, passwords, second_factor, sign_in_budget
from core.access.accounts import CodeNeeded, SignInRefused
from core.access.password_spray import Failure, Spray, SprayWatch
from core.access.reauthentication import WrongPassword, prove_password
from core.access.sessions import end_for, start_session
from core.access.sign_in_budget import ACCOUNT, FRESH, NETWORK, Budget
from core.cache import account_rows, sign_in_failure_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Search, find
from core.cache.database import open_database
from core.cache.schema import accounts as account_table
from core.cache.schema import metadata
from core.caller_networks import networks_of
from tests.actors import ADMIN, SUPPORT, entry
from tests.served import PASSWORD, Served, serve

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
QUICK = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
SLOW = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with anna and a hundred others."""
    names = ["anna", *(f"person{number}" for number in range(100))]
    with database.begin() as connection:
        connection.execute(
            insert(account_table), [asdict(Account(name, QUICK, "support", False, NOW, NOW)) for name in names]
        )
    return database


def quick_check(password: str, password_hash: str | None) -> bool:
    return password_hash == QUICK and password == PASSWORD


def attempt(
    engine: Engine, name: str = "anna", password: str = "wrong", *, address: str, at: datetime = NOW, cookie: str = ""
) -> str | SignInRefused | CodeNeeded:
    """What the sign-in page does."""
    standing = access.attempt_of(engine, name, now=at, address=address, cookie=cookie)
    if standing.wait:
        return SignInRefused(standing.wait)
    return access.sign_in(engine, name, password, now=at, address=address, attempt=standing, check=quick_check)


def looked_at(results: list[str | SignInRefused | CodeNeeded]) -> int:
    return sum(result == SignInRefused() for result in results)


def cookie_of(engine: Engine, name: str = "anna", held: str = "", at: datetime = NOW) -> str:
    return known_devices.remember(engine, name, held, at)


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.9", ("203.0.113.9",)),
        ("::ffff:203.0.113.9", ("203.0.113.9",)),
        ("::ffff:cb00:7109", ("203.0.113.9",)),
        ("64:ff9b::203.0.113.9", ("203.0.113.9",)),
        ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48")),
        ("2001:DB8:1:2::", ("2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48")),
        ("fe80::1%eth0", ("fe80::/64", "fe80::/56", "fe80::/48")),
        ("", ("other",)),
        ("no address\x00", ("other",)),
    ],
)
def test_an_address_stands_for_its_network(address: str, networks: tuple[str, ...]) -> None:
    assert networks_of(address) == networks


@given(st.text(max_size=60))
def test_whatever_a_proxy_says_it_is_a_short_key(address: str) -> None:
    assert all(len(network) <= 50 and network.isprintable() for network in networks_of(address))


# ---------------------------------------------------------------- budgets


@given(st.lists(st.integers(0, 200), max_size=80), st.integers(1, 30), st.integers(1, 100))
def test_a_budget_lets_through_what_it_says_in_any_stretch_of_time(pauses: list[int], most: int, each: int) -> None:
    budget, at, whole_at, let_through = Budget(most, each * SECOND), NOW, None, []
    for pause in pauses:
        at += pause * SECOND
        if not sign_in_budget.wait_left(whole_at, budget, at):
            whole_at = sign_in_budget.charged(whole_at, budget, at)
            let_through.append(at)

    for first, begin in enumerate(let_through):
        for last, end in enumerate(let_through[first:], first):
            assert last - first + 1 <= most + (end - begin) / budget.interval


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_an_empty_budget() -> None:
    budget = Budget(5, MINUTE)

    assert sign_in_budget.wait_left(NOW + timedelta(days=300), budget, NOW) == 60


def test_one_address_cannot_try_forty_accounts(engine: Engine) -> None:
    results = [attempt(engine, f"person{number}", address="203.0.113.9") for number in range(40)]

    assert looked_at(results) == NETWORK[0].most
    assert results[-1] == SignInRefused(60)


@pytest.mark.parametrize(
    ("prefix", "most"),
    [
        pytest.param("2001:db8:1:2::{:x}", NETWORK[0].most, id="a-64"),
        pytest.param("2001:db8:1:{:x}::1", NETWORK[1].most, id="a-56"),
        pytest.param("2001:db8:1:{:x}00::1", NETWORK[2].most, id="a-48"),
        pytest.param("::ffff:203.0.113.9", NETWORK[0].most, id="ipv4-as-ipv6"),
    ],
)
def test_many_addresses_of_one_network_share_its_budget(engine: Engine, prefix: str, most: int) -> None:
    results = [attempt(engine, f"person{number}", address=prefix.format(number)) for number in range(90)]

    assert looked_at(results) == most


def test_an_office_that_knows_its_passwords_never_feels_a_budget(engine: Engine) -> None:
    results = [attempt(engine, f"person{number}", PASSWORD, address="203.0.113.9") for number in range(100)]

    assert [type(result) for result in results] == [str] * 100


def test_what_was_spent_survives_a_restart_and_comes_back_with_time(engine: Engine) -> None:
    for number in range(40):
        attempt(engine, f"person{number}", address="203.0.113.9")
    restarted = open_database(engine.url.render_as_string(hide_password=False))

    assert attempt(restarted, PASSWORD, address="203.0.113.9") == SignInRefused(60)
    assert isinstance(attempt(restarted, "anna", PASSWORD, address="203.0.113.9", at=NOW + MINUTE), str)
    restarted.dispose()


def test_attempts_side_by_side_spend_no_less(engine: Engine) -> None:
    def one(number: int) -> str | SignInRefused | CodeNeeded:
        return attempt(engine, f"person{number}", address="203.0.113.9")

    with ThreadPoolExecutor(8) as pool:
        assert looked_at(list(pool.map(one, range(40)))) == NETWORK[0].most


def test_a_guess_while_waiting_spends_nothing(engine: Engine) -> None:
    for _ in range(60):
        attempt(engine, address="203.0.113.9")  # five are looked at

    assert isinstance(attempt(engine, "person1", PASSWORD, address="203.0.113.9"), str)


def test_the_table_holds_no_more_than_the_attempts_of_the_last_minutes(engine: Engine) -> None:
    rows = select(func.count()).select_from(metadata.tables["sign_in_budgets"])
    for number in range(60):
        attempt(engine, f"person{number}", address=f"203.0.113.{number}", at=NOW + number * timedelta(hours=1))

    with engine.begin() as connection:
        assert connection.execute(rows).scalar_one() <= 2
        names = connection.execute(select(metadata.tables["sign_in_budgets"].c.key)).scalars()
        assert [key for key in names if "person" in key] == []


def test_failures_that_are_remembered_are_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_failure_rows, "MOST_FAILURES", 10)
    for number in range(30):
        attempt(engine, f"person{number}", address=f"203.0.113.{number}", at=NOW + number * SECOND)

    with engine.begin() as connection:
        table = metadata.tables["sign_in_failures"]
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() <= 11


# ---------------------------------------------------------------- one account, many networks


def flood_of_guesses(engine: Engine, networks: int, at: datetime = NOW) -> int:
    """Twice from each network; how many guesses were looked at."""
    addresses = [f"198.51.{number // 250}.{number % 250}" for number in range(networks)] * 2
    return looked_at([attempt(engine, address=address, at=at) for address in addresses])


def test_guesses_at_one_account_are_capped_over_all_networks(engine: Engine) -> None:
    assert flood_of_guesses(engine, 70) == ACCOUNT.most + FRESH.most
    assert flood_of_guesses(engine, 70, NOW + MINUTE) <= MINUTE / FRESH.interval


@pytest.mark.parametrize(
    "known_by",
    ["device", "address", "address-of-a-network", "nothing"],
)
def test_the_cap_never_keeps_the_owner_out(engine: Engine, known_by: str) -> None:
    cookie = cookie_of(engine) if known_by == "device" else ""
    home = "2001:db8:7:7::5" if known_by == "address-of-a-network" else "192.0.2.77"
    if known_by.startswith("address"):
        start_session(engine, "anna", NOW - timedelta(days=20), address=home.replace("::5", "::9"))
    flood_of_guesses(engine, 24)

    assert isinstance(attempt(engine, password=PASSWORD, address=home, cookie=cookie), str)


def test_an_unknown_account_is_capped_the_same(engine: Engine) -> None:
    known = [attempt(engine, address=f"198.51.100.{n}") for n in range(100)]
    unknown = [attempt(engine, "nobody", address=f"203.0.113.{n}") for n in range(100)]

    assert known == unknown


# ---------------------------------------------------------------- known devices


def test_a_known_device_is_locked_out_by_nobody_else(engine: Engine) -> None:
    cookie = cookie_of(engine)
    for number in range(60):
        attempt(engine, f"person{number}", address="192.0.2.77")
        attempt(engine, address="192.0.2.77")

    assert isinstance(attempt(engine, address="192.0.2.77", password=PASSWORD), SignInRefused)
    assert isinstance(attempt(engine, address="192.0.2.77", password=PASSWORD, cookie=cookie), str)


def test_a_known_device_has_waiting_times_of_its_own(engine: Engine) -> None:
    cookie = cookie_of(engine)

    results = [attempt(engine, address=f"203.0.113.{number}", cookie=cookie) for number in range(40)]

    assert looked_at(results) == 4
    assert attempt(engine, address="203.0.113.99", password=PASSWORD, cookie=cookie) == SignInRefused(2)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda cookie: "", id="none"),
        pytest.param(lambda cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), id="signature"),
        pytest.param(lambda cookie: cookie.replace(cookie.split(".")[1], "0" * 16), id="device"),
        pytest.param(lambda cookie: cookie.replace(cookie.split(".")[2], "99999999999"), id="time"),
        pytest.param(lambda cookie: "~" * 500 + cookie, id="too-many"),
        pytest.param(lambda cookie: cookie.rpartition(".")[0] + ".ü", id="foreign-letter"),
        pytest.param(lambda cookie: "...~....~" + cookie.rpartition(".")[0], id="parts"),
    ],
)
def test_a_forged_cookie_makes_no_known_device(engine: Engine, spoil) -> None:
    assert known_devices.device_of(engine, "anna", spoil(cookie_of(engine)), NOW) == ""


def test_a_cookie_is_for_its_account_alone_and_for_half_a_year(engine: Engine) -> None:
    cookie = cookie_of(engine)
    other = cookie.replace(cookie.split(".")[0], cookie_of(engine, "person1").split(".")[0])

    assert known_devices.device_of(engine, "anna", cookie, NOW + timedelta(days=179)) != ""
    assert known_devices.device_of(engine, "anna", cookie, NOW + timedelta(days=180)) == ""
    assert [known_devices.device_of(engine, "person1", held, NOW) for held in (cookie, other)] == ["", ""]
    assert "anna" not in cookie


def test_a_browser_is_known_to_some_accounts_and_stays_the_same_device(engine: Engine) -> None:
    cookie = ""
    for name in ("person1", "person2", "person3", "anna", "person4", "anna"):
        cookie = cookie_of(engine, name, cookie)
    known = {name: known_devices.device_of(engine, name, cookie, NOW) for name in ("person1", "person4", "anna")}

    assert known["person1"] == ""
    assert "" not in (known["person4"], known["anna"])
    assert known_devices.device_of(engine, "anna", cookie_of(engine, "anna", cookie), NOW) == known["anna"]
    assert len(cookie) < 500


@pytest.mark.parametrize(
    "revoke",
    [
        pytest.param(lambda engine: access.passwd(engine, ADMIN, "anna", "Neues-2-Geheimnis", NOW), id="new-password"),
        pytest.param(
            lambda engine: end_for(engine, SUPPORT, NOW, account="anna", proof=PASSWORD), id="all-sessions-ended"
        ),
        pytest.param(lambda engine: access.disable(engine, ADMIN, "anna", NOW), id="disabled"),
    ],
)
def test_devices_are_strangers_again_after(engine: Engine, revoke) -> None:
    cookie = cookie_of(engine)

    revoke(engine)

    assert known_devices.device_of(engine, "anna", cookie, NOW) == ""


def test_wrong_codes_of_others_do_not_lock_a_known_device_out(engine: Engine) -> None:
    totp = pyotp.TOTP(second_factor.begin(engine, SUPPORT, PASSWORD, NOW).secret)
    second_factor.confirm(engine, SUPPORT, totp.at(NOW), NOW)
    cookie, later = cookie_of(engine), NOW + MINUTE

    def finish(held: str, code: str) -> str | SignInRefused:
        half = attempt(engine, password=PASSWORD, address="192.0.2.77", at=later, cookie=held)
        assert isinstance(half, CodeNeeded)
        standing = access.SignInAttempt("anna", "192.0.2.77", device=half.device)
        return access.sign_in_with_code(engine, half, code, now=later, address="192.0.2.77", attempt=standing)

    half = attempt(engine, password=PASSWORD, address="203.0.113.9", at=later)
    assert isinstance(half, CodeNeeded)
    for number in range(30):  # whoever knows the password
        standing = access.SignInAttempt("anna", "203.0.113.9")
        access.sign_in_with_code(engine, half, f"{number:06}", now=later, address="203.0.113.9", attempt=standing)

    assert isinstance(finish("", totp.at(later)), SignInRefused)
    assert [finish(cookie, "000000") for _ in range(2)] == [SignInRefused(), SignInRefused()]
    assert isinstance(finish(cookie, totp.at(later)), str)


def test_a_code_is_spent_from_the_networks_budget_and_given_back(engine: Engine) -> None:
    totp = pyotp.TOTP(second_factor.begin(engine, SUPPORT, PASSWORD, NOW).secret)
    second_factor.confirm(engine, SUPPORT, totp.at(NOW), NOW)
    later = NOW + MINUTE
    half = attempt(engine, password=PASSWORD, address="203.0.113.9", at=later)
    assert isinstance(half, CodeNeeded)
    standing = access.SignInAttempt("anna", "203.0.113.9")

    access.sign_in_with_code(engine, half, "0", now=later, address="203.0.113.9", attempt=standing)
    assert sign_in_budget.attempt_of(engine, "x", "203.0.113.9", "", later).spent == 2
    token = access.sign_in_with_code(engine, half, totp.at(later), now=later, attempt=standing)

    assert isinstance(token, str)
    assert sign_in_budget.attempt_of(engine, "x", "203.0.113.9", "", later).spent == 1


# ---------------------------------------------------------------- a spray is seen


def failures(networks: int, accounts_: int, each: int = 1, seconds: float = 1) -> list[Failure]:
    pairs = [(n, a) for n in range(networks) for a in range(accounts_)] * each
    return [
        Failure(NOW + number * seconds * SECOND, f"net{network}", f"account{account}")
        for number, (network, account) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(failures(1, 10), "many accounts", id="one-network-ten-accounts"),
        pytest.param(failures(10, 1), "many networks", id="ten-networks-one-account"),
        pytest.param(failures(5, 6, seconds=1), "many failures", id="thirty-in-a-minute"),
        pytest.param(failures(1, 9, each=2, seconds=10), "", id="an-office-that-mistypes"),
        pytest.param(failures(1, 1, each=29), "", id="somebody-who-has-forgotten"),
        pytest.param(failures(1, 12, seconds=70), "", id="spread-over-the-morning"),
    ],
)
def test_what_a_spray_is(seen: list[Failure], why: str) -> None:
    found = password_spray.detect_spray(seen, seen[-1].at)

    assert (found.reason if found else "") == why


def test_a_spray_is_told_once_a_minute_while_it_lasts() -> None:
    watch = SprayWatch()

    told = [watch.add_failure("203.0.113.9", f"name{n}", NOW + n * SECOND) for n in range(180)]

    assert [n for n, found in enumerate(told) if found] == [9, 69, 129]
    assert told[129] == Spray("many accounts", 130, 130, 1, "203.0.113.9")


def test_the_memory_of_failures_is_bounded_and_takes_no_longer_the_longer_it_lasts() -> None:
    watch = SprayWatch()
    for number in range(3 * password_spray.MOST_REMEMBERED):
        watch.add_failure(f"203.0.{number % 250}.9", f"name{number}", NOW)

    assert len(watch._failures) == password_spray.MOST_REMEMBERED


def test_wrong_passwords_in_an_open_tab_count_as_well(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_spray, "_watch", SprayWatch())
    monkeypatch.setattr(password_spray, "FAILURES_IN_A_MINUTE", 3)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            prove_password(engine, "anna", "wrong", NOW, address="203.0.113.9")

    rows, _ = find(engine, Search(actions=["sign_in.spray"]), limit=5)
    assert [(row.reason, row.address) for row in rows] == [("many failures", "203.0.113.9")]


# ---------------------------------------------------------------- signs that no keyboard types

FIELDS = ("name", "password", "address", "user_agent")
HOSTILE = st.text(st.one_of(st.characters(), st.sampled_from("\x00\x01\x1f\x7f\x85\ud800\udcff\u202e|~")), max_size=300)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, HOSTILE)), HOSTILE)
def test_no_sign_in_any_field_is_a_fault_of_the_database(engine: Engine, fields: dict[str, str], cookie: str) -> None:
    standing = access.attempt_of(engine, fields["name"], now=NOW, address=fields["address"], cookie=cookie)
    result = access.sign_in(engine, **fields, now=NOW, attempt=standing, check=quick_check)
    right = access.sign_in(engine, "anna", PASSWORD, user_agent=fields["user_agent"], now=NOW, check=quick_check)

    assert isinstance(result, SignInRefused)
    assert isinstance(right, str)


@given(HOSTILE)
@settings(max_examples=30, deadline=None)
def test_no_sign_in_a_password_or_code_is_an_exception(text: str) -> None:
    assert not passwords.check_password(text, QUICK)
    assert second_factor._step_of("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", text, NOW) is None
    assert len(second_factor._hash(text)) == 64
    assert isinstance(passwords.password_faults(text), list)


@pytest.mark.parametrize("sign", ["\x00", "\ud800", "\x1b"])
def test_a_password_that_cannot_be_typed_is_no_password(sign: str) -> None:
    assert "password.control" in passwords.password_faults(f"Richtig-1-{sign}lang")


# ---------------------------------------------------------------- the real server, behind a proxy that it believes


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """ReaderAccess come from where X-Forwarded-For says."""
    with serve(tmp_path_factory.mktemp("flood"), proxy=["127.0.0.1"]) as server:
        with server.engine.begin() as connection:
            connection.execute(update(account_table).values(password_hash=SLOW))
        yield server


def post(
    served: Served, name: str, password: str, address: str, cookies: dict[str, str] | None = None
) -> requests.Response:
    headers = {"X-Forwarded-For": address}
    form = {"name": name, "password": password}
    return requests.post(
        f"{served.url}/login", form, headers=headers, cookies=cookies, allow_redirects=False, timeout=60
    )


@pytest.mark.parametrize("addresses", [1, 24])
def test_strangers_in_parallel_keep_the_owner_out_neither_with_the_cookie_nor_without(
    behind: Served, addresses: int
) -> None:
    network = f"198.51.{addresses}"
    first = post(behind, "anna", PASSWORD, f"192.0.2.{addresses}")
    device = {"lizenztool_device": first.cookies["lizenztool_device"]}

    with ThreadPoolExecutor(26) as pool:
        names = ["anna", "vera", "sven", "niemand"] * 6
        flood = [pool.submit(post, behind, n, "x", f"{network}.{i % addresses}") for i, n in enumerate(names)]
        known = pool.submit(post, behind, "anna", PASSWORD, f"{network}.0", device).result()
        unknown = pool.submit(post, behind, "anna", PASSWORD, f"203.0.113.{addresses}").result()
        answers = [one.result() for one in flood]

    assert (known.status_code, unknown.status_code) == (303, 303)
    assert {answer.status_code for answer in answers} <= {401, 429}
    if addresses == 24:
        assert [answer.status_code for answer in answers] == [401] * 24  # waiting, not refused


def test_the_cookie_of_a_known_device_is_for_the_sign_in_alone(behind: Served) -> None:
    answer = post(behind, "anna", PASSWORD, "192.0.2.50")

    (header,) = [value for value in answer.raw.headers.getlist("set-cookie") if value.startswith("lizenztool_device=")]
    attributes = {part.strip().lower() for part in header.split(";")[1:]}
    assert {"httponly", "path=/login", "samesite=lax", f"max-age={180 * 86400}"} <= attributes


def test_beyond_the_budget_nothing_is_read_or_hashed(behind: Served) -> None:
    standing = access.SignInAttempt("anna", "203.0.113.200")
    while not sign_in_budget.spend(behind.engine, standing, datetime.now(UTC)).wait:
        pass
    host, port = behind.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as stranger:
        head = f"POST /login HTTP/1.1\r\nHost: {behind.host}\r\nX-Forwarded-For: 203.0.113.200\r\nContent-Length: 5000"
        stranger.sendall(f"{head}\r\n\r\n".encode())  # and never a form

        assert stranger.recv(100).startswith(b"HTTP/1.1 429 ")


def test_a_spray_is_in_log_metrics_and_audit_without_what_was_typed(behind: Served) -> None:
    for number in range(9):
        account_rows.add_account(behind.engine, Account(f"p{number}", QUICK, "viewer", False, NOW, NOW), entry())
    for name in [*(f"p{number}" for number in range(9)), "geheim@example.com"]:
        post(behind, name, "geheim", "203.0.113.222")

    rows, _ = find(behind.engine, Search(actions=["sign_in.spray"]), limit=50)
    log = Path(behind.folder, "output.txt").read_text()
    metrics = requests.get(f"{behind.url}/metrics", cookies=behind.cookie(), timeout=20).text
    counts = json.loads(rows[0].after)
    assert set(counts) == {"attempts", "accounts", "networks"}
    assert rows[0].address
    assert rows[0].result == "refused"
    assert "wird geraten" in log
    assert float(metrics.split("\nlizenztool_sign_in_sprays_total ")[1].split()[0]) >= 1
    assert "geheim" not in log + str(rows) + metrics
