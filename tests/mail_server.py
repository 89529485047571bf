"""A real mail server over TLS for tests, which can be told to misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "lizenztool", "richtig und lang"


@dataclass
class MailServer:
    """What the server has got, and how it answers: `answers` maps a recipient to the answer to RCPT."""

    port: int = 0
    ca_bundle: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    sign_ins: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    answer_to_data: str = "250 OK"
    drop_after_data: bool = False

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.drop_after_data:
            server.transport.abort()
            return "250 never heard"
        if self.answer_to_data.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return self.answer_to_data

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.sign_ins += 1
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)


class _Controller(Controller):
    """Serves on a free port, with TLS from the beginning or by STARTTLS."""

    def __init__(self, handler: MailServer, tls: ssl.SSLContext | None, *, implicit: bool, **options: Any) -> None:
        self._tls = tls
        port = _free_port()
        super().__init__(
            handler, hostname="127.0.0.1", port=port, ssl_context=tls if implicit else None,
            tls_context=None if implicit else tls, **options,
        )  # fmt: skip

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self.SMTP_kwargs)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def mail_server(certificate: tuple[Path, Path, Path] | None, *, implicit: bool = False) -> Iterator[MailServer]:
    """Serve mails on loopback; `certificate` is (certificate, key, authority), None for a server without TLS."""
    tls, server = None, MailServer()
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate[0], certificate[1])
        server.ca_bundle = str(certificate[2])
    controller = _Controller(
        server, tls, implicit=implicit, authenticator=server.sign_in, auth_require_tls=False, data_size_limit=1_000_000
    )
    server.port = controller.port
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def silent_server(talk: Callable[[socket.socket], None] = lambda line: None) -> Iterator[int]:
    """Accept connections on a port and say nothing, or what `talk` says; close them at the end."""
    lines: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                lines.append(line)
                talk(line)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for line in lines:
                line.close()
