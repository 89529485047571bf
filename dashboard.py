"""The Streamlit script: the frame around every page, then the page itself."""

from ui.frame.block_errors import fenced
from ui.frame.page_frame import open_page

page = open_page()
with fenced("block.page"):
    page.run()
