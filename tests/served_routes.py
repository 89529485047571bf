"""`python -m tests.served_routes`: every route that the server really has, as JSON; Streamlit's as well as ours."""

import json
import sys
from pathlib import Path

from core.settings import Settings
from web import streamlit_internals
from web.asgi_app import build_app
from web.server import Server

if __name__ == "__main__":
    app = build_app(Path(sys.argv[1]), Server(Settings()), {})
    streamlit_internals.harden()
    routes = app._build_starlette_app().routes
    found = [(type(route).__name__, vars(route)) for route in routes]
    print(json.dumps([[kind, route["path"], sorted(route.get("methods") or [])] for kind, route in found]))
