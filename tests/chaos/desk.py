"""Staff and customers in the campaigns: cases are taken, asked, approved and ordered through the product's own doors.

    python -m tests.chaos.desk redeem TOKEN | order REQUEST     one step in a process that may be killed

The judge: a consent is decided once, an order is placed once under its key, and the distributor gets that key alone.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from core.cache.case_rows import Case
from core.cache.contact_rows import Contact
from core.cases import changes, distributors, orders
from core.cases.consent_rules import Answer
from core.cases.consents import Question, ask
from core.cases.deciding import AnswerFaults, LinkClosed, redeem
from core.cases.distributors import Distributor
from core.cases.orders import OrderRefused, OrderRequest
from core.cases.writing import CaseChanged, CaseRefused, CaseUnknown
from core.messages import channels
from core.runtime import open_engine
from core.settings import load_settings
from core.tenants import contacts
from tests.actors import actor
from tests.case_world import ZURICH, all_cases
from tests.chaos.cast import Cast, read_only
from tests.office import Office

STAFF = actor("anna", "support")
ADDRESS = "https://lizenzen.example.ch"
SHOP = "Händler"  # the distributor, and the channel that leads there
REFUSALS = (CaseRefused, CaseChanged, CaseUnknown, OrderRefused, LinkClosed, AnswerFaults)
DECIDED_TWICE = """select case_id, json_extract(data, '$.consent_id') as consent, count(*) from case_events
    where kind = 'consent_given' and consent is not null group by 1, 2 having count(*) > 1"""
ORDERED_TWICE = """select json_extract(data, '$.order_key'), case_id, count(*) from case_events
    where kind = 'ordered' group by 1, 2 having count(*) > 1"""
ORDERED_UNASKED = """select case_id, sum(kind = 'ordered'), sum(kind = 'consent_given') from case_events
    group by 1 having sum(kind = 'ordered') > sum(kind = 'consent_given')"""  # nobody here orders twice for one consent
ORDER_WITHOUT_ROW = """select e.case_id, e.seq from case_events e where e.kind = 'ordered' and not exists
    (select 1 from orders o where o.order_key = json_extract(e.data, '$.order_key'))"""
ORDER_WITHOUT_MESSAGE = """select o.order_key from orders o where not exists
    (select 1 from messages m where m.message_id = o.order_key)"""
TOO_MANY_SEATS = "select number, ordered, delivered from cases where delivered > ordered"


class Desk:
    """What people do between two requests; `tokens` are the links of customers, by case."""

    def __init__(self, office: Office, cast: Cast, draw: random.Random) -> None:
        self._office, self._cast, self._draw = office, cast, random.Random(draw.random())
        self._tokens: dict[str, str] = {}
        self.done = 0

    def open(self) -> None:
        """Store a contact for each tenant, and the distributor. The tenants are there after the first refresh."""
        engine, now = self._office.engine, self._office.now()
        for tenant in self._cast.tenants:
            person = Contact("", tenant.tenant_id, "Petra Muster", "petra@example.ch")
            contacts.add(engine, actor("anna", "admin"), person, now)
        (channel,) = [one for one in channels.channels_of(engine, actor("anna", "admin")) if one.name == SHOP]
        shop = Distributor(
            name=SHOP, how="webhook", channel_id=channel.channel_id, subject="Bestellung {{ order_key }}",
            body="{% for line in lines %}{{ line.quantity }} x {{ line.product }}\n{% endfor %}",
        )  # fmt: skip
        distributors.keep(engine, actor("anna", "admin"), shop)

    def work(self) -> None:
        """Take the next step of some open cases; what the product refuses is left."""
        for case in self._some():
            steps = {"open": self._begin, "asked": self._answer, "approved": self._order}
            if step := steps.get(case.state):
                self._tried(lambda step=step, case=case: step(case))  # type: ignore[misc]

    def deliver(self) -> None:
        """The distributor lets seats come: some, all, or more than was ordered."""
        for case in self._some():
            if case.under_way:
                key = next(
                    (key for key, (_, sku_id) in self._cast.products.items()
                     if sku_id == case.sku_id and self._cast.tenant(key[0]).tenant_id == case.tenant_id), None,
                )  # fmt: skip
                if key is not None and key[1] in self._cast.tenant(key[0]).skus:
                    tenant = self._cast.tenant(key[0])
                    more = self._draw.choice([1, case.under_way, case.under_way, case.under_way + 2])
                    tenant.set_sku(key[1], enabled=tenant.skus[key[1]].enabled + more)

    def killable(self) -> list[str] | None:
        """The words of a step that a process of its own takes; None if there is nothing to do."""
        for case in self._some():
            if case.state == "asked" and case.case_id in self._tokens:
                return ["redeem", self._tokens[case.case_id]]
            if case.state == "approved":
                with contextlib.suppress(*REFUSALS):
                    wanted = order_of(self._office.engine, case, self._office.now())
                    return ["order", json.dumps(asdict(wanted))]
        return None

    def _some(self) -> list[Case]:
        found = [case for case in all_cases(self._office.engine) if case.is_open]
        return self._draw.sample(found, min(len(found), 3))

    def _tried(self, step: Callable[[], object]) -> None:
        with contextlib.suppress(*REFUSALS):
            step()
            self.done += 1

    def _begin(self, case: Case) -> None:
        engine, now = self._office.engine, self._office.now()
        if not case.owner:
            changes.take(engine, STAFF, case.case_id, now)
        (person, *_) = contacts.contacts_of(engine, STAFF, case.tenant_id)
        asked = ask(engine, STAFF, case.case_id, Question(person.contact_id), now, ZURICH, address=ADDRESS)
        self._tokens[case.case_id] = asked.url.rpartition("/")[2]

    def _answer(self, case: Case) -> None:
        """The customer clicks twice, at once."""
        if token := self._tokens.get(case.case_id):
            self._at_once(lambda: approve(self._office.engine, token, self._office.now()))

    def _order(self, case: Case) -> None:
        """Staff clicks twice, at once, under the key of the preview."""
        engine, now = self._office.engine, self._office.now()
        wanted = order_of(engine, case, now)
        self._at_once(lambda: orders.place(engine, STAFF, wanted, now, ZURICH))

    def _at_once(self, step: Callable[[], object]) -> None:
        threads = [threading.Thread(target=self._tried, args=(step,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)


def approve(engine: Engine, token: str, now: datetime) -> None:
    redeem(engine, token, Answer("given", "Petra Muster"), now, ZURICH, "192.0.2.7")


def order_of(engine: Engine, case: Case, now: datetime) -> OrderRequest:
    """What the page orders, under the key that its preview shows."""
    shop = next(one for one in distributors.distributors(engine) if one.name == SHOP)
    request = OrderRequest(
        {case.case_id: case.quantity}, shop.distributor_id, articles={case.case_id: "A-1"}, mca_accepted=True
    )  # fmt: skip
    return replace(request, order_key=orders.preview(engine, STAFF, request, now, ZURICH).order.order_key)


def wrong_desk(file: Path) -> Iterator[str]:
    """What is wrong with consents and orders, whoever clicked how often and whatever was killed."""
    for name, query in (
        ("a consent decided twice", DECIDED_TWICE), ("an order placed twice", ORDERED_TWICE),
        ("a second order for one consent", ORDERED_UNASKED),
        ("an order in a case alone", ORDER_WITHOUT_ROW), ("an order that goes nowhere", ORDER_WITHOUT_MESSAGE),
        ("more delivered than ordered", TOO_MANY_SEATS),
    ):  # fmt: skip
        yield from (f"{name}: {row}" for row in read_only(file, query))


def main(words: list[str]) -> int:
    """Take one step."""
    engine, now = open_engine(load_settings(env_file=None)), datetime.now(UTC)
    with contextlib.suppress(*REFUSALS):
        if words[0] == "redeem":
            approve(engine, words[1], now)
        else:
            orders.place(engine, STAFF, OrderRequest(**json.loads(words[1])), now, ZURICH)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
