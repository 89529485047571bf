"""Saved views: filters of a page under a name, for their owner or for all; one may be shown after the sign-in.

ViewError   a view cannot be saved, changed or chosen; `problem` has the reason
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Engine

from core.cache import view_rows
from core.cache.audit_rows import Entry
from core.cache.view_rows import NameTaken, Params, SavedView, Start, TooManyViews, query_of
from core.name_key import name_key, plain
from core.problems import Problem, ProblemError
from core.roles import Action, Actor

__all__ = ["LONGEST_NAME", "Params", "SavedView", "Start", "ViewError", "change", "choose_start", "delete",
           "filled", "query_of", "save", "start_of", "views_for"]  # fmt: skip

log = logging.getLogger(__name__)

LONGEST_NAME = 60
LONGEST_KEY = 255  # of the name; one letter may become several in it
MOST_VIEWS = 50  # of one account
LONGEST_QUERY = 4000  # characters; the addresses of 80 tenants

start_of = view_rows.start_of


class ViewError(ProblemError):
    """The view cannot be saved, changed or chosen."""


def views_for(engine: Engine, actor: Actor) -> list[SavedView]:
    """Return the actor's views and the shared ones of others, its own first. Raises NotAllowed, DatabaseError."""
    actor.need(Action.SAVE_VIEWS)
    return view_rows.visible_views(engine, actor.name)


def save(
    engine: Engine, actor: Actor, name: str, page: str, params: Params, now: datetime, *, shared: bool = False
) -> SavedView:
    """Save filters under a name. Raises NotAllowed, ViewError, DatabaseError.

    `page` is the address of the page, `params` those of its address: name -> values.
    """
    actor.need(Action.SHARE_VIEWS if shared else Action.SAVE_VIEWS)
    view = _checked(SavedView(uuid4().hex, actor.name, actor.shown, name, shared, page, params))
    try:
        if not view_rows.add_view(engine, view, Entry(actor, "view.saved", view.name), now, most=MOST_VIEWS):
            raise ViewError(Problem("view.account", {"name": actor.shown}))
    except NameTaken as error:
        raise ViewError(Problem("view.name_taken", {"name": view.name})) from error
    except TooManyViews as error:
        raise ViewError(Problem("view.too_many", {"most": str(MOST_VIEWS)})) from error
    log.info("%s saved the view %s", actor.shown, view.name)
    return view


def change(
    engine: Engine, actor: Actor, view: SavedView, now: datetime, *, name: str, shared: bool, params: Params
) -> None:
    """Change a view of the actor. Raises NotAllowed, ViewError, DatabaseError.

    A shared view may stay shared if its owner may no longer share other views.
    """
    stored = next((one for one in views_for(engine, actor) if one.view_id == view.view_id), None)
    if shared and (stored is None or not stored.shared):
        actor.need(Action.SHARE_VIEWS)
    changed = _checked(replace(view, owner=actor.name, name=name, shared=shared, params=params))
    try:
        if not view_rows.change_view(engine, changed, Entry(actor, "view.changed", view.name), now):
            raise ViewError(Problem("view.gone", {"name": view.name}))
    except NameTaken as error:
        raise ViewError(Problem("view.name_taken", {"name": changed.name})) from error


def delete(engine: Engine, actor: Actor, view: SavedView, now: datetime) -> None:
    """Delete a view of the actor, for an admin also a shared one of others; do nothing if it does not exist.

    Raises NotAllowed, DatabaseError.
    """
    own = view.owner == actor.name
    actor.need(Action.SAVE_VIEWS if own else Action.MANAGE_VIEWS)
    entry = Entry(actor, "view.deleted", view.name)
    if view_rows.delete_view(engine, view.view_id, actor.name, entry, now, also_shared=not own):
        log.info("%s deleted the view %s", actor.shown, view.name)


def choose_start(engine: Engine, actor: Actor, start: Start | None, now: datetime) -> None:
    """Store the page or view that the actor sees after its sign-in; None for the start page.

    Raises NotAllowed, ViewError, DatabaseError.
    """
    actor.need(Action.SAVE_VIEWS)
    if start and start.view_id:
        view = next((one for one in views_for(engine, actor) if one.view_id == start.view_id), None)
        if view is None:
            raise ViewError(Problem("view.start_gone"))
        start = Start(view.page, view.params, view.view_id)
    before, after = _start_in_audit(start_of(engine, actor.name)), _start_in_audit(start)
    entry = Entry(actor, "start.chosen", actor.name, before=before, after=after)
    view_rows.save_start(engine, actor.name, start, entry, now)


def _start_in_audit(start: Start | None) -> dict[str, str]:
    """Return the choice for the audit: the address of the page with its filters, "" for the start page."""
    if start is None:
        return {"start": ""}
    query = query_of(start.params)
    return {"start": f"{start.page}?{query}" if query else start.page}


def _checked(view: SavedView) -> SavedView:
    """Return the view with its name as people see it. Raises ViewError if name or filters cannot be saved."""
    name, key, params = plain(view.name), name_key(view.name), filled(view.params)
    if not key:
        raise ViewError(Problem("view.name_missing"))
    if not name.isprintable():
        raise ViewError(Problem("view.name_signs"))
    if len(name) > LONGEST_NAME or len(key) > LONGEST_KEY:
        raise ViewError(Problem("view.name_long", {"most": str(LONGEST_NAME)}))
    if not params:
        raise ViewError(Problem("view.empty"))
    if len(query_of(params)) > LONGEST_QUERY:
        raise ViewError(Problem("view.long"))
    return replace(view, name=name, params=params)


def filled(params: Params) -> dict[str, list[str]]:
    """Return the parameters that have a value."""
    return {name: list(values) for name, values in params.items() if values}
