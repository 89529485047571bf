"""Channels: set up with clear words for what is wrong, secrets never seen again, and what webhook and Apprise send."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from core.cache.channel_rows import Channel, find_channel
from core.cache.database import open_database
from core.cache.message_rows import Message, list_messages
from core.cache.schema import metadata
from core.messages import channels
from core.messages.channels import ChannelError, ChannelFaults
from core.messages.delivery import DeliveryError, Lost, Network, NotNow
from core.messages.routes import DIGEST, MAIL, URGENT
from core.messages.sessions import secret_of
from core.messages.webhook_session import WebhookSession, is_safe_address, new_key, signature
from core.secrets import secret_rotation
from core.settings import Settings
from tests.mail_server import PASSWORD, MailServer
from tests.test_messages import ADMIN, NOW, Clock, certificate, put, sender, server, smtp

__all__ = ["certificate", "server"]
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ZONE = Settings().zone


@dataclass
class Receiver:
    """What came in: headers and body of each request; `statuses` are the next answers, `held` keeps them back."""

    url: str = ""
    ca_bundle: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving(tls: tuple[Path, Path, Path] | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.held.wait(30)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls[0], tls[1])
        running.socket = context.wrap_socket(running.socket, server_side=True)
        receiver.ca_bundle = str(tls[2])
    scheme = "https" if tls else "http"
    receiver.url = f"{scheme}://localhost:{running.server_address[1]}/hook/geheim"
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.held.set()
        running.shutdown()
        running.server_close()


def webhook(engine: Engine, url: str) -> Channel:
    wanted = Channel("", "Programm", "webhook", {}, routes=(URGENT,))
    return channels.keep(engine, ADMIN, wanted, {"url": url, "key": KEY}, NOW, ZONE)[0]


def message(**values: Any) -> Message:
    return replace(Message("i", "k", "alarm", None, "c", "", "de", "s", "b", NOW, NOW, NOW), **values)


# Webhook


def test_a_signature_is_that_of_the_standard() -> None:
    signed = signature(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_gets_the_message_signed_over_verified_tls_and_again_with_the_same_id(
    database: Engine, tmp_path: Path, certificate: tuple[Path, Path, Path]
) -> None:
    with receiving(certificate) as receiver:
        channel = webhook(database, receiver.url)
        put(database, "alarm:1", channel.channel_id, "", data={"free": 0}, body="Guten Tag")
        receiver.statuses, clock = [500], Clock()
        outbox = sender(database, tmp_path, clock, receiver.ca_bundle)

        assert outbox.send_due() == 0
        clock.now = only(database).not_before
        assert outbox.send_due() == 1

    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
    for headers, body in receiver.requests:
        stamp = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == signature(KEY, headers["webhook-id"], stamp, body)
    sent = json.loads(receiver.requests[1][1])
    data = {"subject": "alarm:1", "text": "Guten Tag", "free": 0}
    assert sent == {"type": "news", "timestamp": NOW.isoformat(), "data": data}


def only(engine: Engine) -> Message:
    (stored,) = list_messages(engine, limit=9)
    return stored


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_only_an_answer_2xx_counts_and_nobody_is_followed(status: int) -> None:
    with receiving() as receiver:
        receiver.statuses = [status]
        session = WebhookSession(Channel("c", "c", "webhook", {}), receiver.url, KEY, Network())
        with closing(session), pytest.raises(NotNow) as caught:
            session.send(message(), "b")

    assert (caught.value.problem.params["status"], len(receiver.requests)) == (str(status), 1)


def test_an_answer_that_comes_too_late_does_not_count() -> None:
    with receiving() as receiver:
        receiver.held.clear()
        session = WebhookSession(Channel("c", "c", "webhook", {}), receiver.url, KEY, Network(), seconds=0.2)
        with closing(session), pytest.raises(Lost) as caught:
            session.send(message(), "b")

    assert caught.value.problem.code == "message.webhook_slow"


def test_a_certificate_that_nobody_knows_is_not_trusted(certificate: tuple[Path, Path, Path]) -> None:
    with receiving(certificate) as receiver:
        session = WebhookSession(Channel("c", "c", "webhook", {}), receiver.url, KEY, Network())
        with closing(session), pytest.raises(DeliveryError):
            session.send(message(), "b")

    assert receiver.requests == []


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.ch/x", True),
        ("http://localhost:1/x", True),
        ("http://example.ch/x", False),
        ("http://localhost.example.ch", False),
        ("ftp://example.ch", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_an_address_is_encrypted_or_on_this_machine(url: str, *, safe: bool) -> None:
    assert is_safe_address(url) == safe


# Apprise


def test_apprise_delivers_and_says_why_it_could_not(database: Engine, tmp_path: Path) -> None:
    with receiving() as receiver:
        address = receiver.url.replace("http://", "json://")
        wanted = Channel("", "Chat", "apprise", {}, routes=(URGENT,))
        channel, _ = channels.keep(database, ADMIN, wanted, {"url": address}, NOW, ZONE)
        put(database, "a", channel.channel_id, "", subject="Engpass", body="<b>1 & 2</b>")
        receiver.statuses, clock = [503], Clock()
        outbox = sender(database, tmp_path, clock)

        assert outbox.send_due() == 0
        failed = only(database)
        clock.now = failed.not_before
        assert outbox.send_due() == 1

    assert failed.problem is not None
    assert (failed.problem.code, "geheim" in f"{failed.error}") == ("message.apprise_refused", False)
    sent = json.loads(receiver.requests[-1][1])
    assert (sent["title"], sent["message"]) == ("Engpass", "<b>1 & 2</b>")
    assert channel.config == {"service": "JSON"}


# Setting up


@pytest.mark.parametrize(
    ("change", "secret", "field", "code"),
    [
        ({"name": " "}, {}, "name", "channel.name"),
        ({"kind": "fax"}, {}, "kind", "channel.kind_unknown"),
        ({"recipients": ("anna",)}, {}, "recipients", "channel.recipient"),
        ({"recipients": ()}, {}, "recipients", "channel.no_recipients"),
        ({"recipients": tuple(f"a{n}@example.ch" for n in range(21))}, {}, "recipients", "channel.many_recipients"),
        ({"recipients": ("a@example.ch\nBcc: b@example.ch",)}, {}, "recipients", "channel.recipient"),
        ({"config": {"host": "mail example"}}, {}, "host", "channel.host"),
        ({"config": {"port": 0}}, {}, "port", "channel.port"),
        ({"config": {"security": "ssl"}}, {}, "security", "channel.security"),
        ({"config": {"security": "none"}}, {"password": "x"}, "user", "message.no_plain_password"),
        ({"config": {"sender": "nobody"}}, {}, "sender", "channel.sender"),
        ({"digest_at": 1440}, {}, "digest_at", "channel.time"),
        ({"kind": "webhook", "routes": (MAIL,)}, {"url": "https://x.ch"}, "routes", "channel.only_mail"),
        ({"kind": "webhook", "routes": ()}, {"url": "http://x.ch"}, "url", "channel.webhook_address"),
        ({"kind": "webhook", "routes": ()}, {"url": "https://x.ch", "key": "kurz"}, "key", "channel.key"),
        ({"kind": "apprise", "routes": ()}, {"url": ""}, "url", "channel.address_missing"),
        ({"kind": "apprise", "routes": ()}, {"url": "fax://1"}, "url", "channel.apprise_unknown"),
        ({"kind": "apprise", "routes": ()}, {"url": "jsons://x.ch?verify=no"}, "url", "channel.apprise_no_verify"),
        ({"kind": "apprise", "routes": ()}, {"url": "json://x.ch"}, "url", "channel.apprise_plain"),
        ({"kind": "apprise", "routes": ()}, {"url": "mailtos://u:p@x.ch"}, "url", "channel.apprise_mail"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_stored(
    office_free: Engine, change: dict[str, Any], secret: dict[str, str], field: str, code: str
) -> None:
    base = replace(smtp(25), channel_id="")
    config = {**base.config, **change.pop("config", {})}

    with pytest.raises(ChannelFaults) as caught:
        channels.keep(office_free, ADMIN, replace(base, config=config, **change), secret, NOW, ZONE)

    assert caught.value.by_field[field].code == code
    assert channels.channels_of(office_free, ADMIN) == []


@pytest.fixture
def office_free(tmp_path: Path) -> Iterator[Engine]:
    """One database for rules that do not depend on its kind."""
    engine = open_database(f"sqlite:///{tmp_path / 'rules.db'}")
    secret_rotation.prepare(engine, Settings(data_dir=tmp_path))
    yield engine
    engine.dispose()


def everything(engine: Engine) -> str:
    with engine.connect() as connection:
        return "".join(str(connection.execute(select(table)).all()) for table in metadata.sorted_tables)


def test_a_secret_is_encrypted_kept_through_changes_and_rotation_and_seen_nowhere(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = replace(smtp(587), channel_id="", routes=(URGENT, DIGEST))
    stored, made = channels.keep(database, ADMIN, wanted, {"password": PASSWORD}, NOW, ZONE)
    changed, _ = channels.keep(database, ADMIN, replace(stored, name="Pikett 2"), None, NOW, ZONE)
    secret_rotation.rotate(database, ADMIN, NOW)
    hook, key = channels.keep(
        database, ADMIN, Channel("", "Hook", "webhook", {}), {"url": "https://x.ch/geheimnis"}, NOW, ZONE
    )

    found = find_channel(database, changed.channel_id)
    assert found is not None
    assert (found.name, secret_of(database, found), made) == ("Pikett 2", {"password": PASSWORD}, "")
    assert hook.config == {"host": "x.ch"}
    assert key.startswith("whsec_")
    seen = everything(database) + caplog.text + repr((stored, hook))
    assert [one for one in (PASSWORD, "geheimnis", key) if one in seen] == []


def test_the_second_of_two_who_change_a_channel_is_told(database: Engine) -> None:
    stored, _ = channels.keep(database, ADMIN, replace(smtp(587), channel_id=""), {}, NOW, ZONE)
    channels.switch(database, ADMIN, stored, NOW, active=False)

    for act in (
        lambda: channels.keep(database, ADMIN, stored, None, NOW, ZONE),
        lambda: channels.switch(database, ADMIN, stored, NOW, active=True),
        lambda: channels.remove(database, ADMIN, stored, NOW),
    ):
        with pytest.raises(ChannelError):
            act()
    with pytest.raises(ChannelFaults):
        channels.keep(database, ADMIN, replace(smtp(587), channel_id="", name="PIKETT"), {}, NOW, ZONE)
    (left,) = channels.channels_of(database, ADMIN)
    assert (left.active, left.version) == (False, 2)


def test_a_test_message_tells_the_real_result(database: Engine, server: MailServer, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, ca_bundle=server.ca_bundle)
    wanted = replace(smtp(server.port), channel_id="")
    channel, _ = channels.keep(database, ADMIN, wanted, {"password": PASSWORD}, NOW, ZONE)

    assert channels.send_test(database, ADMIN, channel, settings, NOW) is None
    server.answers = {"x@example.ch": "550 5.1.1 no such user here"}
    refused = channels.send_test(database, ADMIN, channel, settings, NOW, "x@example.ch")

    assert server.subjects == ["Testnachricht von Lizenztool"]
    assert refused is not None
    assert "no such user here" in refused.text("de")
    assert list_messages(database, limit=9) == []


def test_what_was_given_up_is_sent_again_by_one_click_and_the_audit_knows(
    database: Engine, server: MailServer, tmp_path: Path
) -> None:
    wanted = replace(smtp(server.port), channel_id="")
    channel, _ = channels.keep(database, ADMIN, wanted, {"password": PASSWORD}, NOW, ZONE)
    put(database, "a", channel.channel_id)
    server.answers = {"lizenzen@example.ch": "550 relaying denied"}
    outbox = sender(database, tmp_path, Clock(), server.ca_bundle)
    outbox.send_due()
    server.answers = {}
    (failed,), state = channels.outbox(database, ADMIN, "failed")
    assert state.failed == 1

    assert channels.send_again(database, ADMIN, [failed.message_id], NOW) == 1
    assert (outbox.send_due(), outbox.send_due(), len(server.mails)) == (1, 0, 1)
    assert "message.sent_again" in everything(database)


def test_a_first_digest_comes_at_its_time_and_not_when_the_channel_is_made(database: Engine) -> None:
    wanted = replace(smtp(587), channel_id="", digest_at=7 * 60)
    late, _ = channels.keep(database, ADMIN, wanted, {}, datetime.fromisoformat("2027-01-15T09:00+01:00"), ZONE)
    early, _ = channels.keep(
        database, ADMIN, replace(wanted, name="Früh"), {}, datetime.fromisoformat("2027-01-15T06:00+01:00"), ZONE
    )

    assert (str(late.digest_day), early.digest_day) == ("2027-01-15", None)


def test_a_new_key_has_the_form_of_the_standard() -> None:
    assert new_key() != new_key()
    assert signature(new_key(), "i", 1, b"{}").startswith("v1,")
