"""Deliver by Apprise: chats, Teams workflows, push services. Its addresses are secret as a whole."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager
from typing import Any

from core.cache.channel_rows import Channel
from core.cache.message_rows import Message
from core.masking import hide_secrets
from core.messages.delivery import ChannelDown, Lost, Network, NotNow, problem
from core.messages.webhook_session import LOOPBACK
from core.workers import Workers

DEADLINE = 60.0  # seconds; some services are asked several times
_ENVIRONMENT = threading.Lock()


class AddressError(ValueError):
    """An address cannot be used; `args[0]` is the end of the key of its text."""


def service_of(address: str) -> str:
    """Return the name of the service of an address. Raises AddressError."""
    return str(_service(address).service_name)


def _service(address: str) -> Any:
    """Return the service of Apprise for this address. Raises AddressError."""
    import apprise  # only here: its 130 services take 30 MB and two seconds

    logging.getLogger("apprise").setLevel(logging.WARNING)
    asset = apprise.AppriseAsset(
        app_id="Lizenztool", app_desc="Lizenztool", app_url="", image_url_mask="", image_url_logo="",
        image_path_mask="", async_mode=False, secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )  # fmt: skip
    with _captured():
        service = apprise.Apprise.instantiate(address.strip(), asset=asset, suppress_exceptions=True)
    if service is None:
        raise AddressError("unknown")
    if not getattr(service, "verify_certificate", True):
        raise AddressError("no_verify")
    if address.strip().lower().startswith("mailto"):
        raise AddressError("mail")  # a mail server is a channel of its own
    plain = not getattr(service, "secure", True) and bool(getattr(service, "secure_protocol", None))
    if plain and str(getattr(service, "host", "") or "") not in LOOPBACK:
        raise AddressError("plain")
    return service


class AppriseSession:
    """A session with the service of a channel."""

    def __init__(self, channel: Channel, address: str, network: Network, *, seconds: float = DEADLINE) -> None:
        """Raise ChannelDown if the address cannot be used."""
        _tell_requests(network)
        self._channel, self._seconds = channel, seconds
        try:
            self._service = _service(address)
        except AddressError as error:
            raise ChannelDown(problem("apprise_address", channel.name, str(error))) from error
        self._workers = Workers(1, "apprise")

    def send(self, message: Message, body: str) -> None:
        """Deliver a message. Raises NotNow, Lost."""
        future = self._workers.submit(self._notify, message, body)
        try:
            accepted, words = future.result(self._seconds)
        except TookTooLong as error:
            raise Lost(problem("webhook_slow", self._channel.name, seconds=f"{self._seconds:g}")) from error
        except Exception as error:
            raise NotNow(problem("apprise_refused", self._channel.name, type(error).__name__)) from error
        if not accepted:
            raise NotNow(problem("apprise_refused", self._channel.name, words))

    def close(self) -> None:
        """End the thread; one that still waits for an answer ends with it."""
        self._workers.close()

    def _notify(self, message: Message, body: str) -> tuple[bool, str]:
        """Return True if the service has accepted the message, and what Apprise says about a failure."""
        with _captured() as lines:
            accepted = self._service.notify(body=body, title=message.subject, body_format="text")
        return bool(accepted), hide_secrets(" ".join(lines))


@contextmanager
def _captured() -> Iterator[list[str]]:
    """Yield the lines that Apprise logs in this thread; they go nowhere else, for they may name addresses."""
    lines: list[str] = []
    thread, logger = threading.get_ident(), logging.getLogger("apprise")

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                lines.append(record.getMessage())

    handler = Collector(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _tell_requests(network: Network) -> None:
    """Set the variables that Apprise's requests read, where our settings come from .env."""
    with _ENVIRONMENT:
        if network.ca_bundle:
            os.environ.setdefault("REQUESTS_CA_BUNDLE", network.ca_bundle)
        for name, proxy in (("HTTPS_PROXY", network.proxies.https), ("HTTP_PROXY", network.proxies.http)):
            if proxy and name not in os.environ and name.lower() not in os.environ:
                os.environ[name] = proxy
        if network.proxies.exceptions and "NO_PROXY" not in os.environ and "no_proxy" not in os.environ:
            os.environ["NO_PROXY"] = ",".join(network.proxies.exceptions)
