"""Access for programs: who makes a token, how long it opens, and what the audit knows of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select, text, update

from core.access import accounts as access
from core.access import api_tokens as tokens
from core.access.api_tokens import LONGEST, Token, TokenError
from core.audit import Search, find, verify
from core.cache.account_rows import Account, add_account
from core.cache.audit_rows import AuditRow
from core.cache.schema import accounts, api_tokens
from core.roles import NotAllowed
from core.texts import has_text
from tests.actors import ADMIN, SUPPORT, VIEWER, actor, entry
from ui.accounts.tokens_table import last_minute

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with the people of tests/actors.py as accounts."""
    for person in (ADMIN, SUPPORT, VIEWER):
        account = Account(person.name, "", person.role, False, NOW, NOW, display_name=person.name.title())
        add_account(database, account, entry())
    return database


def make(engine: Engine, *, role: str = "viewer", days: float = 30, name: str = "Nagios") -> tuple[Token, str]:
    return tokens.make(engine, ADMIN, name, role, NOW + timedelta(days=days), NOW)


def recorded(engine: Engine) -> list[AuditRow]:
    return find(engine, ADMIN, Search(actions=["token.made", "token.revoked"]), limit=100)[0]


def test_a_token_opens_with_its_role_under_its_own_name(engine: Engine) -> None:
    token, secret = make(engine, role="support")

    caller = tokens.actor_of(engine, secret, NOW, address="10.1.2.3", request_id="call-1")

    assert caller is not None
    assert (caller.name, caller.shown) == (f"token:{token.token_id}", "Nagios")
    assert (caller.role, caller.source, caller.address, caller.request_id) == ("support", "api", "10.1.2.3", "call-1")


def test_the_secret_is_stored_as_a_hash_only(engine: Engine) -> None:
    token, secret = make(engine)

    with engine.begin() as connection:
        stored = connection.execute(select(api_tokens.c.token_hash)).scalar_one()
        everything = str(connection.execute(text("SELECT * FROM audit")).all())

    assert stored == hashlib.sha256(secret.encode()).hexdigest()
    assert secret.startswith("lzt_")
    assert len(secret) > 40
    assert not any(hidden in everything + str(token) for hidden in (secret, stored))


def test_no_two_secrets_are_alike(engine: Engine) -> None:
    made = [make(engine) for _ in range(5)]

    assert len({secret for _, secret in made}) == len({token.token_id for token, _ in made}) == 5


@pytest.mark.parametrize("person", [VIEWER, SUPPORT], ids=lambda person: person.role)
@pytest.mark.parametrize(
    "action",
    [
        lambda engine, person: tokens.make(engine, person, "x", "viewer", NOW + DAY, NOW),
        lambda engine, person: tokens.revoke(engine, person, "x", NOW),
        tokens.list_tokens,
    ],
    ids=["make", "revoke", "list"],
)
def test_tokens_are_for_admins(engine: Engine, person: Any, action: Callable[..., Any]) -> None:
    with pytest.raises(NotAllowed):
        action(engine, person)

    assert recorded(engine) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "access.token_name"),
        ({"name": "   "}, "access.token_name"),
        ({"name": "x" * 101}, "access.token_name"),
        ({"name": "two\nlines"}, "access.token_name"),
        ({"role": "owner"}, "access.token_role"),
        ({"role": ""}, "access.token_role"),
        ({"days": 0}, "access.token_expires"),
        ({"days": -1}, "access.token_expires"),
        ({"days": LONGEST.days + 0.01}, "access.token_expires"),
    ],
)
def test_a_token_that_cannot_be_made_leaves_nothing(engine: Engine, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(TokenError) as refused:
        make(engine, **changes)

    assert refused.value.problem.code == code
    assert "{" not in refused.value.problem.text("de") + refused.value.problem.text("en")
    assert has_text(code)
    assert (tokens.list_tokens(engine, ADMIN), recorded(engine)) == ([], [])


@pytest.mark.parametrize("changes", [{"name": "x" * 100}, {"name": " Nagios "}, {"days": LONGEST.days}])
def test_up_to_the_limits_a_token_is_made(engine: Engine, changes: dict[str, Any]) -> None:
    token, _ = make(engine, **changes)

    assert token.name == changes.get("name", "Nagios").strip()


def test_who_is_no_account_makes_no_token(engine: Engine) -> None:
    """The command line, and a program that calls with a token itself."""
    for stranger in (actor("root", "admin"), actor("token:0123456789ab", "admin")):
        with pytest.raises(TokenError, match="no account"):
            tokens.make(engine, stranger, "x", "viewer", NOW + DAY, NOW)


def test_a_disabled_account_makes_no_token(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.name == ADMIN.name).values(disabled=True))

    with pytest.raises(TokenError, match="no account"):
        make(engine)


def test_making_and_revoking_are_recorded_together_with_the_change(engine: Engine) -> None:
    token, _ = make(engine, role="support")
    tokens.revoke(engine, ADMIN, token.token_id, NOW)
    tokens.revoke(engine, ADMIN, token.token_id, NOW)  # twice is once

    revoked, made = recorded(engine)

    assert (made.actor, made.target) == ("chefin", f"Nagios (token:{token.token_id})")
    assert made.after == '{"expires_at": "2026-12-21T09:30:00+00:00", "name": "Nagios", "role": "support"}'
    assert (revoked.target, revoked.before, revoked.after) == (made.target, made.after, "")
    assert verify(engine, ADMIN).broken_at is None


def test_what_is_not_there_is_not_revoked(engine: Engine) -> None:
    tokens.revoke(engine, ADMIN, "0123456789ab", NOW)

    assert recorded(engine) == []


def test_the_list_has_every_token_the_newest_first(engine: Engine) -> None:
    first, _ = make(engine, name="first")
    second, _ = tokens.make(engine, ADMIN, "second", "admin", NOW + 2 * DAY, NOW + DAY)
    tokens.revoke(engine, ADMIN, first.token_id, NOW + DAY)

    listed = tokens.list_tokens(engine, ADMIN)

    assert [(token.name, token.state(NOW + DAY)) for token in listed] == [("second", "valid"), ("first", "revoked")]
    assert listed[0] == second
    assert listed[0].creator == "Chefin"
    assert listed[0].state(NOW + 2 * DAY) == "expired"


@pytest.mark.parametrize(
    "secret",
    ["", "lzt_", "lzt_" + "x" * 43, "lzt_" + "x" * 5000, "Bearer", "' OR 1=1 --", "lzt_\x00", "lzt_ä"],
)
def test_a_foreign_secret_opens_nothing(engine: Engine, secret: str) -> None:
    make(engine)

    assert tokens.actor_of(engine, secret, NOW) is None


def test_the_hash_itself_opens_nothing(engine: Engine) -> None:
    _, secret = make(engine)

    assert tokens.actor_of(engine, hashlib.sha256(secret.encode()).hexdigest(), NOW) is None


def test_a_token_ends_at_its_moment(engine: Engine) -> None:
    _, secret = make(engine, days=1)

    assert tokens.actor_of(engine, secret, NOW + DAY - timedelta(microseconds=1)) is not None
    assert tokens.actor_of(engine, secret, NOW + DAY) is None


@pytest.mark.parametrize(
    "ending",
    [
        lambda engine, token: tokens.revoke(engine, ADMIN, token.token_id, NOW),
        lambda engine, token: access.disable(engine, ADMIN, token.created_by, NOW),
        lambda engine, token: access.set_role(engine, ADMIN, token.created_by, "viewer", NOW),
    ],
    ids=["revoked", "creator disabled", "creator with another role"],
)
def test_a_revoked_token_opens_nothing_at_once(engine: Engine, ending: Callable[[Engine, Token], None]) -> None:
    access.add(engine, ADMIN, "zweite", "Ein-gutes-Passwort-7", "admin", NOW)
    _, secret = (token, _) = tokens.make(engine, actor("zweite", "admin"), "x", "viewer", NOW + DAY, NOW)

    ending(engine, token)

    assert tokens.actor_of(engine, secret, NOW) is None


@pytest.mark.parametrize(("today", "role"), [("support", "support"), ("viewer", "viewer"), ("", None)])
def test_a_token_never_holds_more_than_its_creator_does_today(engine: Engine, today: str, role: str | None) -> None:
    _, secret = make(engine, role="admin")
    with engine.begin() as connection:  # as a sign-in through Microsoft does, with the role of the day
        connection.execute(update(accounts).where(accounts.c.name == ADMIN.name).values(role=today))

    caller = tokens.actor_of(engine, secret, NOW)

    assert (caller and caller.role) == role


def last_use(engine: Engine) -> datetime | None:
    (token,) = tokens.list_tokens(engine, ADMIN)
    return token.last_used_at


def test_the_last_use_is_written_once_a_minute(engine: Engine) -> None:
    _, secret = make(engine)
    assert last_use(engine) is None

    seen = []
    for seconds in (0, 30, 59, 60, 61):
        tokens.actor_of(engine, secret, NOW + timedelta(seconds=seconds))
        used = last_use(engine)
        assert used is not None
        seen.append((used - NOW).total_seconds())

    assert seen == [0, 0, 0, 60, 60]


def test_a_database_that_takes_nothing_still_lets_programs_read(engine: Engine, caplog: Any) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("made read-only by a pragma of SQLite")
    _, secret = make(engine)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
        connection.commit()

    assert tokens.actor_of(engine, secret, NOW) is not None
    assert "cannot be noted" in caplog.text
    assert secret not in caplog.text


def test_a_table_shows_the_last_minute_of_a_token_and_not_the_day_after(engine: Engine) -> None:
    token, _ = make(engine)
    ends = replace(token, expires_at=datetime(2026, 12, 1, tzinfo=ZoneInfo("Europe/Zurich")))

    assert last_minute(ends) == datetime(2026, 11, 30, 23, 59, tzinfo=ZoneInfo("Europe/Zurich"))
