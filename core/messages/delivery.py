"""How a channel delivers: one session at a time, one message after the other.

ChannelDown   the channel cannot be used just now: all that waits for it is tried later
NotNow        this message cannot be delivered just now; others may be
Refused       this message is refused for good, such as an unknown recipient: it is given up
Lost          as NotNow, and the session is over: the next message needs another one
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import certifi
from sqlalchemy import Engine

from core.bounds import bounded_text
from core.cache.message_rows import Message
from core.cache.secret_rows import MESSAGE
from core.network import Proxies
from core.problems import Problem, ProblemError
from core.secrets.stored_secrets import unseal

LINKED = ("alarm", "delivery", "late_order")  # kinds of messages to the licence desk that name their cases
LONGEST_ANSWER = 300  # characters of what a server says


class DeliveryError(ProblemError):
    """A message was not delivered."""


class ChannelDown(DeliveryError):
    """The channel cannot be used just now."""


class NotNow(DeliveryError):
    """The message cannot be delivered just now."""


class Lost(NotNow):
    """The connection was lost, or the deadline is over, before the channel has accepted the message."""


class Refused(DeliveryError):
    """The message is refused for good."""


class Session(Protocol):
    """An open way to a channel."""

    def send(self, message: Message, body: str) -> None:
        """Deliver a message, whose body is complete. Raises ChannelDown, NotNow, Lost, Refused."""

    def close(self) -> None:
        """End the session; never raises."""


@dataclass(frozen=True, slots=True)
class Network:
    """How connections leave the house: trusted authorities, "" for the usual ones, and proxies."""

    ca_bundle: str = ""
    proxies: Proxies = field(default_factory=Proxies)

    @property
    def authorities(self) -> str:
        """Return the file or folder of trusted authorities."""
        return self.ca_bundle or certifi.where()

    def tls(self) -> ssl.SSLContext:
        """Return the context of a verified connection."""
        folder = Path(self.authorities).is_dir()
        return ssl.create_default_context(
            cafile=None if folder else self.authorities, capath=self.authorities if folder else None
        )


def said(answer: bytes | str | None) -> str:
    """Return what a server has said as one line of bounded length."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer or "")
    return bounded_text(text, LONGEST_ANSWER).strip()


def whole_body(engine: Engine, message: Message) -> str:
    """Return the body with what is secret in it. Raises SecretError."""
    if not message.secret:
        return message.body
    secrets: Mapping[str, str] = json.loads(unseal(engine, MESSAGE, message.message_id, message.secret))
    body = message.body
    for mark, text in secrets.items():
        body = body.replace(mark, text)
    return body


def with_links(body: str, message: Message, address: str) -> str:
    """Return the body with a line for the page of each case that the data of the message names.

    `address`: where people reach the dashboard, "" if nobody has said so: then there are no links.
    """
    if not address or message.kind not in LINKED:
        return body
    numbers = [message.data["number"]] if message.data.get("number") else message.data.get("cases") or []
    lines = [f"{address}/fall?nummer={number}" for number in numbers]
    return "\n".join([body.rstrip("\n"), "", *lines, ""]) if lines else body


def problem(code: str, channel: str, error: object = "", **params: object) -> Problem:
    """Return the problem of a delivery, with the words of the server or of the system."""
    detail = said(error if isinstance(error, bytes) else str(error))
    return Problem(
        f"message.{code}", {"channel": channel, **{name: str(value) for name, value in params.items()}}, detail
    )
