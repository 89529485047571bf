"""Check the lists of the SharePoint profile: columns, indexes, unique values, and every right that is needed."""

from __future__ import annotations

from collections.abc import Iterator

from core.attention.list_conditions import LEVEL_BY_LIST_PROBLEM
from core.audit import record
from core.cache.place import place_of
from core.graph import GraphError, PermissionMissing
from core.operations.checks import Finding
from core.problems import Problem
from core.profiles.profile_faults import HARMLESS
from core.profiles.sharepoint_profile import SharePointProfile
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint import Item, ListError, Lists, check_parameters, list_faults, parameters_of
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.list_template import NEW_COLUMNS
from core.sharepoint.list_trial import ListTrial
from core.sharepoint.lists import SharePointList
from core.sharepoint.trial_items import missing_words

ERRORS = {code for code, level in LEVEL_BY_LIST_PROBLEM.items() if level == "error"}


def check_lists(services: Services, actor: Actor) -> list[Finding]:
    """Return what is right and what is not, after making, changing and deleting a test item in each list.

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.SWITCHES)
    profiles = services.profiles.load(services.now())
    findings = [
        Finding(fault.file, "warning" if problem.code in HARMLESS else "error", problem)
        for fault in profiles.faults
        if fault.of_sharepoint
        for problem in fault.problems
    ]
    if profiles.sharepoint is None:
        return findings or [Finding("SharePoint", "error", Problem("check.no_sharepoint"))]
    findings += _check_site(services, profiles.sharepoint)
    failed = [finding.problem.code for finding in findings if finding.level == "error" and finding.problem]
    result = "failed" if failed else "done"
    record(services.engine, actor, "list.tried", profiles.sharepoint.name, result=result, reason=", ".join(failed))
    return findings


def _check_site(services: Services, profile: SharePointProfile) -> Iterator[Finding]:
    try:
        lists = services.publisher.lists(profile)
    except (GraphError, ListError) as error:
        yield Finding(profile.name, "error", error.problem)
        if error.problem.code == "sharepoint.column_missing":
            yield Finding(profile.name, "warning", Problem("lists.provision_adds"))
        return
    items: dict[str, list[Item]] = {}
    for of in (lists.licenses, lists.tenants, lists.parameters):
        try:
            items[of.kind] = lists.items(of)
        except (GraphError, ListError) as error:
            yield Finding(LIST_NAMES[of.kind], "error", _unreadable(of, error))
    for problem in _problems(lists, items):
        yield Finding(profile.name, "error" if problem.code in ERRORS else "warning", problem)
    yield from _trials(services, lists, items)


def _unreadable(of: SharePointList, error: GraphError | ListError) -> Problem:
    if isinstance(error, PermissionMissing):
        return Problem("lists.may_not_read", {"list": LIST_NAMES[of.kind]}, error.problem.detail)
    return error.problem


def _problems(lists: Lists, items: dict[str, list[Item]]) -> Iterator[Problem]:
    """Yield the problems with columns, values and parameters, then the hints about indexes and unique values."""
    yield from list_faults(lists, items.get("tenant", []), items.get("license", []))
    if "parameter" in items:
        yield from check_parameters(parameters_of(items["parameter"]))
    for of in (lists.licenses, lists.tenants, lists.parameters):
        new = NEW_COLUMNS[of.kind]
        for code, attribute in (("lists.no_index", "indexed"), ("lists.not_unique", "unique")):
            labels = missing_words(of.ours, [word for word in new if getattr(new[word], attribute)], attribute)
            if labels:
                yield Problem(code, {"list": LIST_NAMES[of.kind], "field": ", ".join(labels)})


def _trials(services: Services, lists: Lists, items: dict[str, list[Item]]) -> Iterator[Finding]:
    """Try each list that can be read, unless another installation writes the lists."""
    foreign = services.publisher.owner.obstacle(lists, items.get("parameter", []))
    if foreign is not None:
        yield Finding(lists.client.name, "error", foreign)
    if foreign is not None or "parameter" not in items:  # which says whose the lists are
        yield Finding(lists.client.name, "warning", Problem("lists.not_tried"))
        return
    for of in (lists.licenses, lists.tenants, lists.parameters):
        if of.kind in items:
            yield from _trial(services, lists, of)


def _trial(services: Services, lists: Lists, of: SharePointList) -> Iterator[Finding]:
    name = LIST_NAMES[of.kind]
    try:
        problems = ListTrial(lists, of, place_of(services.engine), services.http.sleep).run()
    except (GraphError, ListError) as error:
        problems = [_unreadable(of, error)]
    for problem in problems:
        yield Finding(name, "error", problem)
    if not problems:
        yield Finding(name, "ok", Problem("lists.trial_ok", {"list": name}))
