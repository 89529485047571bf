"""Make an order out of what a person asks for: checked field by field, with exactly what would go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from core.cache.case_rows import Case, events_of_case, stored_units
from core.cache.distributor_rows import CustomerNumber, Distributor, distributor_in, number_in
from core.cache.order_rows import Order
from core.cache.purchases import subscriptions_in
from core.cache.sql import Transaction
from core.cache.tenant_rows import tenant_name
from core.cases.changes import LARGEST_QUANTITY
from core.cases.order_sending import way_fault
from core.cases.order_texts import OrderContent, OrderLine, body_of, file_of, subject_of
from core.cases.order_warnings import LineFacts, warnings_of
from core.cases.templates import TemplateFault
from core.cases.writing import CaseRefused, need_possible, need_readable
from core.licenses.skus import Catalogue
from core.name_key import plain
from core.problems import Problem, ProblemError
from core.roles import Actor

LONGEST = {"term": 60, "cost_centre": 60, "customer_number": 60, "reference": 100, "article": 100}
USUAL_DAYS = 7  # until a delivery, where no distributor says so
LATEST = timedelta(days=366)


class OrderRefused(ProblemError):
    """The order cannot be placed so; `problem` is the first of `faults`, by field."""

    def __init__(self, faults: Mapping[str, Problem]) -> None:
        super().__init__(next(iter(faults.values())))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a person orders.

    quantities        case id or number -> licences; several are cases of one customer
    distributor_id    "" only if it was ordered elsewhere
    send              False: it was ordered elsewhere and is only noted
    articles          as in `quantities` -> article number, in the place of the distributor's
    cost_centre, customer_number   None: those of the distributor
    reference         the distributor's number, if it is known already
    expected_at       the day until which it is to come; None: after the distributor's usual time
    order_key         the key that the preview has shown
    """

    quantities: Mapping[str, int]
    distributor_id: str = ""
    send: bool = True
    articles: Mapping[str, str] = field(default_factory=dict)
    term: str = ""
    cost_centre: str | None = None
    customer_number: str | None = None
    mca_accepted: bool = False
    reference: str = ""
    expected_at: date | None = None
    order_key: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as it would go out, and what a person should know before."""

    order: Order
    content: OrderContent
    distributor: Distributor
    warnings: Sequence[Problem]


def draft_of(
    connection: Transaction, request: OrderRequest, actor: Actor, catalogue: Catalogue, now: datetime, zone: tzinfo
) -> Draft:
    """Return the order. Raises CaseUnknown, CaseRefused, OrderRefused with what is wrong at which field."""
    cases = _cases(connection, request)
    distributor = distributor_in(connection, request.distributor_id) or Distributor()
    today = now.astimezone(zone).date()
    number = number_in(connection, distributor.distributor_id, cases[0].tenant_id)
    faults = {
        **_distributor_faults(connection, request, distributor),
        **_line_faults(request, cases, distributor),
        **_text_faults(request),
    }
    if request.expected_at and (problem := expected_fault(request.expected_at, now, zone)):
        faults["expected_at"] = problem
    if faults:
        raise OrderRefused(faults)
    content = _content(connection, request, cases, distributor, number, actor, catalogue, today)
    order = _order(request, content, cases[0], distributor, actor, now)
    return Draft(order, content, distributor, _warnings(connection, request, cases, now, zone))


def _cases(connection: Transaction, request: OrderRequest) -> list[Case]:
    """Return the cases of the request, in its order. Raises CaseUnknown, CaseRefused."""
    cases = []
    for case_id in request.quantities:
        case = need_readable(connection, case_id)
        need_possible(case, "ordered", {"quantity": 1}, "staff")
        cases.append(case)
    if not cases or len({case.case_id for case in cases}) != len(cases):
        raise OrderRefused({"quantities": Problem("order.no_line")})
    if len({case.tenant_id for case in cases}) > 1:
        raise CaseRefused(Problem("case.bundle_of_several", {"number": cases[-1].number}))
    return cases


def _distributor_faults(
    connection: Transaction, request: OrderRequest, distributor: Distributor
) -> dict[str, Problem]:  # fmt: skip
    if not request.send:
        return {}
    if not distributor.distributor_id or not distributor.active:
        return {"distributor_id": Problem("order.no_distributor")}
    problem = way_fault(connection, distributor)
    return {"distributor_id": problem} if problem else {}


def _line_faults(request: OrderRequest, cases: Sequence[Case], distributor: Distributor) -> dict[str, Problem]:
    """Return what is wrong with quantities and articles, by `quantity:<case>` and `article:<case>`."""
    faults = {}
    for (given, quantity), case in zip(request.quantities.items(), cases, strict=True):
        params = {"number": case.number, "quantity": str(quantity)[:20], "most": str(LARGEST_QUANTITY)}
        if type(quantity) is not int or not 1 <= quantity <= LARGEST_QUANTITY:
            faults[f"quantity:{given}"] = Problem("case.quantity", params)
        article, package = article_of(request.articles.get(given, ""), case, distributor)
        if not request.send or not distributor.distributor_id:
            continue
        if not article:
            params |= {"distributor": distributor.name, "sku": case.sku_part_number}
            faults[f"article:{given}"] = Problem("order.no_article", params)
        elif f"quantity:{given}" not in faults and quantity % package:
            below, above = quantity - quantity % package, quantity + package - quantity % package
            params |= {"package": str(package), "below": str(below or above), "above": str(above)}
            faults[f"quantity:{given}"] = Problem("order.package", params)
    return faults


def article_of(given: str, case: Case, distributor: Distributor) -> tuple[str, int]:
    """Return article number and package size of a line: the given number, else that of the distributor, "" if none."""
    known = distributor.articles.get(case.sku_part_number)
    return plain(given) or (known.number if known else ""), known.package if known else 1


def _text_faults(request: OrderRequest) -> dict[str, Problem]:
    given = {name: getattr(request, name) or "" for name in LONGEST if name != "article"}
    given |= {f"article:{case_id}": article for case_id, article in request.articles.items()}
    limits = {name: LONGEST[name.partition(":")[0]] for name in given}
    return {
        name: Problem("case.text_too_long", {"most": str(limits[name]), "length": str(len(value))})
        for name, value in given.items()
        if len(value) > limits[name]
    }


def expected_fault(expected_at: date, now: datetime, zone: tzinfo) -> Problem | None:
    """Return the problem of the day of a delivery, None if it is today or later and not far away."""
    today = now.astimezone(zone).date()
    if today <= expected_at <= today + LATEST:
        return None
    return Problem("order.expected_at", {"day": expected_at.isoformat(), "today": today.isoformat()})


def _content(
    connection: Transaction, request: OrderRequest, cases: Sequence[Case], distributor: Distributor,
    number: CustomerNumber, actor: Actor, catalogue: Catalogue, today: date,
) -> OrderContent:  # fmt: skip
    lines = []
    for (given, quantity), case in zip(request.quantities.items(), cases, strict=True):
        product = catalogue.product(case.sku_id, case.sku_part_number).name(distributor.language)
        units = stored_units(connection, *case.key)
        lines.append(OrderLine(
            case.case_id, case.number, case.sku_id, case.sku_part_number, product,
            article_of(request.articles.get(given, ""), case, distributor)[0], quantity,
            units["enabled"] if units and units["present"] else 0,
        ))  # fmt: skip
    cost_centre = number.cost_centre or distributor.cost_centre
    return OrderContent(
        order_key=key_of(connection, cases[0]),
        distributor=distributor.name,
        customer=tenant_name(connection, cases[0].tenant_id),
        customer_number=_given(request.customer_number, number.customer_number),
        cost_centre=_given(request.cost_centre, cost_centre),
        term=plain(request.term),
        mca_accepted=request.mca_accepted,
        ordered_by=actor.shown,
        day=today,
        lines=lines,
    )


def _given(value: str | None, otherwise: str) -> str:
    return otherwise if value is None else plain(value)


def key_of(connection: Transaction, case: Case) -> str:
    """Return the key of the next order of a case: its number, the number of the order, and a mark of this case.

    The mark tells two providers apart, and the counter is that of the events: a repetition has the same key.
    """
    count = sum(event.kind == "ordered" for event in events_of_case(connection, case.case_id))
    return f"{case.number}-{count + 1}-{case.case_id[:4]}"


def _order(
    request: OrderRequest, content: OrderContent, case: Case, distributor: Distributor, actor: Actor, now: datetime
) -> Order:
    days = distributor.delivery_days if distributor.distributor_id else USUAL_DAYS
    expected_at = request.expected_at or content.day + timedelta(days=days)
    how = distributor.how if request.send else "outside"
    with_file = how == "file" or (how == "mail" and distributor.with_file)
    try:
        subject = subject_of(distributor.subject, content, distributor.language) if request.send else ""
        body = body_of(distributor.body, content, distributor.language) if how == "mail" else ""
    except TemplateFault as fault:
        raise OrderRefused({"distributor_id": fault.problem}) from fault
    return Order(
        order_key=content.order_key, tenant_id=case.tenant_id, distributor_id=distributor.distributor_id,
        distributor=distributor.name, how=how, recipient=distributor.address if how == "mail" else "",
        lines=[asdict(line) for line in content.lines], term=content.term, cost_centre=content.cost_centre,
        customer_number=content.customer_number, mca_accepted=content.mca_accepted, subject=subject, body=body,
        csv=file_of(content, distributor.language) if with_file else "",
        created_at=now, created_by=actor.name, created_by_name=actor.shown, reference=plain(request.reference),
        expected_at=expected_at, watched_until=expected_at,
    )  # fmt: skip


def _warnings(
    connection: Transaction, request: OrderRequest, cases: Sequence[Case], now: datetime, zone: tzinfo
) -> list[Problem]:
    """Return the warnings about all lines, and the one about the customer's agreement with Microsoft."""
    warnings = [] if request.mca_accepted else [Problem("order.warn.mca")]
    for quantity, case in zip(request.quantities.values(), cases, strict=True):
        facts = LineFacts(
            case, quantity, events_of_case(connection, case.case_id), stored_units(connection, *case.key),
            subscriptions_in(connection, *case.key),
        )  # fmt: skip
        warnings += warnings_of(facts, now, zone)
    return warnings
