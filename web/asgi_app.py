"""Streamlit's ASGI app with our routes beside it and the gate in front of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from streamlit.starlette import App
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.cache.database import DatabaseError
from core.roles import Action
from core.settings import Settings
from web import streamlit_internals
from web.api.app import api_app
from web.api.authentication import BASE
from web.approval_pages import ApprovalPages
from web.attachment_pages import AttachmentPages
from web.consent_pages import ConsentPages
from web.first_files import first_files, open_paths
from web.gate import Gate
from web.headers import IndexPage, hsts_for
from web.health import HealthPages
from web.jump_targets import JumpTargets
from web.language_choice import choose_language
from web.metrics_page import MetricsPage
from web.outer_middleware import OuterMiddleware
from web.paths import BUSY, LANGUAGE
from web.plain_pages import PlainPages
from web.rating_pages import RatingPages
from web.schema_wait import WhileWaiting
from web.server import Server
from web.sign_in.sign_in_page import SignIn, database_down
from web.static_files import StaticFiles
from web.url_checks import Hosts

INDEX = streamlit_internals.index_html()
FIRST_FILES = first_files(INDEX, streamlit_internals.FILES)


class AppOptions(TypedDict):
    lifespan: Callable[[App], AbstractAsyncContextManager[dict[str, Any] | None]]
    routes: Sequence[BaseRoute]
    middleware: Sequence[Middleware]
    exception_handlers: Mapping[Any, Callable[[Any, Any], Any]]


def app_options(server: Server, pages: Mapping[str, Action]) -> AppOptions:
    """Return the arguments of `st.App`: our routes, and the gate in front of them and of the script.

    `pages`: address of each page of the script -> the action that a role must allow to open it.
    """
    settings = server.settings
    hsts = hsts_for(subdomains=settings.hsts_subdomains)
    plain = PlainPages(settings.language, lambda: server.other_schema is None and server.runtime.demo, FIRST_FILES)
    sign_in = SignIn(server.tabs, lambda: server.runtime.engine, lambda: server.runtime.settings, plain, pages)
    outer = Middleware(OuterMiddleware, language=settings.language, hsts=hsts)
    waiting = Middleware(
        WhileWaiting,
        waiting=lambda: server.other_schema,
        page=lambda request: plain.page(request, "no_page.html", status=503, why="waiting"),
    )
    files = Middleware(StaticFiles, folder=streamlit_internals.FILES)
    return {
        "lifespan": server.lifespan,
        "routes": _routes(server, sign_in, plain, pages),
        # As middleware, because `streamlit run` starts the server with its own options.
        "middleware": [outer, waiting, *_proxies(settings), _gate(server, plain, pages), files],
        "exception_handlers": {DatabaseError: database_down},
    }


def _gate(server: Server, plain: PlainPages, pages: Mapping[str, Action]) -> Middleware:
    return Middleware(
        Gate,
        tabs=server.tabs,
        connections=server.connections,
        hosts=Hosts(server.settings.allowed_hosts),
        index=IndexPage(INDEX, FIRST_FILES),
        open_files=open_paths(FIRST_FILES),
        pages=pages,
        no_page=lambda scope, status: plain.page(Request(scope), "no_page.html", status=status, why=str(status)),
        language=server.settings.language,
    )


def _routes(
    server: Server, sign_in: SignIn, plain: PlainPages, pages: Mapping[str, Action]
) -> list[BaseRoute]:  # fmt: skip
    async def busy(request: Request) -> Response:
        return plain.page(request, "no_page.html", status=429, why="busy")

    return [
        Route(BUSY, busy),
        Route(LANGUAGE, choose_language),
        *HealthPages(server.tabs, lambda: server.runtime).routes(),
        *MetricsPage(server.tabs, lambda: server.runtime).routes(),
        *sign_in.routes(),
        *ApprovalPages(lambda: server.runtime, lambda: datetime.now(UTC)).routes(),
        *RatingPages(lambda: server.runtime, lambda: datetime.now(UTC)).routes(),
        *AttachmentPages(plain, lambda: server.runtime).routes(),
        *ConsentPages(plain, lambda: server.runtime, server.settings.language).routes(),
        *JumpTargets(lambda: server.runtime, pages, server.settings.language).routes(),
        Mount(BASE, api_app(lambda: server.runtime)),
    ]


def _proxies(settings: Settings) -> list[Middleware]:
    """Return the middleware that takes address and scheme of the browser from the headers of a trusted proxy."""
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxy))] if settings.proxy else []


def build_app(script: Path, server: Server, pages: Mapping[str, Action]) -> App:
    """Return Streamlit's app for `script` with its `pages`, behind the gate."""
    return App(script, **app_options(server, pages))
