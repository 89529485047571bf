"""The process: `python app.py` (or `streamlit run app.py`) serves the dashboard behind its sign-in.

`python app.py --proxy 10.0.0.5` believes that proxy who the caller is; more in docs/betrieb.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from ui.frame.navigation import ACTIONS
from web.server import Server, app_options, run, settings_or_stop

server = Server(settings_or_stop(sys.argv[1:] if __name__ == "__main__" else ()))
# `streamlit run` reads this file for an assignment of `st.App(...)` and would else run it as a script without the gate.
app = st.App(Path(__file__).with_name("dashboard.py"), **app_options(server, ACTIONS))

if __name__ == "__main__":
    sys.exit(run(app, server))
