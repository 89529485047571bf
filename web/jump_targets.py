"""/jump: the names that the jump box finds, as JSON; the box asks for them when somebody opens it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from core import texts
from core.access.sessions import Session
from core.cache.contact_rows import Contact
from core.cache.open_cases import OpenCases, open_cases
from core.cache.shared_frames import Figures, newest_figures
from core.licenses.skus import product_language
from core.name_key import sort_key
from core.roles import Action, Actor, may_open, refused
from core.runtime import Runtime
from core.tenants.contacts import all_contacts
from core.views.saved_views import SavedView, views_for
from web.paths import JUMP
from web.request_data import client_host, language_of

# Kind of target -> name and id of each: of a page its address, of a tenant its slug, of a product its part number,
# of a view its id, of a case its number, of a contact the slug of its tenant and its id.
Targets = dict[str, list[tuple[str, str]]]


class JumpTargets:
    """The route; `runtime` is a function, for it is opened after the routes are made.

    `pages`: address of each page -> action that a role must allow to open it.
    """

    def __init__(self, runtime: Callable[[], Runtime], pages: Mapping[str, Action], language: str) -> None:
        self._runtime, self._pages, self._language = runtime, pages, language
        self._limiter = CapacityLimiter(1)

    def routes(self) -> list[BaseRoute]:
        return [Route(JUMP, self.show)]

    async def show(self, request: Request) -> Response:
        """Answer 304 if the client has the same names already. Raises DatabaseError."""
        session: Session = request.scope["app_session"]  # the gate lets nobody in without one
        language = language_of(request.scope, self._language)
        actor = Actor(session.account, session.role, "page", session.shown, client_host(request.scope), session.id)
        if not actor.may(Action.LOOK):
            refused(actor, JUMP, "role needed")
            return PlainTextResponse(texts.text("plain.closed", language), 403)
        body = await to_thread.run_sync(lambda: self._body(actor, language), limiter=self._limiter)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        unchanged = request.headers.get("if-none-match") == etag
        content, status = (b"", 304) if unchanged else (body, 200)
        return Response(content, status, {"etag": etag}, "application/json")

    def _body(self, actor: Actor, language: str) -> bytes:
        runtime = self._runtime()
        addresses = [address for address, action in self._pages.items() if may_open(actor.role, action)]
        views = [(_view_name(view, actor), view.view_id) for view in views_for(runtime.engine, actor)]
        figures = newest_figures(runtime.engine, runtime.settings)
        targets = {"view": views} | targets_of(figures, addresses, language)
        targets |= {"case": case_targets(figures, open_cases(runtime.engine))}
        if actor.may(Action.SEE_CONTACTS):
            targets |= {"contact": contact_targets(figures, all_contacts(runtime.engine, actor))}
        return json.dumps(targets, ensure_ascii=False, separators=(",", ":")).encode()


def case_targets(figures: Figures, cases: OpenCases) -> list[tuple[str, str]]:
    """Return the open cases, the newest first: number and tenant. One that has ended is found by its whole number."""
    names = dict(zip(figures.tenants["tenant_id"], figures.tenants["tenant"], strict=True))
    numbers = [(case.number, names[key[0]]) for key, case in cases.items() if key[0] in names]
    ordered = sorted(numbers, key=lambda one: (len(one[0]), one[0]), reverse=True)
    return [(f"{number} · {tenant}", number) for number, tenant in ordered]


def contact_targets(figures: Figures, contacts: Iterable[Contact]) -> list[tuple[str, str]]:
    """Return the contacts of the tenants that are shown, by name: with address and tenant, for both are searched."""
    tenants = figures.tenants
    named = {row.tenant_id: row for row in tenants[["tenant_id", "tenant", "slug"]].itertuples(index=False)}
    targets = [
        (f"{one.name} <{one.email}> · {named[one.tenant_id].tenant}", f"{named[one.tenant_id].slug}/{one.contact_id}")
        for one in contacts
        if one.tenant_id in named
    ]
    return sorted(targets, key=lambda target: sort_key(target[0]))


def _view_name(view: SavedView, actor: Actor) -> str:
    return view.name if view.owner == actor.name else f"{view.name} · {view.owner_shown}"


def targets_of(figures: Figures, addresses: list[str], language: str) -> Targets:
    """Return the pages at `addresses`, all tenants, and all products that a table shows, by name."""
    tenants, licenses = figures.tenants, figures.licenses
    columns = [f"product_{product_language(language)}", "sku_part_number"]
    products = licenses.loc[~licenses["hidden"].astype(bool), columns].drop_duplicates()
    named = ((name, part or name) for name, part in products.itertuples(index=False))
    return {
        "page": [(texts.text(f"nav.{address or 'start'}", language), address) for address in addresses],
        "tenant": list(zip(tenants["tenant"], tenants["slug"], strict=True)),
        "product": sorted(named, key=lambda target: sort_key(target[0])),
    }
