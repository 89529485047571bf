"""The process: `python app.py` (or `streamlit run app.py`) serves the dashboard behind its sign-in."""

from __future__ import annotations

import sys
from pathlib import Path

from web.server import Server, build_app, run, settings_or_stop

server = Server(settings_or_stop())
app = build_app(Path(__file__).with_name("dashboard.py"), server)

if __name__ == "__main__":
    sys.exit(run(app, server))
