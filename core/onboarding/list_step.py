"""The step list: the row in the SharePoint tenant list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.graph import BatchRequest, GraphError
from core.onboarding.job import Job, Outcome
from core.problems import Problem
from core.profiles.profile_store import Profiles
from core.refresh.tenant_switches import add_to_list, matched_rows, write_row
from core.sharepoint import ListError


def add_rows(jobs: Sequence[Job]) -> Mapping[str, Outcome]:
    """Add a row for each tenant that has none, with one look at the list for all; return tenant id -> outcome.

    Without a SharePoint profile the step is skipped. All jobs have the same services and the same actor.
    """
    services, actor = jobs[0].services, jobs[0].actor
    profiles = services.profiles.load(services.now())
    if profiles.sharepoint is None:
        return {job.onboarding.tenant_id: _without_site(job, profiles) for job in jobs}
    job_by_tenant = {job.onboarding.tenant_id: job for job in jobs}
    results = add_to_list(
        services, list(job_by_tenant), actor, adding=lambda tenant_id: job_by_tenant[tenant_id].note_made("row")
    )
    problems = {result.tenant_id: result.problem for result in results}
    return {job.onboarding.tenant_id: _outcome(job, problems) for job in jobs}


def _outcome(job: Job, problems: Mapping[str, Problem | None]) -> Outcome:
    problem = problems.get(job.onboarding.tenant_id)
    if problem is not None:
        return Outcome("failed", problem)
    return Outcome("done", Problem("onboarding.listed", job.names))


def _without_site(job: Job, profiles: Profiles) -> Outcome:
    broken = [fault for fault in profiles.faults if fault.of_sharepoint and not fault.usable]
    if broken:
        return Outcome("failed", broken[0].cause)
    return Outcome("skipped", Problem("onboarding.no_list", job.names))


def add_row(job: Job) -> Outcome:
    """Add the row of one tenant."""
    return add_rows([job])[job.onboarding.tenant_id]


def take_row_away(job: Job) -> Problem | None:
    """Delete the row that this onboarding has added; return the problem, None for success, also if there is none."""
    services = job.services
    site = services.profiles.load(services.now()).sharepoint
    if site is None:
        return Problem("onboarding.row_stays", job.names)
    try:
        lists = services.publisher.lists(site)
        item = matched_rows(services, lists).get(job.onboarding.tenant_id)
    except (GraphError, ListError) as error:
        return error.problem
    if item is None:
        return None
    path = f"{lists.tenants.path}/items/{item.item_id}"
    return write_row(services, lists, BatchRequest("DELETE", path, if_match=item.etag), job.onboarding.name)
