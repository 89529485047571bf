"""Who may do what: the table, and that core itself asks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.roles import LEAST_ROLE, NOBODY, ROLES, Action, Actor, NotAllowed, allows


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"look", "export", "own-account", "save-views"}),
        (
            "support",
            {
                "look",
                "export",
                "own-account",
                "save-views",
                "share-views",
                "refresh",
                "first-reading",
                "see-contacts",
                "cases",
            },
        ),
        ("admin", {action.value for action in Action}),
        ("", set()),
        ("root", set()),
        ("Admin", set()),
    ],
)
def test_a_role_may_do_exactly_this(role: str, allowed: set[str]) -> None:
    assert {action.value for action in Action if allows(role, action)} == allowed


def test_every_action_has_a_least_role() -> None:
    assert set(LEAST_ROLE) == set(Action)
    assert set(LEAST_ROLE.values()) == set(ROLES)


@given(st.sampled_from(ROLES), st.sampled_from(Action))
def test_who_may_not_is_told_the_role_that_is_needed(role: str, action: Action) -> None:
    actor = Actor("anna", role, "page")
    if actor.may(action):
        actor.need(action)
        return
    with pytest.raises(NotAllowed) as refused:
        actor.need(action)
    assert LEAST_ROLE[action] in refused.value.problem.text("de")


def test_nobody_may_do_anything() -> None:
    assert not any(NOBODY.may(action) for action in Action)
