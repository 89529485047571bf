"""What is not as it should be: told on the start page and by `check`, each alone, and never taken for "all is well"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.attention.condition import Condition
from core.attention.conditions import certificate_level, conditions, late_after, refresh_conditions
from core.attention.facts import Facts
from core.cache.run_rows import Run, finish_run, latest_run
from core.operations.checks import Finding, check_all
from core.problems import Problem
from core.runtime import Runtime
from simulator import Tenant
from tests.office import Office, open_office
from tests.started_runs import start_run
from ui import snapshots
from ui.frame.view import View
from ui.start import overview
from ui.start.attention_list import ConditionWords, Item, items_of

EVERY = 30  # minutes between two refreshes
NO_BACKUP = "check.no_backup"  # none is set up here; what is said about that has a file of its own


@dataclass
class Support:
    """What a supporter sees, of an office with one tenant that has enough of everything."""

    office: Office
    school: Tenant

    @property
    def wrong(self) -> list[Condition]:
        facts = snapshots.newest(Runtime(self.office.settings, self.office.engine)).facts
        found = conditions(facts, latest_run(self.office.engine), self.office.now(), EVERY)
        return [condition for condition in found if condition.problem.code != NO_BACKUP]

    @property
    def snapshot(self) -> snapshots.Snapshot:
        return snapshots.newest(Runtime(self.office.settings, self.office.engine))

    @property
    def answer(self) -> tuple[str, bool]:
        return overview.answer(overview.counts_of(self.snapshot), self.snapshot.age, self.wrong, self.view)

    @property
    def view(self) -> View:
        return View(self.office.now(), "de", self.office.settings.zone, EVERY)

    @property
    def items(self) -> list[Item]:
        return items_of(self.wrong, ConditionWords(self.office.now(), "de", self.office.settings.zone))

    @property
    def findings(self) -> list[Finding]:
        return [found for found in check_all(self.office.services) if found.problem and found.problem.code != NO_BACKUP]


@pytest.fixture
def support(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Support]:
    with open_office(tmp_path) as office:
        # The figures of the pages take the time of the office, which runs ahead of ours.
        monkeypatch.setattr("core.cache.shared_frames.datetime", Clock(office))
        school = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
        office.settle()
        yield Support(office, school)


@dataclass
class Clock:
    office: Office

    def now(self, _zone: Any) -> datetime:
        return self.office.now()


def test_an_office_without_trouble_is_well(support: Support) -> None:
    assert support.wrong == []
    assert support.answer[1]
    assert support.findings == []


# Each trouble alone


def certificate(days: int) -> Callable[[Support], None]:
    def end(support: Support) -> None:
        support.school.renew_certificate(days)
        support.office.refresh()

    return end


def site_certificate(days: int) -> Callable[[Support], None]:
    def end(support: Support) -> None:
        support.office.sharepoint.renew_certificate(days)
        support.office.refresh()

    return end


def unreadable(**time: float) -> Callable[[Support], None]:
    def fail(support: Support) -> None:
        support.school.permissions = set()
        support.office.m365.expire_tokens()
        support.office.refresh()
        support.office.later(**time)
        support.office.refresh()

    return fail


def readable_again_after_a_day(support: Support) -> None:
    permissions = support.school.permissions
    unreadable(days=2)(support)
    support.school.permissions = permissions
    support.office.m365.expire_tokens()


def units(**values: Any) -> Callable[[Support], None]:
    def change(support: Support) -> None:
        support.school.set_sku("SPB", **values)
        support.office.refresh()

    return change


def gone(support: Support) -> None:
    support.school.remove_sku("SPB")
    support.office.later(days=1)
    support.office.refresh()


def no_refresh(support: Support) -> None:
    support.office.later(hours=2)


def failed_refresh(support: Support) -> None:
    now = support.office.now()
    run_id = start_run(support.office.engine, "schedule", "", (), now)
    finish_run(support.office.engine, run_id, "failed", None, 1.0, now)


def silent_flow(support: Support) -> None:
    support.school.set_sku("SPB", consumed=10)
    support.office.refresh()
    support.office.later(hours=2)
    support.office.refresh()


def silent_flow_and_no_site(support: Support) -> None:
    silent_flow(support)
    support.office.sharepoint.grant = None
    support.office.refresh()


def no_parameter(support: Support) -> None:
    listing = support.office.sharepoint.parameters
    listing.delete(listing.find(Parameter="recipientmail")[0].id)
    support.office.refresh()


def no_site(support: Support) -> None:
    support.office.sharepoint.grant = None
    support.office.refresh()


def broken_profile(support: Support) -> None:
    (support.office.settings.profiles_dir / "config-neu-profile.json").write_text("{")
    support.office.refresh()


def not_listed(support: Support) -> None:
    support.office.m365.add_tenant("Bau AG", skus={"SPB": (10, 8)}, listed=False)
    support.office.refresh()


TROUBLES: dict[str, tuple[Callable[[Support], None], str, str, str]] = {
    # name: (what happens, level on the page, code, level in `check`)
    "certificate-25-days": (certificate(25), "notice", "check.certificate_ends", "warning"),
    "certificate-12-days": (certificate(12), "warning", "check.certificate_ends", "warning"),
    "certificate-6-days": (certificate(6), "error", "check.certificate_ends", "error"),
    "certificate-1-day": (certificate(1), "error", "check.certificate_ends_now", "error"),
    "site-certificate-25-days": (site_certificate(25), "notice", "check.certificate_ends", "warning"),
    "site-certificate-12-days": (site_certificate(12), "warning", "check.certificate_ends", "warning"),
    "site-certificate-6-days": (site_certificate(6), "error", "check.certificate_ends", "error"),
    "unreadable-an-hour": (unreadable(hours=1), "warning", "check.unreadable", ""),
    "unreadable-two-days": (unreadable(days=2), "error", "check.unreadable_long", "error"),
    "readable-again-but-not-refreshed": (readable_again_after_a_day, "error", "check.unreadable_long", "error"),
    "gone": (gone, "warning", "check.gone", "warning"),
    "no-refresh": (no_refresh, "error", "refresh.overdue", "error"),
    "failed-refresh": (failed_refresh, "error", "refresh.failed", "error"),
    "silent-flow": (silent_flow, "error", "sharepoint.flow_silent", "error"),
    "silent-flow-and-no-site": (silent_flow_and_no_site, "error", "sharepoint.flow_silent", "error"),
    "no-parameter": (no_parameter, "error", "sharepoint.parameter_missing", "error"),
    "no-site": (no_site, "error", "sharepoint.away", "error"),
    "broken-profile": (broken_profile, "error", "profile.json_broken", "error"),
    "not-listed": (not_listed, "notice", "check.not_listed", "warning"),
}


@pytest.mark.parametrize(("happens", "level", "code", "checked"), TROUBLES.values(), ids=TROUBLES)
def test_a_trouble_is_told_on_the_page_and_by_check_and_is_never_all_well(
    support: Support, happens: Callable[[Support], None], level: str, code: str, checked: str
) -> None:
    happens(support)

    assert (level, code) in [(found.level, found.problem.code) for found in support.wrong]
    sentence, well = support.answer
    assert not well
    assert not sentence.startswith("Keine Engpässe. ")
    found = [(found.level, found.problem.code) for found in support.findings if found.problem]
    assert (checked, code) in found if checked else code not in [code for _, code in found]


@pytest.mark.parametrize(
    ("happens", "state", "marks"),
    [
        (units(enabled=7), "over", ["over"]),
        (units(enabled=0, warning=10), "grace", ["shortage", "grace"]),
        (units(enabled=0, suspended=10), "suspended", ["shortage", "suspended"]),
        (units(enabled=0, locked_out=10), "suspended", ["shortage", "suspended"]),
        (units(enabled=0, capability_status="Deleted"), "suspended", ["shortage", "suspended"]),
    ],
    ids=["over", "grace", "suspended", "locked-out", "deleted"],
)
def test_each_state_of_a_shortage_is_shown_beside_it(
    support: Support, happens: Callable[[Support], None], state: str, marks: list[str]
) -> None:
    happens(support)

    assert support.answer == ("1 Engpass in 1 Tenant.", False)
    assert support.snapshot.index.marks_of(0) == marks
    (found,) = [found.problem for found in support.findings if found.problem]
    assert found.code == "check.shortages"
    assert found.params[state] == "1"


def test_licences_in_grace_that_nobody_holds_hit_nobody(support: Support) -> None:
    support.school.set_sku("SPB", enabled=0, warning=10, consumed=0)
    support.office.refresh()

    assert support.answer[1]


def test_a_licence_that_went_with_nobody_on_it_or_long_ago_is_no_news(support: Support) -> None:
    gone(support)
    assert "Business Premium** ist bei **Schule Höri** entfallen" in support.items[0].words
    assert "noch 8-mal" in support.items[0].words

    support.office.later(days=8)
    support.office.refresh()

    assert support.answer[1]


# Words


def test_a_tenant_unreadable_for_long_is_told_with_the_age_of_its_figures(support: Support) -> None:
    unreadable(days=2)(support)

    (item,) = [item for item in support.items if item.level == "error"]
    (found,) = [found for found in support.findings if found.problem and found.problem.code.endswith("_long")]

    assert item.words.startswith("**Schule Höri** ist seit mehr als einem Tag nicht lesbar")
    assert "die Zahlen sind vom" in item.words
    assert found.problem is not None
    read = (support.office.now() - timedelta(days=2)).astimezone(support.office.settings.zone)
    assert f"vom {read:%d.%m.}" in found.problem.text()


def test_the_reason_is_a_sentence_of_its_own(support: Support) -> None:
    unreadable(hours=1)(support)
    words = ConditionWords(support.office.now(), "en", support.office.settings.zone)

    (item,) = items_of(support.wrong, words)

    assert ". The permission for subscribedSkus is missing" in item.words.replace("\\", "")


def test_the_site_s_own_certificate_is_called_by_its_name(support: Support) -> None:
    site_certificate(6)(support)

    (item,) = support.items
    assert item.words.startswith("Das Zertifikat von **SharePoint \\(support\\)** endet in 5 Tagen")


def test_a_site_that_is_away_says_since_when_and_why(support: Support) -> None:
    no_site(support)

    (item,) = support.items

    assert "letzter Kontakt" in item.words
    assert "Sites\\.Selected" in item.words


def test_a_broken_sharepoint_profile_is_told_once(support: Support) -> None:
    support.office.sharepoint.profile_path.write_text("{")
    support.office.refresh()

    assert [found.problem.code for found in support.wrong] == ["profile.json_broken"]


def test_an_ended_certificate_is_told_once(support: Support) -> None:
    support.office.later(days=800)
    support.office.refresh()

    codes = [found.problem.code for found in support.wrong if found.subject != "SharePoint"]

    assert codes.count("profile.cert_expired") == 2  # the tenant's and the site's
    assert "check.certificate_ended" not in codes
    assert not support.answer[1]


# Rules


@pytest.mark.parametrize(
    ("days", "level"),
    [(400, None), (30, None), (29, "notice"), (14, "notice"), (13, "warning"), (7, "warning"), (6, "error"),
     (0, "error"), (-1, "error"), (-400, "error")],
)  # fmt: skip
def test_a_certificate_gets_more_urgent(days: int, level: str | None) -> None:
    assert certificate_level(days) == level


@pytest.mark.parametrize(("every", "minutes"), [(0.1, 30), (15, 30), (30, 60), (240, 480)])
def test_two_missed_refreshes_are_late_but_never_less_than_half_an_hour(every: float, minutes: int) -> None:
    assert late_after(every) == timedelta(minutes=minutes)


def test_without_a_background_refresh_none_is_overdue() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
    run = Run(
        "1", "command", "", [], now - timedelta(days=9), now - timedelta(days=9), "done", "", 0, 0, 1.0, None, now
    )

    assert list(refresh_conditions(run, now, 0)) == []
    assert [found.problem.code for found in refresh_conditions(run, now, 30)] == ["refresh.overdue"]


def test_without_sharepoint_it_is_a_note_and_no_trouble(tmp_path: Path) -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+00:00")

    assert [found.level for found in conditions(Facts(), None, now, EVERY)] == ["note"]


def test_a_problem_that_an_older_version_stored_is_still_told() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
    old = Condition("error", Problem("sharepoint.forgotten"), "SharePoint")

    (item,) = items_of([old], ConditionWords(now, "de", now.tzinfo))  # type: ignore[arg-type]

    assert "sharepoint" in item.words


def test_a_flow_that_is_silent_is_one_error(support: Support) -> None:
    silent_flow(support)

    codes = [found.problem.code for found in support.findings if found.level == "error" and found.problem]

    assert codes == ["sharepoint.flow_silent"]
