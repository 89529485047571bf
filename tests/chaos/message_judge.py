"""Judge the outbox: each opening of a case has one message per channel, and each message arrives, once unless a kill.

A receiver notes the ids of what it gets, and at times it refuses, drops the connection, or answers and then drops it.
Only the last of these, and a kill between sending and marking, may double a message, which then has the same id.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from core.cache.case_rows import cases_since
from core.cache.channel_rows import Channel
from core.cache.message_rows import list_messages, send_again
from core.cache.sql import transaction
from core.messages import channels
from core.messages.outbox import GIVE_UP_AFTER
from core.messages.routes import URGENT
from core.messages.sender import Sender
from core.operations.message_duty import note_delivery
from core.settings import Settings
from tests.actors import actor
from tests.chaos.cast import read_only

NAMES = ("Gut", "Launisch", "Händler")  # the second one has faults, the last one gets orders alone
ROUNDS = 12  # of a sender, until everything must have arrived
EVENTS = """select e.case_id, e.seq, e.kind, e.data from case_events e where e.kind in ('opened', 'reopened')"""
NEWEST_OPENING = """select e.case_id, max(e.seq) from case_events e join cases c using (case_id)
    where e.kind in ('opened', 'reopened') and c.closed_at is null group by e.case_id"""
TOLD = "select case_id, seq from case_events where kind = 'told'"
URGENT_CHANNELS = "select channel_id from channels where cast(routes as text) like '%urgent%'"
ROWS = "select dedup_key, count(*) from messages where kind = 'alarm' group by dedup_key"


class Postbox:
    """Webhooks on loopback, and the channels that lead to them."""

    def __init__(self, draw: random.Random) -> None:
        self.got: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
        self.unknowable = self.faults = 0  # accepted, but the sender cannot know
        self._draw = random.Random(draw.random())
        self.angry = False
        self._lock = threading.Lock()
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                name = NAMES[int(self.path[-1])]
                self.rfile.read(int(self.headers["content-length"]))
                with box._lock:
                    fault = box._fault() if name == "Launisch" else ""
                    if fault in ("", "mute"):
                        box.got[name][self.headers["webhook-id"]] += 1
                if fault in ("mute", "drop"):
                    self.close_connection = True
                    return
                self.send_response(503 if fault else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _fault(self) -> str:
        fault = self._draw.choice(["", "refuse", "drop", "mute"]) if self.angry else ""
        self.faults += bool(fault)
        self.unknowable += fault == "mute"
        return fault

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def set_up(self, engine: Engine, settings: Settings, now: datetime) -> None:
        """Store the channels."""
        for number, name in enumerate(NAMES):
            url = f"http://localhost:{self._server.server_address[1]}/{number}"
            wanted = Channel("", name, "webhook", {}, routes=(URGENT,) if name != NAMES[-1] else ())
            channels.keep(engine, actor("anna", "admin"), wanted, {"url": url}, now, settings.zone)

    def deliver(self, engine: Engine, settings: Settings) -> None:
        """Send everything that waits, as somebody does who clicks «Erneut senden» until nothing is left."""
        sender = Sender(engine, settings, on_sent=partial(note_delivery, engine))
        for number in range(ROUNDS):
            self.angry = number < ROUNDS // 2
            now = datetime.now().astimezone()
            waiting = [one.message_id for one in list_messages(engine, "waiting", limit=10_000)]
            if not waiting:
                break
            with transaction(engine) as connection:
                send_again(connection, waiting, now, now + GIVE_UP_AFTER)
            sender.send_due()
        sender.stop()

    def undelivered(self, engine: Engine, kills: int) -> list[str]:
        """What is wrong once everything was sent: missed, doubled beyond what nobody can know, given up, invented."""
        ids: dict[str, set[str]] = {name: set() for name in NAMES}
        names = {one.channel_id: one.name for one in channels.channels_of(engine, actor("anna", "admin"))}
        wrong = []
        for message in list_messages(engine, limit=100_000):
            ids[names[message.channel_id]].add(message.message_id)
            if message.state != "sent":
                wrong.append(f"not sent: {message.dedup_key} {message.state} {message.error}")
        for name in NAMES:
            wrong += [f"{name} missed {one}" for one in ids[name] - set(self.got[name])]
            wrong += [f"{name} got what nobody wrote: {one}" for one in set(self.got[name]) - ids[name]]
            doubled = sum(count - 1 for count in self.got[name].values())
            if doubled > kills + (self.unknowable if name == "Launisch" else 0):
                wrong.append(f"{name}: {doubled} doubled by {kills} kills and {self.unknowable} silent acceptances")
        return wrong


def wrong_messages(file: Path, engine: Engine) -> list[str]:
    """What is wrong with the rows of the outbox, however the refresh ended: they are there with their events."""
    if not file.exists() or not read_only(file, "select 1 from sqlite_master where name = 'messages'"):
        return []
    return messages_judged(partial(read_only, file), cases_since(engine))


def messages_judged(ask: Callable[[str], Sequence[Any]], since: datetime | None) -> list[str]:
    """What is wrong with the rows of the outbox by questions that both databases understand."""
    keys = [row[0] for row in ask(URGENT_CHANNELS)]
    wanted = {f"alarm:{opening}:{key}:" for opening in _openings(ask(EVENTS), since) for key in keys}
    rows = {row[0]: row[1] for row in ask(ROWS)}
    return [
        *(f"an opening without a message: {key}" for key in wanted - rows.keys()),
        *(f"a message without an opening: {key}" for key in rows.keys() - wanted),
        *(f"a message twice: {key}" for key, count in rows.items() if count > 1),
    ]


def wrong_reports(file: Path, engine: Engine) -> list[str]:
    """What is wrong without SharePoint, when all has arrived: each opening is told once at most, an open case's once.

    What has arrived after the end of its case is told in no case any more.
    """
    openings: dict[str, list[int]] = {}
    for one in _openings(read_only(file, EVENTS), cases_since(engine)):
        openings.setdefault(one.partition(":")[0], []).append(int(one.partition(":")[2]))
    told: dict[str, list[int]] = {}
    for case_id, seq in read_only(file, TOLD):
        told.setdefault(case_id, []).append(seq)
    newest = dict(read_only(file, NEWEST_OPENING))
    return [
        f"{case_id}: opened {begun}, told {told.get(case_id, [])}"
        for case_id, begun in openings.items()
        if len(told.get(case_id, [])) > len(begun)
        or (newest.get(case_id) == max(begun) and max(told.get(case_id, [0])) < max(begun))
    ] + [f"{case_id}: told without an opening" for case_id in told.keys() - openings.keys()]


def _openings(events: Sequence[Any], since: datetime | None) -> Iterator[str]:
    """Yield case and number of each event that is to be told."""
    for case_id, seq, kind, text in events:
        data = json.loads(text) if isinstance(text, str) else text
        began = datetime.fromisoformat(data["short_since"]) if data.get("short_since") else None
        before = began is not None and since is not None and began < since  # the clock was set back
        if data.get("cause") == "shortage" if kind == "opened" else data.get("reason") == "shortage" and not before:
            yield f"{case_id}:{seq}"
