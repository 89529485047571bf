"""How the outbox is, told on the start page, by the command line and by metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.__main__ import main
from core.attention.facts import Facts, message_facts
from core.attention.list_conditions import list_conditions
from core.attention.message_conditions import WAITS_LONG, MessageFacts, message_conditions
from core.cache.message_rows import OutboxState, list_messages, mark_failed
from core.messages import channels
from core.operations.retention import prune
from core.problems import Problem
from core.runtime import open_engine
from core.settings import Settings
from tests.actors import ADMIN
from tests.mail_server import PASSWORD, MailServer
from tests.test_messages import NOW, certificate, keep, put, server, smtp
from web.metrics_page import _gauges_of_messages

__all__ = ["certificate", "server"]
OLD, WHY = NOW - WAITS_LONG - timedelta(minutes=1), Problem("message.refused", {"channel": "Pikett"}, "550 no")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (MessageFacts(), []),
        (MessageFacts(OutboxState(waiting=2, oldest=NOW)), []),
        (MessageFacts(OutboxState(waiting=2, oldest=OLD)), [("warning", "message.check_waiting")]),
        (MessageFacts(OutboxState(failed=1, newest_error=WHY.to_json())), [("error", "message.check_failed")]),
    ],
)
def test_what_is_wrong_with_messages_is_told(facts: MessageFacts, told: list[tuple[str, str]]) -> None:
    found = list(message_conditions(facts, NOW))

    assert [(one.level, one.problem.code) for one in found] == told
    for one in found:
        assert "{" not in one.settled("de", str).text("de")


@pytest.mark.parametrize(("told", "codes"), [(False, ["check.no_sharepoint"]), (True, [])])
def test_without_sharepoint_a_channel_for_urgent_cases_is_enough(told: bool, codes: list[str]) -> None:
    facts = Facts(messages=MessageFacts(somebody_is_told=told))

    assert [one.problem.code for one in list_conditions(facts)] == codes


def test_the_facts_are_those_of_the_database(database: Engine) -> None:
    assert not message_facts(database).somebody_is_told
    keep(database, smtp(25))
    put(database, "a")
    put(database, "b")
    mark_failed(database, list_messages(database, limit=1)[0], WHY)

    facts = message_facts(database)

    assert (facts.somebody_is_told, facts.outbox.waiting, facts.outbox.failed) == (True, 1, 1)
    assert (facts.outbox.oldest, facts.outbox.newest_error) == (NOW, WHY.to_json())
    assert [gauge.samples[0].value for gauge in _gauges_of_messages(facts.outbox, NOW + timedelta(seconds=5))] == [
        1, 1, 5,
    ]  # fmt: skip


def test_what_was_sent_goes_after_its_days_and_what_waits_stays(database: Engine, tmp_path: Path) -> None:
    put(database, "waits")
    put(database, "failed")
    failed = next(one for one in list_messages(database, limit=9) if one.subject == "failed")
    mark_failed(database, failed, WHY)
    settings = Settings(data_dir=tmp_path, message_days=30)

    assert prune(database, settings, NOW + timedelta(days=29))["messages"] == 0
    assert prune(database, settings, NOW + timedelta(days=31))["messages"] == 1
    assert [one.subject for one in list_messages(database, limit=9)] == ["waits"]


# The command line


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: MailServer) -> Iterator[Engine]:
    """The database of the command line, with a channel of a real mail server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_bundle)
    opened = open_engine(Settings(data_dir=tmp_path / "data"))
    wanted = replace(smtp(server.port), channel_id="")
    channels.keep(opened, ADMIN, wanted, {"password": PASSWORD}, datetime.now(UTC), UTC)
    yield opened
    opened.dispose()


def test_the_command_line_lists_tries_and_sends_again(
    engine: Engine, server: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (channel,) = channels.channels_of(engine, ADMIN)
    put(engine, "a", channel.channel_id)
    (message,) = list_messages(engine, limit=9)
    mark_failed(engine, message, WHY)

    assert main(["messages", "list", "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)
    assert (listed["failed"], listed["messages"][0]["error"]["code"]) == (1, "message.refused")
    assert main(["messages", "list"]) == 1
    assert "550 no" in capsys.readouterr().out
    assert main(["messages", "channels", "--json"]) == 0
    assert PASSWORD not in capsys.readouterr().out
    assert main(["messages", "test", "pikett"]) == 0
    assert server.subjects == ["Testnachricht von Lizenztool"]
    assert main(["messages", "test", "Fax"]) == 2
    assert main(["messages", "retry"]) == 2
    assert main(["messages", "retry", "--all", "--json"]) == 0
    assert '{"retried": 1}' in capsys.readouterr().out
    assert list_messages(engine, limit=9)[0].state == "waiting"
