"""Who may do what: one table, asked by every action in core, whoever calls it."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from core.logs.setup import current_request
from core.problems import Problem, ProblemError

log = logging.getLogger(__name__)

ROLES = ("viewer", "support", "admin")  # each may do what those before it may
# What the session of any role may do until the account has a password that nobody else has set: choose one.
PASSWORD_DUE = "password-due"  # noqa: S105 - a role


class Action(StrEnum):
    """What somebody may be allowed to do."""

    LOOK = "look"  # at every figure of every tenant
    EXPORT = "export"  # figures as a file
    OWN_ACCOUNT = "own-account"  # password and second factor of one's own
    REFRESH = "refresh"  # ask for a refresh
    SWITCHES = "switches"  # enabled and monitoring of a tenant
    RULES = "rules"  # when licences alarm
    ACCOUNTS = "accounts"  # of other people
    SESSIONS = "sessions"  # of other people
    TOKENS = "tokens"  # access for programs
    AUDIT = "audit"  # who changed what


LEAST_ROLE = {
    Action.LOOK: "viewer",
    Action.EXPORT: "viewer",
    Action.OWN_ACCOUNT: "viewer",
    Action.REFRESH: "support",
    Action.SWITCHES: "admin",
    Action.RULES: "admin",
    Action.ACCOUNTS: "admin",
    Action.SESSIONS: "admin",
    Action.TOKENS: "admin",
    Action.AUDIT: "admin",
}


def allows(role: str, action: Action) -> bool:
    """Whether `role` may do `action`; a role that nobody knows may do nothing."""
    if role == PASSWORD_DUE:
        return action == Action.OWN_ACCOUNT
    return role in ROLES and ROLES.index(role) >= ROLES.index(LEAST_ROLE[action])


def opens(role: str, action: Action) -> bool:
    """Whether `role` gets to a page that is there for `action`. Who may nothing gets those to look at, which say so."""
    return (action == Action.LOOK and role != PASSWORD_DUE) or allows(role, action)


class NotAllowed(ProblemError):
    """The actor's role does not reach for the action."""


def _this_request() -> str:
    """That of the HTTP request in whose course an actor is made; a click on a page gets one of its own."""
    return current_request() or new_request_id()


def new_request_id() -> str:
    """Goes with a click or a call from the page through the refresh into log and audit."""
    return uuid4().hex[:16]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program that wants something.

    `name` is the account, `shown` what people call it; `source` the way it came (page, api, command,
    schedule, sign-in); `address` the client's network address; `session` the id of its session.
    """

    name: str
    role: str
    source: str
    shown: str = ""
    address: str = ""
    session: str = ""
    request_id: str = field(default_factory=_this_request)

    def __post_init__(self) -> None:
        if not self.shown:
            object.__setattr__(self, "shown", self.name)

    def may(self, action: Action) -> bool:
        return allows(self.role, action)

    def need(self, action: Action) -> None:
        """Raises NotAllowed unless the actor may; no page offers what it refuses, so the log tells of it."""
        if not self.may(action):
            refused(self, action.value, "role needed")
            log.warning("%s (%s, %s) may not: %s", self.name or "nobody", self.role, self.source, action.value)
            params = {"name": self.shown, "action": action.value, "role": LEAST_ROLE[action]}
            raise NotAllowed(Problem("access.not_allowed", params))


# What notes refusals in the audit (core.access.refusals), which is above this module; None while nobody listens.
_listener: Callable[[Actor, str, str], None] | None = None


def listen_for_refusals(listener: Callable[[Actor, str, str], None] | None) -> None:
    """From now on `listener` is told of every refusal: (actor, what was refused, why). None for nobody."""
    global _listener  # noqa: PLW0603 - one process, one audit
    _listener = listener


def refused(actor: Actor, target: str, reason: str) -> None:
    """Tell that `actor` was refused `target`; `actor.name` is "" for a stranger."""
    if _listener is not None:
        _listener(actor, target, reason)


NOBODY = Actor("", "", "page", request_id="")


def schedule_actor() -> Actor:
    """The timetable."""
    return Actor("schedule", "support", "schedule")


def command_actor() -> Actor:
    """Whoever runs the command line: has the machine, the database file and the keys anyway."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        name = "command"
    return Actor(name[:90], "admin", "command")
