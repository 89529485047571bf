"""Snapshots of everything that the pages show: built once per version of the database, shared by all sessions.

A session keeps one `Snapshot` during its visit of a page, so the figures do not change while somebody reads.
Snapshots are never copied and never written to. This is a module and not `st.cache_data`, which
copies a frame for every session and can be emptied by anybody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from core.attention.facts import Facts, known_facts
from core.cache.case_rows import Case
from core.cache.event_rows import LicenseEvent, events_since, recorded_since
from core.cache.frame_index import FrameIndex
from core.cache.license_index import LicenseIndex
from core.cache.lists_read import ListedTenant, SharePointStatus, tenant_list_rows
from core.cache.product_frame import products_frame
from core.cache.rule_rows import all_level_rules, all_rules
from core.cache.run_rows import Run, latest_run
from core.cache.shared_frames import Figures, newest_figures
from core.cache.sql import data_version
from core.clock import working_day_before
from core.licenses.alarm_rules import LevelRule, Rule
from core.licenses.skus import Catalogue, product_language
from core.problems import Problem
from core.runtime import Runtime
from ui.age import Age, age_of

KEPT_SNAPSHOTS = 2
STATE_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything the pages show, as of one version of the database."""

    version: int
    taken_at: datetime
    licenses: pd.DataFrame
    tenants: pd.DataFrame
    index: LicenseIndex
    facts: Facts
    listed: Sequence[ListedTenant]
    rules: Sequence[Rule] = ()
    level_rules: Mapping[str, LevelRule] = field(default_factory=dict)  # tenant id -> what its level says
    events: Sequence[LicenseEvent] = ()  # since the last working day, the newest first
    recorded_since: datetime | None = None  # from then on every event of a licence is stored
    catalogue: Catalogue = field(default_factory=lambda: Catalogue([]))

    @property
    def sharepoint(self) -> SharePointStatus:
        return self.facts.sharepoint

    @property
    def faults(self) -> Mapping[str, Sequence[Problem]]:
        return self.facts.faults

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return slug -> name of every tenant, by name."""
        return dict(zip(self.tenants["slug"], self.tenants["tenant"], strict=True))

    @cached_property
    def slugs(self) -> Mapping[str, str]:
        """Return tenant id -> slug of every tenant."""
        return dict(zip(self.tenants["tenant_id"], self.tenants["slug"], strict=True))

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Return slug -> id of every tenant."""
        return {slug: tenant_id for tenant_id, slug in self.slugs.items()}

    def product_name(self, case: Case, language: str) -> str:
        """Return the name of the product of a case, which the tenant need not have (yet)."""
        product = self.catalogue.product(case.sku_id, case.sku_part_number)
        return product.name_de if product_language(language) == "de" else product.name_en

    @cached_property
    def active_names(self) -> Mapping[str, str]:
        return dict(zip(self.active["slug"], self.active["tenant"], strict=True))

    @cached_property
    def unreadable(self) -> frozenset[str]:
        """Return the short names of the tenants that are read and could not be at the last attempt."""
        return frozenset(self.active.loc[self.active["problem"].notna(), "slug"])

    @cached_property
    def products(self) -> FrameIndex:
        """Return the index of the products; the worst, the first in the frame, has the highest `severity`."""
        products = products_frame(self.licenses, self.index)
        searched = ("product_de", "product_en", "sku_part_number")
        return FrameIndex(products.assign(severity=np.arange(len(products))[::-1]), searched)

    @cached_property
    def age(self) -> Age:
        return age_of(self.active)

    @cached_property
    def active(self) -> pd.DataFrame:
        """Return the tenants that are read (switched on)."""
        return self.tenants[self.tenants["enabled"].astype(bool)]


@dataclass(frozen=True, slots=True)
class LatestState:
    """The version of the database and the latest run, which an open page asks for every two seconds."""

    version: int
    run: Run | None


@dataclass
class _Store:
    lock: threading.Lock = field(default_factory=threading.Lock)
    snapshots: dict[tuple[int, datetime], Snapshot] = field(default_factory=dict)
    latest: tuple[float, LatestState] | None = None


_stores: WeakKeyDictionary[Engine, _Store] = WeakKeyDictionary()
_stores_lock = threading.Lock()


def newest(runtime: Runtime) -> Snapshot:
    """Return the newest snapshot; the first caller builds it, all others wait for that.

    Raises core.cache.database.DatabaseError.
    """
    store = _store(runtime.engine)
    with store.lock:
        figures = newest_figures(runtime.engine, runtime.settings)
        if store.latest is not None and store.latest[1].version != figures.version:
            store.latest = None  # else the pages would offer newer figures than these for a second
        last = store.snapshots.get((figures.version, figures.taken_at))
        if last is not None:
            return last
        snapshot = _build(runtime, figures)
        store.snapshots[key_of(snapshot)] = snapshot
        for old in list(store.snapshots)[:-KEPT_SNAPSHOTS]:
            del store.snapshots[old]
        return snapshot


def pinned(runtime: Runtime, key: tuple[int, datetime] | None) -> Snapshot | None:
    """Return the snapshot that a session shows, None once it is no longer kept."""
    return _store(runtime.engine).snapshots.get(key) if key else None


def last(runtime: Runtime) -> Snapshot | None:
    """Return the newest snapshot still in memory, for when the database does not answer."""
    return next(reversed(_store(runtime.engine).snapshots.values()), None)


def key_of(snapshot: Snapshot) -> tuple[int, datetime]:
    return snapshot.version, snapshot.taken_at


def latest_state(engine: Engine, seconds: float | None = None, *, since: float = float("-inf")) -> LatestState:
    """Return version and latest run, at most `seconds` old; all open pages together ask the database that often.

    None is STATE_SECONDS. A page that waits for its own refresh asks for less, and for nothing that was read before
    `since` (monotonic seconds).
    """
    store, oldest = _store(engine), STATE_SECONDS if seconds is None else min(seconds, STATE_SECONDS)
    with store.lock:
        if store.latest is None or time.monotonic() - store.latest[0] > oldest or store.latest[0] < since:
            store.latest = (time.monotonic(), LatestState(data_version(engine), latest_run(engine)))
        return store.latest[1]


def _store(engine: Engine) -> _Store:
    with _stores_lock:
        return _stores.setdefault(engine, _Store())


def _build(runtime: Runtime, figures: Figures) -> Snapshot:
    engine = runtime.engine
    return Snapshot(
        version=figures.version,
        taken_at=figures.taken_at,
        licenses=figures.licenses,
        tenants=figures.tenants,
        index=figures.license_index,
        facts=known_facts(engine, runtime.settings, figures.catalogue, figures.taken_at, figures.names_fault),
        listed=tenant_list_rows(engine),
        rules=all_rules(engine),
        level_rules=all_level_rules(engine),
        events=events_since(engine, working_day_before(figures.taken_at, runtime.settings.zone)),
        recorded_since=recorded_since(engine),
        catalogue=figures.catalogue,
    )
