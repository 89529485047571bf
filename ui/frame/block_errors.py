"""Error handling per block of a page: an error in one block replaces that block only, not the whole page."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import streamlit as st

from core.logs.setup import current_request, request_in_log
from core.problems import ProblemError
from core.roles import new_request_id
from ui.problems import problem_box
from ui.texts import text

log = logging.getLogger(__name__)


@contextlib.contextmanager
def fenced(title: str) -> Iterator[None]:
    """Show an error message in place of a block that raises; `title` is the key of the block's heading.

    The log has the details under the id in the message. What Streamlit raises to stop a script or to change the page
    is not an Exception and passes.
    """
    try:
        yield
    except ProblemError as error:
        problem_box(error.problem)
    except Exception:
        request_id = current_request() or new_request_id()
        with request_in_log(request_id):
            log.exception("the block «%s» of a page cannot be shown", text(title, "de"))
        st.error(text("block.failed", block=text(title), id=request_id), icon=":material/error:")
