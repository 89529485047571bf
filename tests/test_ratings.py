"""A customer is told once that its order is there, and may rate it once, by the link in that mail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from core.cache.database import open_database
from core.cache.message_rows import Message, list_messages
from core.cache.schema import consents, contacts, tenants
from core.cache.sql import transaction
from core.cases import changes
from core.cases.consent_rules import LONGEST_COMMENT
from core.cases.figures import known_results, total_figures
from core.cases.rating_rules import Rating
from core.cases.ratings import RatingClosed, rate, tell_delivered
from core.cases.writing import need_case, write
from core.customer_texts import customer_catalogue
from core.messages.delivery import whole_body
from core.secrets import secret_rotation
from core.settings import Settings
from tests.case_world import ANNA, ZURICH
from tests.consent_world import ADDRESS, Office, answer_of, completed, dump, open_office, path_of
from tests.test_messages import keep, smtp
from web.headers import PLAIN_POLICY

YES = {"decision": "given", "name": "Petra Beispiel"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield mailing_office(engine, tmp_path)
    engine.dispose()


def mailing_office(engine: Engine, folder: Path) -> Office:
    secret_rotation.prepare(engine, Settings(data_dir=folder))
    keep(engine, smtp(25))
    return open_office(engine)


def approve(office: Office, *, send: bool = True) -> None:
    """Let the customer approve what it was asked, and order it."""
    office.page(path_of(office.ask(send=send)), YES)
    with transaction(office.engine) as connection:
        case = need_case(connection, office.desk.cases[0].case_id)
        data = {"quantity": 5, "order_key": "k", "baseline": 10, "delivered_before": 0}
        write(connection, case, "ordered", data, ANNA, office.desk.now)


def deliver(office: Office) -> None:
    office.desk.read(15, 14)
    assert office.desk.cases[0].state == "closed"


def tell(office: Office) -> int:
    return tell_delivered(office.engine, ZURICH, ADDRESS, office.desk.now)


def closing_mails(office: Office) -> list[Message]:
    return [one for one in list_messages(office.engine, limit=50) if one.kind == "delivered"]


def link_of(office: Office) -> str:
    """The path of the link in the closing mail."""
    (mail,) = closing_mails(office)
    (line,) = [line for line in whole_body(office.engine, mail).splitlines() if line.startswith(ADDRESS)]
    return line.removeprefix(ADDRESS)


def asked_to_rate(office: Office) -> str:
    """The path of the link, after approval and delivery."""
    approve(office)
    deliver(office)
    assert tell(office) == 1
    return link_of(office)


def ratings(office: Office) -> list[tuple[int, str, str]]:
    events = [event for case in office.desk.cases for event in office.desk.events(case) if event.kind == "rated"]
    return [(event.data["stars"], event.data["comment"], event.actor_name) for event in events]


# The mail


def test_whoever_approved_by_mail_is_told_once_that_it_is_there_in_its_language(office: Office) -> None:
    approve(office)
    assert tell(office) == 0  # not before it is there
    deliver(office)

    assert [tell(office), tell(office)] == [1, 0]
    (mail,) = closing_mails(office)
    assert (mail.recipient, mail.language) == ("petra@example.ch", "fr")
    assert mail.subject == customer_catalogue("fr")["rating.mail.subject"]
    assert link_of(office).removeprefix("/bewertung/") not in mail.body + mail.secret


def test_a_case_that_comes_back_and_is_delivered_again_sends_no_second_mail(office: Office) -> None:
    path = asked_to_rate(office)
    changes.reopen(office.engine, ANNA, office.desk.case.case_id, "doch nicht", office.desk.now)
    assert customer_catalogue("fr")["rating.end.open_again"] in office.page(path)[2].replace("&#39;", "'")
    changes.close(office.engine, ANNA, office.desk.case.case_id, "erledigt", office.desk.now)

    assert tell(office) == 0


def recovered(office: Office) -> None:
    for _ in range(3):
        office.desk.read(20, 14)


def handed_over(office: Office) -> None:
    approve(office, send=False)
    deliver(office)


def contact_left(office: Office) -> None:
    approve(office)
    deliver(office)
    with office.engine.begin() as connection:
        connection.execute(update(contacts).values(valid_until=office.desk.now.date() - timedelta(days=1)))


def tenant_leaves(office: Office) -> None:
    approve(office)
    deliver(office)
    with office.engine.begin() as connection:
        connection.execute(update(tenants).values(has_profile=False))


def long_ago(office: Office) -> None:
    approve(office)
    deliver(office)
    office.desk.now += timedelta(days=3, minutes=1)


@pytest.mark.parametrize("story", [recovered, handed_over, contact_left, tenant_leaves, long_ago])
def test_nobody_is_mailed_who_was_not_asked_by_mail_or_should_not_be_any_more(
    office: Office, story: Callable[[Office], None]
) -> None:
    story(office)

    assert tell(office) == 0
    assert closing_mails(office) == []


# The page


def test_a_customer_rates_on_its_page_and_case_and_figures_know_it(database: Engine, tmp_path: Path) -> None:
    office = mailing_office(database, tmp_path)
    path = asked_to_rate(office)

    status, headers, shown = office.page(path)
    assert (status, 'lang="fr"' in shown, "<script" in shown, "set-cookie" in headers) == (200, True, False, False)
    assert (headers["referrer-policy"], headers["content-security-policy"]) == ("no-referrer", PLAIN_POLICY)
    assert office.page(path, {"stars": "4", "comment": "Merci"})[0] == 200

    assert ratings(office) == [(4, "Merci", "Petra Beispiel")]
    assert (office.desk.case.state, office.desk.case.outcome) == ("closed", "delivered")
    figures = total_figures(known_results(database, ZURICH))
    assert (figures.rating, figures.rated, figures.ended) == (4, 1, 1)


def test_looks_of_scanners_change_no_row(office: Office) -> None:
    path = asked_to_rate(office)
    before = dump(office.engine)

    async def look_often() -> set[int]:
        calls = [("HEAD" if number % 2 else "GET", f"scanner {number % 10}") for number in range(100)]
        return {(await answer_of(office.router, path, None, method, agent=agent))[0] for method, agent in calls}

    assert completed(look_often()) == {200}
    assert dump(office.engine) == before


def expire(office: Office) -> None:
    office.desk.now += timedelta(days=30)


def revoke(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(update(contacts).values(valid_until=office.desk.now.date() - timedelta(days=1)))


def leave(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(update(tenants).values(has_profile=False))


def rate_once(office: Office) -> None:
    office.page(link_of(office), {"stars": "1"})


ENDS: dict[str, tuple[Callable[[Office], None], int]] = {
    "expired": (expire, 410), "contact_left": (revoke, 403), "unknown": (leave, 404), "rated": (rate_once, 410),
}  # fmt: skip


@pytest.mark.parametrize("why", ENDS)
def test_a_link_by_which_nobody_can_rate_says_why(office: Office, why: str) -> None:
    path = asked_to_rate(office)
    ENDS[why][0](office)
    before = dump(office.engine)

    for form in (None, {"stars": "5"}):
        status, _, shown = office.page(path, form)
        language = "de" if why == "unknown" else "fr"
        assert (status, customer_catalogue(language)[f"rating.end.{why}"] in shown.replace("&#39;", "'")) == (
            ENDS[why][1], True,
        )  # fmt: skip
    assert dump(office.engine) == before


@pytest.fixture
def open_path(office: Office) -> tuple[Office, str]:
    return office, asked_to_rate(office)


WRONG_STARS = st.text(max_size=5).filter(lambda text: text not in ("1", "2", "3", "4", "5"))


@given(
    st.one_of(WRONG_STARS, st.sampled_from(["0", "6", "-1", " 5", "5.0", "٣", "5\x00"])),
    st.sampled_from(["", "Danke", "x" * (LONGEST_COMMENT + 1)]),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_no_rating_is_told_at_its_field_and_kept_nowhere(
    open_path: tuple[Office, str], stars: str, comment: str
) -> None:
    office, path = open_path

    status, _, shown = office.page(path, {"stars": stars, "comment": comment})

    assert (status, 'id="fault-stars"' in shown) == (422, True)
    assert ('id="fault-comment"' in shown) == (len(comment) > LONGEST_COMMENT)
    assert ratings(office) == []


def test_of_two_ratings_at_once_one_counts(database: Engine, tmp_path: Path) -> None:
    office = mailing_office(database, tmp_path)
    token, said = asked_to_rate(office).rpartition("/")[2], []
    begin = threading.Barrier(2)

    def answer(stars: str) -> None:
        begin.wait(30)
        try:
            rate(database, token, Rating(stars), office.desk.now, ZURICH, "")
            said.append("done")
        except RatingClosed as closed:
            said.append(closed.why)

    threads = [threading.Thread(target=answer, args=(stars,)) for stars in "15"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(said) == ["done", "rated"]
    assert len(ratings(office)) == 1


def test_a_rating_goes_with_its_tenant(office: Office) -> None:
    asked_to_rate(office)
    with office.engine.begin() as connection:
        connection.execute(consents.delete())

    assert dump(office.engine)["rating_links"] == []
