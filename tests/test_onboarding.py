"""Adding a tenant: each step with its faults, again after a crash, cancelled, and one summary in place of messages."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from core.attention.conditions import onboarding_conditions
from core.attention.facts import Facts
from core.audit import Search, find
from core.cache.contact_rows import contact_rows
from core.cache.onboarding_rows import (
    STEPS,
    Onboarding,
    all_onboardings,
    change,
    find_onboarding,
    log_of,
    unseen_summaries,
)
from core.cache.readings import stored_licenses
from core.cache.tenant_rows import tenant_rows
from core.onboarding import advance as advancing
from core.onboarding.advance import OnboardingBusy, OnboardingEnded, advance, cancel, claimed
from core.onboarding.certificate_step import public_file
from core.onboarding.consent_link import begin_consent, take_answer
from core.onboarding.first_read_step import acknowledge_summary
from core.onboarding.job import Given
from core.onboarding.request import Request
from core.onboarding.start import OnboardingRefused, start
from core.roles import Actor, NotAllowed
from simulator.certificates import rsa_key, write_app_certificate
from simulator.tenants import Tenant
from tests.held_refresh import Hold
from tests.office import Office, open_office

CARLA = Actor("carla", "admin", "page")
SKUS = {"SPB": (10, 10), "POWER_BI_PRO": (5, 7), "VISIOCLIENT": (4, 1)}
DOMAIN = "hoeri.example"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An empty installation with a SharePoint site, and a customer in Microsoft 365."""
    with open_office(tmp_path) as opened:
        opened.m365.add_customer("Schule Höri", SKUS, domain=DOMAIN)
        yield opened


def customer(office: Office) -> Tenant:
    return office.m365.find_tenant("Schule Höri")


def key_file(folder: Path, number: int = 0, days: float = 365) -> Path:
    """A PEM with key and certificate, as another tool has made it; its key costs the test nothing."""
    path = folder / f"other-tool-{number}.pem"
    write_app_certificate(path, "Other tool", rsa_key(number), days)
    return path


def begun(office: Office) -> Onboarding:
    return start(office.services, Request("Schule Höri", DOMAIN), CARLA)


def with_key(office: Office) -> Onboarding:
    """The certificate is there, the registration is next."""
    key = Given(certificate=key_file(office.settings.data_dir))
    return advance(office.services, office.refresher, begun(office).onboarding_id, CARLA, key)


def register(office: Office, onboarding: Onboarding) -> str:
    """Do in the portal what the page says; return the client id."""
    portal, tenant = office.m365.portal, customer(office)
    client_id = portal.register_app(tenant)
    portal.upload(tenant, public_file(office.services, onboarding).read_bytes())
    portal.consent(tenant)
    return client_id


def ended(office: Office, onboarding: Onboarding, **given: Any) -> Onboarding:
    """Go on until the tenant is read, or something is wrong."""
    onboarding = advance(office.services, office.refresher, onboarding.onboarding_id, CARLA, Given(**given))
    if onboarding.run_id:
        office.end_of(onboarding.run_id)
        onboarding = advance(office.services, office.refresher, onboarding.onboarding_id, CARLA)
    return onboarding


def added(office: Office) -> Onboarding:
    onboarding = with_key(office)
    return ended(office, onboarding, client_id=register(office, onboarding))


def profiles(office: Office) -> list[str]:
    return sorted(path.name for path in office.settings.profiles_dir.glob("*") if path.is_file())


def keys(office: Office) -> list[str]:
    certs = office.settings.profiles_dir.parent / "certs"
    return sorted(path.name for path in certs.glob("schule-hoeri*/*"))


def listed(office: Office) -> list[Any]:
    return [item.fields["Title"] for item in office.sharepoint.tenants.items]


# The whole way


def test_a_tenant_is_read_and_its_shortages_are_one_summary(office: Office) -> None:
    onboarding = added(office)

    assert onboarding.state == "done"
    assert onboarding.summary is not None
    assert [one["product"] for one in onboarding.summary["shortages"]] == [
        "Microsoft 365 Business Premium", "Power BI Pro",
    ]  # fmt: skip
    assert listed(office) == ["Schule Höri"]
    assert stat.S_IMODE((office.settings.profiles_dir / profiles(office)[0]).stat().st_mode) == 0o600
    office.settle()
    assert office.messages == []
    assert {row["technician_informed"] for row in office.rows() if row["Frei"] <= 0} == {True}


def test_a_later_shortage_is_told_alone_exactly_once(office: Office) -> None:
    added(office)
    office.settle()
    customer(office).set_sku("VISIOCLIENT", consumed=4)

    office.settle()
    office.settle()

    assert office.messages == ["Schule Höri: Visio Plan 2 (VISIOCLIENT)"]


def test_a_refresh_of_others_in_between_tells_no_product(office: Office) -> None:
    onboarding = with_key(office)
    register(office, onboarding)
    stop = Given(client_id=customer(office).client_id)
    advance(office.services, office.refresher, onboarding.onboarding_id, CARLA, stop, until="first_read")

    office.settle()  # the timetable comes before the first reading
    onboarding = ended(office, onboarding)

    assert onboarding.summary is not None
    assert len(onboarding.summary["shortages"]) == 2
    office.settle()
    assert office.messages == []


def test_the_summary_is_a_condition_until_somebody_acknowledges_it(office: Office) -> None:
    onboarding = added(office)
    assert [one.slug for one in unseen_summaries(office.engine)] == ["schule-hoeri"]

    support = Actor("anna", "support", "page")
    assert acknowledge_summary(office.engine, onboarding, support, office.now())

    assert not acknowledge_summary(office.engine, onboarding, support, office.now())
    assert unseen_summaries(office.engine) == []
    viewer = Actor("vera", "viewer", "page")
    with pytest.raises(NotAllowed):
        acknowledge_summary(office.engine, onboarding, viewer, office.now())


def test_the_row_is_added_after_one_look_at_the_list(office: Office) -> None:
    onboarding = with_key(office)
    given = Given(client_id=register(office, onboarding))
    advance(office.services, None, onboarding.onboarding_id, CARLA, given, until="list")
    office.m365.reset_requests()
    advance(office.services, None, onboarding.onboarding_id, CARLA, until="first_read")

    assert listed(office) == ["Schule Höri"]
    assert office.m365.count("GET", f"{office.sharepoint.tenants.id}/items") == 1


def test_a_summary_without_shortages_needs_nobody(office: Office) -> None:
    for sku in ("SPB", "POWER_BI_PRO"):
        customer(office).set_sku(sku, enabled=100)
    onboarding = added(office)

    assert onboarding.summary == {"products": 3, "shortages": []}
    assert onboarding.seen_at == onboarding.ended_at is not None


def test_to_look_for_the_first_reading_stores_nothing(office: Office) -> None:
    onboarding = with_key(office)
    given = Given(client_id=register(office, onboarding))
    held = Hold(office, after=2, times=3)  # consent and test have read once each
    waiting = advance(office.services, office.refresher, onboarding.onboarding_id, CARLA, given)
    assert held.reached.wait(20)

    with claimed(office.services, onboarding.onboarding_id):  # by somebody else, who is not disturbed
        looked = advance(office.services, office.refresher, onboarding.onboarding_id, CARLA)
        assert (looked.next_step, looked.steps) == ("first_read", waiting.steps)
    held.go.set()
    office.end_of(waiting.run_id)


def test_an_onboarding_that_is_not_finished_after_a_day_is_a_condition(office: Office) -> None:
    onboarding = with_key(office)
    facts = Facts(unfinished=all_onboardings(office.engine))

    assert list(onboarding_conditions(facts, onboarding.created_at + timedelta(hours=23))) == []
    (condition,) = onboarding_conditions(facts, onboarding.created_at + timedelta(hours=25))
    assert (condition.level, condition.problem.code) == ("warning", "onboarding.unfinished")
    said = condition.settled("de", str).text("de")
    assert "Die Anwendung im Entra Admin Center registrieren" in said


@pytest.mark.parametrize(("tenants", "codes"), [(2, ["shortages_found"] * 2), (3, ["shortages_found_many"])])
def test_many_first_readings_share_a_condition(tenants: int, codes: list[str]) -> None:
    now = datetime.now(UTC)
    summary = {"products": 1, "shortages": [{"product": "Visio"}]}
    done = Onboarding("1", "1", "A", "a", "own", "", "", [], "", "", "done", "x", now, now, now, summary=summary)

    found = onboarding_conditions(Facts(unseen=[done] * tenants), now)

    assert [one.problem.code for one in found] == [f"onboarding.{code}" for code in codes]


def test_the_log_says_every_step_with_its_time_and_the_audit_the_end(office: Office) -> None:
    onboarding = added(office)

    lines = log_of(office.engine, onboarding.onboarding_id)
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    assert list(dict.fromkeys(line.step for line in lines)) == ["", *STEPS]
    assert [line.said.code for line in lines if line.step == "test"] == [
        "onboarding.test_token", "onboarding.test_read", "check.no_renewals",
    ]  # fmt: skip
    rows, _ = find(office.engine, CARLA, Search(actions=["tenant.onboarding_started", "tenant.onboarded"]), limit=9)
    assert [row.action for row in rows] == ["tenant.onboarded", "tenant.onboarding_started"]


@pytest.mark.parametrize(
    ("given", "stored", "said"),
    [
        ("Petra Muster <petra@hoeri.example>", [("Petra Muster", "petra@hoeri.example")], "onboarding.contact_added"),
        ("Frau Muster, 044 123 45 67", [], "onboarding.contact_wrong"),  # of a version that took any text
    ],
)
def test_the_contact_is_stored_with_the_tenant_and_goes_with_it(
    office: Office, given: str, stored: list[tuple[str, str]], said: str
) -> None:
    onboarding = with_key(office)
    change(office.engine, onboarding.onboarding_id, contact=given)
    register(office, onboarding)
    client = Given(client_id=customer(office).client_id)
    advance(office.services, office.refresher, onboarding.onboarding_id, CARLA, client, until="first_read")
    assert [(one.name, one.email) for one in contact_rows(office.engine)] == stored
    assert said in [line.said.code for line in log_of(office.engine, onboarding.onboarding_id)]

    cancel(office.services, onboarding.onboarding_id, CARLA)

    assert contact_rows(office.engine) == []


def test_without_a_sharepoint_profile_there_is_no_list_to_write(office: Office) -> None:
    for file in (office.settings.profiles_dir / "sharepoint").iterdir():
        file.unlink()

    onboarding = added(office)

    assert (onboarding.state, onboarding.step("list").state) == ("done", "skipped")


# Who, what, twice


def test_only_an_administrator_adds_tenants(office: Office) -> None:
    with pytest.raises(NotAllowed):
        start(office.services, Request("Schule Höri", DOMAIN), Actor("anna", "support", "page"))

    assert all_onboardings(office.engine) == []


def test_to_start_again_goes_on_with_the_open_one(office: Office) -> None:
    first = with_key(office)

    again = start(office.services, Request("Schule Höri", first.tenant_id), CARLA)

    assert (again.onboarding_id, again.next_step) == (first.onboarding_id, "registration")


@pytest.mark.parametrize(
    ("request_", "codes"),
    [
        (Request("", DOMAIN), ["onboarding.no_name"]),
        (Request("Schule\x00 Höri", DOMAIN), ["profile.control_sign"]),
        (Request("Neu", "keine domäne"), ["onboarding.no_tenant"]),
        (Request("Neu", "unknown.example"), ["onboarding.tenant_unknown"]),
        (Request("Neu", "us.example"), ["onboarding.other_cloud"]),
        (Request("Neu", DOMAIN, client_id="1234"), ["onboarding.no_client_id"]),
        (Request("Bau AG Chur", DOMAIN), ["onboarding.name_taken"]),
        (Request("Bau", "chur.example"), ["onboarding.known"]),
        (Request("Neu", DOMAIN, shared=True), ["onboarding.no_shared_app"]),
        (Request("Neu", DOMAIN, contact="Petra"), ["onboarding.contact_wrong"]),
        (Request("Neu", DOMAIN, contact="P <p@a.ch>\nBcc: <x@a.ch>"), ["onboarding.contact_wrong"]),
        (Request("Neu", DOMAIN, contact="\x1b[31m <p@a.ch>"), ["onboarding.contact_name_wrong"]),
        (Request("Neu", DOMAIN, contact="x" * 10_000), ["onboarding.too_long", "onboarding.contact_wrong"]),
        (Request("", "", client_id="x"), ["onboarding.no_name", "onboarding.no_tenant", "onboarding.no_client_id"]),
    ],
)
def test_every_fault_of_a_request_is_told_and_nothing_is_begun(
    office: Office, request_: Request, codes: list[str]
) -> None:
    office.m365.add_tenant("Bau AG Chur").domains = {"chur.example"}
    office.m365.portal.other_clouds = {"us.example": "microsoftonline.us"}

    with pytest.raises(OnboardingRefused) as refused:
        start(office.services, request_, CARLA)

    assert [fault.code for fault in refused.value.faults] == codes
    assert all_onboardings(office.engine) == []


def test_a_short_name_with_a_certificate_gets_a_number(office: Office) -> None:
    certs = office.settings.profiles_dir.parent / "certs"
    (certs / "schule-hoeri").mkdir(parents=True)
    (certs / "schule-hoeri" / "mycert_schule-hoeri.pem").write_text("somebody's")
    (certs / "export.pfx").write_text("beside it")

    onboarding = with_key(office)

    assert (onboarding.slug, onboarding.next_step) == ("schule-hoeri-2", "registration")


def test_the_tenant_id_in_place_of_the_client_id_is_refused(office: Office) -> None:
    onboarding = with_key(office)

    onboarding = ended(office, onboarding, client_id=onboarding.tenant_id)

    assert onboarding.step("registration").problem is not None
    assert onboarding.step("registration").problem.code == "onboarding.client_is_tenant"  # type: ignore[union-attr]


def test_the_client_id_of_another_tenant_is_refused_by_name(office: Office) -> None:
    other = office.m365.add_tenant("Bau AG Chur")
    onboarding = ended(office, with_key(office), client_id=other.client_id)

    problem = onboarding.step("registration").problem
    assert problem is not None
    assert (problem.code, problem.params["other"]) == ("onboarding.client_of_another", "Bau AG Chur")
    assert onboarding.next_step == "registration"


def test_a_wrong_client_id_can_be_corrected_while_the_consent_waits(office: Office) -> None:
    onboarding = with_key(office)
    right, wrong = register(office, onboarding), "11111111-2222-4333-8444-555555555555"
    onboarding = ended(office, onboarding, client_id=wrong)
    assert (onboarding.next_step, onboarding.step("consent").problem.code) == (  # type: ignore[union-attr]
        "consent", "signin.app_unknown",
    )  # fmt: skip

    onboarding = ended(office, onboarding, client_id=right)

    assert (onboarding.state, onboarding.client_id) == ("done", right)


# Microsoft takes its time


def test_a_consent_that_has_no_effect_yet_waits_and_is_tried_again(office: Office) -> None:
    onboarding = with_key(office)
    office.m365.portal.consent_takes = 2
    client_id = register(office, onboarding)

    onboarding = ended(office, onboarding, client_id=client_id)
    assert (onboarding.next_step, onboarding.step("consent").state) == ("consent", "waiting")
    assert profiles(office) == []  # nothing before it is proven
    ended(office, onboarding)
    onboarding = ended(office, onboarding)

    assert (onboarding.state, onboarding.step("consent").tries) == ("done", 3)
    said = [line.said.code for line in log_of(office.engine, onboarding.onboarding_id) if line.step == "consent"]
    assert said == ["graph.forbidden", "onboarding.consent_proven"]  # the same refusal is said once


def test_a_certificate_that_is_not_uploaded_waits_with_the_reason(office: Office) -> None:
    onboarding = with_key(office)
    client_id = office.m365.portal.register_app(customer(office))

    onboarding = ended(office, onboarding, client_id=client_id)

    problem = onboarding.step("consent").problem
    assert problem is not None
    assert problem.code == "signin.certificate_unknown"


# Certificates


def test_a_certificate_made_here_is_strong_and_its_key_stays(office: Office) -> None:
    make = Given(make_certificate=True)
    onboarding = advance(office.services, office.refresher, begun(office).onboarding_id, CARLA, make)

    certificate = office.services.profiles.certificate(onboarding.cert_path)
    assert certificate.private_key.key_size == 3072
    assert stat.S_IMODE(certificate.path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public_file(office.services, onboarding).read_bytes()


@pytest.mark.parametrize(("days", "bits", "code"), [(-1, 2048, "cert_expired"), (365, 1024, "cert_short")])
def test_a_certificate_that_cannot_serve_is_refused_and_nothing_is_written(
    office: Office, days: float, bits: int, code: str
) -> None:
    path = office.settings.data_dir / "weak.pem"
    write_app_certificate(path, "Weak", rsa.generate_private_key(65537, bits), days)

    onboarding = ended(office, begun(office), certificate=path)

    problem = onboarding.step("certificate").problem
    assert problem is not None
    assert problem.code == f"onboarding.{code}"
    assert keys(office) == []


def test_after_a_wrong_file_the_right_one_is_taken(office: Office) -> None:
    wrong = office.settings.data_dir / "wrong.pem"
    wrong.write_text("no key")
    onboarding = ended(office, begun(office), certificate=wrong)
    assert onboarding.step("certificate").problem is not None

    onboarding = ended(office, onboarding, certificate=key_file(office.settings.data_dir))

    assert onboarding.next_step == "registration"
    assert keys(office) == ["mycert_schule-hoeri.cer", "mycert_schule-hoeri.pem"]


# Interrupted, busy, cancelled


class Killed(BaseException):
    """The process ends in the middle, as by SIGKILL: nothing is caught, nothing is cleaned up."""


@pytest.mark.parametrize("step", [step for step in STEPS if step not in ("registration", "consent")])
def test_killed_after_the_work_of_a_step_it_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The step has done its work, and dies before that is stored; another process goes on."""
    onboarding = begun(office)
    portal = office.m365.portal
    real = advancing.store

    def die(job: Any, at: Any, outcome: Any) -> None:
        if at == step:
            monkeypatch.setattr(advancing, "store", real)
            raise Killed
        real(job, at, outcome)

    monkeypatch.setattr(advancing, "store", die)
    monkeypatch.setattr(advancing, "change", lambda *_, **__: None)  # the claim is not given back either
    key = key_file(office.settings.data_dir)
    client_id = portal.register_app(customer(office))
    portal.upload(customer(office), key.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2])
    portal.consent(customer(office))
    with pytest.raises(Killed):
        ended(office, onboarding, certificate=key, client_id=client_id)
    monkeypatch.undo()
    with pytest.raises(OnboardingBusy):
        advance(office.services, office.refresher, onboarding.onboarding_id, CARLA)
    office.later(minutes=2)
    office.restart()

    onboarding = ended(office, onboarding, certificate=key, client_id=client_id)

    assert onboarding.state == "done"
    assert (len(profiles(office)), len(keys(office)), listed(office)) == (1, 2, ["Schule Höri"])
    office.settle()
    assert office.messages == []


@pytest.mark.parametrize("until", [*STEPS])
def test_cancelled_before_any_step_nothing_is_left(office: Office, until: Any) -> None:
    onboarding = begun(office)
    key = key_file(office.settings.data_dir)
    given = Given(certificate=key)
    onboarding = advance(office.services, None, onboarding.onboarding_id, CARLA, given, until=until)
    if STEPS.index(until) > 1:
        given = Given(client_id=register(office, onboarding))
        onboarding = advance(office.services, None, onboarding.onboarding_id, CARLA, given, until=until)
    assert onboarding.next_step == until

    assert cancel(office.services, onboarding.onboarding_id, CARLA) == []

    assert (profiles(office), keys(office), listed(office)) == ([], [], [])
    assert tenant_rows(office.engine) == {}
    assert key.exists()  # that of the other tool
    with pytest.raises(OnboardingEnded):
        advance(office.services, None, onboarding.onboarding_id, CARLA)


def test_cancelling_leaves_what_others_have_made(office: Office) -> None:
    office.sharepoint.tenants.add({"Title": "Schule Höri", "enabled": True, "monitoring": True})
    onboarding = with_key(office)
    given = Given(client_id=register(office, onboarding))
    advance(office.services, None, onboarding.onboarding_id, CARLA, given, until="first_read")
    profile = office.settings.profiles_dir / "config-schule-hoeri-profile.json"
    profile.write_text(profile.read_text().replace(customer(office).client_id, "11111111-2222-4333-8444-555555555555"))

    problems = cancel(office.services, onboarding.onboarding_id, CARLA)

    assert [problem.code for problem in problems] == ["onboarding.profile_changed"]
    assert (profiles(office), listed(office)) == (["config-schule-hoeri-profile.json"], ["Schule Höri"])
    profile.unlink()
    assert cancel(office.services, onboarding.onboarding_id, CARLA) == []


def test_a_profile_that_is_there_already_is_not_overwritten(office: Office) -> None:
    onboarding = with_key(office)
    other = office.settings.profiles_dir / "config-schule-hoeri-profile.json"
    other.write_text("{}")

    onboarding = ended(office, onboarding, client_id=register(office, onboarding))

    problem = onboarding.step("profile").problem
    assert problem is not None
    assert problem.code == "onboarding.profile_exists"
    assert other.read_text() == "{}"
    assert cancel(office.services, onboarding.onboarding_id, CARLA) == []
    assert other.read_text() == "{}"


# The provider's own application


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Office]:
    """An office whose provider has a multi-tenant application."""
    with open_office(tmp_path) as opened:
        key = key_file(opened.settings.profiles_dir.parent)
        cer = key.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2]
        client_id = opened.m365.portal.register_provider(cer, "https://localhost/onboarding/consent")
        opened.settings = replace(opened.settings, app_client_id=client_id, app_certificate=key.name)
        opened.services = replace(opened.services, settings=opened.settings)
        opened.m365.add_customer("Schule Höri", SKUS, domain=DOMAIN)
        yield opened


REDIRECT = "https://localhost/onboarding/consent"


def asked(provider: Office) -> tuple[Onboarding, str, str]:
    """The consent is next: onboarding, link, cookie of the browser."""
    onboarding = start(provider.services, Request("Schule Höri", DOMAIN, shared=True), CARLA)
    onboarding = advance(provider.services, provider.refresher, onboarding.onboarding_id, CARLA)
    link = begin_consent(provider.services, onboarding.onboarding_id, REDIRECT, CARLA)
    assert link is not None
    return onboarding, *link


def answer_of(provider: Office, link: str) -> dict[str, str]:
    """What the browser brings back from Microsoft."""
    answer = provider.services.http.request("GET", link)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def test_with_the_shared_application_the_consent_is_all_there_is_to_do(provider: Office) -> None:
    onboarding, link, cookie = asked(provider)
    assert (onboarding.next_step, onboarding.step("consent").state) == ("consent", "waiting")
    provider.m365.portal.consent_takes = 1

    assert take_answer(provider.engine, answer_of(provider, link), cookie, provider.services) is not None
    onboarding = ended(provider, onboarding)
    assert onboarding.step("consent").problem.code == "signin.app_unknown"  # type: ignore[union-attr]
    onboarding = ended(provider, onboarding)

    assert onboarding.state == "done"
    assert keys(provider) == []  # the key is the provider's
    assert (provider.settings.profiles_dir.parent / provider.settings.app_certificate).exists()


def test_an_answer_without_state_or_of_another_browser_or_repeated_proves_nothing(provider: Office) -> None:
    onboarding, link, cookie = asked(provider)
    answer = answer_of(provider, link)
    forged = {**answer, "state": answer["state"][:-1] + "_"}
    before = log_of(provider.engine, onboarding.onboarding_id)

    for said, browser in (({**answer, "state": ""}, cookie), (answer, ""), (answer, "another"), (forged, cookie)):
        assert take_answer(provider.engine, said, browser, provider.services) is None
    assert log_of(provider.engine, onboarding.onboarding_id) == before
    assert take_answer(provider.engine, answer, cookie, provider.services) is not None
    assert take_answer(provider.engine, answer, cookie, provider.services) is None


def test_an_answer_that_is_too_late_proves_nothing(provider: Office) -> None:
    _, link, cookie = asked(provider)
    answer = answer_of(provider, link)
    provider.later(hours=2)

    assert take_answer(provider.engine, answer, cookie, replace(provider.services, now=provider.now)) is None


def test_an_answer_that_claims_a_consent_does_not_make_one(provider: Office) -> None:
    onboarding, link, cookie = asked(provider)
    state = link.rpartition("state=")[2]

    lie = {"admin_consent": "True", "tenant": onboarding.tenant_id, "state": state}
    assert take_answer(provider.engine, lie, cookie, provider.services) is not None
    onboarding = ended(provider, onboarding)

    assert (onboarding.next_step, profiles(provider)) == ("consent", [])


def test_a_declined_consent_is_said_so(provider: Office) -> None:
    onboarding, link, cookie = asked(provider)
    provider.m365.portal.declines = True

    take_answer(provider.engine, answer_of(provider, link), cookie, provider.services)

    assert log_of(provider.engine, onboarding.onboarding_id)[-1].said.code == "onboarding.consent_declined"
    assert find_onboarding(provider.engine, "schule-hoeri").is_open  # type: ignore[union-attr]


def test_whichever_refresh_reads_the_tenant_first_ends_its_onboarding(office: Office) -> None:
    """Nobody has to come back to the page: shortages are held back for one reading only."""
    onboarding = with_key(office)
    given = Given(client_id=register(office, onboarding))
    advance(office.services, None, onboarding.onboarding_id, CARLA, given)

    office.settle()
    assert [one.slug for one in unseen_summaries(office.engine)] == ["schule-hoeri"]
    assert office.messages == []
    customer(office).set_sku("VISIOCLIENT", consumed=4)
    office.settle()

    assert office.messages == ["Schule Höri: Visio Plan 2 (VISIOCLIENT)"]
    assert advance(office.services, None, onboarding.onboarding_id, CARLA).state == "done"


def test_a_tenant_that_comes_back_keeps_its_history_when_cancelled(office: Office) -> None:
    added(office)
    (office.settings.profiles_dir / profiles(office)[0]).unlink()
    office.refresh()
    onboarding = with_key(office)
    given = Given(client_id=customer(office).client_id)
    office.m365.portal.upload(customer(office), public_file(office.services, onboarding).read_bytes())
    advance(office.services, None, onboarding.onboarding_id, CARLA, given, until="test")

    cancel(office.services, onboarding.onboarding_id, CARLA)

    assert len(stored_licenses(office.engine)) == 1
