"""The process: `python app.py` (or `streamlit run app.py`) serves the dashboard behind its sign-in."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from web.server import Server, app_options, run, settings_or_stop

server = Server(settings_or_stop())
# `streamlit run` reads this file for an assignment of `st.App(...)` and would else run it as a script without the gate.
app = st.App(Path(__file__).with_name("dashboard.py"), **app_options(server))

if __name__ == "__main__":
    sys.exit(run(app, server))
