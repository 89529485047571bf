"""The product as it runs in production, with a database of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cloud import Cloud
from core.cache.database import open_database
from core.refresh.refresher import Refresher
from core.refresh.services import open_services
from core.roles import command_actor
from core.settings import Settings

WORKERS = Settings().workers


class Product:
    """Refreshes through `core.refresh.refresher.Refresher`, as page, schedule and command line do."""

    def __init__(self, cloud: Cloud, folder: Path, workers: int = WORKERS) -> None:
        logging.getLogger("core").setLevel(logging.ERROR)
        self.settings = Settings(
            data_dir=folder,
            profiles_dir=cloud.profiles_dir,
            login_url=cloud.url,
            graph_url=cloud.url,
            ca_bundle=cloud.ca_bundle,
            workers=workers,
            refresh_minutes=0,
        )
        self.engine = open_database(self.settings.database)
        self._open()

    def _open(self) -> None:
        self._services = open_services(self.engine, self.settings)
        self._refresher = Refresher(self._services)

    def refresh(self, *, read_only: bool = False, only_one: bool = False) -> dict[str, Any]:
        """Refresh all tenants, or one alone, and return the summary. Raise RuntimeError if a part failed."""
        profiles = self._services.profiles.load().tenants[:1] if only_one else []
        names = [profile.name for profile in profiles]
        summary = self._refresher.run(command_actor(), names, read_only=read_only)
        if summary["failed"] or summary["sharepoint"]["failed"] or "problem" in summary["sharepoint"]:
            raise RuntimeError(f"The refresh failed: {summary}")
        return summary

    def refresh_unchanged(self) -> dict[str, Any]:
        """Refresh and return the summary. Raise RuntimeError if anything changed."""
        summary = self.refresh()
        counts = summary["sharepoint"]
        if summary["changed"]["rows"] or counts["created"] or counts["updated"] or counts["triggers_set"]:
            raise RuntimeError(f"The refresh was to change nothing: {summary}")
        return summary

    def restart(self) -> None:
        """Forget tokens and connections, but not the database, as a restart of the process does."""
        self._stop()
        self._open()

    def close(self) -> None:
        self._stop()
        self.engine.dispose()

    def _stop(self) -> None:
        self._refresher.stop()
        self._services.close()


@contextmanager
def product(cloud: Cloud, folder: Path, workers: int = WORKERS) -> Iterator[Product]:
    opened = Product(cloud, folder, workers)
    try:
        yield opened
    finally:
        opened.close()
