"""Ordering: what the preview shows goes out, once; what is wrong is told at its field; late orders are told."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from core.attention.order_conditions import order_conditions
from core.cache.channel_rows import Channel, add_channel
from core.cache.message_rows import Message, list_messages, stored_message
from core.cache.order_rows import orders_by_key, overdue_orders
from core.cache.purchases import SubscriptionReading, save_subscriptions
from core.cache.secret_rows import CHANNEL
from core.cache.sql import increase_version, transaction
from core.cache.tenant_rows import ProfileTenant, forget_tenant, save_profiles
from core.cases import changes, orders
from core.cases.delivery import progress_of
from core.cases.distributors import (
    Article,
    CustomerNumber,
    Distributor,
    DistributorRefused,
    find,
    keep,
    remove,
    set_numbers,
)
from core.cases.distributors import distributors as all_distributors
from core.cases.late_orders import tell_late_orders
from core.cases.order_texts import default_templates, file_bytes
from core.cases.orders import Draft, OrderRefused, OrderRequest
from core.cases.writing import CaseChanged, CaseRefused
from core.licenses.units import License, Subscription
from core.messages.delivery import with_links
from core.messages.routes import DESK, MAIL
from core.messages.sender import Sender
from core.problems import ProblemError
from core.roles import NotAllowed
from core.secrets.stored_secrets import seal
from core.settings import Settings
from core.texts import has_text
from simulator.certificates import server_files
from tests.actors import ADMIN, entry
from tests.case_world import ANNA, BEN, NOON, OFFICE, SCHOOL, SPB, ZURICH, Desk
from tests.mail_server import PASSWORD, USER, MailServer, mail_server
from ui.cases.case_timeline import event_sentence

PREMIUM = "Microsoft 365 Business Premium"
SUBJECT, BODY = default_templates("de")
ALSO = Distributor(
    name="Also AG", address="bestellung@example.com", subject=SUBJECT, body=BODY, with_file=True, cost_centre="4200",
    articles={"SPB": Article("AAA-1", 5), "E3": Article("AAA-2")},
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    authority, certificate = server_files(tmp_path_factory.mktemp("tls"))
    with mail_server((certificate, certificate, authority)) as running:
        yield running


@pytest.fixture
def desk(database: Engine) -> Desk:
    """A school with an approved case for 5 licences, a distributor and a mail channel (whose server is elsewhere)."""
    desk = Desk(database)
    desk.read(10, 10)
    changes.approve(database, ANNA, desk.case.case_id, 5, "Rahmenvertrag", desk.now)
    add_mail(database, 25)
    keep(database, ADMIN, ALSO)
    return desk


def add_mail(engine: Engine, port: int) -> None:
    config = {"host": "localhost", "port": port, "security": "starttls", "user": USER, "sender": "l@example.ch"}
    channel = Channel("mail", "Mail", "smtp", config, routes=(*DESK, MAIL), recipients=("desk@example.ch",))
    sealed = seal(engine, CHANNEL, "mail", json.dumps({"password": PASSWORD}))
    add_channel(engine, channel, lambda: sealed, entry(), NOON)


def distributor(desk: Desk) -> Distributor:
    return all_distributors(desk.engine)[0]


def request(desk: Desk, quantity: int = 5, **values: Any) -> OrderRequest:
    given = {"distributor_id": distributor(desk).distributor_id, "mca_accepted": True} | values
    return OrderRequest({desk.cases[0].case_id: quantity}, **given)


def preview(desk: Desk, wanted: OrderRequest) -> Draft:
    return orders.preview(desk.engine, ANNA, wanted, desk.now, ZURICH)


def place(desk: Desk, wanted: OrderRequest, **options: Any) -> Any:
    return orders.place(desk.engine, options.pop("actor", ANNA), wanted, desk.now, ZURICH, **options)


def faults(call: Callable[[], object]) -> dict[str, str]:
    """The code of the problem of each field; each has its words."""
    with pytest.raises((OrderRefused, DistributorRefused)) as refused:
        call()
    error: Any = refused.value
    found = {field: problem.code for field, problem in error.faults.items()}
    assert all(has_text(code) for code in found.values()), found
    return found


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ProblemError) as refused:
        call()
    assert has_text(refused.value.problem.code)
    return refused.value.problem.code


def orders_sent(desk: Desk) -> list[str]:
    return [message.subject for message in list_messages(desk.engine, limit=20) if message.kind == "order"]


# From the order to the delivery


def test_ordered_by_mail_partly_delivered_delivered_and_closed(
    database: Engine, server: MailServer, tmp_path: Path
) -> None:
    desk = Desk(database)
    desk.read(10, 10)
    changes.approve(database, ANNA, desk.case.case_id, 5, "Rahmenvertrag", desk.now)
    add_mail(database, server.port)
    keep(database, ADMIN, ALSO)
    set_numbers(database, ADMIN, distributor(desk), {SCHOOL: CustomerNumber("K-7", "")})
    shown = preview(desk, request(desk, term="1 Jahr"))

    order = place(desk, request(desk, term="1 Jahr", order_key=shown.order.order_key), expected=desk.case.version)

    assert order == replace(shown.order)  # exactly what was shown
    sender = Sender(database, Settings(data_dir=tmp_path, ca_bundle=server.ca_bundle), now=lambda: desk.now)
    sender.send_due()
    (mail,) = [mail for mail in server.mails if order.order_key in str(mail["Subject"])]
    assert mail["Subject"] == order.subject == f"Bestellung {order.order_key}: Höri"
    assert order.order_key in mail["Message-ID"]
    text = mail.get_body().get_content().replace("\r\n", "\n")
    assert text == order.body
    assert f"- 5 x {PREMIUM}, Artikel AAA-1\n" in text
    assert "Kundennummer K-7" in text
    assert "Kostenstelle: 4200" in text
    (file,) = mail.iter_attachments()
    assert file.get_filename() == f"order-{order.order_key}.csv"
    assert file.get_payload(decode=True) == file_bytes(order.csv)
    message = stored_message(database, order.order_key)
    assert message is not None
    assert message.state == "sent"

    day = desk.now.date() + timedelta(days=3)
    orders.confirm(database, ANNA, order.order_key, "AB-99", day, desk.now, ZURICH)
    desk.read(12, 11)
    assert (desk.case.state, desk.case.under_way) == ("partly_delivered", 3)
    desk.read(15, 11)
    assert (desk.case.state, desk.case.outcome) == ("closed", "delivered")
    assert [(one.order_key, one.state) for one in progress_of(desk.events(desk.case))] == [
        (order.order_key, "delivered")
    ]
    stored = orders_by_key(database, [order.order_key])[order.order_key]
    assert (stored.reference, stored.expected_at) == ("AB-99", day)


# Once


def test_the_same_order_a_second_time_is_the_same_order(desk: Desk) -> None:
    wanted = request(desk, order_key=preview(desk, request(desk)).order.order_key)

    assert place(desk, wanted) == place(desk, wanted)
    assert refusal(lambda: place(desk, wanted, actor=BEN)) == "order.placed_already"
    assert refusal(lambda: place(desk, replace(wanted, quantities={desk.case.case_id: 10}))) == "order.placed_already"
    assert (desk.case.ordered, len(orders_sent(desk))) == (5, 1)


def test_two_who_order_at_once_order_once(desk: Desk) -> None:
    key, version = preview(desk, request(desk)).order.order_key, desk.case.version
    answers: list[str] = []

    def order(actor: Any) -> None:
        try:
            place(desk, request(desk, order_key=key), actor=actor, expected=version)
            answers.append("done")
        except (CaseRefused, CaseChanged) as error:
            answers.append(error.problem.code)

    people = [threading.Thread(target=order, args=(actor,)) for actor in (ANNA, BEN)]
    for person in people:
        person.start()
    for person in people:
        person.join(20)

    assert sorted(answers) == ["done", "order.placed_already"]
    assert (desk.case.ordered, len(orders_sent(desk))) == (5, 1)


def test_an_order_without_a_key_is_not_placed_on_top_of_another_one(desk: Desk) -> None:
    version = desk.case.version
    place(desk, request(desk), expected=version)

    with pytest.raises(CaseChanged):
        place(desk, request(desk), expected=version)
    assert refusal(lambda: place(desk, request(desk))) == "order.under_way"
    assert refusal(lambda: place(desk, request(desk, order_key="2027-0001-9-ab"))) == "order.other_key"
    second = preview(desk, request(desk)).order.order_key
    assert place(desk, request(desk, order_key=second)).order_key == second
    assert (desk.case.ordered, len(orders_sent(desk))) == (10, 2)


def test_a_failure_between_the_order_and_its_message_leaves_neither(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("core.cases.orders.queue_order", fail)
    with pytest.raises(ZeroDivisionError):
        place(desk, request(desk))

    assert (desk.case.state, orders_sent(desk)) == ("approved", [])


# Taken back, elsewhere, several cases


def test_an_order_that_was_not_accepted_is_taken_back(desk: Desk) -> None:
    order = place(desk, request(desk))

    assert orders.cancel(desk.engine, ANNA, order.order_key, "ausverkauft", desk.now)
    assert (desk.case.state, desk.case.under_way) == ("approved", 0)
    message = stored_message(desk.engine, order.order_key)
    assert message is not None
    assert (message.state, message.problem.code) == ("failed", "order.withdrawn")
    again = lambda: orders.cancel(desk.engine, ANNA, order.order_key, "x", desk.now)  # noqa: E731
    assert refusal(again) == "order.not_under_way"
    assert refusal(lambda: orders.cancel(desk.engine, ANNA, "x\0", "x", desk.now)) == "order.unknown"
    assert place(desk, request(desk)).order_key != order.order_key


def test_a_postponed_order_is_taken_back_too_and_no_reason_is_no_reason(desk: Desk) -> None:
    order = place(desk, request(desk))
    until = desk.now.date() + timedelta(days=5)
    changes.postpone(desk.engine, ANNA, desk.case.case_id, until, "Ferien", desk.now, ZURICH)

    assert refusal(lambda: orders.cancel(desk.engine, ANNA, order.order_key, " ", desk.now)) == "case.needs.reason"
    assert desk.case.state == "postponed"
    orders.cancel(desk.engine, ANNA, order.order_key, "abgelehnt", desk.now)
    assert (desk.case.state, desk.case.under_way) == ("approved", 0)


def test_who_closes_a_case_short_stops_its_message(desk: Desk) -> None:
    order = place(desk, request(desk))
    assert refusal(lambda: changes.close(desk.engine, ANNA, desk.case.case_id, "", desk.now)) == "case.needs.reason"
    changes.close(desk.engine, ANNA, desk.case.case_id, "Kunde zieht zurück", desk.now)

    message = stored_message(desk.engine, order.order_key)
    assert message is not None
    assert message.state == "failed"
    assert [one.state for one in progress_of(desk.events(desk.case))] == ["short"]


def test_what_was_ordered_elsewhere_is_noted_and_sends_nothing(desk: Desk) -> None:
    order = place(desk, OrderRequest({desk.case.number: 5}, send=False, reference="Telefon 12.1."))

    assert (order.how, order.reference, order.case_ids) == ("outside", "Telefon 12.1.", [desk.case.case_id])
    assert (desk.case.state, orders_sent(desk)) == ("ordered", [])
    desk.read(15, 10)
    assert desk.case.outcome == "delivered"


def test_a_file_is_fetched_by_a_person_and_has_no_formula(desk: Desk) -> None:
    keep(desk.engine, ADMIN, replace(distributor(desk), how="file", address=""))
    order = place(desk, request(desk, term="=HYPERLINK(1)", customer_number="-2+3", cost_centre="a\nb;=1"))

    assert orders_sent(desk) == []
    heading, row = list(csv.reader(io.StringIO(order.csv), delimiter=";"))
    values = dict(zip(heading, row, strict=True))
    assert (values["Menge"], values["Artikel"], values["Bestellung"]) == ("5", "AAA-1", order.order_key)
    assert (values["Laufzeit"], values["Kundennummer"]) == ("'=HYPERLINK(1)", "'-2+3")


def test_a_webhook_gets_the_order_under_its_key(desk: Desk) -> None:
    add_channel(desk.engine, Channel("hook", "Also", "webhook", {}), lambda: "", entry(), NOON)
    keep(desk.engine, ADMIN, replace(distributor(desk), how="webhook", channel_id="hook"))
    order = place(desk, request(desk, 10))

    message = stored_message(desk.engine, order.order_key)
    assert message is not None
    assert (message.channel_id, message.recipient) == ("hook", "")
    assert message.data["orderKey"] == order.order_key
    assert message.data["lines"] == [
        {"case": "2027-0001", "article": "AAA-1", "skuId": SPB, "partNumber": "SPB", "product": PREMIUM, "quantity": 10}
    ]


def test_several_cases_of_a_customer_are_one_order(desk: Desk) -> None:
    desk.read_all([License(SPB, "SPB", 10, 10), License("e3", "E3", 3, 3)])
    first, second = desk.cases
    changes.bundle(desk.engine, ANNA, [first.case_id, second.case_id], desk.now)
    both = OrderRequest(
        {first.case_id: 5, second.case_id: 2}, distributor(desk).distributor_id, mca_accepted=True
    )  # fmt: skip
    assert refusal(lambda: place(desk, both)) == "case.not_possible.open"
    changes.approve(desk.engine, ANNA, second.case_id, 2, "Rahmenvertrag", desk.now)

    order = place(desk, both)

    assert len(orders_sent(desk)) == 1
    assert "- 2 x E3, Artikel AAA-2" in order.body
    desk.read_all([License(SPB, "SPB", 15, 10), License("e3", "E3", 4, 3)])
    assert [(case.state, case.under_way) for case in desk.cases] == [("closed", 0), ("partly_delivered", 1)]
    orders.cancel(desk.engine, ANNA, order.order_key, "Rest gestrichen", desk.now)
    assert [case.state for case in desk.cases] == ["closed", "approved"]


# Warnings


@pytest.mark.parametrize(("prepare", "quantity", "warnings"), [
    (lambda desk: None, 5, []),
    (lambda desk: None, 10, ["order.warn.more_than_agreed"]),
    (lambda desk: place(desk, request(desk)), 5, ["order.warn.under_way", "order.warn.more_than_agreed"]),
    (lambda desk: setattr(desk, "now", desk.now + timedelta(days=31)), 5, ["order.warn.old_agreement"]),
    (lambda desk: renew(desk, 59), 5, ["order.warn.renewal"]),
    (lambda desk: renew(desk, 61), 5, []),
    (lambda desk: renew(desk, 5, is_trial=True), 5, []),
    (lambda desk: renew(desk, 5, status="Suspended"), 5, []),
    (lambda desk: desk.read(10, 10, warning=3), 5, ["order.warn.lapsed"]),
    (lambda desk: desk.read(20, 10), 5, ["order.warn.free"]),
])  # fmt: skip
def test_the_preview_says_what_a_person_should_know(
    desk: Desk, prepare: Callable[[Desk], object], quantity: int, warnings: list[str]
) -> None:
    prepare(desk)
    shown = preview(desk, request(desk, quantity)).warnings

    assert [warning.code for warning in shown] == warnings
    assert all(has_text(warning.code) for warning in shown)


def renew(desk: Desk, days: int, *, is_trial: bool = False, status: str = "Enabled") -> None:
    at = desk.now + timedelta(days=days)
    subscription = Subscription("s", SPB, "SPB", status, 10, is_trial, None, at)
    save_subscriptions(desk.engine, [SubscriptionReading(SCHOOL, [subscription], desk.now)])


def test_without_the_customers_agreement_with_microsoft_it_says_so(desk: Desk) -> None:
    assert [one.code for one in preview(desk, request(desk, mca_accepted=False)).warnings] == ["order.warn.mca"]


# Bad input


@pytest.mark.parametrize(("values", "fault"), [
    ({"quantity": 0}, "quantity:"), ({"quantity": 100_000}, "quantity:"), ({"quantity": 7}, "quantity:"),
    ({"quantity": True}, "quantity:"), ({"distributor_id": "nobody"}, "distributor_id"),
    ({"expected_at": date(2027, 1, 14)}, "expected_at"), ({"expected_at": date(2029, 1, 1)}, "expected_at"),
    ({"term": "x" * 61}, "term"), ({"reference": "x" * 101}, "reference"),
])  # fmt: skip
def test_what_is_wrong_is_told_at_its_field(desk: Desk, values: dict[str, Any], fault: str) -> None:
    (field,) = faults(lambda: place(desk, request(desk, **values)))

    assert field.startswith(fault)
    assert desk.case.state == "approved"


def test_a_missing_article_is_told_at_its_line_and_may_be_given_there(desk: Desk) -> None:
    keep(desk.engine, ADMIN, replace(distributor(desk), articles={}))
    case_id = desk.case.case_id

    assert faults(lambda: preview(desk, request(desk))) == {f"article:{case_id}": "order.no_article"}
    assert preview(desk, request(desk, articles={case_id: "Z-9"})).content.lines[0].article == "Z-9"


def test_only_who_works_on_cases_orders_and_only_admins_change_distributors(desk: Desk) -> None:
    viewer = replace(ANNA, role="viewer")
    for call in (lambda: place(desk, request(desk), actor=viewer), lambda: keep(desk.engine, ANNA, ALSO)):
        with pytest.raises(NotAllowed):
            call()


@pytest.mark.parametrize(("values", "fault"), [
    ({"name": " "}, ("name", "chosen_name.missing")),
    ({"name": "ALSO ag"}, ("name", "chosen_name.taken")),
    ({"address": ""}, ("address", "distributor.address_missing")),
    ({"address": "a@b@c"}, ("address", "distributor.no_address")),
    ({"how": "fax"}, ("how", "distributor.how_unknown")),
    ({"how": "webhook"}, ("channel_id", "distributor.channel_missing")),
    ({"subject": "{{ custumer }}"}, ("subject", "template.unknown_near")),
    ({"subject": "a\nb"}, ("subject", "distributor.subject_lines")),
    ({"body": "{% for line in lines %}{{ line.price }}{% endfor %}"}, ("body", "template.unknown_part")),
    ({"body": ""}, ("body", "distributor.template_missing")),
    ({"delivery_days": 0}, ("delivery_days", "distributor.days")),
    ({"cost_centre": "x" * 61}, ("cost_centre", "distributor.too_long")),
    ({"articles": {"SPB": Article("", 1)}}, ("articles", "distributor.article_missing")),
    ({"articles": {"SPB": Article("A", 0)}}, ("articles", "distributor.package")),
    ({"language": "xx"}, ("language", "distributor.language")),
])  # fmt: skip
def test_a_wrong_distributor_is_told_at_its_field(
    desk: Desk, values: dict[str, Any], fault: tuple[str, str]
) -> None:  # fmt: skip
    other = replace(ALSO, name="Andere", **values) if "name" not in values else replace(ALSO, **values)

    assert faults(lambda: keep(desk.engine, ADMIN, other)) == dict([fault])
    assert len(all_distributors(desk.engine)) == 1


def test_of_two_who_change_a_distributor_the_second_is_told(desk: Desk) -> None:
    seen = distributor(desk)
    assert keep(desk.engine, ADMIN, replace(seen, delivery_days=3)).version == 2
    assert faults(lambda: keep(desk.engine, ADMIN, seen)) == {"": "distributor.changed_meanwhile"}
    assert faults(lambda: remove(desk.engine, ADMIN, seen)) == {"": "distributor.changed_meanwhile"}
    order = place(desk, request(desk))
    remove(desk.engine, ADMIN, distributor(desk))
    assert find(desk.engine, "also ag") is None
    assert orders_by_key(desk.engine, [order.order_key])[order.order_key].distributor == "Also AG"


def test_a_distributor_without_its_mail_server_is_told_before_anything_is_ordered(database: Engine) -> None:
    desk = Desk(database)
    desk.read(10, 10)
    changes.approve(database, ANNA, desk.case.case_id, 5, "Rahmenvertrag", desk.now)
    keep(database, ADMIN, ALSO)

    assert faults(lambda: preview(desk, request(desk))) == {"distributor_id": "order.no_mail_channel"}


# Late


def test_a_late_order_is_told_once_for_each_day_that_was_promised(desk: Desk) -> None:
    order = place(desk, request(desk))
    assert order.expected_at == desk.now.date() + timedelta(days=5)

    def told_after(days: int) -> int:
        return tell_late_orders(desk.engine, ZURICH, desk.now + timedelta(days=days))

    assert [told_after(days) for days in (5, 6, 7)] == [0, 1, 0]
    assert desk.kinds(desk.case)[-1] == "reminded"
    later = desk.now.date() + timedelta(days=10)
    orders.confirm(desk.engine, ANNA, order.order_key, "AB-1", later, desk.now + timedelta(days=7), ZURICH)
    assert [told_after(days) for days in (10, 11, 12)] == [0, 1, 0]
    late = [message for message in list_messages(desk.engine, limit=20) if message.kind == "late_order"]
    assert [(message.recipient, "AB-1" in message.body) for message in reversed(late)] == [
        ("desk@example.ch", False), ("desk@example.ch", True)
    ]  # fmt: skip


def test_a_late_order_needs_attention_until_it_has_come_or_another_day_is_promised(desk: Desk) -> None:
    order, day = place(desk, request(desk)), desk.now.date()

    def late(days: int) -> list[tuple[str, str]]:
        found = order_conditions(overdue_orders(desk.engine, day + timedelta(days=days)))
        return [(one.problem.code, one.problem.params["tenant"]) for one in found]

    assert [late(5), late(6)] == [[], [("order.late", "Höri")]]
    orders.confirm(desk.engine, ANNA, order.order_key, "AB-1", day + timedelta(days=10), desk.now, ZURICH)
    assert [late(10), late(11)] == [[], [("order.late", "Höri")]]
    desk.read(15, 10)
    assert late(11) == []


def test_a_late_order_is_of_its_tenant_as_it_is_now(desk: Desk) -> None:
    place(desk, request(desk))

    def late() -> list[str]:
        return [one.tenant for one in overdue_orders(desk.engine, desk.now.date() + timedelta(days=6))]

    assert late() == ["Höri"]
    ends = desk.now + timedelta(days=90)
    renamed = [ProfileTenant(SCHOOL, "hoeri", "Höri neu", ends), ProfileTenant(OFFICE, "bau", "Bau", ends)]
    save_profiles(desk.engine, renamed, {})
    with transaction(desk.engine) as connection:
        increase_version(connection)  # as at the end of the refresh that has read the profile
    assert late() == ["Höri neu"]
    forget_tenant(desk.engine, SCHOOL, hide=True)
    assert late() == []


def test_what_has_come_or_was_taken_back_is_not_late(desk: Desk) -> None:
    place(desk, request(desk))
    desk.read(15, 10)

    assert tell_late_orders(desk.engine, ZURICH, desk.now + timedelta(days=9)) == 0
    assert [message.kind for message in list_messages(desk.engine, limit=20) if message.kind == "late_order"] == []


def test_the_desk_is_told_once_what_has_come_a_part_and_all_and_more(desk: Desk) -> None:
    place(desk, request(desk))
    for enabled in (12, 12, 11, 12, 18, 18):
        desk.read(enabled, 10)

    news = [one for one in list_messages(desk.engine, limit=20) if one.kind == "delivery"]
    assert {one.subject for one in news} == {
        "Teil der Lieferung da: SPB bei Höri",
        "Mehr geliefert als bestellt: SPB bei Höri",
    }
    assert [(one.data["delivered"], one.data["ordered"], one.data["surplus"]) for one in reversed(news)] == [
        (2, 5, 0), (5, 5, 3)
    ]  # fmt: skip


def test_news_about_a_case_lead_to_its_page_where_people_reach_it() -> None:
    message = Message(
        "m", "k", "delivery", None, "c", "", "de", "s", "Text\n", NOON, NOON, NOON, data={"number": "2027-0001"}
    )  # fmt: skip

    assert with_links("Text\n", message, "https://x.example") == "Text\n\nhttps://x.example/fall?nummer=2027-0001\n"
    assert with_links("Text\n", message, "") == "Text\n"
    for other in (replace(message, data={}), replace(message, kind="order")):  # nothing about us to distributors
        assert with_links("Text\n", other, "https://x.example") == "Text\n"


def test_the_timeline_says_that_it_is_late_and_what_came_beyond_the_order(desk: Desk) -> None:
    place(desk, request(desk))
    tell_late_orders(desk.engine, ZURICH, desk.now + timedelta(days=6))
    desk.now += timedelta(days=6)
    desk.read(18, 10)

    said = {event.kind: event_sentence(event, "", "de") for event in desk.events(desk.case)}
    assert said["reminded"] == "stellt fest, dass die Lieferung überfällig ist, erwartet bis 20.01.2027"
    assert said["delivered"] == "stellt die Lieferung fest: 5, und 3 mehr als bestellt"
