"""The outbox: written with what causes a message, sent in the background, each alone, nothing lost or doubled."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from core.audit import Entry
from core.cache.channel_rows import Channel, add_channel, delete_channel, find_channel
from core.cache.message_rows import Message, claim_next, list_messages, outbox_state, send_again, stored_message
from core.cache.secret_rows import CHANNEL
from core.cache.sql import transaction
from core.messages.delivery import ChannelDown, DeliveryError, Network, NotNow, Refused, Session
from core.messages.outbox import Attachment, Draft, mail_channel, queue, queue_to_desk
from core.messages.retries import PAUSES, is_given_up, pause_after
from core.messages.routes import DESK, MAIL, NEWS
from core.messages.sender import Sender
from core.messages.sending_turn import sending_turn
from core.messages.smtp_session import SmtpSession
from core.problems import Problem
from core.roles import Actor
from core.secrets import secret_rotation
from core.secrets.stored_secrets import seal
from core.settings import Settings
from simulator.certificates import server_files
from tests.mail_server import PASSWORD, USER, MailServer, mail_server, silent_server

NOW = datetime(2027, 1, 15, 11, tzinfo=UTC)
DESK_ADDRESS, OTHER = "lizenzen@example.ch", "anna@example.ch"
ADMIN = Actor("anna", "admin", "page", "Anna")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    authority, server = server_files(tmp_path_factory.mktemp("tls"))
    return server, server, authority


@pytest.fixture
def server(certificate: tuple[Path, Path, Path]) -> Iterator[MailServer]:
    with mail_server(certificate) as running:
        yield running


def smtp(port: int, name: str = "Pikett", **config: Any) -> Channel:
    base = {"host": "localhost", "port": port, "security": "starttls", "user": USER, "sender": "l@example.ch"}
    return Channel(
        name.lower(), name, "smtp", base | config, routes=(*DESK, MAIL), recipients=(DESK_ADDRESS,), language="de"
    )


def keep(engine: Engine, channel: Channel, password: str = PASSWORD) -> Channel:
    sealed = seal(engine, CHANNEL, channel.channel_id, json.dumps({"password": password}))
    add_channel(engine, channel, lambda: sealed, Entry(ADMIN, "channel.added", channel.name), NOW)
    return channel


def put(engine: Engine, key: str, channel: str = "pikett", recipient: str = DESK_ADDRESS, **values: Any) -> bool:
    draft = Draft("news", key, channel, recipient, "de", values.pop("subject", key), values.pop("body", "Guten Tag"))
    with transaction(engine) as connection:
        return queue(connection, replace(draft, **values), NOW)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def sender(engine: Engine, tmp_path: Path, clock: Clock, ca_bundle: str = "", **options: Any) -> Sender:
    return Sender(engine, Settings(data_dir=tmp_path, ca_bundle=ca_bundle), now=clock, **options)


def only(engine: Engine) -> Message:
    (message,) = list_messages(engine, limit=10)
    return message


def code_of(message: Message) -> str:
    return message.problem.code if message.problem else ""


# Writing


def test_a_message_exists_once_for_its_key_channel_and_recipient(database: Engine) -> None:
    assert put(database, "alarm:1:1")
    assert not put(database, "alarm:1:1", subject="again")
    assert put(database, "alarm:1:1", recipient=OTHER)
    assert put(database, "alarm:1:1", channel="other")
    assert [message.subject for message in list_messages(database, limit=9)] == ["alarm:1:1"] * 3


def test_a_message_comes_and_goes_with_the_transaction_of_its_cause(database: Engine) -> None:
    def fail_after_queueing() -> None:
        with transaction(database) as connection:
            queue(connection, Draft("news", "k", "pikett", OTHER, "de", "s", "b"), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_queueing()

    assert list_messages(database, limit=9) == []


def test_each_active_channel_of_a_route_gets_one_for_each_recipient(database: Engine) -> None:
    keep(database, smtp(1))
    keep(database, replace(smtp(1, "Chat"), kind="apprise", recipients=()))
    keep(database, replace(smtp(1, "Aus"), active=False))
    keep(database, replace(smtp(1, "Nur Überblick"), routes=("digest",)))

    with transaction(database) as connection:
        count = queue_to_desk(
            connection, NEWS, "news", "k", lambda language: (language, "b"), NOW,
            recipients=[DESK_ADDRESS.upper(), OTHER],
        )  # fmt: skip
        sends_mails = mail_channel(connection)

    written = {(one.channel_id, one.recipient) for one in list_messages(database, limit=9)}
    assert (count, written) == (3, {("pikett", DESK_ADDRESS.upper()), ("pikett", OTHER), ("chat", "")})
    assert sends_mails is not None
    assert sends_mails.name == "Pikett"


def test_no_line_break_gets_into_a_header(database: Engine, tmp_path: Path, server: MailServer) -> None:
    keep(database, smtp(server.port))
    put(database, "k", subject="Höri\r\nBcc: x@example.com\n\nfremder Text", body="a\x00b\r\nc")

    assert sender(database, tmp_path, Clock(), server.ca_bundle).send_due() == 1
    (mail,) = server.mails
    assert (mail["Bcc"], mail["Subject"]) == (None, "Höri Bcc: x@example.com fremder Text")
    assert mail.get_content().splitlines() == ["ab", "c"]


# Sending, by a real server


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
def test_a_mail_arrives_over_verified_tls(
    database: Engine, tmp_path: Path, certificate: tuple[Path, Path, Path], *, implicit: bool
) -> None:
    with mail_server(certificate, implicit=implicit) as server:
        keep(database, smtp(server.port, security="tls" if implicit else "starttls", sender_name="Lizenzpikett"))
        pdf = Attachment("order.csv", "text/csv", b"a;b")
        put(database, "k", attachments=[pdf], reply_to=OTHER, message_id="B-17", body="Grüsse «da»")

        assert sender(database, tmp_path, Clock(), server.ca_bundle).send_due() == 1

    (mail,) = server.mails
    assert (mail["To"], mail["Reply-To"], mail["Message-ID"]) == (DESK_ADDRESS, OTHER, "<B-17@example.ch>")
    assert (mail["From"], mail["Auto-Submitted"]) == ("Lizenzpikett <l@example.ch>", "auto-generated")
    body = mail.get_body()
    assert body is not None
    assert body.get_content().strip() == "Grüsse «da»"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["order.csv"]
    message = only(database)
    assert (message.state, message.sent_at, message.attempts) == ("sent", NOW, 1)


def test_what_is_secret_in_a_body_is_encrypted_until_it_is_sent(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))
    put(database, "k", body="Bitte: [[link]]", secrets={"[[link]]": "https://x/freigabe/geheim"})
    assert "geheim" not in f"{only(database)}{only(database).secret}"
    secret_rotation.rotate(database, ADMIN, NOW)

    assert sender(database, tmp_path, Clock(), server.ca_bundle).send_due() == 1

    assert server.mails[0].get_content().strip() == "Bitte: https://x/freigabe/geheim"
    assert (only(database).body, only(database).secret) == ("Bitte: [[link]]", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"host": "127.0.0.1", "port": 9}, "message.unreachable"),
        ({"security": "none"}, "message.no_plain_password"),
        ({"user": "wrong"}, "message.sign_in_refused"),
        ({"host": "0.0.0.0"}, "message.certificate"),  # which the certificate does not name
    ],
)
def test_a_channel_that_cannot_be_used_says_why_and_loses_nothing(
    database: Engine, tmp_path: Path, server: MailServer, change: dict[str, Any], code: str
) -> None:
    keep(database, smtp(**({"port": server.port} | change)))
    put(database, "a")
    put(database, "b")
    clock = Clock()

    assert sender(database, tmp_path, clock, server.ca_bundle).send_due() == 0

    assert {(one.state, one.attempts, code_of(one)) for one in list_messages(database, limit=9)} == {
        ("waiting", 1, code)
    }
    assert (server.mails, PASSWORD in str(list_messages(database, limit=9))) == ([], False)


def test_an_authority_that_nobody_knows_is_not_trusted(database: Engine, tmp_path: Path, server: MailServer) -> None:
    keep(database, smtp(server.port))
    put(database, "a")

    assert sender(database, tmp_path, Clock()).send_due() == 0

    assert (code_of(only(database)), server.sign_ins) == ("message.certificate", 0)


def test_no_password_goes_to_a_server_without_tls(database: Engine, tmp_path: Path) -> None:
    with mail_server(None) as server:
        keep(database, smtp(server.port))
        put(database, "a")
        assert sender(database, tmp_path, Clock()).send_due() == 0

    assert (code_of(only(database)), server.sign_ins) == ("message.no_tls", 0)


def test_one_recipient_of_several_is_refused_and_another_greylisted(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))
    server.answers = {"gone@example.ch": "550 5.1.1 no such user", "grey@example.ch": "451 4.7.1 later please"}
    for recipient in ("gone@example.ch", "grey@example.ch", OTHER):
        put(database, "k", recipient=recipient)
    clock = Clock()
    outbox = sender(database, tmp_path, clock, server.ca_bundle)

    assert outbox.send_due() == 1
    states = {one.recipient: (one.state, code_of(one)) for one in list_messages(database, limit=9)}
    assert states == {
        "gone@example.ch": ("failed", "message.refused"),
        "grey@example.ch": ("waiting", "message.not_now"),
        OTHER: ("sent", ""),
    }
    server.answers = {}
    assert outbox.send_due() == 0  # not before its pause is over
    clock.now += PAUSES[0]
    assert outbox.send_due() == 1
    assert [mail["To"] for mail in server.mails] == [OTHER, "grey@example.ch"]


def test_a_server_that_accepts_and_drops_keeps_the_message_and_its_id(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))
    put(database, "a")
    put(database, "b", recipient=OTHER)
    server.drop_after_data, clock = True, Clock()
    outbox = sender(database, tmp_path, clock, server.ca_bundle)

    assert outbox.send_due() == 0
    assert {(one.state, code_of(one)) for one in list_messages(database, limit=9)} == {("waiting", "message.lost")}
    server.drop_after_data = False
    clock.now += PAUSES[0]
    assert outbox.send_due() == 2
    assert len({mail["Message-ID"] for mail in server.mails}) == 2


def test_a_server_that_hangs_is_left_at_the_deadline_and_the_other_channel_goes_on(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))

    def drip(line: socket.socket) -> None:
        line.sendall(b"220-slow\r\n")

    with silent_server(drip) as port:
        keep(database, smtp(port, "Hängt"))
        put(database, "a", channel="hängt")
        put(database, "b")

        def short(engine: Engine, channel: Channel, network: Network) -> Session:
            return SmtpSession(channel, PASSWORD, network, deadline=0.5)

        began = time.monotonic()
        assert sender(database, tmp_path, Clock(), server.ca_bundle, open_session=short).send_due() == 1

    assert time.monotonic() - began < 20  # and not for ever
    assert {one.channel_id: one.state for one in list_messages(database, limit=9)} == {
        "hängt": "waiting",
        "pikett": "sent",
    }


# Trying again, giving up


def test_pauses_grow_and_two_days_end_them() -> None:
    message = Message("i", "k", "news", None, "c", "", "de", "s", "b", NOW, NOW, NOW + timedelta(days=2))
    assert [pause_after(attempts) for attempts in (1, 2, 3)] == list(PAUSES[:3])
    assert list(PAUSES) == sorted(PAUSES)
    assert pause_after(99) == PAUSES[-1]
    assert not is_given_up(replace(message, attempts=99), NOW + timedelta(days=1))
    assert not is_given_up(replace(message, attempts=1), NOW + timedelta(days=9))  # the clock may have jumped
    assert is_given_up(replace(message, attempts=9), NOW + timedelta(days=2))


class Recorder:
    """A channel that notes what it gets; each message fails with the next of `errors`."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors, self.got = list(errors), list[str]()

    def __call__(self, engine: Engine, channel: Channel, network: Network) -> Session:
        return self

    def send(self, message: Message, body: str) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        self.got.append(message.message_id)

    def close(self) -> None:
        """Nothing is open."""


def test_two_days_of_failures_give_a_message_up_with_the_reason_and_it_can_be_sent_again(
    database: Engine, tmp_path: Path
) -> None:
    keep(database, smtp(1))
    put(database, "a")
    clock, why = Clock(), Problem("message.not_now", {"channel": "Pikett"}, "451 later")
    channel = Recorder(*[NotNow(why)] * 100)
    outbox = sender(database, tmp_path, clock, open_session=channel)

    for _ in range(60):
        outbox.send_due()
        clock.now += timedelta(hours=1)

    message = only(database)
    assert (message.state, message.problem, channel.got) == ("failed", why, [])
    assert 10 < message.attempts < 25
    assert outbox_state(database).failed == 1
    channel.errors = []
    with transaction(database) as connection:
        assert send_again(connection, [message.message_id], clock.now, clock.now + timedelta(days=2)) == 1
    assert (outbox.send_due(), only(database).state, channel.got) == (1, "sent", [message.message_id])


@pytest.mark.parametrize("error", [ChannelDown, NotNow, Refused])
def test_a_failure_of_one_channel_leaves_the_other_alone(
    database: Engine, tmp_path: Path, error: type[DeliveryError]
) -> None:
    keep(database, smtp(1))
    keep(database, smtp(1, "Chat"))
    for key in "abc":
        put(database, key)
        put(database, key, channel="chat")

    class Half(Recorder):
        def __call__(self, engine: Engine, channel: Channel, network: Network) -> Session:
            if channel.channel_id == "chat":
                return super().__call__(engine, channel, network)
            return Recorder(*[error(Problem("message.lost"))] * 9)

    half = Half()
    assert sender(database, tmp_path, Clock(), open_session=half).send_due() == 3
    assert len(half.got) == 3
    left = [one for one in list_messages(database, limit=9) if one.channel_id == "pikett"]
    assert {(one.attempts, one.state) for one in left} == {(1, "failed" if error is Refused else "waiting")}


def test_what_a_dead_process_has_claimed_is_sent_later_and_once(database: Engine, tmp_path: Path) -> None:
    keep(database, smtp(1))
    put(database, "a")
    claim_next(database, "pikett", NOW, pause_after, lambda _connection: None)  # and then kill -9
    clock, channel = Clock(), Recorder()
    outbox = sender(database, tmp_path, clock, open_session=channel)

    assert outbox.send_due() == 0
    clock.now += PAUSES[0]
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert len(channel.got) == 1


def test_one_process_at_a_time_sends_the_messages_of_a_channel(database: Engine, tmp_path: Path) -> None:
    keep(database, smtp(1))
    put(database, "a")
    channel = Recorder()
    with sending_turn(database, tmp_path, "pikett") as check:
        assert check is not None
        assert sender(database, tmp_path, Clock(), open_session=channel).send_due() == 0
    assert channel.got == []
    assert sender(database, tmp_path, Clock(), open_session=channel).send_due() == 1


def test_what_waits_for_a_removed_channel_is_given_up_with_the_reason(database: Engine) -> None:
    keep(database, smtp(1))
    put(database, "a")
    channel = find_channel(database, "pikett")
    assert channel is not None

    gone = Problem("message.channel_gone")
    assert delete_channel(database, channel, gone, Entry(ADMIN, "channel.removed", "Pikett"), NOW) == 1
    message = stored_message(database, only(database).message_id)
    assert message is not None
    assert (message.state, message.problem) == ("failed", gone)


def test_what_waits_for_a_channel_that_stays_off_is_given_up_after_two_days(database: Engine, tmp_path: Path) -> None:
    keep(database, replace(smtp(1), active=False))
    put(database, "a")
    clock = Clock()
    assert sender(database, tmp_path, clock, open_session=Recorder()).send_due() == 0
    assert only(database).state == "waiting"
    clock.now += timedelta(days=2)

    assert sender(database, tmp_path, clock, open_session=Recorder()).send_due() == 0

    assert (only(database).state, code_of(only(database))) == ("failed", "message.channel_off")


def test_a_key_that_is_gone_keeps_messages_waiting_and_says_so(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))
    put(database, "a")
    key = tmp_path / "secret.key"
    right = key.read_text()
    key.write_text(Fernet.generate_key().decode())
    clock = Clock()
    outbox = sender(database, tmp_path, clock, server.ca_bundle)

    assert outbox.send_due() == 0
    assert (only(database).state, code_of(only(database)).startswith("secrets.")) == ("waiting", True)
    key.write_text(right)
    clock.now += PAUSES[0]
    assert outbox.send_due() == 1


def test_a_domain_with_umlauts_is_written_as_every_server_understands_it(
    database: Engine, tmp_path: Path, server: MailServer
) -> None:
    keep(database, smtp(server.port))
    put(database, "a", recipient="anna@müller.example")

    assert sender(database, tmp_path, Clock(), server.ca_bundle).send_due() == 1
    assert server.mails[0]["To"] == "anna@xn--mller-kva.example"
