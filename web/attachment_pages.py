"""/beleg: where staff adds a PDF or a mail to a consent that it has recorded.

Streamlit's own uploads are closed. This page needs a session; the gate refuses forms of foreign pages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core import texts
from core.access.sessions import Session
from core.cases.consent_files import LARGEST, Upload, attach, case_of_consent
from core.problems import Problem, ProblemError
from core.roles import Action, Actor, refused
from core.runtime import Runtime
from web.paths import ATTACHMENT
from web.plain_pages import PlainPages
from web.request_data import client_host, language_of

AROUND_THE_FILE = 16 * 1024  # bytes of a form beside its file
LONGEST_ID = 64


class AttachmentPages:
    """The route; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(self, pages: PlainPages, runtime: Callable[[], Runtime]) -> None:
        self._pages, self._runtime = pages, runtime

    def routes(self) -> list[BaseRoute]:
        return [Route(ATTACHMENT, self.serve, methods=["GET", "POST"])]

    async def serve(self, request: Request) -> Response:
        """Show the form; POST stores the file and goes back to the case."""
        session: Session = request.scope["app_session"]  # the gate lets nobody in without one
        actor = Actor(session.account, session.role, "page", session.shown, client_host(request.scope), session.id)
        if not actor.may(Action.CASES):
            refused(actor, ATTACHMENT, "role needed")
            return PlainTextResponse(texts.text("plain.closed", language_of(request.scope, "de")), 403)
        consent_id, engine = request.query_params.get("freigabe", "")[:LONGEST_ID], self._runtime().engine
        number = await to_thread.run_sync(case_of_consent, engine, consent_id)
        if number is None:
            return self._form(request, "", consent_id, Problem("approval.file_nowhere"), 404)
        if request.method != "POST":
            return self._form(request, number, consent_id)
        try:
            upload = await _upload_of(request)
            await to_thread.run_sync(attach, engine, actor, consent_id, upload, datetime.now(UTC))
        except ProblemError as error:
            return self._form(request, number, consent_id, error.problem, 422)
        return RedirectResponse(f"/fall?nummer={number}", 303)

    def _form(
        self, request: Request, number: str, consent_id: str, problem: Problem | None = None, status: int = 200
    ) -> Response:  # fmt: skip
        error = problem.text(self._pages.language(request)) if problem else ""
        keep = {"freigabe": consent_id}
        return self._pages.page(
            request, "attachment.html", status=status, keep=keep, number=number, consent_id=consent_id, error=error
        )


async def _upload_of(request: Request) -> Upload:
    """Return the file of the form. Raises ProblemError."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LARGEST + AROUND_THE_FILE:
        raise ProblemError(Problem("approval.file_large", {"most": str(LARGEST // 2**20)}))
    try:
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise ProblemError(Problem("approval.file_missing"))
            return Upload(file.filename, await file.read(LARGEST + 1))
    except HTTPException:  # a form that our page does not send
        raise ProblemError(Problem("approval.file_missing")) from None
