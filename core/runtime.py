"""The shared objects of the process: settings, database, services, refresher.

A module singleton and not `st.cache_resource`: every user can clear that cache, which would start all threads twice.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import Engine

from core import texts
from core.backup.restore_journal import need_none_begun
from core.cache.database import open_database
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.secrets import secret_rotation
from core.settings import Settings, load_settings


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
    """Return the engine of the upgraded database, with the keys of its secrets.

    Raises DatabaseError, and BackupError while a restore goes on or was interrupted.
    """
    need_none_begun(settings.data_dir)
    engine = open_database(settings.database)
    try:
        need_none_begun(settings.data_dir)  # a restore that has begun since sees this process, or is seen here
        secret_rotation.prepare(engine, settings)
    except BaseException:
        engine.dispose()
        raise
    return engine


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
