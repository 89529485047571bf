"""/freigabe/<token>: where a customer approves or refuses an order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from core.cache.consent_rows import ConsentRecord, Decision, Link
from core.cache.database import DatabaseError
from core.cases.consent_rules import LONGEST_COMMENT, LONGEST_TYPED_NAME, Answer, Fault
from core.cases.deciding import AnswerFaults, LinkClosed, look, redeem
from core.cases.writing import CaseRefused
from core.customer_texts import customer_day, customer_text, customer_time
from core.runtime import Runtime
from web.customer_pages import customer_page, customer_routes, token_of
from web.limits.address_pace import AddressPace
from web.paths import APPROVAL
from web.plain_pages import form_of
from web.request_data import client_host

MOST_BYTES, MOST_FIELDS = 64 * 1024, 60  # of a form with the largest bundle
STATUS = {"unknown": 404, "answered": 410, "expired": 410, "revoked": 410, "case_closed": 410, "contact_left": 403}


class ApprovalPages:
    """The route; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(
        self, runtime: Callable[[], Runtime], now: Callable[[], datetime], pace: AddressPace | None = None
    ) -> None:
        self._runtime, self._now, self._pace = runtime, now, pace or AddressPace()

    def routes(self) -> list[BaseRoute]:
        return customer_routes(APPROVAL, self.serve)

    async def serve(self, request: Request) -> Response:
        """Show the question or its end; POST decides."""
        posted, address = request.method == "POST", client_host(request.scope)
        allowed = self._pace.may_answer if posted else self._pace.may_look
        token, language = token_of(request), self._runtime().settings.language
        if not allowed(address):
            return customer_page("approval_end.html", language, 429, why="busy", decided=None)
        try:
            if posted:
                return await self._answer(token, await form_of(request, MOST_BYTES, MOST_FIELDS), address)
            runtime = self._runtime()
            link, record = await to_thread.run_sync(
                lambda: look(runtime.engine, token, self._now(), runtime.settings.zone)
            )
        except LinkClosed as closed:
            return self._closed(closed, language)
        except DatabaseError:
            return customer_page("approval_end.html", language, 503, why="down", decided=None)
        except HTTPException as error:  # a form that none of our pages sends
            return customer_page("approval_end.html", language, error.status_code, why="form", decided=None)
        return self._question(link, record)

    async def _answer(self, token: str, form: Mapping[str, str], address: str) -> Response:
        runtime = self._runtime()
        zone, now = runtime.settings.zone, self._now()
        answer = Answer(
            form.get("decision", ""),
            form.get("name", ""),
            {name.removeprefix("quantity-"): text for name, text in form.items() if name.startswith("quantity-")},
            form.get("comment", ""),
        )
        try:
            link, record, decision = await to_thread.run_sync(
                lambda: redeem(runtime.engine, token, answer, now, zone, address)
            )
        except AnswerFaults as error:
            return self._question(error.link, error.record, answer, error.faults)
        except CaseRefused:  # cannot be, as the link was open in the same transaction
            raise LinkClosed("revoked") from None
        return self._end(link, record, decision, "thanks", 200)

    def _question(
        self, link: Link, record: ConsentRecord, answer: Answer | None = None,
        faults: Mapping[str, Fault] | None = None,
    ) -> Response:  # fmt: skip
        zone = self._runtime().settings.zone
        return customer_page(
            "approval.html",
            link.language,
            422 if faults else 200,
            customer=record.customer,
            subject=link.subject,
            body=link.body,
            items=record.items,
            until=customer_day(record.consent.expires_at, link.language, zone),
            answer=answer or Answer("", ""),
            faults={
                field: customer_text(f"approval.fault.{fault.key}", link.language, most=fault.most)
                for field, fault in (faults or {}).items()
            },
            longest_name=LONGEST_TYPED_NAME,
            longest_comment=LONGEST_COMMENT,
        )

    def _closed(self, closed: LinkClosed, language: str) -> Response:
        if closed.link is None or closed.record is None:
            return customer_page("approval_end.html", language, STATUS[closed.why], why=closed.why, decided=None)
        return self._end(closed.link, closed.record, closed.record.decision, closed.why, STATUS[closed.why])

    def _end(self, link: Link, record: ConsentRecord, decision: Decision | None, why: str, status: int) -> Response:
        zone, decided = self._runtime().settings.zone, None
        if decision is not None:
            decided = {
                "decision": decision.decision, "name": decision.name,
                "at": customer_time(decision.at, link.language, zone),
                "items": [(decision.quantities.get(item.case_id, 0), item.product) for item in record.items],
            }  # fmt: skip
        return customer_page(
            "approval_end.html", link.language, status, why=why, customer=record.customer, decided=decided
        )
