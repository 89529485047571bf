"""A fence around each block of a page: what is wrong with one row costs its block, and the rest of the page stays."""

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
    """Show in place of a block why it cannot be shown; `title` is the key of its heading.

    The log has the details under the id that is shown. Streamlit's own way to stop or to change a page
    is no Exception, and passes.
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
