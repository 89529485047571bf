"""The Streamlit script: navigation and what every page shares, then the page itself."""

from ui.shell import open_page

open_page().run()
