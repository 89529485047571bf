"""The OpenAPI document and its viewer, Swagger UI; the viewer's files are installed, so it needs no internet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from web.api.authentication import DOCS

# No foreign host and no script but our own files.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lizenztool API</title>
<link rel="icon" href="/assets/icon.svg">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{DOCS}/swagger-ui.css">
<link rel="stylesheet" href="{DOCS}/docs.css">
</head>
<body>
<main id="viewer"></main>
<script src="{DOCS}/swagger-ui-bundle.js"></script>
<script src="{DOCS}/start.js"></script>
</body>
</html>
"""
OWN = Path(__file__).parent / "static"


def viewer_routes() -> list[BaseRoute]:
    """Return the routes of the viewer and of the document, relative to the address of the API."""
    package = find_spec("fastapi_offline")  # only the files of Swagger UI in it are used, none of its code
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("fastapi-offline is not installed; install what requirements.txt lists.")
    swagger = Path(package.submodule_search_locations[0]) / "static"
    files = {"swagger-ui.css": swagger, "swagger-ui-bundle.js": swagger, "start.js": OWN, "docs.css": OWN}
    return [
        Route("/openapi.json", document),
        Route("/docs", page),
        *(Route(f"/docs/{name}", _file(folder / name)) for name, folder in files.items()),
    ]


async def document(request: Request) -> Response:
    app: FastAPI = request.app
    return JSONResponse(app.openapi())


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY, "x-frame-options": "DENY"})


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return FileResponse(path)

    return answer
