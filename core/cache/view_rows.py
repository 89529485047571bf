"""Tables of the saved views, and of the page or view that each account sees after its sign-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, Select, and_, case, delete, func, insert, or_, select, true, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, saved_views, start_choices
from core.cache.sql import transaction, upsert
from core.name_key import name_key, sort_key

Params = Mapping[str, Sequence[str]]
SHOWN_NAME = case((accounts.c.display_name != "", accounts.c.display_name), else_=accounts.c.name)


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view: the address of a page and the parameters of its filters, under the name that its owner gave it."""

    view_id: str
    owner: str
    owner_shown: str
    name: str
    shared: bool
    page: str
    params: Params


@dataclass(frozen=True, slots=True)
class Start:
    """The page or view that an account sees after its sign-in; `view_id` is "" for a page."""

    page: str
    params: Params
    view_id: str = ""


def query_of(params: Params) -> str:
    """Return the parameters as the query of an address."""
    return urlencode({name: list(values) for name, values in params.items()}, doseq=True, errors="replace")


class NameTaken(Exception):
    """The owner has another view with this name."""


class TooManyViews(Exception):
    """The owner has the largest allowed number of views."""


def visible_views(engine: Engine, account: str) -> list[SavedView]:
    """Return the views of the account and the shared ones of others, its own first, each by name."""
    with transaction(engine) as connection:
        rows = connection.execute(_views().where(_visible_to(account))).mappings().all()
    views = [SavedView(**row) for row in rows]
    return sorted(views, key=lambda view: (view.owner != account, sort_key(view.name), view.view_id))


def add_view(engine: Engine, view: SavedView, entry: Entry, at: datetime, *, most: int) -> bool:
    """Store a view; return False if its owner has no account. Raises NameTaken, TooManyViews."""
    with transaction(engine) as connection:
        if not _lock_owner(connection, view.owner):
            return False
        count = select(func.count()).where(saved_views.c.owner == view.owner)
        if connection.execute(count).scalar_one() >= most:
            raise TooManyViews
        _check_name(connection, view)
        connection.execute(insert(saved_views).values(view_id=view.view_id, owner=view.owner, **_values(view)))
        append(connection, entry.changed(None, _in_audit(view)), at)
    return True


def change_view(engine: Engine, view: SavedView, entry: Entry, at: datetime) -> bool:
    """Store the view in place of its owner's view with this id; return False if there is none. Raises NameTaken."""
    this = and_(saved_views.c.view_id == view.view_id, saved_views.c.owner == view.owner)
    with transaction(engine) as connection:
        _lock_owner(connection, view.owner)
        row = connection.execute(_views().where(this)).mappings().first()
        if row is None:
            return False
        _check_name(connection, view)
        connection.execute(update(saved_views).where(this).values(**_values(view)))
        append(connection, entry.changed(_in_audit(SavedView(**row)), _in_audit(view)), at)
    return True


def delete_view(engine: Engine, view_id: str, account: str, entry: Entry, at: datetime, *, also_shared: bool) -> bool:
    """Delete a view of the account, or with `also_shared` a shared one of others; return False if there is none."""
    whose = _visible_to(account) if also_shared else saved_views.c.owner == account
    with transaction(engine) as connection:
        row = connection.execute(_views().where(saved_views.c.view_id == view_id, whose)).mappings().first()
        if row is None:
            return False
        connection.execute(delete(saved_views).where(saved_views.c.view_id == view_id))
        append(connection, entry.changed(_in_audit(SavedView(**row)), None), at)
    return True


def start_of(engine: Engine, account: str) -> Start | None:
    """Return the page or view of the account after its sign-in; None for the start page, or if the view is hidden."""
    query = (
        select(start_choices.c.page, saved_views.c.page.label("page_of_view"), saved_views.c.params,
               saved_views.c.view_id)
        .outerjoin(saved_views, and_(saved_views.c.view_id == start_choices.c.view_id, _visible_to(account)))
        .where(start_choices.c.account == account)
    )  # fmt: skip
    with transaction(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    if row.page is not None:
        return Start(row.page, {})
    return Start(row.page_of_view, row.params, row.view_id) if row.view_id else None


def save_start(engine: Engine, account: str, start: Start | None, entry: Entry, at: datetime) -> None:
    """Store the page or view that the account sees after its sign-in; None for the start page."""
    with transaction(engine) as connection:
        if start is None:
            connection.execute(delete(start_choices).where(start_choices.c.account == account))
        else:
            page, view_id = (None, start.view_id) if start.view_id else (start.page, None)
            upsert(connection, start_choices, [{"account": account, "page": page, "view_id": view_id}])
        append(connection, entry, at)


def _views() -> Select[Any]:
    columns = [column for column in saved_views.c if column is not saved_views.c.name_key]
    return select(*columns, SHOWN_NAME.label("owner_shown")).join(accounts, accounts.c.name == saved_views.c.owner)


def _visible_to(account: str) -> Any:
    return or_(saved_views.c.owner == account, saved_views.c.shared == true())


def _lock_owner(connection: Connection, owner: str) -> bool:
    """Lock the account until this transaction ends, so that its views are changed one after the other."""
    locked = connection.execute(update(accounts).where(accounts.c.name == owner).values(name=accounts.c.name))
    return locked.rowcount > 0


def _check_name(connection: Connection, view: SavedView) -> None:
    same = and_(saved_views.c.owner == view.owner, saved_views.c.name_key == name_key(view.name))
    if connection.execute(select(saved_views.c.view_id).where(same, saved_views.c.view_id != view.view_id)).first():
        raise NameTaken


def _values(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "name_key": name_key(view.name), "shared": view.shared, "page": view.page,
            "params": view.params}  # fmt: skip


def _in_audit(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "shared": view.shared, "filters": query_of(view.params)}
