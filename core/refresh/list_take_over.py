"""Make this installation the one that writes the lists, by an explicit command of an admin."""

from __future__ import annotations

from core.audit import record
from core.problems import Problem, ProblemError
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint.owner_mark import Mark


class NoLists(ProblemError):
    """There is no usable SharePoint profile."""


def take_over_lists(services: Services, actor: Actor) -> Mark | None:
    """Write our mark into the parameter list, and return the one that was there, None for none.

    Who owned the lists until now stops before its next write. Raises NotAllowed, NoLists, GraphError, ListError.
    """
    actor.need(Action.SWITCHES)
    profile = services.profiles.load(services.now()).sharepoint
    if profile is None:
        raise NoLists(Problem("check.no_sharepoint"))
    before = services.publisher.owner.take_over(services.publisher.lists(profile), services.now())
    owner = {"host": before.host, "installation": before.installation, "at": before.at.isoformat()} if before else None
    record(services.engine, actor, "list.owner_changed", profile.name, before=owner, at=services.now())
    return before
