"""Deliver to a webhook, signed after Standard Webhooks (https://www.standardwebhooks.com, 1.0.0).

Headers `webhook-id` (the same at each attempt), `webhook-timestamp` and `webhook-signature`: "v1," and the HMAC-SHA256
of "<id>.<timestamp>.<body>" in base64. Only an answer 2xx within ANSWER_SECONDS counts.
"""

from __future__ import annotations

import binascii
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

import requests

from core.cache.channel_rows import Channel
from core.cache.message_rows import Message
from core.messages.delivery import ChannelDown, Lost, Network, NotNow, problem
from core.workers import Workers

PREFIX = "whsec_"
KEY_BYTES = 32
LEAST_KEY_BYTES, MOST_KEY_BYTES = 24, 64  # of the standard
ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 5.0
READ_OF_ANSWER = 300  # bytes
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def new_key() -> str:
    """Return a new key for signatures."""
    return PREFIX + b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_bytes(key: str) -> bytes:
    """Return the bytes of a key. Raises ValueError if it is none."""
    try:
        raw = b64decode(key.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if not LEAST_KEY_BYTES <= len(raw) <= MOST_KEY_BYTES:
        raise ValueError("wrong length")
    return raw


def signature(key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key_bytes(key), signed, sha256).digest()).decode()


def is_safe_address(url: str) -> bool:
    """Return True if the address is https with a host, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def document(message: Message, body: str) -> bytes:
    """Return what is posted."""
    sent = {
        "type": message.kind,
        "timestamp": message.created_at.isoformat(),
        "data": {"subject": message.subject, "text": body, **message.data},
    }
    return json.dumps(sent, ensure_ascii=False).encode()


class WebhookSession:
    """A session with the receiver of a channel."""

    def __init__(
        self,
        channel: Channel,
        url: str,
        key: str,
        network: Network,
        *,
        seconds: float = ANSWER_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raise ChannelDown if address or key cannot be used."""
        if not is_safe_address(url):
            raise ChannelDown(problem("webhook_address", channel.name))
        self._channel, self._url, self._key, self._network = channel, url, key, network
        self._seconds, self._now = seconds, now
        self._session = requests.Session()
        self._session.trust_env = False
        self._workers = Workers(1, "webhook")

    def send(self, message: Message, body: str) -> None:
        """Post a message. Raises NotNow, Lost."""
        future: Future[requests.Response] = self._workers.submit(self._post, message, document(message, body))
        try:
            answer = future.result(self._seconds)
        except (TookTooLong, requests.Timeout) as error:
            future.add_done_callback(_drop)
            seconds = f"{self._seconds:g}"
            raise Lost(problem("webhook_slow", self._channel.name, type(error).__name__, seconds=seconds)) from error
        except requests.RequestException as error:
            raise Lost(problem("webhook_unreachable", self._channel.name, type(error).__name__)) from error
        with answer:
            if not 200 <= answer.status_code < 300:
                status = str(answer.status_code)
                raise NotNow(problem("webhook_refused", self._channel.name, answer.reason or "", status=status))

    def close(self) -> None:
        """Close the connections; a thread that still waits for an answer ends with it."""
        self._workers.close()
        self._session.close()

    def _post(self, message: Message, body: bytes) -> requests.Response:
        timestamp = int(self._now().timestamp())
        proxy = self._network.proxies.of(self._url)
        return self._session.post(
            self._url,
            data=body,
            headers={
                "content-type": "application/json",
                "user-agent": "Lizenztool",
                "webhook-id": message.message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(self._key, message.message_id, timestamp, body),
            },
            timeout=(min(CONNECT_SECONDS, self._seconds), self._seconds),
            allow_redirects=False,
            stream=True,
            verify=self._network.authorities,
            proxies={urlsplit(self._url).scheme: proxy} if proxy else {},
        )


def _drop(late: Future[requests.Response]) -> None:
    """Close an answer that came too late."""
    if late.exception() is None:
        late.result().close()
