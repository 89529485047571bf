"""Whose password is looked at next, and for whom there is no place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from functools import partial

import pytest

from core.access.accounts import SignInAttempt
from tests.loops import on_a_loop
from web.limits import password_turns
from web.limits.password_turns import Busy, PasswordTurns


def stranger(number: int, spent: int = 0) -> SignInAttempt:
    return SignInAttempt("anna", f"203.0.113.{number}", spent=spent)


def device(name: str) -> SignInAttempt:
    return SignInAttempt("anna", "203.0.113.1", device=name)


def in_order(attempts: Iterable[SignInAttempt]) -> list[str]:
    """The sources in the order in which their turn came, when all threads are busy as they arrive."""
    order: list[str] = []

    async def everybody() -> None:
        queue, release = PasswordTurns(), threading.Event()
        threads = password_turns.FOR_ALL + password_turns.FOR_DEVICES
        busy = [asyncio.create_task(queue.run(device(f"busy{n}"), release.wait)) for n in range(threads)]
        await asyncio.sleep(0)
        waiting = []
        for one in attempts:
            waiting.append(asyncio.create_task(queue.run(one, partial(order.append, one.source))))
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*busy)
        for one, result in zip(attempts, await asyncio.gather(*waiting, return_exceptions=True), strict=True):
            if isinstance(result, Busy):
                order.append(f"{one.source} refused")
        assert (queue._running, queue._running_strangers, len(queue._of_source)) == (0, 0, 0)

    on_a_loop(everybody)
    return order


def test_known_devices_come_first_then_known_networks_then_those_with_the_fewest_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(password_turns, "FOR_ALL", 1)  # one after the other
    monkeypatch.setattr(password_turns, "FOR_DEVICES", 0)
    home = SignInAttempt("anna", "192.0.2.7", known_network=True, spent=3)
    queue = [stranger(1, 5), stranger(2, 1), stranger(2, 1), stranger(3), home, device("known")]

    assert in_order(queue) == ["known", "192.0.2.7", "203.0.113.3", "203.0.113.2", "203.0.113.2", "203.0.113.1"]


def test_one_network_is_not_ahead_of_another_with_all_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_turns, "FOR_ALL", 1)
    monkeypatch.setattr(password_turns, "FOR_DEVICES", 0)

    assert in_order([*[stranger(1)] * 5, stranger(2)])[:2] == ["203.0.113.1", "203.0.113.2"]


def test_when_all_places_are_taken_the_last_in_rank_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_turns, "MOST_WAITING", 2)

    order = in_order([stranger(1, 7), stranger(2), stranger(3), device("known")])

    assert sorted(order) == ["203.0.113.1 refused", "203.0.113.2", "203.0.113.3 refused", "known"]


def test_a_source_has_its_share_of_places_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_turns, "MOST_OF_A_SOURCE", 3)

    order = in_order([*[stranger(1)] * 5, *[device("known")] * 4])

    assert order.count("203.0.113.1") == 3
    assert order.count("203.0.113.1 refused") == 2
    assert order.count("known") == password_turns.MOST_OF_A_DEVICE


def test_strangers_leave_a_thread_to_known_devices() -> None:
    async def flood() -> str:
        queue, release = PasswordTurns(), threading.Event()
        strangers = [asyncio.create_task(queue.run(stranger(n), release.wait)) for n in range(20)]
        await asyncio.sleep(0)
        found = await queue.run(device("known"), lambda: "looked at")  # while the others still hold theirs
        release.set()
        await asyncio.gather(*strangers)
        return found

    assert on_a_loop(flood) == "looked at"


def test_whoever_hangs_up_while_waiting_leaves_the_place() -> None:
    async def hang_up() -> None:
        queue, release = PasswordTurns(), threading.Event()
        first = [asyncio.create_task(queue.run(stranger(n), release.wait)) for n in range(2)]
        await asyncio.sleep(0)
        gone = asyncio.create_task(queue.run(stranger(3), release.wait))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        release.set()
        await asyncio.gather(*first)
        assert await queue.run(stranger(4), lambda: 4) == 4
        assert (queue._running, queue._waiting, len(queue._of_source)) == (0, [], 0)

    on_a_loop(hang_up)
