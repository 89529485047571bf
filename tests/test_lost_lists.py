"""A licence list is emptied or replaced, a database lost or restored: nobody is told twice, and nobody missed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.audit import Search, find
from core.cache.lists_read import sharepoint_status
from core.problems import Problem
from core.refresh.list_refill import NothingToRefill, allow_refill
from core.roles import NotAllowed
from core.sharepoint.lost_items import LostItems
from tests.actors import actor
from tests.office import Office, open_office

TENANTS = 6


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Six tenants, each with a shortage that was told and a licence without one."""
    with open_office(tmp_path) as opened:
        for number in range(TENANTS):
            opened.m365.add_tenant(f"Kunde {number}", skus={"SPB": (10, 10), "SPE_E3": (5, 4)})
        opened.settle()
        assert len(opened.messages) == TENANTS
        yield opened


def new_shortage(office: Office) -> None:
    office.m365.tenants[0].set_sku("SPE_E3", consumed=5)


def emptied(office: Office) -> None:
    for item in list(office.sharepoint.licenses.items):
        office.sharepoint.licenses.delete(item.id)


def numbers_start_again(office: Office) -> None:
    emptied(office)
    office.sharepoint.licenses.next_id = 1


def replaced(office: Office) -> None:
    office.sharepoint.replace_licenses()


def same_title(office: Office) -> None:
    """The profile has the title of the list, and somebody makes a new list with this title."""
    use_title(office)
    office.refresh()
    office.sharepoint.replace_licenses()
    use_title(office)


def use_title(office: Office) -> None:
    profile = json.loads(office.sharepoint.profile_path.read_text("utf-8"))
    profile["sharepoint_infos"]["license_list_id"] = office.sharepoint.licenses.title
    office.sharepoint.profile_path.write_text(json.dumps(profile), "utf-8")


def stopped(office: Office) -> Problem | None:
    problems = sharepoint_status(office.engine).problems
    return next((problem for problem in problems if problem.code == "sharepoint.list_emptied"), None)


# A list that is emptied or replaced


@pytest.mark.parametrize("lose", [emptied, numbers_start_again, replaced, same_title])
def test_a_lost_list_stays_untouched_until_an_admin_lets_it_be_filled_as_it_was(
    office: Office, lose: Callable[[Office], None]
) -> None:
    lose(office)
    new_shortage(office)

    office.settle()
    summary = office.refresh()  # the first may meet the old list once more

    assert office.rows() == []
    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.list_emptied"
    assert stopped(office) == Problem(
        "sharepoint.list_emptied", {"lost": "12", "written": "12", "told": "6", "untold": "1"}
    )

    allow_refill(office.engine, actor("anna", "admin"), office.now())
    office.settle()
    office.settle()
    summary = office.refresh()

    assert summary["sharepoint"]["unchanged"] == 2 * TENANTS
    assert sum(row["technician_informed"] is True for row in office.rows()) == TENANTS + 1
    assert len(office.messages) == TENANTS + 1, "the new shortage alone was told"
    assert stopped(office) is None


def test_to_take_shortages_over_fills_no_emptied_list_and_tells_none_of_them_later(office: Office) -> None:
    emptied(office)
    new_shortage(office)

    summary = office.refresher.run(actor("anna", "admin"), take_over=True)

    assert (office.rows(), summary["sharepoint"]["problem"]["code"]) == ([], "sharepoint.list_emptied")
    allow_refill(office.engine, actor("anna", "admin"), office.now())
    office.settle()
    office.settle()
    assert sum(row["technician_informed"] is True for row in office.rows()) == TENANTS + 1
    assert len(office.messages) == TENANTS


def test_a_list_of_another_id_is_not_filled_by_a_permission_for_the_one_before(office: Office) -> None:
    emptied(office)
    office.refresh()
    allow_refill(office.engine, actor("anna", "admin"), office.now())
    replaced(office)

    office.settle()

    assert office.rows() == []
    assert stopped(office)


def test_the_permission_holds_until_the_list_is_full_and_no_longer(office: Office) -> None:
    emptied(office)
    office.refresh()
    allow_refill(office.engine, actor("anna", "admin"), office.now())
    office.settle()
    emptied(office)

    office.settle()

    assert office.rows() == []
    assert stopped(office)
    assert len(office.messages) == TENANTS


def test_a_list_that_comes_back_is_written_again_without_asking(office: Office) -> None:
    listing, kept = office.sharepoint.licenses, dict(office.sharepoint.licenses.by_id)
    emptied(office)
    office.refresh()
    assert stopped(office)
    for item in kept.values():
        listing.by_id[item.id] = item
        listing.update(item.id, {})
    new_shortage(office)

    office.settle()

    assert stopped(office) is None
    assert len(office.messages) == TENANTS + 1


def test_a_few_rows_that_somebody_deletes_are_created_anew_with_their_marks(office: Office) -> None:
    for item in list(office.sharepoint.licenses.items)[:TENANTS]:
        office.sharepoint.licenses.delete(item.id)

    office.settle()

    assert len(office.rows()) == 2 * TENANTS
    assert len(office.messages) == TENANTS
    assert stopped(office) is None


def test_a_lost_list_keeps_the_switches_and_dates_of_the_tenant_list_going(office: Office) -> None:
    emptied(office)
    office.sharepoint.tenants.update(1, {"cert_expires": "2030-01-01T10:00:00Z"})

    office.refresh()

    assert office.sharepoint.tenants.by_id[1].fields["cert_expires"] != "2030-01-01T10:00:00Z"


def test_only_an_admin_may_allow_it_only_when_it_is_needed_and_it_is_in_the_audit(office: Office) -> None:
    admin = actor("anna", "admin")
    with pytest.raises(NotAllowed):
        allow_refill(office.engine, actor("sam", "support"), office.now())
    with pytest.raises(NothingToRefill):
        allow_refill(office.engine, admin, office.now())
    emptied(office)
    office.refresh()

    allow_refill(office.engine, admin, office.now())

    (entry,), _ = find(office.engine, admin, Search(actions=["list.refill_allowed"]), limit=5)
    assert (entry.actor, entry.target) == ("anna", "Lizenzstatusliste")


@pytest.mark.parametrize(
    ("lost", "written", "too_many"),
    [(0, 0, False), (2, 2, False), (3, 3, True), (3, 6, False), (4, 6, True), (500, 1000, False), (501, 1000, True)],
)
def test_more_than_half_of_the_items_and_at_least_three_are_too_many(lost: int, written: int, too_many: bool) -> None:
    assert LostItems(lost, written, told=0, untold=0).too_many is too_many


# A database that is deleted or restored


def start_with(office: Office, database: Path | None) -> None:
    """Start the product again with this copy of its database, or with none."""
    office.stop()
    office.engine.dispose()
    data = office.settings.data_dir
    for file in data.glob("lizenztool.db*"):
        file.unlink()
    if database is not None:
        shutil.copy(database, data / "lizenztool.db")
    office.reopen()


def copy_of_database(office: Office, folder: Path) -> Path:
    office.engine.dispose()
    return Path(shutil.copy(office.settings.data_dir / "lizenztool.db", folder / "copy.db"))


@pytest.mark.of_a_file
def test_a_deleted_database_tells_nobody_again(office: Office) -> None:
    start_with(office, None)

    office.settle()
    office.settle()

    assert len(office.messages) == TENANTS
    new_shortage(office)
    office.settle()
    assert len(office.messages) == TENANTS + 1


@pytest.mark.of_a_file
def test_an_older_database_tells_a_shortage_that_came_after_it_exactly_once(office: Office, tmp_path: Path) -> None:
    older = copy_of_database(office, tmp_path)
    office.reopen()
    new_shortage(office)
    office.settle()
    assert len(office.messages) == TENANTS + 1
    start_with(office, older)
    office.m365.tenants[1].set_sku("SPE_E3", consumed=5)

    office.settle()
    office.settle()

    assert len(office.messages) == TENANTS + 2


@pytest.mark.of_a_file
def test_an_older_database_does_not_tell_a_shortage_again_that_ended_and_came_back_since(
    office: Office, tmp_path: Path
) -> None:
    older = copy_of_database(office, tmp_path)
    office.reopen()
    office.m365.tenants[0].set_sku("SPB", consumed=9)
    office.settle()
    office.m365.tenants[0].set_sku("SPB", consumed=10)
    office.settle()
    assert len(office.messages) == TENANTS + 1
    start_with(office, older)

    office.settle()
    office.settle()

    assert len(office.messages) == TENANTS + 1
