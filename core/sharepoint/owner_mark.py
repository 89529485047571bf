"""The mark in the parameter list that says which installation writes the lists. Pure functions.

It is a row of its own, which the flow does not read. Two installations that write the same lists would tell everybody
twice, and where their rules differ take turns in setting and resetting an alarm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.bounds import parse_time
from core.clock import elapsed
from core.sharepoint.lists import Item

PARAMETER = "lizenztool_owner"
RENEW_AFTER = timedelta(hours=1)  # each renewal is a write
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
# Searched for, since a column for rich text puts HTML around it.
_MARK = re.compile(rf"\b([0-9a-f]{{12}}) ([0-9a-f]{{8}}) ([0-9a-f]{{8}}) ({_TIME}) ({_TIME}) ([\w.-]{{1,60}})")


@dataclass(frozen=True, slots=True)
class Mark:
    """The owner of the lists.

    `installation` belongs to a database, `place` to where it lies (core.cache.place), `turn` is new with each write of
    the mark. `since` is when the installation became the owner, `at` when it wrote this mark from the machine `host`.
    """

    installation: str
    place: str
    turn: str
    since: datetime
    at: datetime
    host: str

    def text(self) -> str:
        """Return the value of the parameter, at most 160 characters."""
        times = f"{self.since:%Y-%m-%dT%H:%M:%SZ} {self.at:%Y-%m-%dT%H:%M:%SZ}"
        host = re.sub(r"[^\w.-]", "-", self.host)[:60] or "-"
        return f"{self.installation} {self.place} {self.turn} {times} {host}"


@dataclass(frozen=True, slots=True)
class Own:
    """What this process knows of itself: `turns` are those of the last marks that its database wrote.

    `settled`: this process has found its own mark before.
    """

    installation: str
    place: str
    turns: Collection[str]
    settled: bool = False


Verdict = Literal["ours", "unmarked", "restored", "other", "copy"]


def mark_of(text: str) -> Mark | None:
    """Return the mark with this text; None if there is none in it, for example because somebody has changed it."""
    match = _MARK.search(text)
    if match is None:
        return None
    since, at = parse_time(match[4]), parse_time(match[5])
    return Mark(match[1], match[2], match[3], since, at, match[6]) if since and at else None


def marked_items(items: Iterable[Item]) -> list[Item]:
    """Return the rows of the parameter list for the mark, the oldest first: of several the first readable counts."""
    rows = [item for item in items if item.text("name") == PARAMETER]
    return sorted(rows, key=lambda item: (mark_of(item.text("value")) is None, item.number))


def present_mark(items: Sequence[Item]) -> Mark | None:
    """Return the mark of the parameter list, None if nobody has marked the lists."""
    rows = marked_items(items)
    return mark_of(rows[0].text("value")) if rows else None


def verdict(mark: Mark | None, own: Own) -> Verdict:
    """Return whose the lists are: "other" and "copy" mean that this process must not write.

    A mark that our database did not write is "restored" if it was written from the same place: the database there is
    gone or was replaced by an older one, which is only possible before this process was started. Else somebody else has
    written since: a "copy" of this database, or an "other" installation.
    """
    if mark is None:
        return "unmarked"
    if mark.turn in own.turns:
        return "ours"
    if mark.place == own.place and not own.settled:
        return "restored"
    return "copy" if mark.installation == own.installation else "other"


def needs_renewal(mark: Mark, own: Own, now: datetime) -> bool:
    """Return True if our own mark is to be written again: it is old, or was written from another place."""
    return mark.place != own.place or elapsed(mark.at, now) >= RENEW_AFTER
