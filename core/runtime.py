"""The shared objects of the process: settings, database, services, refresher.

A module singleton and not `st.cache_resource`: every user can clear that cache, which would start all threads twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from core import texts
from core.backup.restore_journal import need_none_begun
from core.cache.database import OtherSchema, open_database
from core.operations import jobs
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.secrets import secret_rotation
from core.settings import Settings, load_settings

log = logging.getLogger(__name__)

WAIT_SECONDS = 3.0  # between two looks at the version of the tables


@dataclass(frozen=True, slots=True)
class Runtime:
    """The shared objects; `demo` is True if the data is made up.

    `services` and `refresher` are None if the process must not reach Microsoft 365 (a page under test).
    """

    settings: Settings
    engine: Engine
    services: Services | None = None
    refresher: Refresher | None = None
    demo: bool = False


def open_engine(settings: Settings) -> Engine:
    """Return the engine of the upgraded database, with the keys of its secrets and, where work is shared, the jobs.

    Raises DatabaseError; OtherSchema if the tables have another version and this process must not upgrade them;
    BackupError while a restore goes on or was interrupted; EngineMissing.
    """
    need_none_begun(settings.data_dir)
    engine = open_database(settings.database, may_upgrade=may_upgrade(settings))
    try:
        need_none_begun(settings.data_dir)  # a restore that has begun since sees this process, or is seen here
        secret_rotation.prepare(engine, settings)
        if settings.shares_work:
            jobs.need_engine()
            jobs.apply_schema(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def may_upgrade(settings: Settings) -> bool:
    """Return True if a start of this process upgrades the tables; of several processes none does, but a command."""
    return not settings.shares_work


def open_engine_in_time(settings: Settings, pause: Callable[[float], object] = time.sleep) -> Engine:
    """Return the engine as `open_engine` does, but wait while the tables have another version; for what runs on."""
    told = ""
    while True:
        try:
            return open_engine(settings)
        except OtherSchema as error:
            if not settings.has_server_database:  # nobody else upgrades a file
                raise
            if (sentence := str(error)) != told:
                log.warning("waiting: %s", error)
            told = sentence
            pause(WAIT_SECONDS)


def refresher_of(services: Services) -> Refresher:
    """Return the refresher of this process; where work is shared it leaves runs to the processes that work."""
    return Refresher(services, jobs.JobHints(services.engine) if services.settings.shares_work else None)


_lock = threading.Lock()
_current: Runtime | None = None


def install(runtime: Runtime | None) -> None:
    """Make `runtime` the result of `current`; None removes it."""
    global _current  # noqa: PLW0603 - the singleton itself
    with _lock:
        _current = runtime
        if runtime is not None:
            texts.fall_back_to(runtime.settings.language)


def current() -> Runtime:
    """Return the installed runtime; without one (a page under test) create it from the settings of the environment."""
    global _current  # noqa: PLW0603 - the singleton itself
    with _lock:
        if _current is None:
            settings = load_settings()
            texts.fall_back_to(settings.language)
            _current = Runtime(settings, open_engine(settings))
        return _current
