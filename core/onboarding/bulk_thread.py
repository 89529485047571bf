"""The import that a page has started: it goes on in a thread of its own while the page is left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.onboarding.bulk import LineResult, import_tenants
from core.onboarding.csv_file import CsvContent
from core.problems import Problem, ProblemError
from core.refresh.refresher import Refresher
from core.refresh.run_stop import Stopped
from core.refresh.services import Services
from core.roles import Action, Actor

log = logging.getLogger(__name__)


@dataclass(slots=True)
class BulkImport:
    """An import: (done, total), and its results or its problem once it has ended."""

    progress: tuple[int, int] = (0, 0)
    results: Sequence[LineResult] | None = None
    problem: Problem | None = field(default=None)

    def forget(self) -> None:
        """Make room for the next import; one that still runs stays."""
        if self.results is not None or self.problem is not None:
            _set(None)


_lock = threading.Lock()
_current: BulkImport | None = None


def current_import() -> BulkImport | None:
    """Return the import of this process that runs, or has ended and was not closed yet."""
    return _current


def start_import(services: Services, refresher: Refresher, content: CsvContent, actor: Actor) -> BulkImport:
    """Start an import, or return the one that runs. Raises NotAllowed."""
    actor.need(Action.ONBOARDING)
    with _lock:
        running = _current
        if running is not None and running.results is None and running.problem is None:
            return running
        new = BulkImport()
        _set(new)
    threading.Thread(target=_run, args=(new, services, refresher, content, actor), name="import", daemon=True).start()
    return new


def _set(new: BulkImport | None) -> None:
    global _current  # noqa: PLW0603 - one import at a time in this process
    _current = new


def _run(new: BulkImport, services: Services, refresher: Refresher, content: CsvContent, actor: Actor) -> None:
    def progress(done: int, total: int) -> None:
        new.progress = (done, total)

    try:
        new.results = import_tenants(services, refresher, content, actor, progress)
    except Stopped:
        new.problem = Problem("onboarding.import_stopped")
    except ProblemError as error:
        new.problem = error.problem
    except Exception as error:
        log.exception("the import failed")
        new.problem = Problem("onboarding.import_stopped", {}, type(error).__name__)
