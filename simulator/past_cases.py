"""Cases for the demo: what its licence desk has done before it was first opened, by the product's own doors."""

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine

from core.cache.case_rows import Case, last_number, lock_cases, newest_cases_of
from core.cache.contact_rows import Contact
from core.cache.readings import StoredLicense, stored_licenses
from core.cache.sql import transaction
from core.cases import changes, distributors, orders
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.consent_rules import Answer
from core.cases.consents import Question, ask
from core.cases.distributors import Article, Distributor
from core.cases.orders import OrderRequest
from core.cases.product_events import PRODUCT, by_product
from core.cases.recording import Recorded, record_answer
from core.cases.storing import Change, store
from core.cases.writing import need_case, write
from core.licenses.judge import SHORT_STAGES
from core.roles import Actor
from core.tenants import contacts

from .tenants import Tenant

NORTH, SOUTH = (Actor(f"team-{name.lower()}", "admin", "page", f"Team {name}") for name in ("Nord", "Süd"))
CUSTOMER = Actor("customer", "", "rating", "Leitung")
SHOPS = (("Lizenzhandel Muster AG", 3), ("Softwarehaus Beispiel GmbH", 6))
ADDRESS = "http://localhost:8501"
ENDED = 36  # cases of the months before
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass
class Desk:
    """The licence desk of the demo: `rows` are the licences by (name of the tenant, part number)."""

    engine: Engine
    zone: dt.tzinfo
    tenants: dict[str, Tenant]
    people: dict[str, str] = field(default_factory=dict)  # name of the tenant -> id of who approves
    shops: list[Distributor] = field(default_factory=list)

    def row(self, name: str, part_number: str) -> StoredLicense:
        tenant = self.tenants[name]
        return stored_licenses(self.engine, [tenant.tenant_id])[tenant.tenant_id][tenant.skus[part_number].sku_id]

    def ask(self, case: Case, at: dt.datetime, reason: str = "") -> None:
        question = Question(self.people[self.name_of(case)], price="CHF 5.40", term="12 Monate", reason=reason)
        ask(self.engine, NORTH, case.case_id, question, at, self.zone, address=ADDRESS)

    def answer(self, case: Case, at: dt.datetime, decision: str = "given", comment: str = "") -> None:
        said = Recorded(Answer(decision, "Leitung", comment=comment), "phone")
        record_answer(self.engine, NORTH, case.case_id, said, at, self.zone)

    def order(self, case: Case, at: dt.datetime, shop: int = 0, days: int = 5) -> None:
        wanted = OrderRequest(
            {case.case_id: case.quantity}, self.shops[shop].distributor_id, articles={case.case_id: "A-1001"},
            term="12 Monate", mca_accepted=True, expected_at=(at + days * DAY).date(),
        )  # fmt: skip
        orders.place(self.engine, NORTH, wanted, at, self.zone)

    def name_of(self, case: Case) -> str:
        return next(name for name, tenant in self.tenants.items() if tenant.tenant_id == case.tenant_id)


def write_past_cases(engine: Engine, tenants: list[Tenant], now: dt.datetime, zone: dt.tzinfo) -> None:
    """Write contacts, distributors, ended cases of five months, and an open case in each state."""
    desk = Desk(engine, zone, {tenant.name: tenant for tenant in tenants})
    _people_and_shops(desk, now - 160 * DAY)
    _ended(desk, now)
    _open(desk, now)


def _people_and_shops(desk: Desk, at: dt.datetime) -> None:
    languages = {"Logistik Rheintal AG": "en", "Bau AG Chur": "it", "Kanzlei Brunner & Vogt": "fr"}
    for name, tenant in desk.tenants.items():
        mail = f"leitung@{tenant.slug}.example"
        person = Contact("", tenant.tenant_id, f"Leitung {name}", mail, language=languages.get(name, "de"))
        desk.people[name] = contacts.add(desk.engine, NORTH, person, at)[0].contact_id
    body = "{% for line in lines %}{{ line.quantity }} x {{ line.product }} ({{ line.article }})\n{% endfor %}"
    for name, days in SHOPS:
        shop = Distributor(
            name=name, how="file", subject="Bestellung {{ order_key }}", body=body, delivery_days=days,
            articles={"SPB": Article("MM-SPB-12"), "M365EDU_A3_FACULTY": Article("MM-A3F-12")},
        )  # fmt: skip
        distributors.keep(desk.engine, NORTH, shop)
    desk.shops = sorted(distributors.distributors(desk.engine), key=lambda shop: shop.delivery_days)


def _ended(desk: Desk, now: dt.datetime) -> None:
    """Write cases that have ended: mostly delivered, some late, some refused or over by themselves."""
    draw = random.Random("cases")
    paid = [
        (name, sku.part_number) for name, tenant in desk.tenants.items() for sku in tenant.skus.values()
        if 2 <= sku.enabled < 500 and tenant.permissions
    ]  # fmt: skip
    for number in range(ENDED):
        at = _working(_morning(now, 150 - number * 130 // ENDED) + draw.uniform(0, 6) * HOUR)
        _ended_case(desk, draw.choice(paid), at, draw)


def _ended_case(desk: Desk, key: tuple[str, str], at: dt.datetime, draw: random.Random) -> None:
    owner, shop = draw.choice([NORTH, SOUTH, NORTH]), draw.choice([0, 0, 1])
    case, quantity = _opened(desk, key, at), draw.randint(1, 6)
    taken = _working(at + draw.choice([1, 2, 2, 3, 9, 90]) * HOUR)
    changes.take(desk.engine, owner, case.case_id, taken)
    case = changes.set_quantity(desk.engine, owner, case.case_id, quantity, taken)
    if draw.random() < 0.12:
        changes.close(desk.engine, owner, case.case_id, "Eine Lizenz wurde wieder frei.", _working(taken + DAY))
        return
    desk.ask(case, _working(taken + HOUR))
    answered = _working(taken + draw.choice([2, 20, 30, 70]) * HOUR)
    if draw.random() < 0.15:
        desk.answer(case, answered, "refused", "Das Budget reicht dieses Jahr nicht.")
        return
    desk.answer(case, answered)
    with transaction(desk.engine) as connection:
        lock_cases(connection)
        case = need_case(connection, case.case_id)
        done = {"quantity": quantity, "order_key": "", "baseline": case.enabled, "delivered_before": 0}
        ordered = _working(answered + draw.choice([1, 3, 26]) * HOUR)
        case = write(connection, case, "ordered", {**done, "distributor": SHOPS[shop][0]}, owner, ordered)
        came = ordered + draw.choice([2, 3, 4, 8]) * DAY
        case = write(connection, case, "delivered", {"delivered": quantity}, PRODUCT, came, who="product")
        case = write(connection, case, "closed", {}, PRODUCT, came, who="product")
        if draw.random() < 0.5:
            stars = {"stars": draw.choice([3, 4, 4, 5, 5, 5]), "comment": draw.choice(["", "", "Ging schnell, danke."])}
            write(connection, case, "rated", stars, CUSTOMER, came + DAY, who="customer")


def _open(desk: Desk, now: dt.datetime) -> None:
    """Write open cases in each state; the licences that have run out get theirs with the days since then."""
    engine, at = desk.engine, _working(_morning(now, 11))
    yesterday = _morning(now, 1)
    late = _taken(desk, ("Primarschule Wiesental", "M365EDU_A3_FACULTY"), at, NORTH, 4)
    desk.ask(late, at + HOUR, "Zwei neue Klassenlehrpersonen")
    desk.answer(late, at + 2 * HOUR)
    desk.order(late, at + 3 * HOUR, days=7)
    asked = _taken(desk, ("Treuhand Emmen AG", "SPB"), _working(_morning(now, 3)), SOUTH, 2)
    desk.ask(asked, _morning(now, 1), "Eintritt am Monatsanfang")
    _taken(desk, ("Bau AG Chur", "O365_BUSINESS_PREMIUM"), _working(_morning(now, 1)), NORTH, 3)
    approved = _ahead(desk, "Schule Höri", "VISIOCLIENT", 2, 20, "Plan der neuen Schulküche", yesterday)
    changes.approve(engine, NORTH, approved.case_id, 2, "Im Rahmenvertrag enthalten", yesterday + 2 * HOUR)
    joined = [_ahead(desk, "Gymnasium Seeblick", part, 10, 60, "10 neue Lehrpersonen", yesterday)
              for part in ("M365EDU_A5_FACULTY", "POWER_BI_PRO_FACULTY")]  # fmt: skip
    changes.bundle(engine, SOUTH, [case.case_id for case in joined], yesterday + HOUR)
    rest = _ahead(desk, "Kanzlei Brunner & Vogt", "Microsoft_365_Copilot", 3, 40, "Erst nach dem Testlauf", yesterday)
    changes.postpone(
        engine, SOUTH, rest.case_id, (now + 14 * DAY).date(), "Testlauf bis Ende Monat", yesterday + HOUR, desk.zone
    )
    part = _ahead(desk, "Logistik Rheintal AG", "SPE_E3", 5, 10, "Neues Lager", yesterday)
    changes.approve(engine, NORTH, part.case_id, 5, "Vom Einkauf bestätigt", yesterday + HOUR)
    desk.order(part, yesterday + 2 * HOUR, 1)
    with transaction(engine) as connection:
        lock_cases(connection)
        case = need_case(connection, part.case_id)
        row = desk.row("Logistik Rheintal AG", "SPE_E3")
        write(
            connection,
            case,
            "units_seen",
            {**_units(row), "delivered": 2},
            PRODUCT,
            yesterday + 6 * HOUR,
            who="product",
        )


def _taken(desk: Desk, key: tuple[str, str], at: dt.datetime, owner: Actor, quantity: int) -> Case:
    case = _opened(desk, key, at)
    changes.take(desk.engine, owner, case.case_id, at + HOUR)
    return changes.set_quantity(desk.engine, owner, case.case_id, quantity, at + HOUR)


def _ahead(desk: Desk, name: str, part_number: str, quantity: int, days: int, note: str, now: dt.datetime) -> Case:
    tenant = desk.tenants[name]
    wanted = AheadRequest(
        tenant.tenant_id, tenant.skus[part_number].sku_id, quantity, (now + days * DAY).date(), note
    )  # fmt: skip
    return open_ahead(desk.engine, NORTH, wanted, now, desk.zone)


def _opened(desk: Desk, key: tuple[str, str], at: dt.datetime) -> Case:
    """Open a case as a reading at that time would have."""
    row = desk.row(*key)
    with transaction(desk.engine) as connection:
        lock_cases(connection)
        license_key = row["tenant_id"], row["sku_id"]
        before = newest_cases_of(connection, [license_key]).get(license_key)
        last = last_number(connection, at.year) + 1
        data = {
            "number": f"{at.year}-{last:04d}", "tenant_id": row["tenant_id"], "sku_id": row["sku_id"],
            "sku_part_number": row["sku_part_number"], "cause": "shortage", "priority": "high", "quantity": 1,
            "follows": before.case_id if before else "", "follows_number": before.number if before else "",
            **_units(row, at),
        }  # fmt: skip
        event = by_product(uuid4().hex, 1, at, "opened", data)
        return store(connection, [Change(None, [event])], (at.year, last))[0]


def _units(row: StoredLicense, at: dt.datetime | None = None) -> dict[str, Any]:
    """Return the units of a licence for an event; with `at` as they were when it ran out."""
    short = at is not None or row["stage"] in SHORT_STAGES
    since = (row["short_since"] or at) if short else None
    free = min(0, row["enabled"] - row["consumed"]) if short else row["enabled"] - row["consumed"]
    return {
        "enabled": row["enabled"], "consumed": row["enabled"] - free, "free": free, "missing": 1 - free if short else 0,
        "stage": "over" if free < 0 else "short" if short else "ok", "short": short,
        "short_since": since.isoformat() if since else None,
    }  # fmt: skip


def _morning(now: dt.datetime, days_ago: float) -> dt.datetime:
    """Return 8 o'clock UTC of that day; what happens in the hours after it lies before `now`."""
    return (now - days_ago * DAY).replace(hour=8, minute=7, second=0, microsecond=0)


def _working(at: dt.datetime) -> dt.datetime:
    """Return the moment, or one of the next working day."""
    return at + dt.timedelta(days=max(0, 7 - at.isoweekday() if at.isoweekday() > 5 else 0) + (at.isoweekday() > 5))
