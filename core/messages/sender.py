"""Send what is due in the outbox: each channel by one process at a time, the channels side by side."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from sqlalchemy import Engine

from core.cache import message_rows
from core.cache.channel_rows import Channel, find_channel
from core.cache.database import DatabaseError
from core.cache.lease import LeaseLost
from core.cache.message_rows import Message
from core.cache.sql import Transaction
from core.clock import Interval
from core.messages.delivery import ChannelDown, DeliveryError, Lost, Network, Refused, Session, whole_body, with_links
from core.messages.outbox import ABOUT_MANY
from core.messages.retries import is_given_up, pause_after
from core.messages.sending_turn import Check, sending_turn
from core.messages.sessions import open_session
from core.problems import Problem
from core.secrets.stored_secrets import SecretError
from core.settings import Settings
from core.workers import Workers

log = logging.getLogger(__name__)

TICK = 2.0  # seconds; how late a message goes out
TIDY_SECONDS = 60.0  # between two looks for what can never be sent
MOST_AT_ONCE = 200  # messages of a channel in one round, so that a new channel is not kept waiting
MOST_LOST = 3  # connections lost one after the other, after which a channel rests until the next round
CHANNELS_AT_ONCE = 100
ROUND_SECONDS = 300.0  # for which a command waits

Open = Callable[[Engine, Channel, Network], Session]


class OnSent(Protocol):
    """What else is to be written with the message that a channel has accepted."""

    def __call__(self, connection: Transaction, message: Message, at: datetime) -> None: ...


def _now() -> datetime:
    return datetime.now(UTC)


class Sender:
    """Sends what is due; `start` does so every few seconds. `on_sent` writes with the mark of a message."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        on_sent: OnSent = lambda connection, message, at: None,
        now: Callable[[], datetime] = _now,
        open_session: Open = open_session,
    ) -> None:
        self._engine, self._settings, self._on_sent, self._now = engine, settings, on_sent, now
        self._open = open_session
        self._network = Network(settings.ca_bundle, settings.proxies)
        self._workers = Workers(CHANNELS_AT_ONCE, "messages")
        self._tidied = Interval(TIDY_SECONDS)
        self._busy: set[str] = set()  # channels that are at work
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    def start(self) -> None:
        """Start the thread, which ends with `stop` or with the process."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the message that it is sending, at the latest after a few seconds."""
        self._ended.set()
        self._workers.close()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def send_due(self, seconds: float = ROUND_SECONDS) -> int:
        """Send what is due and return how many messages were accepted, after `seconds` at the latest.

        Raises DatabaseError.
        """
        futures, until = self._begin_round(), time.monotonic() + seconds
        done, _ = wait(futures, max(0.0, until - time.monotonic()))
        return sum(future.result() for future in done)

    def _begin_round(self) -> list[Future[int]]:
        """Let each channel with something due that is not at work begin; none waits for another one."""
        now = self._now()
        if self._tidied.is_over():
            self._give_up_unsendable(now)
            self._tidied.restart()
        due = message_rows.due_channels(self._engine, now)
        with self._lock:
            idle = [channel_id for channel_id in due if channel_id not in self._busy]
            self._busy.update(idle)
        return [self._workers.submit(self._send_channel, channel_id) for channel_id in idle]

    def _give_up_unsendable(self, now: datetime) -> None:
        off, gone = Problem("message.channel_off"), Problem("message.channel_gone")
        if count := message_rows.fail_unsendable(self._engine, now, off=off, gone=gone):
            log.warning("%d messages were given up, because their channel is switched off or gone", count)

    def _send_channel(self, channel_id: str) -> int:
        """Send what is due for the channel; return how many messages it has accepted."""
        try:
            with sending_turn(self._engine, self._settings.data_dir, channel_id) as check:
                channel = find_channel(self._engine, channel_id) if check else None
                return self._send_all(channel, check) if channel and check and channel.active else 0
        except (LeaseLost, DatabaseError) as error:  # another process goes on, or the next round
            log.warning("the messages of a channel wait: %s", error)
            return 0
        except Exception:
            log.exception("the messages of a channel could not be sent; they are tried again")
            return 0
        finally:
            with self._lock:
                self._busy.discard(channel_id)

    def _send_all(self, channel: Channel, check: Check) -> int:
        session: Session | None = None
        sent = lost = 0
        try:
            while sent < MOST_AT_ONCE and lost < MOST_LOST and not self._ended.is_set():
                message = message_rows.claim_next(self._engine, channel.channel_id, self._now(), pause_after, check)
                if message is None:
                    break
                try:
                    session = session or self._open(self._engine, channel, self._network)
                    session.send(
                        message, with_links(whole_body(self._engine, message), message, self._settings.public_url)
                    )
                except (DeliveryError, SecretError) as error:
                    self._note_failure(message, channel, error)
                    if isinstance(error, ChannelDown):
                        self._put_off_others(channel, error.problem, check)
                        break
                    if isinstance(error, Lost):
                        lost += 1
                        _close(session)
                        session = None
                else:
                    sent, lost = sent + 1, 0
                    self._note_sent(message)
        finally:
            _close(session)
        return sent

    def _note_sent(self, message: Message) -> None:
        at = self._now()
        keep = message.kind not in ABOUT_MANY
        try:
            also = partial(self._on_sent, message=message, at=at)
            message_rows.mark_sent(self._engine, message, at, keep_body=keep, also=also)
        except Exception:
            log.exception("a message was sent; what follows from that could not be written")
            message_rows.mark_sent(self._engine, message, at, keep_body=keep)
        log.info("message sent: %s", message.kind)

    def _note_failure(self, message: Message, channel: Channel, error: DeliveryError | SecretError) -> None:
        if isinstance(error, Refused) or is_given_up(message, self._now()):
            message_rows.mark_failed(self._engine, message, error.problem)
            log.error("a message (%s) is given up: %s", message.kind, error.problem)
            return
        message_rows.mark_later(self._engine, message, error.problem)
        log.warning("a message (%s) cannot be sent just now, attempt %d: %s", message.kind, message.attempts, error)

    def _put_off_others(self, channel: Channel, problem: Problem, check: Check) -> None:
        """Count an attempt of everything else that is due: the channel as a whole cannot be used."""
        while not self._ended.is_set():
            message = message_rows.claim_next(self._engine, channel.channel_id, self._now(), pause_after, check)
            if message is None:
                return
            if is_given_up(message, self._now()):
                message_rows.mark_failed(self._engine, message, problem)
            else:
                message_rows.mark_later(self._engine, message, problem)

    def _work(self) -> None:
        away = False
        while not self._ended.wait(TICK):
            try:
                self._begin_round()
                away = False
            except DatabaseError as error:
                if not away:
                    log.warning("messages wait for the database: %s", error)
                away = True
            except Exception:
                log.exception("messages could not be sent; they are tried again")


def _close(session: Session | None) -> None:
    """Close the session, if there is one."""
    if session is not None:
        session.close()
