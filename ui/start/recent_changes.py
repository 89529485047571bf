"""What has changed since the last working day: which shortages are new, which are over, which were reported.

The working day, and not the reader's last visit: who looks ten times a day would see nothing, and two who talk about it
would see different things.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import streamlit as st

from core.cache.event_rows import LicenseEvent
from core.clock import elapsed, working_day_before
from core.licenses.skus import product_language
from ui import format as fmt
from ui.frame.view import View
from ui.license_events import event_chip, event_time, event_words, license_of_row, row_id
from ui.license_panel import open_license
from ui.row_dialog import close_dialog, dialog_subject, open_dialog, show_dialog
from ui.snapshots import Snapshot
from ui.tables.html_table import Kind, Row, show_first_rows, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {"event": "chip", "tenant": "open", "product": "open", "at": "time"}
COLOURS = {"new": "red", "ended": "green", "told": "gray"}
MOST = 10


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """The events since `since`, the newest first; a licence whose shortage came and went is among `ended` alone.

    `since` is later than the beginning of the last working day if events are stored only from then on.
    """

    since: datetime
    new: Sequence[LicenseEvent] = ()
    ended: Sequence[LicenseEvent] = ()
    told: Sequence[LicenseEvent] = ()
    over: Collection[str] = field(default_factory=frozenset)  # licences that are over-assigned since then

    @property
    def all(self) -> list[LicenseEvent]:
        return sorted([*self.new, *self.ended, *self.told], key=lambda event: event.at, reverse=True)


def recent_changes(snapshot: Snapshot, view: View) -> RecentChanges:
    """Return the changes of the licences that are shown: not of hidden ones, nor of tenants that are not read.

    An event in the future is from before the clock was set back; it would hide all that happens until then.
    """
    since = working_day_before(view.now, view.zone)
    since = max(since, snapshot.recorded_since or since)
    index = snapshot.index
    has = {mark: index.has(mark) for mark in ("shortage", "over", "hidden")}
    latest: dict[str, LicenseEvent] = {}
    told, over = [], set()
    for event in snapshot.events:
        position = index.position_of(event.license_id)
        known_age = elapsed(event.at, view.now) != timedelta.max
        if event.at < since or not known_age or position is None or has["hidden"][position]:
            continue
        if event.what == "told":
            told.append(event)
        elif event.begins_shortage or event.ends_shortage:
            latest.setdefault(event.license_id, event)
        if event.what == "over" and has["over"][position]:
            over.add(event.license_id)
    new = [event for id_, event in latest.items() if event.begins_shortage and has["shortage"][index.position_of(id_)]]
    ended = [event for event in latest.values() if event.ends_shortage]
    return RecentChanges(since, new, ended, told, over)


def changes_line(changes: RecentChanges, view: View) -> None:
    """Show "Seit gestern: 2 neu, 1 behoben, 3 gemeldet"; a click opens the list."""
    since = text("changes.since", view.language, since=since_words(changes.since, view))
    groups = {"new": changes.new, "ended": changes.ended, "told": changes.told}
    words = [
        f":{COLOURS[name]}[{text(f'changes.{name}', view.language, count=fmt.number(len(events), view.language))}]"
        for name, events in groups.items()
        if events
    ]
    if not words:
        st.caption(f"{since} {text('changes.none', view.language)}", width="content")
        return
    label = f"{since} {', '.join(words)}"
    help_ = text("changes.help", view.language)
    st.button(label, key="recent_changes", type="tertiary", help=help_, on_click=open_dialog, args=(changes,))


def since_words(since: datetime, view: View) -> str:
    """Return "gestern", "Freitag", or the time from which on events are stored."""
    if since != working_day_before(view.now, view.zone):
        return fmt.clock(since, view.now, view.language, view.zone)
    return fmt.near_day(since.astimezone(view.zone).date(), view.today, view.language)


def changes_dialog(snapshot: Snapshot, view: View) -> None:
    """Show the list of the changes in a dialog if the reader has opened it."""
    changes = dialog_subject(RecentChanges)
    if changes is not None:
        title = text("changes.title", view.language, since=since_words(changes.since, view))
        show_dialog(title, "start.shortages", partial(_list, snapshot, changes, title, view))


def _list(snapshot: Snapshot, changes: RecentChanges, title: str, view: View) -> None:
    events = [event for event in changes.all if snapshot.index.position_of(event.license_id) is not None]

    def first_rows(count: int) -> list[Row]:
        return [_row(snapshot, event, view) for event in events[:count]]

    columns = titled_columns(KINDS, view.language)
    event = show_first_rows("recent_changes_list", title, columns, first_rows, total=len(events), most=MOST)
    if event is not None and event.what == "open":
        close_dialog()
        open_license(license_of_row(event.row))
        st.rerun()


def _row(snapshot: Snapshot, event: LicenseEvent, view: View) -> Row:
    (record,) = snapshot.index.records(np.array([snapshot.index.position_of(event.license_id)]))
    lang = view.language
    at = {"text": fmt.clock(event.at, view.now, lang, view.zone), "title": event_time(event, view)}
    tenant, product = record["tenant"], record[f"product_{product_language(lang)}"]
    label = f"{product}, {tenant}, {event_words(event, lang)}"
    doors = {"text": tenant, "label": f"{tenant}, {label}"}, {"text": product, "label": label}
    return Row(row_id(event), [event_chip(event, lang), *doors, at])
