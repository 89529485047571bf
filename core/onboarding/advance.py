"""Carry out the steps of an onboarding until one needs a person, waits or fails; cancel it.

OnboardingBusy    somebody else carries out a step just now
OnboardingEnded   it is done or cancelled
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.audit import Entry
from core.cache import onboarding_rows
from core.cache.onboarding_rows import OVER, Onboarding, Step, add_line, change, find_onboarding, save_step
from core.cache.run_rows import open_runs
from core.cache.tenant_rows import forget_tenant
from core.name_key import guid_key
from core.onboarding.certificate_step import make_certificate, register_app
from core.onboarding.first_contact import store_contact
from core.onboarding.first_level import give_level
from core.onboarding.first_read_step import is_being_read, read_first
from core.onboarding.job import Given, Job, Outcome, StepFunction
from core.onboarding.list_step import add_row, take_row_away
from core.onboarding.profile_step import know_tenant, save_profile, take_profile_away
from core.onboarding.sign_in_steps import prove_consent, try_profile
from core.onboarding.steps import tried
from core.problems import Problem, ProblemError
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.roles import Action, Actor

log = logging.getLogger(__name__)

LONGEST_STEP = timedelta(seconds=90)  # a claim that is older belongs to a process that has died


class OnboardingBusy(ProblemError):
    """Somebody else carries out a step just now."""


class OnboardingEnded(ProblemError):
    """The onboarding is done or cancelled, or there is none."""


def _list_row(job: Job) -> Outcome:
    know_tenant(job)
    store_contact(job)
    give_level(job)
    return add_row(job)


FUNCTIONS: Mapping[Step, StepFunction] = {
    "certificate": make_certificate,
    "registration": register_app,
    "consent": prove_consent,
    "profile": save_profile,
    "test": try_profile,
    "list": _list_row,
    "first_read": read_first,
}


def advance(
    services: Services,
    refresher: Refresher | None,
    onboarding_id: str,
    actor: Actor,
    given: Given | None = None,
    *,
    until: Step | None = None,
) -> Onboarding:
    """Carry out the next steps; stop before `until`. Return the onboarding as it is stored then.

    `onboarding_id` may also be the short name or the tenant id.

    Every step may be tried again, also after a crash in its middle. Raises NotAllowed, OnboardingBusy, OnboardingEnded,
    DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    stored = find_onboarding(services.engine, onboarding_id)
    if stored is not None and stored.state == "done":  # by a refresh meanwhile
        return stored
    if stored is not None and given is None and is_being_read(services.engine, stored):
        return stored  # a page looks every second: nothing to store, and nobody else is kept from it
    with claimed(services, onboarding_id) as onboarding:
        if given is not None:
            change(services.engine, onboarding.onboarding_id, acted_at=services.now())
        job = Job(services, refresher, _reopened(onboarding, given), actor, given or Given())
        while (step := job.onboarding.next_step) not in (None, until):
            outcome = FUNCTIONS[step](job)
            if outcome is None:
                break
            store(job, step, outcome)
            job = replace(
                job,
                onboarding=stored_onboarding(services, onboarding.onboarding_id),
                given=replace(job.given, password=""),
            )
            if outcome.state not in OVER:
                break
    return stored_onboarding(services, onboarding.onboarding_id)


def _reopened(onboarding: Onboarding, given: Given | None) -> Onboarding:
    """Return the onboarding with its registration open again if another client id is given before the consent."""
    other = given is not None and given.client_id and guid_key(given.client_id) != onboarding.client_id
    if not other or onboarding.app == "shared" or onboarding.next_step != "consent":
        return onboarding
    registration = replace(onboarding.step("registration"), state="open")
    return replace(onboarding, steps={**onboarding.steps, "registration": registration})


def store(job: Job, step: Step, outcome: Outcome) -> None:
    """Store how a try of a step ended."""
    new, services, now = job.onboarding, job.services, job.services.now()
    log.info("%s adds %s: %s %s", job.actor.shown, new.name, step, outcome.state)
    row = tried(new.step(step), outcome.state, now)
    if outcome.state not in OVER:
        row = replace(row, problem=outcome.said)
    if new.step(step).state == row.state == "waiting" and _same(new.step(step).problem, row.problem):
        onboarding_rows.save_try(services.engine, new.onboarding_id, row)  # the log says it already
        return
    save_step(services.engine, new.onboarding_id, row, job.actor.shown, outcome.said, now, **outcome.values)


def _same(one: Problem | None, other: Problem | None) -> bool:
    """Return True if both say the same; the technical lines differ with every request."""
    return one is not None and other is not None and (one.code, one.params) == (other.code, other.params)


def cancel(services: Services, onboarding_id: str, actor: Actor) -> list[Problem]:
    """End an onboarding and remove what it has made; return what could not be removed, then it goes on.

    `onboarding_id` may also be the short name or the tenant id.

    Raises NotAllowed, OnboardingBusy, OnboardingEnded, DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    with claimed(services, onboarding_id) as onboarding:
        job = Job(services, None, onboarding, actor)
        problems = []
        for thing, remove in REMOVALS.items():
            if thing not in job.onboarding.made:
                continue
            problem = remove(job)
            if problem is not None:
                problems.append(problem)
                add_line(services.engine, onboarding.onboarding_id, actor.shown, "", problem, services.now())
                continue
            change(services.engine, onboarding.onboarding_id, made=[one for one in job.onboarding.made if one != thing])
            job = replace(job, onboarding=stored_onboarding(services, onboarding.onboarding_id))
        if not problems:
            entry = Entry(actor, "tenant.onboarding_cancelled", onboarding.name)
            said = Problem("onboarding.cancelled", job.names)
            onboarding_rows.end_onboarding(
                services.engine, onboarding.onboarding_id, "cancelled", said, entry, services.now()
            )
        return problems


def _remove_certificate(job: Job) -> Problem | None:
    root = job.services.settings.profiles_dir.resolve().parent
    pem = root / "certs" / job.onboarding.slug / f"mycert_{job.onboarding.slug}.pem"
    try:
        for file in (pem, pem.with_suffix(".cer")):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # holds files of somebody else
            pem.parent.rmdir()
    except OSError as error:
        values = {"place": str(pem.parent), "reason": error.strerror or ""}
        return Problem("onboarding.disk", job.names | values)
    return None


def _forget_tenant(job: Job) -> Problem | None:
    """Delete the tenant from the cache; a refresh that runs may know it still, then it is only hidden."""
    engine = job.services.engine
    forget_tenant(engine, job.onboarding.tenant_id, hide=any(run.running for run in open_runs(engine)))
    return None


# In this order: without its row and its profile no refresh reads the tenant, or needs its key.
REMOVALS: Mapping[str, Callable[[Job], Problem | None]] = {
    "row": take_row_away,
    "profile": take_profile_away,
    "certificate": _remove_certificate,
    "tenant": _forget_tenant,
}


@contextlib.contextmanager
def claimed(services: Services, onboarding_id: str) -> Iterator[Onboarding]:
    """Yield the open onboarding while nobody else works at it. Raises OnboardingBusy, OnboardingEnded."""
    onboarding = find_onboarding(services.engine, onboarding_id)
    if onboarding is None or not onboarding.is_open:
        raise OnboardingEnded(Problem("onboarding.none_open", {"wanted": onboarding_id}))
    now = services.now()
    if not onboarding_rows.claim(services.engine, onboarding.onboarding_id, now, now + LONGEST_STEP):
        raise OnboardingBusy(Problem("onboarding.busy", {"tenant": onboarding.name}))
    try:
        yield onboarding
    finally:
        change(services.engine, onboarding.onboarding_id, busy_until=None)


def stored_onboarding(services: Services, onboarding_id: str) -> Onboarding:
    """Return the onboarding as it is stored now. Raises OnboardingEnded if there is none."""
    stored = find_onboarding(services.engine, onboarding_id)
    if stored is None:
        raise OnboardingEnded(Problem("onboarding.none_open", {"wanted": onboarding_id}))
    return stored


def as_document(onboarding: Onboarding, language: str) -> dict[str, Any]:
    """Return an onboarding for `--json`."""
    step = onboarding.next_step
    row = onboarding.step(step) if step else None
    problem = row.problem if row else None
    return {
        "id": onboarding.onboarding_id,
        "tenant": onboarding.name,
        "tenant_id": onboarding.tenant_id,
        "slug": onboarding.slug,
        "state": onboarding.state,
        "app": onboarding.app,
        "client_id": onboarding.client_id,
        "next": step or "",
        "step_state": row.state if row else "",
        "problem": {"code": problem.code, "message": problem.text(language)} if problem else None,
        "since": onboarding.created_at.isoformat(),
        "level": onboarding.level,
        "contact": onboarding.contact,
        "summary": onboarding.summary,
    }
