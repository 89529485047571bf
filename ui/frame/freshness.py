"""The line below the title of a page: the age of the figures, the buttons to refresh them, and a refresh's progress.

The line asks the database every two seconds (all pages share one query a second). It offers newer figures, but does
not replace those that the reader is looking at. A reader who has asked for a refresh gets its figures at once: the
refresh itself wakes the page, which also asks four times a second, for progress and for refreshes elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from core import runtime
from core.cache import run_rows
from core.cache.database import DatabaseError
from core.cache.run_rows import Run
from core.clock import elapsed
from core.problems import ProblemError
from core.roles import Action
from ui import age, snapshots
from ui import format as fmt
from ui.age import Age
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import language, navigation, own_run_watch, refresh_result, visit
from ui.frame.block_errors import fenced
from ui.frame.identity import current_user
from ui.frame.refresh_progress import show_progress
from ui.problems import problem_box
from ui.snapshots import LatestState, Snapshot
from ui.texts import plural, text

HELP = {
    "refresh.button": "refresh.button_help",
    "refresh.one": "refresh.one_help",
    "unreadable.again": "refresh.one_help",
}  # label of the button -> its help
EVERY_SECONDS = 2
OWN_EVERY_SECONDS = 0.25  # while the reader waits for a refresh
SHOW_RESULT_FOR = timedelta(minutes=15)
PAGE = "page"  # the place of a button that is not in a dialog
OWN, REFUSED, RESUMED = "_own_run", "_refused", "_resumed"


def freshness(snapshot: Snapshot, only: Sequence[str] = ()) -> None:
    """Show the line, with the result of the refresh that this reader waited for.

    `only` (tenant ids) adds a button that refreshes these tenants alone.
    """
    if visit.entered():
        st.session_state.pop(REFUSED, None)
    with fenced("block.freshness"):
        _resume()
        _freshness_line(snapshot.version, snapshot.age, tuple(only))
        refresh_result.result_details(snapshot)


def refresh_button(tenants: Sequence[str] = (), *, label: str = "refresh.button", place: str = PAGE) -> None:
    """Show the button that asks for a refresh of `tenants` (ids; none: all) or joins one that is open.

    `place` keeps apart two of the same on one page.
    """
    if not current_user().may(Action.REFRESH):
        return
    available, busy = runtime.current().refresher is not None, _is_reading()
    clicked = st.button(
        text(label),
        key=bound_key(f"refresh_{label}", place, *tenants) if tenants else f"refresh_{label}",
        icon="spinner" if busy else ":material/refresh:",
        help=text(HELP[label]) if available else text("refresh.unavailable"),
        disabled=busy or not available,
        on_click=_ask,
        args=(tuple(tenants),),
    )
    if clicked and place != PAGE:  # a dialog runs alone, and the line of its page would notice only later
        st.rerun()


def _is_reading() -> bool:
    """Return True if a refresh waits or reads, so that there is nothing to ask for; not while it writes the lists."""
    try:
        latest = snapshots.latest_state(runtime.current().engine).run
    except DatabaseError:
        return False
    running = latest is not None and latest.running
    return (running or OWN in st.session_state) and not (latest is not None and latest.pushing)


def _ask(tenants: tuple[str, ...]) -> None:
    user, refresher = current_user(), runtime.current().refresher
    if refresher is None:
        return
    st.session_state.pop(REFUSED, None)
    try:
        run_id = refresher.request(user, tenants)
    except ProblemError as error:
        st.session_state[REFUSED] = error.problem
        return
    refresh_result.dismiss()
    st.session_state[OWN] = run_id


@st.fragment(run_every=EVERY_SECONDS)
def _freshness_line(version: int, shown: Age, only: Sequence[str]) -> None:
    """Show the line every two seconds; `version` and `shown` (age) are those of the figures on the page."""
    with fenced("block.freshness"):  # a fragment also runs without its page
        _show_state(version, shown, only)
    if REFUSED in st.session_state:  # here, because a click on the button runs only this fragment
        problem_box(st.session_state[REFUSED])


def _show_state(version: int, shown: Age, only: Sequence[str]) -> None:
    try:
        latest = snapshots.latest_state(runtime.current().engine)
        own = _own_run(latest.run)
    except DatabaseError:
        st.caption(f":red[{text('database.no_answer')}]")
        return
    _take_news(own, latest.version, version)
    active = latest.run if latest.run is not None and latest.run.running else None
    with st.container(horizontal=True, vertical_alignment="center", key="freshness"):
        if OWN in st.session_state:
            _own_progress(version)
        elif active is not None:
            show_progress(active)
        else:
            _age_line(shown)
            if latest.version != version:
                _offer_newer(latest.run)
            refresh_result.result_line()
        if only:
            refresh_button(only, label="refresh.one")
        refresh_button()


@st.fragment(run_every=OWN_EVERY_SECONDS)
def _own_progress(version: int) -> None:
    """Follow the refresh that this reader waits for closely; only pages that wait for one run this."""
    with fenced("block.freshness"):
        if OWN in st.session_state:
            own_run_watch.wake_for(st.session_state[OWN])
        try:
            latest = _closely()
            own = _own_run(latest.run)
        except DatabaseError:
            st.caption(f":red[{text('database.no_answer')}]")
            return
        _take_news(own, latest.version, version)
        show_progress(latest.run if latest.run is not None and latest.run.running else None)


def _closely() -> LatestState:
    """Return the latest state, shared with all pages that wait, but not older than what the refresh has told."""
    current = runtime.current()
    told_at = current.services.run_watch.told_at if current.services else float("-inf")
    return snapshots.latest_state(current.engine, OWN_EVERY_SECONDS / 2, since=told_at)  # not what it had last time


def _take_news(own: Run | None, newest: int, version: int) -> None:
    """Run the page anew if the refresh that the reader waits for has ended, or has read newer figures than these."""
    if own is not None and not own.is_open:
        st.session_state.pop(OWN)
        _show_newest(own)
    if own is not None and own.pushing and newest != version:
        visit.take_newest()
        st.rerun()


def _resume() -> None:
    """In a new session, wait again for the refresh that the reader asked for before, or show its result."""
    if st.session_state.get(RESUMED, False):
        return
    st.session_state[RESUMED] = True
    engine = runtime.current().engine
    try:
        own = next(filter(_is_own, run_rows.open_runs(engine)), None)
        latest = snapshots.latest_state(engine).run
    except DatabaseError:
        return  # the line shows that the database does not answer
    if own is not None:
        st.session_state[OWN] = own.run_id
    elif latest is None or not _is_own(latest):
        return
    elif latest.finished_at is not None and elapsed(latest.finished_at, datetime.now(UTC)) < SHOW_RESULT_FOR:
        refresh_result.announce_once(latest)


def _is_own(run: Run) -> bool:
    """Return True if the reader has asked for this run on a page."""
    return run.source == "page" and run.requested_by == current_user().shown


def _own_run(latest: Run | None) -> Run | None:
    """Return the run that this session waits for; None if it waits for none."""
    wanted = st.session_state.get(OWN)
    if wanted is None or (latest is not None and latest.run_id == wanted):
        return latest if wanted is not None else None
    own = run_rows.run(runtime.current().engine, wanted)
    if own is None:
        st.session_state.pop(OWN)
    return own


def _age_line(shown: Age) -> None:
    """Show the age of the figures, and how many tenants could not be read."""
    settings, now, lang = runtime.current().settings, datetime.now(UTC), language.current()
    unread = shown.total - shown.read
    colour = age.colour(shown, now, settings.refresh_minutes)
    st.markdown(
        f":{colour}[{plain(age.line(shown, now, lang, settings.zone))}]",
        help=plain(age.details(shown, now, lang, settings.zone)),
        width="content",
    )
    if unread:
        label = plural("age.unread", unread, lang, count=fmt.number(unread, lang))
        navigation.link(navigation.MONITORING, f":{colour}[{label}]", show="unreadable")


def _offer_newer(run: Run | None) -> None:
    """Show that there are newer figures, with the button to load them."""
    st.markdown(text("refresh.newer"), width="content")
    if st.button(text("refresh.show"), key="show_newer", type="primary"):
        _show_newest(run)


def _show_newest(run: Run | None) -> None:
    visit.take_newest()
    if run is not None:
        refresh_result.announce(run.run_id)
    st.rerun()
