"""A licence desk that asks a customer for consent, and the page on which the customer answers; for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import Engine, select
from starlette.routing import Router

from core.cache import consent_rows
from core.cache.consent_rows import ConsentRecord
from core.cache.schema import contacts, metadata
from core.cases import changes
from core.cases.consents import Asked, Question, ask
from core.runtime import Runtime
from core.settings import Settings
from tests.case_world import ANNA, NOON, SCHOOL, ZURICH, Desk
from web.approval_pages import ApprovalPages
from web.limits.address_pace import AddressPace
from web.rating_pages import RatingPages

Result = TypeVar("Result")
ADDRESS = "https://lizenzen.example.ch"


@dataclass
class Office:
    """A licence desk whose customer has an approver and a substitute, and the page that customers see."""

    desk: Desk
    pace: AddressPace = field(default_factory=lambda: AddressPace(100_000, 100_000))

    @property
    def engine(self) -> Engine:
        return self.desk.engine

    def ask(self, contact: str = "petra", *, send: bool = False, **values: Any) -> Asked:
        question, case = Question(contact, **values), self.desk.cases[0]
        return ask(self.engine, ANNA, case.case_id, question, self.desk.now, ZURICH, address=ADDRESS, send=send)

    def page(
        self, path: str, form: dict[str, str] | None = None, host: str = "192.0.2.7"
    ) -> tuple[int, dict[str, str], str]:
        """(status, headers, text) of the answer to a request."""
        return completed(answer_of(self.router, path, form, "POST" if form else "GET", host))

    @cached_property
    def router(self) -> Router:
        running = Runtime(Settings(), self.engine)
        pages = [page(lambda: running, lambda: self.desk.now, self.pace) for page in (ApprovalPages, RatingPages)]
        return Router([route for one in pages for route in one.routes()])

    def record(self, asked: Asked) -> ConsentRecord:
        with self.engine.begin() as connection:
            record = consent_rows.consent_record(connection, asked.consent.consent_id)
        assert record is not None
        return record


def completed(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for the work in a thread of its own: in this one a browser of another test may have its loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def answer_of(
    router: Router, path: str, form: dict[str, str] | None, method: str, host: str = "192.0.2.7", agent: str = "phone"
) -> tuple[int, dict[str, str], str]:  # fmt: skip
    sent: list[dict[str, object]] = []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"user-agent", agent.encode())], "client": (host, 1), "server": ("x", 80), "scheme": "https",
        "root_path": "", "request_id": "x",
    }  # fmt: skip

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": urlencode(form or {}).encode(), "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await router(scope, receive, send)  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}  # type: ignore[attr-defined]
    body = b"".join(part.get("body", b"") for part in sent[1:])  # type: ignore[misc]
    return int(str(sent[0]["status"])), headers, body.decode()


def add_contacts(engine: Engine) -> None:
    with engine.begin() as connection:
        for name, role, language in (("petra", "approver", "fr"), ("urs", "substitute", "de")):
            values = {"contact_id": name, "tenant_id": SCHOOL, "name": f"{name.title()} Beispiel", "role": role}
            connection.execute(contacts.insert().values(
                **values, email=f"{name}@example.ch", phone="", language=language, created_at=NOON, changed_at=NOON
            ))  # fmt: skip


def path_of(asked: Asked) -> str:
    return asked.url.removeprefix(ADDRESS)


def token_of(asked: Asked) -> str:
    return asked.url.rpartition("/")[2]


def dump(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with engine.begin() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def open_office(engine: Engine) -> Office:
    desk = Desk(engine)
    add_contacts(engine)
    desk.read(10, 14)
    changes.set_quantity(engine, ANNA, desk.case.case_id, 5, desk.now)
    return Office(desk)
