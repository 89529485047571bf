"""Roles, actions and the table of which role may do what; every action in core checks it."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from core.logs.log_words import word
from core.logs.setup import current_request
from core.problems import Problem, ProblemError

log = logging.getLogger(__name__)

ROLES = ("viewer", "support", "admin")  # each includes the ones before it
# The role of a session while the account has a password that somebody else set: it may only choose a new one.
PASSWORD_DUE = "password-due"  # noqa: S105 - a role


class Action(StrEnum):
    """An action that needs a role."""

    LOOK = "look"  # see all figures of all tenants
    EXPORT = "export"  # download figures as a file
    OWN_ACCOUNT = "own-account"  # change one's own password and second factor
    SAVE_VIEWS = "save-views"  # save filters as a view of one's own, use shared ones, choose what one sees first
    SHARE_VIEWS = "share-views"  # offer one's own view to all
    MANAGE_VIEWS = "manage-views"  # delete a shared view of somebody else
    REFRESH = "refresh"  # ask for a refresh
    SWITCHES = "switches"  # change `enabled` and `monitoring` of a tenant
    FIRST_READING = "first-reading"  # acknowledge the summary of a tenant's first reading
    ONBOARDING = "onboarding"  # add tenants
    SEE_CONTACTS = "see-contacts"  # see the contacts of the tenants
    CONTACTS = "contacts"  # change them: they decide who may consent to an order
    CERTIFICATES = "certificates"  # renew certificates
    LEAVING = "leaving"  # let a tenant leave or stay, export its data, see all that is kept about it
    RULES = "rules"  # change the alarm rules
    LEVELS = "levels"  # change levels of service and calendars, give tenants a level
    CHANNELS = "channels"  # set up channels of messages, see the outbox, send again
    ACCOUNTS = "accounts"  # manage accounts
    SESSIONS = "sessions"  # see and end the sessions of other accounts
    TOKENS = "tokens"  # manage API tokens
    AUDIT = "audit"  # read the audit
    CASES = "cases"  # work on shortage cases
    TEMPLATES = "templates"  # change the templates of texts for customers and distributors
    DISTRIBUTORS = "distributors"  # change distributors and the customers' numbers there
    OPERATIONS = "operations"  # see backups and drills, make a backup


LEAST_ROLE = {
    Action.LOOK: "viewer",
    Action.EXPORT: "viewer",
    Action.OWN_ACCOUNT: "viewer",
    Action.SAVE_VIEWS: "viewer",
    Action.SHARE_VIEWS: "support",
    Action.MANAGE_VIEWS: "admin",
    Action.REFRESH: "support",
    Action.SWITCHES: "admin",
    Action.FIRST_READING: "support",
    Action.ONBOARDING: "admin",
    Action.SEE_CONTACTS: "support",
    Action.CONTACTS: "admin",
    Action.CERTIFICATES: "admin",
    Action.LEAVING: "admin",
    Action.RULES: "admin",
    Action.LEVELS: "admin",
    Action.CHANNELS: "admin",
    Action.ACCOUNTS: "admin",
    Action.SESSIONS: "admin",
    Action.TOKENS: "admin",
    Action.AUDIT: "admin",
    Action.CASES: "support",
    Action.TEMPLATES: "admin",
    Action.DISTRIBUTORS: "admin",
    Action.OPERATIONS: "admin",
}


def allows(role: str, action: Action) -> bool:
    """Return True if `role` may do `action`; an unknown role may do nothing."""
    if role == PASSWORD_DUE:
        return action == Action.OWN_ACCOUNT
    return role in ROLES and ROLES.index(role) >= ROLES.index(LEAST_ROLE[action])


def may_open(role: str, action: Action) -> bool:
    """Return True if `role` may open a page for `action`.

    An account without a role may open LOOK pages; they show "no access".
    """
    return (action == Action.LOOK and role != PASSWORD_DUE) or allows(role, action)


class NotAllowed(ProblemError):
    """The actor's role does not include the action."""


def _request_id() -> str:
    """Return the id of the HTTP request that is being handled; outside of one (a click on a page) a new id."""
    return current_request() or new_request_id()


def new_request_id() -> str:
    """Return a new id that connects a click or a call with its lines in log and audit."""
    return uuid4().hex[:16]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program that does something.

    `name` is the account, `shown` its name for people; `source` is page, api, command, schedule or sign-in;
    `address` the client's network address; `session` the id of its session.
    """

    name: str
    role: str
    source: str
    shown: str = ""
    address: str = ""
    session: str = ""
    request_id: str = field(default_factory=_request_id)

    def __post_init__(self) -> None:
        if not self.shown:
            object.__setattr__(self, "shown", self.name)

    def may(self, action: Action) -> bool:
        return allows(self.role, action)

    def need(self, action: Action) -> None:
        """Raise NotAllowed, and log it, if the actor may not do `action`: no page offers it, so it is unusual."""
        if not self.may(action):
            refused(self, action.value, "role needed")
            log.warning("%s (%s, %s) may not: %s", self.name or word("nobody"), self.role, self.source, action.value)
            params = {"name": self.shown, "action": action.value, "role": LEAST_ROLE[action]}
            raise NotAllowed(Problem("access.not_allowed", params))


# Writes refusals to the audit (core.access.refusals, which imports this module); None if nothing does.
_listener: Callable[[Actor, str, str], None] | None = None


def listen_for_refusals(listener: Callable[[Actor, str, str], None] | None) -> None:
    """Call `listener` with (actor, target, reason) at every refusal from now on; None calls nothing."""
    global _listener  # noqa: PLW0603 - one process, one audit
    _listener = listener


def refused(actor: Actor, target: str, reason: str) -> None:
    """Pass a refusal on to the listener; `actor.name` is "" without a session."""
    if _listener is not None:
        _listener(actor, target, reason)


NOBODY = Actor("", "", "page", request_id="")


def schedule_actor() -> Actor:
    """Return the actor of refreshes that the timetable starts."""
    return Actor("schedule", "support", "schedule")


def interval_actor() -> Actor:
    """Return the actor of refreshes of the tenants whose level has an interval of its own."""
    return Actor("interval", "support", "schedule")


def command_actor() -> Actor:
    """Return the actor of the command line: an admin, because this person has the database file and the keys anyway."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        name = "command"
    return Actor(name[:90], "admin", "command")
