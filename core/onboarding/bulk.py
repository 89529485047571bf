"""Import many tenants: every fault first, then all others side by side, then one refresh for all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from core.cache import run_rows
from core.cache.onboarding_rows import Onboarding, all_onboardings
from core.graph import GraphError
from core.name_key import name_key
from core.onboarding.advance import advance, claimed, store, stored_onboarding
from core.onboarding.csv_file import CsvContent, CsvLine
from core.onboarding.first_contact import store_contact
from core.onboarding.first_level import give_level
from core.onboarding.job import Given, Job, Outcome
from core.onboarding.known import known_tenants
from core.onboarding.list_step import add_rows
from core.onboarding.profile_step import know_tenant
from core.onboarding.request import KnownTenants, faults_of
from core.onboarding.start import OnboardingRefused, lookup_of, start_checked, uses_shared_app
from core.problems import Problem, ProblemError
from core.refresh.refresher import Refresher
from core.refresh.run_stop import Stopped
from core.refresh.services import Services
from core.roles import Action, Actor

log = logging.getLogger(__name__)

Result = Literal["fault", "unchanged", "ready", "read", "waiting", "failed"]
Progress = Callable[[int, int], None]  # done, total
LOOK_EVERY = 0.2  # seconds between two looks at the refresh
PORTION = 100  # rows written under the claims of their onboardings, which last for LONGEST_STEP


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a line; `problems` are its faults, or what it waits for or failed with."""

    number: int
    name: str
    result: Result
    problems: Sequence[Problem] = ()
    slug: str = ""


def check_lines(
    services: Services, content: CsvContent, actor: Actor, known: KnownTenants | None = None
) -> tuple[list[LineResult], list[CsvLine]]:
    """Return (a result for each line, the lines that can be imported, with the ids of their tenants).

    Changes nothing. A tenant that is added already under this name is "unchanged". Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    known = known_tenants(services) if known is None else known
    opened = {one.tenant_id for one in all_onboardings(services.engine)}
    lines = [_with_app(services, line) for line in content.lines]
    found = list(services.workers.map(lambda line: _tenant_id(services, line), lines))
    results, good, ids = [], [], dict[str, int]()
    for line, (tenant_id, problem) in zip(lines, found, strict=True):
        faults = [*content.faults.get(line.number, ()), *([problem] if problem else [])]
        name = known.name_by_id.get(tenant_id, "")
        same = bool(name) and name_key(name) == name_key(line.request.name)
        settled = replace(line.request, tenant=tenant_id) if tenant_id else line.request
        faults += faults_of(settled, known, tenant_id if same else "")
        if tenant_id and ids.setdefault(tenant_id, line.number) != line.number and not content.faults.get(line.number):
            values = {"name": line.request.name, "line": str(ids[tenant_id])}
            faults.append(Problem("onboarding.csv_tenant_twice", values))
        result: Result = "fault" if faults else "unchanged" if same and tenant_id not in opened else "ready"
        results.append(LineResult(line.number, line.request.name, result, faults))
        if result == "ready":
            good.append(replace(line, request=settled))
    return results, good


def _with_app(services: Services, line: CsvLine) -> CsvLine:
    shared = uses_shared_app(line.request.client_id, services.settings)
    return replace(line, request=replace(line.request, shared=shared))


def _tenant_id(services: Services, line: CsvLine) -> tuple[str, Problem | None]:
    """Return (tenant id, None), or ("", problem); ("", None) if the line names no tenant, which is a fault anyway."""
    if not line.request.wanted:
        return "", None
    try:
        return lookup_of(services).tenant_id(line.request.wanted), None
    except GraphError as error:
        return "", error.problem


def import_tenants(
    services: Services, refresher: Refresher, content: CsvContent, actor: Actor, progress: Progress
) -> list[LineResult]:
    """Add the tenants of all lines without faults, and return a result for each line.

    A line that fails keeps no other back. Raises NotAllowed, DatabaseError, Stopped.
    """
    actor.need(Action.ONBOARDING)
    known = known_tenants(services)
    results, good = check_lines(services, content, actor, known)
    total = len(good)
    progress(0, total)
    started = list(_start_all(services, good, set(known.slugs), actor))
    by_line: dict[int, LineResult] = {line.number: failed for line, failed in started if isinstance(failed, LineResult)}
    begun = [(line, one) for line, one in started if isinstance(one, Onboarding)]
    ready = []
    steps = services.workers.map(lambda pair: _first_steps(services, refresher, pair[1], actor), begun)
    for done, ((line, _), onboarding) in enumerate(zip(begun, steps, strict=True), 1):
        progress(done, total)
        by_line[line.number] = _result(line, onboarding)
        if isinstance(onboarding, Onboarding) and onboarding.next_step in ("list", "first_read"):
            ready.append((line, onboarding))
    for line, onboarding in zip(
        [line for line, _ in ready], _last_steps(services, refresher, ready, actor), strict=True
    ):
        by_line[line.number] = _result(line, onboarding)
    progress(total, total)
    return [by_line.get(result.number, result) for result in results]


def _start_all(
    services: Services, good: Iterable[CsvLine], slugs: set[str], actor: Actor
) -> Iterator[tuple[CsvLine, Onboarding | LineResult]]:
    """Yield each line with its new or open onboarding, or with what has come between."""
    opened = {one.tenant_id: one for one in all_onboardings(services.engine)}
    for line in good:
        try:
            onboarding = opened.get(line.request.tenant) or start_checked(services, line.request, slugs, actor)
        except OnboardingRefused as error:
            yield line, LineResult(line.number, line.request.name, "fault", error.faults)
        else:
            slugs.add(onboarding.slug)
            yield line, onboarding


def _first_steps(
    services: Services, refresher: Refresher, onboarding: Onboarding, actor: Actor
) -> Onboarding | Problem:  # fmt: skip
    """Return the onboarding before its row in the list, or the problem that keeps anybody from going on with it."""
    given = Given(make_certificate=True)
    return _outcome(
        onboarding.name,
        lambda: advance(services, refresher, onboarding.onboarding_id, actor, given, until="list"),
    )


def _outcome(name: str, call: Callable[[], Onboarding]) -> Onboarding | Problem:
    """Return what `call` returns, or the problem that it raises. Raises Stopped."""
    try:
        return call()
    except Stopped:
        raise
    except ProblemError as error:
        return error.problem
    except Exception as error:
        log.exception("unexpected error with %s", name)
        return Problem("refresh.unexpected", {"tenant": name}, type(error).__name__)


def _last_steps(
    services: Services, refresher: Refresher, ready: Sequence[tuple[CsvLine, Onboarding]], actor: Actor
) -> list[Onboarding | Problem]:
    """Add the rows of all, refresh all at once, and return how each ended."""
    ids = [onboarding.onboarding_id for _, onboarding in ready]
    if not ids:
        return []
    for start in range(0, len(ids), PORTION):
        _add_rows(services, ids[start : start + PORTION], actor)
    waiting = [one for one in (stored_onboarding(services, key) for key in ids) if one.next_step == "first_read"]
    _read_all(services, refresher, waiting, actor)
    return [
        _outcome(onboarding.name, partial(_ended, services, refresher, onboarding.onboarding_id, actor))
        for _, onboarding in ready
    ]


def _add_rows(services: Services, ids: Iterable[str], actor: Actor) -> None:
    with ExitStack() as stack:
        jobs = []
        for key in ids:
            try:
                onboarding = stack.enter_context(claimed(services, key))
            except ProblemError:
                continue
            if onboarding.next_step == "list":
                jobs.append(Job(services, None, onboarding, actor))
        if jobs:
            know_tenant(jobs[0])
            for job in jobs:
                store_contact(job)
                give_level(job)
            outcomes = add_rows(jobs)
            for job in jobs:
                store(job, "list", outcomes[job.onboarding.tenant_id])


def _read_all(services: Services, refresher: Refresher, waiting: Sequence[Onboarding], actor: Actor) -> None:
    """Ask for one refresh of all these tenants, and wait for its end."""
    if not waiting:
        return
    run_id = refresher.request(actor, [one.tenant_id for one in waiting])
    said = {one.onboarding_id: Problem("onboarding.reading", {"tenant": one.name, "slug": one.slug}) for one in waiting}
    for one in waiting:
        outcome = Outcome("waiting", said[one.onboarding_id], {"run_id": run_id})
        store(Job(services, refresher, one, actor), "first_read", outcome)
    while (run := run_rows.run(services.engine, run_id)) is not None and run.is_open:
        services.http.sleep(LOOK_EVERY)


def _ended(services: Services, refresher: Refresher, onboarding_id: str, actor: Actor) -> Onboarding:
    onboarding = stored_onboarding(services, onboarding_id)
    if onboarding.next_step == "first_read":
        return advance(services, refresher, onboarding_id, actor)
    return onboarding


def _result(line: CsvLine, onboarding: Onboarding | Problem) -> LineResult:
    if isinstance(onboarding, Problem):
        return LineResult(line.number, line.request.name, "failed", [onboarding])
    step = onboarding.next_step
    if onboarding.state == "cancelled":  # by somebody meanwhile
        names = {"tenant": onboarding.name, "slug": onboarding.slug}
        return LineResult(line.number, line.request.name, "failed", [Problem("onboarding.cancelled", names)])
    if step is None:
        return LineResult(line.number, line.request.name, "read", (), onboarding.slug)
    row = onboarding.step(step)
    problems = [row.problem] if row.problem else [Problem(f"onboarding.needs.{step}", {"tenant": onboarding.name})]
    result: Result = "failed" if row.state == "failed" else "waiting"
    return LineResult(line.number, line.request.name, result, problems, onboarding.slug)
