"""The figures of pages and API: read once per version of the data, then shared by all threads."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

import pandas as pd
from sqlalchemy import Engine

from core.cache.catalogue import load_catalogue
from core.cache.frame_index import FrameIndex
from core.cache.frames import licenses_frame, tenants_frame
from core.cache.license_index import LicenseIndex
from core.cache.sql import data_version
from core.licenses.skus import Catalogue
from core.settings import Settings

MAX_AGE = timedelta(minutes=15)  # days left and "unanswered" change with the time, without a new version


@dataclass(frozen=True, eq=False)
class Figures:
    """The frames of core.cache.frames at one version of the data, and an index of each.

    The frames must not be written to. `names_fault` has the faults of sku_mappings.json, "" for none. The index of the
    tenants has the additional column `failing`: the last read of the tenant failed.
    """

    version: int
    taken_at: datetime
    catalogue: Catalogue
    names_fault: str
    licenses: pd.DataFrame
    tenants: pd.DataFrame
    license_index: LicenseIndex
    tenant_index: FrameIndex


@dataclass
class _Newest:
    lock: threading.Lock = field(default_factory=threading.Lock)
    figures: Figures | None = None
    read_at: float = 0.0  # monotonic seconds


_newest: WeakKeyDictionary[Engine, _Newest] = WeakKeyDictionary()
_newest_lock = threading.Lock()


def newest_figures(engine: Engine, settings: Settings) -> Figures:
    """Return the newest figures; the first caller reads them, all others wait for that. Raises DatabaseError."""
    with _newest_lock:
        newest = _newest.setdefault(engine, _Newest())
    with newest.lock:
        version, now, last = data_version(engine), datetime.now(UTC), newest.figures
        if last is None or last.version != version or time.monotonic() - newest.read_at >= MAX_AGE.total_seconds():
            newest.figures = last = _read(engine, settings, version, now)
            newest.read_at = time.monotonic()
        return last


def _read(engine: Engine, settings: Settings, version: int, now: datetime) -> Figures:
    catalogue, fault = load_catalogue(engine)
    timeout = timedelta(minutes=settings.flow_timeout_minutes)
    licenses = licenses_frame(engine, catalogue, now=now, flow_timeout=timeout, zone=settings.zone)
    tenants = tenants_frame(engine, licenses, now=now)
    return Figures(
        version,
        now,
        catalogue,
        fault,
        licenses,
        tenants,
        LicenseIndex(licenses, tenants),
        FrameIndex(tenants.assign(failing=tenants["problem"].notna()), searched=("tenant", "slug")),
    )
