"""What is to be done besides refreshes: once a day, and once a minute."""

from __future__ import annotations

import logging

from core.cases.digest import write_digests
from core.cases.duty import tend_cases
from core.cases.late_orders import tell_late_orders
from core.cases.ratings import tell_delivered
from core.cases.reminders import tend_consents
from core.leaving.removal import finish_due
from core.leaving.tenant_files import drop_strays
from core.operations.retention import prune_now
from core.operations.timed_backup import back_up_if_due
from core.problems import ProblemError
from core.refresh.run_stop import Stopped
from core.refresh.services import Services

log = logging.getLogger(__name__)


def daily(services: Services) -> None:
    """Delete what is too old. Raises DatabaseError."""
    prune_now(services.engine, services.settings)
    drop_strays(services)


def minutely(services: Services) -> None:
    """Make a backup if one is due, and do what `shared` does; a failure is logged, never raised."""
    back_up_if_due(services.engine, services.settings)
    shared(services)


def shared(services: Services) -> None:
    """Do what also a process does that only works: remove tenants, tend cases, write digests; never raises."""
    remove_due(services)
    tend(services)
    digest(services)


def tend(services: Services) -> None:
    """Let cases return on their day and be due by the present levels, remind and thank customers, tell late orders."""
    engine, settings = services.engine, services.settings
    try:
        tend_cases(engine, settings.zone, services.now())
        tend_consents(engine, settings.zone, settings.public_address, services.now())
        tell_delivered(engine, settings.zone, settings.public_address, services.now())
        tell_late_orders(engine, settings.zone, services.now())
    except Exception:
        log.exception("cases cannot be tended just now")


def digest(services: Services) -> None:
    """Write the daily digests that are due; a failure is logged, never raised."""
    try:
        write_digests(services.engine, services.settings.zone, services.now())
    except Exception:
        log.exception("the daily digest cannot be written just now")


def remove_due(services: Services) -> None:
    """Remove the tenants that are due; a failure is logged, never raised."""
    try:
        finish_due(services)
    except Stopped:
        pass  # the process ends; what is left goes on at its next start
    except ProblemError as error:
        log.warning("tenants that are due cannot be removed just now: %s", error.problem.text("en"))
    except Exception:
        log.exception("tenants that are due cannot be removed just now")
