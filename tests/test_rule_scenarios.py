"""Rules told as stories: what the team is told, and what it is spared."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from core.cache.readings import stored_licenses
from core.cache.rule_rows import delete_rule, save_rule
from core.licenses.alarm_rules import Rule
from simulator import Tenant
from tests.actors import entry
from tests.office import Office

TOLD = ["Schule Höri: Microsoft 365 Business Premium (SPB)"]


@pytest.fixture
def school(office: Office) -> Tenant:
    """A tenant with 3 of 10 seats left, read once."""
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 7)})
    office.settle()
    assert office.messages == []
    return tenant


def rule(office: Office, *, product: bool = True, **fields: Any) -> tuple[str, str]:
    """Keep a rule for the one tenant, or its one product."""
    ((tenant_id, rows),) = stored_licenses(office.engine).items()
    scope = (tenant_id, next(iter(rows)) if product else "")
    save_rule(office.engine, Rule(*scope, "Absprache", "anna", office.now(), **fields), entry(), office.now())
    return scope


def use(office: Office, tenant: Tenant, consumed: int) -> None:
    """So many seats are taken, and the schedule comes round twice."""
    tenant.set_sku("SPB", consumed=consumed)
    office.settle()
    office.settle()


def test_a_threshold_of_two_is_told_once_at_two_free(office: Office, school: Tenant) -> None:
    rule(office, threshold=2)
    office.settle()
    assert office.messages == []

    use(office, school, 8)
    assert office.messages == TOLD

    use(office, school, 9)
    use(office, school, 10)
    assert office.messages == TOLD


def test_a_threshold_for_the_tenant_holds_for_its_products(office: Office, school: Tenant) -> None:
    rule(office, product=False, threshold=3)

    use(office, school, 7)

    assert office.messages == TOLD


def test_at_the_edge_zero_is_fine_and_one_below_is_told(office: Office, school: Tenant) -> None:
    rule(office, mode="edge")

    use(office, school, 10)
    assert office.messages == []

    use(office, school, 11)
    assert office.messages == TOLD


@pytest.mark.parametrize("mode", ["show_only", "hidden"])
def test_a_silent_product_is_kept_in_the_list_and_never_told(office: Office, school: Tenant, mode: str) -> None:
    rule(office, mode=mode, threshold=5)

    use(office, school, 12)

    assert office.messages == []
    assert office.row("Schule Höri")["Frei"] == -2
    assert office.row("Schule Höri")["trigger_inform_supporter"] is False


def test_a_free_product_with_a_rule_is_told_all_the_same(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"FLOW_FREE": (10_000, 10_000)})
    office.settle()
    assert office.messages == []

    rule(office, mode="anyway")
    office.settle()
    office.settle()

    assert len(office.messages) == 1


def test_when_the_last_day_is_over_the_shortage_is_told(office: Office, school: Tenant) -> None:
    today: date = office.now().astimezone(office.settings.zone).date()
    rule(office, mode="show_only", until=today + timedelta(days=1))
    use(office, school, 10)
    office.later(days=1)
    office.settle()
    assert office.messages == []

    office.later(days=1)
    for _ in range(3):
        office.settle()

    assert office.messages == TOLD


def test_when_a_policy_is_ended_the_shortage_is_told(office: Office, school: Tenant) -> None:
    scope = rule(office, mode="show_only")
    use(office, school, 10)

    delete_rule(office.engine, scope, entry(), office.now())
    for _ in range(3):
        office.settle()

    assert office.messages == TOLD


def test_a_threshold_that_changes_while_told_makes_no_second_message(office: Office, school: Tenant) -> None:
    rule(office, threshold=2)
    use(office, school, 8)
    assert office.messages == TOLD

    for threshold in (4, 3, 2):
        rule(office, threshold=threshold)
        office.settle()

    assert office.messages == TOLD


def test_a_threshold_that_is_lowered_resolves_and_raised_again_is_told_again(office: Office, school: Tenant) -> None:
    rule(office, threshold=2)
    use(office, school, 8)

    rule(office, threshold=1)
    office.settle()
    assert office.row("Schule Höri")["technician_informed"] is False

    rule(office, threshold=2)
    office.settle()
    assert office.messages == TOLD * 2


def test_a_policy_that_silences_takes_a_waiting_trigger_back(office: Office, school: Tenant) -> None:
    school.set_sku("SPB", consumed=10)
    office.refresh()
    assert office.row("Schule Höri")["trigger_inform_supporter"] is True

    rule(office, mode="show_only")
    office.refresh()

    assert office.row("Schule Höri")["trigger_inform_supporter"] is False
    office.m365.flow.run()
    assert office.messages == []
