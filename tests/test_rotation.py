"""Renewing certificates: every step, by Graph and by hand, what goes wrong on the way, and a kill at every point."""

from __future__ import annotations

import base64
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from core.audit import Search, find
from core.cache.rotation_rows import Rotation, change_rotation
from core.cache.tenant_rows import tenant_rows
from core.graph import PermissionMissing
from core.graph.app_keys import PROOF_AUDIENCES, App, app_key, find_app, proof_of
from core.onboarding.sign_in_steps import try_tenant
from core.problems import Problem
from core.profiles import certificates
from core.profiles.certificate_uses import CertificateUse, find_use
from core.profiles.profile_files import Kind
from core.refresh.services import open_services
from core.roles import Actor
from core.rotation.job import Job, RotationRefused
from core.rotation.many import due, rotate_many, rotate_patiently
from core.rotation.rotating import RotationBusy, rotate, rotation_of
from core.rotation.steps import Step, next_step, waits_for_microsoft
from core.rotation.succession import prepare, switch_all
from core.runtime import open_engine
from simulator.certificates import rsa_key, write_app_certificate
from simulator.portal import LICENSES_READ
from simulator.tenants import AppRegistration, Tenant
from tests.office import Office, open_office
from tests.test_tenant_command import full_disk

CARLA = Actor("carla", "admin", "page")
OWN_KEYS = "Application.ReadWrite.OwnedBy"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SKUS = {"SPB": (10, 2)}


@pytest.fixture(autouse=True)
def keys_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """New keys are some that no simulated application has, in turn: making one takes half a second."""
    numbers = cycle(range(900, 905))
    monkeypatch.setattr(certificates, "new_private_key", lambda: rsa_key(next(numbers)))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


def customer(office: Office, name: str = "Schule Höri", *permissions: str, days: float = 20) -> Tenant:
    """A customer whose certificate ends in `days`; its application may change its own keys unless told otherwise."""
    allowed = {LICENSES_READ, *(permissions or (OWN_KEYS,))}
    return office.m365.add_tenant(name, SKUS, permissions=allowed, certificate_days=days)


def use_of(office: Office, slug: str = "schule-hoeri", kind: Kind = "tenant") -> CertificateUse:
    use = find_use(office.services.profiles, kind, slug)
    assert use
    return use


def step(office: Office, wanted: Any = None, slug: str = "schule-hoeri", **options: Any) -> Rotation:
    return rotate(office.services, use_of(office, slug), CARLA, wanted, **options)


def refused(office: Office, wanted: Any = None, slug: str = "schule-hoeri") -> str:
    """The code of the sentence with which the step is refused."""
    with pytest.raises(RotationRefused) as error:
        step(office, wanted, slug)
    assert "{" not in str(error.value)
    return error.value.problem.code


def code(rotation: Rotation) -> str:
    return rotation.problem.code if rotation.problem else ""


def upload(office: Office, app: AppRegistration, rotation: Rotation) -> None:
    """Do in the portal what the page says."""
    office.m365.portal.upload(app, (office.m365.folder / rotation.next_path).with_suffix(".cer").read_bytes())


def reads(office: Office, slug: str = "schule-hoeri") -> bool:
    """Return True if the tenant can be read now, with a fresh sign-in."""
    results = try_tenant(office.services, slug)
    return bool(results) and all(level != "error" for level, _ in results)


def files(office: Office, slug: str = "schule-hoeri") -> list[str]:
    return sorted(path.name for path in (office.m365.folder / "certs" / slug).iterdir())


# Which step is next

THEN = NOW + timedelta(days=30)
BEGUN = Rotation("1", "tenant", "a", "A", "t", "c", "a.pem", "OLD", THEN, "b.pem", "anna", NOW)
PREPARED = replace(BEGUN, next_thumbprint="NEW", next_expires=THEN, way="hand")


@pytest.mark.parametrize(
    ("rotation", "in_use", "expected"),
    [
        (None, "OLD", "prepare"),
        (BEGUN, "OLD", "prepare"),
        (replace(PREPARED, way=""), "OLD", "prepare"),  # killed before the upload
        (PREPARED, "OLD", "prove"),
        (replace(PREPARED, proven_at=NOW), "OLD", "switch"),
        (replace(PREPARED, proven_at=NOW), "NEW", "finish"),  # killed before the switch was stored
        (replace(PREPARED, proven_at=NOW, switched_at=NOW), "NEW", "finish"),
        (PREPARED, "THIRD", "swapped"),
        (PREPARED, "", "swapped"),  # the file is gone
        (replace(PREPARED, switched_at=NOW, proven_at=NOW), "OLD", "switch"),  # somebody has put the old one back
    ],
)
def test_the_profile_decides_which_step_is_next(rotation: Rotation | None, in_use: str, expected: Step) -> None:
    assert next_step(rotation, in_use) == expected


def test_only_a_young_key_that_is_not_known_yet_is_tried_again_by_itself() -> None:
    unknown = replace(PREPARED, refused_since=NOW, problem=Problem("signin.certificate_unknown"))

    assert waits_for_microsoft(unknown, NOW + timedelta(minutes=3))
    assert not waits_for_microsoft(unknown, NOW + timedelta(minutes=4))
    assert not waits_for_microsoft(replace(unknown, problem=Problem("signin.clock_wrong")), NOW)


# The whole way


def test_by_graph_everything_goes_without_a_person(office: Office) -> None:
    app = customer(office)
    office.refresh()
    old = use_of(office)

    rotation = step(office)

    new = use_of(office)
    assert new.certificate
    assert (rotation.way, rotation.next_thumbprint) == ("graph", new.certificate.thumbprint)
    assert new.certificate.expires > office.now() + timedelta(days=700)
    assert stat.S_IMODE(new.certificate.path.stat().st_mode) == 0o600
    assert len(app.certificates) == len(files(office)) - 1 == 2  # the overlap: both in Entra and on the disk
    assert refused(office, "finish") == "rotation.not_read_yet"

    office.refresh()
    rotation = step(office)

    assert (rotation.state, code(rotation)) == ("done", "")
    assert [one.sha1 for one in app.certificates.values()] == [new.certificate.thumbprint]
    assert files(office) == [new.certificate.path.with_suffix(".cer").name, new.certificate.path.name]
    assert old.certificate is not None
    assert not old.certificate.path.exists()
    assert reads(office)


def test_by_hand_a_person_uploads_and_deletes(office: Office) -> None:
    app = customer(office, "Schule Höri", LICENSES_READ)
    office.refresh()

    rotation = step(office)
    assert (rotation.way, code(rotation)) == ("hand", "rotation.may_not")
    assert rotation.proven_at is None

    upload(office, app, rotation)
    assert step(office).switched_at is not None
    office.refresh()
    rotation = step(office)

    assert (rotation.state, code(rotation)) == ("done", "rotation.remove_by_hand")
    assert rotation.current_thumbprint in str(rotation.problem)
    assert len(app.certificates) == 2


def test_each_step_alone_and_each_too_early(office: Office) -> None:
    customer(office)
    office.refresh()
    assert refused(office, "prove") == "rotation.none_open"
    step(office, "prepare")
    assert refused(office, "switch") == "rotation.prove_first"
    assert refused(office, "finish") == "rotation.switch_first"
    step(office, "prove")
    step(office, "switch")
    assert refused(office, "prepare") == "rotation.switched_already"
    step(office, "switch")  # again: changes nothing
    office.refresh()

    assert step(office, "finish").state == "done"


def test_the_end_in_the_tenant_list_follows_the_switch(office: Office) -> None:
    customer(office)
    office.refresh()

    step(office)
    office.refresh()

    new = use_of(office).certificate
    assert new
    (row,) = tenant_rows(office.engine).values()
    assert row.cert_expires == new.expires
    (item,) = office.sharepoint.tenants.items
    written = datetime.fromisoformat(str(item.fields["cert_expires"]))
    assert written.astimezone(office.settings.zone).date() == new.expires.astimezone(office.settings.zone).date()


def test_all_else_in_the_profile_stays(office: Office) -> None:
    customer(office)
    path = use_of(office).path
    path.write_text(path.read_text("utf-8").replace('"tenant_id"', '"note": "mit Umlaut ä",\n  "tenant_id"'), "utf-8")
    path.chmod(0o640)
    before = office.services.profiles.read(path).data

    step(office)

    after = office.services.profiles.read(path).data
    assert list(after) == list(before)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"thumbprint", "cert_path", "expires"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert office.services.profiles.load().faults[0].problems[0].code == "profile.field_unknown"


def test_the_site_renews_its_certificate_the_same_way(office: Office) -> None:
    customer(office)
    office.sharepoint.permissions.add(OWN_KEYS)
    office.refresh()
    use = use_of(office, office.sharepoint.slug, "sharepoint")

    rotate(office.services, use, CARLA)
    rotation = rotate(office.services, use_of(office, use.slug, "sharepoint"), CARLA)  # no refresh reads for it alone

    assert rotation.state == "done"
    office.refresh()
    assert office.rows() != []


def test_what_was_done_is_in_the_audit(office: Office) -> None:
    customer(office)
    office.refresh()
    step(office)
    office.refresh()
    step(office)

    rows, _ = find(office.engine, CARLA, Search(), limit=20)
    mine = [row.action.removeprefix("certificate.") for row in rows if row.action.startswith("certificate.")]
    assert mine == ["renewed", "switched", "uploaded", "renewal_started"]
    assert "PRIVATE" not in str(rows)


# What goes wrong


def test_a_new_key_is_refused_for_a_while_and_tried_again(office: Office) -> None:
    customer(office)
    office.m365.portal.key_takes = 2
    waits: list[bool] = []
    services = replace(office.services, http=office.services.http)
    services.http.sleep = lambda _seconds: None

    rotation = rotate_patiently(
        services, use_of(office), CARLA, seconds=100, waiting=lambda: waits.append(reads(office))
    )  # fmt: skip

    assert rotation.switched_at is not None
    assert waits == [True, True]  # meanwhile the tenant is read with the old one


def test_a_key_that_belongs_to_another_application_is_said_after_three_minutes(office: Office) -> None:
    customer(office, "Schule Höri", LICENSES_READ)
    other = customer(office, "Bau AG Chur")
    upload(office, other, step(office))

    assert code(step(office, "prove")) == "signin.certificate_unknown"
    office.later(minutes=4)
    rotation = step(office, "prove")

    assert code(rotation) == "rotation.not_at_this_app"
    assert use_of(office).client_id in str(rotation.problem)
    assert refused(office, "switch") == "rotation.prove_first"
    assert reads(office)


def test_an_expired_certificate_uploads_nothing_and_is_renewed_by_hand(office: Office) -> None:
    app = customer(office, days=-1)

    rotation = step(office)
    assert (rotation.way, code(rotation)) == ("hand", "rotation.current_ended")
    upload(office, app, rotation)

    assert step(office).switched_at is not None
    assert reads(office)
    office.refresh()
    assert step(office).state == "done"


@pytest.mark.parametrize("audience", ["00000002-0000-0000-c000-000000000000", "00000003-0000-0000-c000-000000000000"])
def test_graph_may_want_either_audience_in_the_proof(office: Office, audience: str) -> None:
    customer(office)
    office.m365.portal.proof_audience = audience

    assert step(office, "prepare").way == "graph"


def test_a_proof_that_graph_refuses_is_said_and_the_rest_goes_by_hand(office: Office) -> None:
    app = customer(office)
    office.m365.portal.proof_audience = "somebody else"

    rotation = step(office)
    assert (rotation.way, code(rotation)) == ("hand", "rotation.proof_refused")
    upload(office, app, rotation)

    assert step(office).switched_at is not None


def test_an_application_of_another_tenant_is_renewed_by_hand(office: Office) -> None:
    customer(office).from_provider = True

    assert code(step(office)) == "rotation.app_elsewhere"


def test_without_microsoft_nothing_is_lost(office: Office) -> None:
    customer(office)
    before = use_of(office)
    office.services.http.sleep = lambda _seconds: None
    office.m365.stop()

    assert refused(office) == "network.refused"

    assert use_of(office) == before
    office.m365.start()
    rotation = step(office)
    assert rotation.way == "graph"
    assert rotation.switched_at is not None


def test_somebody_who_swaps_the_files_meanwhile_is_told(office: Office) -> None:
    app = customer(office)
    rotation = step(office, "prepare")
    app.renew_certificate()  # a third key in place of the first, by hand

    assert refused(office) == "rotation.swapped"
    assert refused(office, "switch") == "rotation.swapped"
    assert reads(office)
    assert step(office, "cancel").state == "cancelled"
    assert files(office) == ["mycert_schule-hoeri.pem"]
    assert not (office.m365.folder / rotation.next_path).exists()
    assert step(office).switched_at is not None


def test_another_file_in_the_place_of_the_successor_is_not_used(office: Office) -> None:
    customer(office)
    rotation = step(office, "prepare")
    write_app_certificate(office.m365.folder / rotation.next_path, "Fremd", rsa_key(0), 30)

    assert refused(office) == "rotation.next_gone"
    assert step(office, "cancel").state == "cancelled"
    assert (office.m365.folder / rotation.next_path).exists()  # it is not ours
    assert reads(office)


def test_two_at_once(office: Office) -> None:
    customer(office)
    rotation = step(office, "prepare")
    change_rotation(office.engine, rotation.rotation_id, busy_until=office.now() + timedelta(minutes=1))

    with pytest.raises(RotationBusy):
        step(office)
    office.later(minutes=2)  # that process has died
    assert step(office).switched_at is not None


def test_cancelled_before_the_switch_nothing_is_left(office: Office) -> None:
    app = customer(office)
    step(office, "prepare")
    assert len(app.certificates) == 2

    assert code(step(office, "cancel")) == ""

    assert (len(app.certificates), files(office)) == (1, ["mycert_schule-hoeri.pem"])
    assert reads(office)


def test_cancelled_after_the_switch_the_old_one_is_back(office: Office) -> None:
    app = customer(office)
    before = use_of(office)
    step(office)

    step(office, "cancel")

    assert use_of(office) == before
    assert (len(app.certificates), files(office)) == (1, ["mycert_schule-hoeri.pem"])
    assert reads(office)


def test_cancelled_also_when_the_new_file_is_lost_the_old_one_is_back(office: Office) -> None:
    customer(office)
    before = use_of(office)
    rotation = step(office)
    (office.m365.folder / rotation.next_path).unlink()
    assert not reads(office)

    assert refused(office) == "rotation.swapped"
    step(office, "cancel")

    assert use_of(office) == before
    assert reads(office)


@pytest.mark.parametrize(("wanted", "work"), [("prepare", prepare), ("switch", switch_all)])
def test_on_a_full_disk_the_old_one_stays_and_the_step_can_be_repeated(
    office: Office, wanted: Step, work: Callable[[Job], None]
) -> None:
    app = customer(office)
    step(office, "prepare")
    if wanted == "switch":
        step(office, "prove")
    else:
        step(office, "cancel")
    rotation = rotation_of(office.services, use_of(office)) or replace(BEGUN, next_path="certs/schule-hoeri/next.pem")
    before = files(office)

    with full_disk(), pytest.raises(RotationRefused) as error:
        work(Job(office.services, use_of(office), replace(rotation, current_thumbprint=thumbprint(app)), CARLA))

    assert error.value.problem.code == "rotation.disk"
    assert (files(office), reads(office)) == (before, True)
    assert step(office).switched_at is not None


def thumbprint(app: Tenant) -> str:
    return next(iter(app.certificates.values())).sha1


def test_there_is_no_way_back_to_a_certificate_that_has_ended(office: Office) -> None:
    app = customer(office, days=-1)
    upload(office, app, step(office))
    step(office)

    assert refused(office, "cancel") == "rotation.no_way_back"
    assert reads(office)


@pytest.mark.parametrize(
    ("audience", "object_id", "late", "key"),
    [(PROOF_AUDIENCES[0], "", -1200, ""), (PROOF_AUDIENCES[0], "", 1200, ""), ("aud", "", 0, ""),
     (PROOF_AUDIENCES[0], "another", 0, ""), (PROOF_AUDIENCES[0], "", 0, "another")],
)  # fmt: skip
def test_a_proof_by_a_wrong_clock_or_key_or_for_another_is_refused(
    office: Office, audience: str, object_id: str, late: int, key: str
) -> None:
    customer(office)
    other = customer(office, "Bau AG Chur")
    use = use_of(office, other.slug)
    job = Job(office.services, use, BEGUN, CARLA)
    signer = use_of(office).certificate if key else use.certificate
    assert use.certificate
    assert signer
    client = job.sign_in(use.certificate)
    app = find_app(client, use.client_id)
    forged = proof_of(App(object_id or app.object_id, ()), signer, audience, now=time.time() + late)

    with pytest.raises(PermissionMissing):
        client.post(f"/applications/{app.object_id}/removeKey", {"keyId": app.keys[0].key_id, "proof": forged})
    assert len(other.certificates) == 1


SHA1 = bytes(range(20))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [(SHA1.hex().upper(), SHA1.hex().upper()), (base64.b64encode(SHA1).decode(), SHA1.hex().upper()),
     ("bXkga2V5", ""), ("", ""), (None, ""), ("zzzz", "")],
)  # fmt: skip
def test_graph_tells_a_thumbprint_in_hex_or_base64_or_not_at_all(identifier: str | None, expected: str) -> None:
    assert app_key({"keyId": "1", "customKeyIdentifier": identifier}).thumbprint == expected


# Several profiles, many tenants


def test_profiles_with_the_same_application_switch_together(office: Office) -> None:
    """The provider's application serves many tenants with one certificate."""
    customer(office)
    other = office.m365.add_tenant("Bau AG Chur", SKUS, permissions={LICENSES_READ})
    first = use_of(office)
    other.client_id, other.certificates = first.client_id, office.m365.find_tenant("Schule Höri").certificates
    other.cert_path = first.certificate.path if first.certificate else other.cert_path
    other.write_profile()
    office.refresh()
    rotation = step(office, "prepare")
    upload(office, other, rotation)

    step(office)

    assert use_of(office, "bau-ag-chur").cert_path == use_of(office).cert_path == rotation.next_path
    assert reads(office, "bau-ag-chur")
    assert [use.slug for use in due(office.services, 0)] == ["bau-ag-chur"]  # one of the two, as its rotation is open


def test_a_file_that_another_application_names_stays(office: Office) -> None:
    office.m365.add_many(2)
    office.refresh()
    first, second = office.m365.tenants
    slugs = [first.slug, second.slug]
    for tenant in (first, second):
        tenant.permissions.add(OWN_KEYS)
        step(office, slug=tenant.slug)
    office.refresh()

    assert [code(step(office, slug=slug)) for slug in slugs] == ["", ""]
    assert not (office.m365.folder / "certs/shared/mycert_shared.pem").exists()


def test_all_that_end_soon_are_renewed_and_a_dead_one_stops_nobody(office: Office) -> None:
    customer(office)
    dead = customer(office, "Bau AG Chur", days=5)
    customer(office, "Cafe Zug", LICENSES_READ, days=29)
    customer(office, "Dorf Uri", days=300)
    dead.revoke_certificates()
    lost = customer(office, "Eis AG")
    lost.cert_path.unlink()
    uses = list(due(office.services, 30))
    assert [use.slug for use in uses] == ["bau-ag-chur", "schule-hoeri", "cafe-zug", "eis-ag"]

    results = {one.use.slug: one for one in rotate_many(office.services, uses, CARLA)}

    assert {slug: one.rotation and one.rotation.switched_at is not None for slug, one in results.items()} == {
        "schule-hoeri": True, "bau-ag-chur": False, "cafe-zug": False, "eis-ag": None,
    }  # fmt: skip
    assert results["eis-ag"].problem
    assert results["eis-ag"].problem.code == "profile.cert_missing"


# Killed at every point


class Killed:
    """Kills this process before its n-th change that lasts: a commit, a file made, renamed or deleted, a request."""

    def __init__(self, countdown: int) -> None:
        self.countdown = countdown

    def tick(self) -> None:
        self.countdown -= 1
        if self.countdown < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(self, name: str, arguments: tuple[Any, ...]) -> None:
        made = os.O_CREAT | os.O_EXCL
        counts = {
            "os.rename": True, "os.remove": True, "http.client.send": True,
            # before a file is made, and once it is there and empty
            "open": len(arguments) > 2 and (arguments[2] & made == made or arguments[1] == "wb"),
        }  # fmt: skip
        if counts.get(name):
            self.tick()


def work_until_killed(office: Office, slug: str, wanted: Step, countdown: int) -> bool:
    """Carry out the step in a process of its own, killed before its n-th change; return True if it came to its end."""
    child = os.fork()
    if child == 0:
        ended = 3
        try:
            engine = open_engine(office.settings)
            services = open_services(engine, office.settings, now=office.now)
            use = find_use(services.profiles, "tenant", slug)
            assert use
            killed = Killed(countdown)
            event.listen(engine, "commit", lambda _connection: killed.tick())
            sys.addaudithook(killed.hook)
            rotate(services, use, CARLA, wanted)
            ended = 0
        finally:
            os._exit(ended)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def brought_to(office: Office, app: Tenant, wanted: Step, way: str) -> None:
    """Bring the rotation before the step."""
    if wanted == "prepare":
        return
    rotation = step(office, "prepare", app.slug)
    if way == "hand":
        upload(office, app, rotation)
    if wanted in ("switch", "finish"):
        step(office, "prove", app.slug)
    if wanted == "finish":
        step(office, "switch", app.slug)
        read(office, app)


@pytest.mark.parametrize(
    ("wanted", "way"),
    [("prepare", "graph"), ("prepare", "hand"), ("prove", "hand"), ("switch", "graph"), ("finish", "graph"),
     ("finish", "hand")],
)  # fmt: skip
def test_killed_anywhere_the_tenant_is_read_and_the_rotation_goes_on(office: Office, wanted: Step, way: str) -> None:
    """Each round has a tenant of its own, and is killed a change later than the round before."""
    countdown, ended = 0, False
    while not ended:
        app = customer(office, f"Schule {countdown}", OWN_KEYS if way == "graph" else LICENSES_READ)
        brought_to(office, app, wanted, way)

        ended = work_until_killed(office, app.slug, wanted, countdown)

        office.later(minutes=3)  # the claim of the dead process is over
        assert reads(office, app.slug), countdown
        if not ended and wanted != "finish" and countdown % 3 == 2:
            cancelled(office, app)
        else:
            done(office, app, way)
        assert reads(office, app.slug), countdown
        countdown += 1 if way == "graph" else 2  # most points are the same either way
    assert countdown > 8


def cancelled(office: Office, app: Tenant) -> None:
    if rotation_of(office.services, use_of(office, app.slug)) is not None:
        step(office, "cancel", app.slug)
    assert use_of(office, app.slug).cert_path == f"certs/{app.slug}/mycert_{app.slug}.pem"
    assert files(office, app.slug) == [f"mycert_{app.slug}.pem"]


def done(office: Office, app: Tenant, way: str) -> None:
    """Go on to the end, as an operator does who knows nothing of the kill."""
    before = use_of(office, app.slug)
    if rotation_of(office.services, before) is not None or before.cert_path.endswith(f"/mycert_{app.slug}.pem"):
        rotation = step(office, slug=app.slug)
        if way == "hand" and rotation.proven_at is None:
            upload(office, app, rotation)
            step(office, slug=app.slug)
        read(office, app)
        if rotation_of(office.services, use_of(office, app.slug)) is not None:
            assert step(office, slug=app.slug).state == "done"
    certificate = use_of(office, app.slug).certificate
    assert certificate
    assert certificate.expires > office.now() + timedelta(days=700)
    assert files(office, app.slug) == [certificate.path.with_suffix(".cer").name, certificate.path.name]
    assert len(app.certificates) == (1 if way == "graph" else 2)


def read(office: Office, app: Tenant) -> None:
    office.refresh(tenants=[app.tenant_id])
