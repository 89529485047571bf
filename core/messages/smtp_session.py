"""Deliver by a mail server: TLS is verified, a password never goes over a line without it, nothing waits for ever."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from core.cache.channel_rows import Channel
from core.cache.message_rows import Message
from core.messages.delivery import ChannelDown, DeliveryError, Lost, Network, NotNow, Refused, problem

PORTS = {"starttls": 587, "tls": 465, "none": 25}  # the security of the line -> its usual port
TIMEOUT = 15.0  # seconds for one answer
DEADLINE = 60.0  # seconds for one message, and for the beginning of a session
TOO_LARGE = 552


class _Client(smtplib.SMTP):
    """A client with TLS from the beginning if there is `tls`, and which another thread can end."""

    _line: socket.socket | None

    def __init__(self, host: str, tls: ssl.SSLContext | None, timeout: float) -> None:
        self._tls, self._line = tls, None
        # Without a name it asks the resolver for one, which may take as long as it likes.
        super().__init__(timeout=timeout, local_hostname=socket.gethostname() or "localhost")
        self._host = host  # which the certificate must name after STARTTLS

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = socket.create_connection((host, port), timeout)
        self._line = line.dup()  # stays what it is while the other one becomes a socket with TLS
        return self._tls.wrap_socket(line, server_hostname=host) if self._tls else line

    def cut(self) -> None:
        """End the connection at once, whatever another thread waits for."""
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None


class SmtpSession:
    """A session with the mail server of a channel."""

    def __init__(self, channel: Channel, password: str, network: Network, deadline: float = DEADLINE) -> None:
        """Connect and sign in. Raises ChannelDown."""
        self._channel, self._deadline, config = channel, deadline, channel.config
        self._security, self._network, self._password = str(config["security"]), network, password
        implicit = network.tls() if self._security == "tls" else None
        self._client = _Client(str(config["host"]), implicit, min(TIMEOUT, deadline))
        try:
            with self._in_time():
                self._begin(str(config["host"]), int(config["port"]), str(config.get("user") or ""))
        except BaseException:
            self.close()
            raise

    def send(self, message: Message, body: str) -> None:
        """Deliver a message. Raises ChannelDown, NotNow, Lost, Refused."""
        if not message.recipient:
            raise Refused(self._problem("no_recipient"))
        with self._in_time():
            try:
                self._client.send_message(mail_of(self._channel, message, body))
            except smtplib.SMTPRecipientsRefused as error:
                raise self._refusal(*next(iter(error.recipients.values()))) from error
            except smtplib.SMTPDataError as error:
                raise self._refusal(error.smtp_code, error.smtp_error) from error
            except smtplib.SMTPSenderRefused as error:
                if error.smtp_code == TOO_LARGE:
                    raise self._refusal(error.smtp_code, error.smtp_error) from error
                raise ChannelDown(self._problem("sender_refused", error.smtp_error)) from error
            except smtplib.SMTPNotSupportedError as error:  # an address that this server cannot write to
                raise Refused(self._problem("refused", error)) from error
            except (smtplib.SMTPException, OSError) as error:
                raise Lost(self._problem("lost", error)) from error
            except ValueError as error:  # a header that cannot be written
                raise Refused(self._problem("refused", error)) from error

    def close(self) -> None:
        """End the session; what the server says to that is of no interest."""
        with suppress(smtplib.SMTPException, OSError, ValueError), self._in_time():
            if self._client.sock is not None:
                self._client.quit()
        with suppress(OSError):
            self._client.close()

    def _begin(self, host: str, port: int, user: str) -> None:
        try:
            self._client.connect(host, port)
            if self._security == "starttls":
                self._client.starttls(context=self._network.tls())
            if user:
                self._sign_in(user)
            self._client.ehlo_or_helo_if_needed()
        except ssl.SSLCertVerificationError as error:
            raise ChannelDown(self._problem("certificate", error.verify_message, host=host)) from error
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelDown(self._problem("no_tls", error, host=host)) from error
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelDown(self._problem("sign_in_refused", error.smtp_error, host=host)) from error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise ChannelDown(self._problem("unreachable", error, host=host, port=port)) from error

    def _sign_in(self, user: str) -> None:
        if self._security == "none":
            raise ChannelDown(self._problem("no_plain_password"))
        try:
            self._client.login(user, self._password)
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelDown(self._problem("sign_in_refused", error)) from error

    def _refusal(self, code: int, answer: bytes | str) -> DeliveryError:
        """Return the error of an answer: 5xx is for good, 421 ends the session, other 4xx (greylisting) pass."""
        kind: type[DeliveryError] = Refused if code >= 500 else Lost if code == 421 else NotNow
        name = "refused" if kind is Refused else "not_now"
        words = answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")
        return kind(self._problem(name, str(code).encode() + b" " + words))

    def _problem(self, code: str, error: object = "", **params: object) -> Any:
        return problem(code, self._channel.name, error, **params)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Cut the connection if the block takes longer than the deadline, however slowly the server talks."""
        timer = threading.Timer(self._deadline, self._client.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def mail_of(channel: Channel, message: Message, body: str) -> EmailMessage:
    """Return the mail: its Message-ID comes from the key, so that a repetition can be seen.

    Raises ValueError if an address cannot stand in a header.
    """
    sender = str(channel.config["sender"])
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender, str(channel.config.get("sender_name") or "Lizenztool"))
    mail["To"] = _address(message.recipient)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = f"<{message.message_id}@{_address(sender).domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.reply_to:
        mail["Reply-To"] = _address(message.reply_to)
    mail.set_content(body)
    for name, media_type, content in message.attachments:
        main, _, sub = media_type.partition("/")
        mail.add_attachment(b64decode(content), maintype=main, subtype=sub or "octet-stream", filename=name)
    return mail


def _address(text: str, name: str = "") -> Address:
    """Return an address whose domain every server understands. Raises ValueError if it is none."""
    user, _, domain = text.rpartition("@")
    return Address(display_name=name, addr_spec=f"{user}@{domain.encode('idna').decode()}")
