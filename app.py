"""The process: `python app.py` (or `streamlit run app.py`) serves the dashboard behind its sign-in.

With `--proxy 10.0.0.5` the server trusts that proxy for the caller's address and https; see docs/betrieb.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from ui.frame.navigation import ACTIONS
from web.asgi_app import app_options
from web.console import settings_or_stop
from web.server import Server, run

server = Server(settings_or_stop(sys.argv[1:] if __name__ == "__main__" else ()))
# `streamlit run` looks in this file for an assignment of `st.App(...)`; without one it runs the file without the gate.
app = st.App(Path(__file__).with_name("dashboard.py"), **app_options(server, ACTIONS))

if __name__ == "__main__":
    sys.exit(run(app, server))
