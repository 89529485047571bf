"""/bewertung/<token>: where a customer may rate how an order went; 1 to 5 stars and a comment, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from core.cache.database import DatabaseError
from core.cases.consent_rules import LONGEST_COMMENT, Fault
from core.cases.rating_rules import STARS, Rating
from core.cases.ratings import Rated, RatingClosed, RatingFaults, look, rate
from core.customer_texts import customer_text
from core.runtime import Runtime
from web.customer_pages import customer_page, customer_routes, token_of
from web.limits.address_pace import AddressPace
from web.paths import RATING
from web.plain_pages import form_of
from web.request_data import client_host

MOST_BYTES, MOST_FIELDS = 32 * 1024, 10
STATUS = {"unknown": 404, "rated": 410, "expired": 410, "open_again": 409, "contact_left": 403}


class RatingPages:
    """The route; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(
        self, runtime: Callable[[], Runtime], now: Callable[[], datetime], pace: AddressPace | None = None
    ) -> None:
        self._runtime, self._now, self._pace = runtime, now, pace or AddressPace()

    def routes(self) -> list[BaseRoute]:
        return customer_routes(RATING, self.serve)

    async def serve(self, request: Request) -> Response:
        """Show the form or why there is none; POST rates."""
        posted, language = request.method == "POST", self._runtime().settings.language
        allowed = self._pace.may_answer if posted else self._pace.may_look
        if not allowed(client_host(request.scope)):
            return _end(language, "busy", 429)
        try:
            return await (self._rate(request) if posted else self._look(token_of(request)))
        except RatingClosed as closed:
            shown = (closed.rated.link.language, closed.rated.record.customer) if closed.rated else (language, "")
            return _end(shown[0], closed.why, STATUS[closed.why], shown[1])
        except DatabaseError:
            return _end(language, "down", 503)
        except HTTPException as error:  # a form that none of our pages sends
            return _end(language, "form", error.status_code)

    async def _look(self, token: str) -> Response:
        runtime, now = self._runtime(), self._now()
        return _form(await to_thread.run_sync(lambda: look(runtime.engine, token, now, runtime.settings.zone)))

    async def _rate(self, request: Request) -> Response:
        runtime, token, now = self._runtime(), token_of(request), self._now()
        form, address = await form_of(request, MOST_BYTES, MOST_FIELDS), client_host(request.scope)
        rating, zone = Rating(form.get("stars", ""), form.get("comment", "")), runtime.settings.zone
        try:
            rated = await to_thread.run_sync(lambda: rate(runtime.engine, token, rating, now, zone, address))
        except RatingFaults as error:
            return _form(error.rated, rating, error.faults)
        return _end(rated.link.language, "thanks", 200, rated.record.customer)


def _form(rated: Rated, rating: Rating | None = None, faults: Mapping[str, Fault] | None = None) -> Response:
    language = rated.link.language
    return customer_page(
        "rating.html",
        language,
        422 if faults else 200,
        customer=rated.record.customer,
        products=[item.product for item in rated.record.items],
        choices=STARS[::-1],
        rating=rating or Rating(),
        faults={
            field: customer_text(f"rating.fault.{fault.key}", language, most=fault.most)
            for field, fault in (faults or {}).items()
        },
        longest_comment=LONGEST_COMMENT,
    )


def _end(language: str, why: str, status: int, customer: str = "") -> Response:
    return customer_page("rating_end.html", language, status, why=why, customer=customer)
