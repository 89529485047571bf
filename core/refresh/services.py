"""The objects with which a process reads and writes Microsoft 365: connections, tokens, profiles, lists, threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from core.cache.leaving_rows import leaving_keys
from core.graph import Http, TokenSource
from core.profiles.profile_store import ProfileStore
from core.refresh import run_stop
from core.refresh.publisher import Publisher
from core.refresh.run_stop import Stopped
from core.refresh.run_watch import RunWatch
from core.settings import Settings
from core.workers import Workers


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a process, shared by refreshes, checks and the switches of tenants. Safe for any thread.

    `ending` is set when the process ends, which ends all waits. `run_watch` has the pages that wait for a refresh.
    """

    engine: Engine
    settings: Settings
    http: Http
    tokens: TokenSource
    profiles: ProfileStore
    publisher: Publisher
    workers: Workers
    now: Callable[[], datetime]
    ending: threading.Event
    run_watch: RunWatch = field(default_factory=RunWatch)

    def close(self) -> None:
        """End all waits and threads, and close all connections."""
        self.ending.set()
        self.workers.close()
        self.publisher.close()
        self.http.close()


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def open_services(engine: Engine, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Services:
    """Return the services of this process; sends no request.

    Their waits (between attempts, or while throttled) raise Stopped if the refresh or the process ends. Raises OSError
    if the data folder cannot be created.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    ending = threading.Event()

    def sleep(seconds: float) -> None:
        if (run_stop.current() or ending).wait(seconds):
            raise Stopped

    http = Http(ca_bundle=settings.ca_bundle, proxies=settings.proxies, sleep=sleep)
    tokens = TokenSource(settings.login_url, settings.graph_url, http)
    return Services(
        engine=engine,
        settings=settings,
        http=http,
        tokens=tokens,
        profiles=ProfileStore(settings.profiles_dir, partial(leaving_keys, engine)),
        publisher=Publisher(engine, settings, tokens, http),
        workers=Workers(settings.workers, "tenant"),
        now=now,
        ending=ending,
    )
