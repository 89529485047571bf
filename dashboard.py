"""The Streamlit script: navigation and what every page shares, then the page itself."""

from ui.fence import fenced
from ui.shell import open_page

page = open_page()
with fenced("block.page"):
    page.run()
