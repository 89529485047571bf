"""The one line on every page: how old the figures are, newer ones if there are, and the refresh with its progress.

It looks at the database every two seconds (one shared query a second for all pages). It never changes the
figures under the reader's hands: it offers newer ones. Whoever asked for the refresh gets them at once.
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
from ui.escaping import plain
from ui.frame import language, refresh_result, visit
from ui.frame.block_errors import fenced
from ui.frame.identity import current_user
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.tables.selection import bound_key
from ui.texts import text

HELP = {"refresh.button": "refresh.button_help", "refresh.one": "refresh.one_help"}  # label of the button -> its help
EVERY_SECONDS = 2
TELL_FOR = timedelta(minutes=15)
OWN, REFUSED, CAME = "_own_run", "_refused", "_came_back"


def freshness(snapshot: Snapshot, only: Sequence[str] = ()) -> None:
    """The line, and below it the result of a refresh this reader waits for.

    `only` (tenant ids) adds a button that refreshes these alone.
    """
    if visit.entered():
        st.session_state.pop(REFUSED, None)
    with fenced("block.freshness"):
        _come_back()
        _line(snapshot.version, snapshot.age, tuple(only))
        refresh_result.result_box(snapshot)


def refresh_button(tenants: Sequence[str] = (), *, label: str = "refresh.button", disabled: bool = False) -> None:
    """Ask for a live refresh of `tenants` (ids; none = all), or join the one that runs."""
    if not current_user().may(Action.REFRESH):
        return
    available = runtime.current().refresher is not None
    st.button(
        text(label),
        key=bound_key(f"refresh_{label}", *tenants) if tenants else f"refresh_{label}",
        icon=":material/refresh:",
        help=text(HELP[label]) if available else text("refresh.unavailable"),
        disabled=disabled or not available,
        on_click=_ask,
        args=(tuple(tenants),),
    )


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
def _line(version: int, shown: Age, only: Sequence[str]) -> None:
    """`version` and `shown` are those of the figures on the page, which stay until the reader wants newer ones."""
    with fenced("block.freshness"):  # the fragment runs on its own, too
        _state(version, shown, only)
    if REFUSED in st.session_state:  # here, for a click on the button runs nothing but this fragment
        problem_box(st.session_state[REFUSED])


def _state(version: int, shown: Age, only: Sequence[str]) -> None:
    try:
        beat = snapshots.pulse(runtime.current().engine)
        own = _own_run(beat.run)
    except DatabaseError:
        st.caption(f":red[{text('database.no_answer')}]")
        return
    if own is not None and not own.is_open:
        st.session_state.pop(OWN)
        _show_newest(own)
    if own is not None and own.pushing and beat.version != version:
        visit.take_newest()
        st.rerun()
    active = beat.run if beat.run is not None and beat.run.running else None
    waiting = OWN in st.session_state or active is not None
    with st.container(horizontal=True, vertical_alignment="center", key="freshness"):
        if waiting:
            _progress(active)
        else:
            _age(shown)
            if beat.version != version:
                _offer(beat.run)
        busy = waiting and not (active is not None and active.pushing)
        if only:
            refresh_button(only, label="refresh.one", disabled=busy)
        refresh_button(disabled=busy)


def _come_back() -> None:
    """Whoever left during a refresh, or loads the page anew, still waits for it or is told its result."""
    if st.session_state.get(CAME, False):
        return
    st.session_state[CAME] = True
    engine = runtime.current().engine
    try:
        own = next(filter(_is_own, run_rows.open_runs(engine)), None)
        latest = snapshots.pulse(engine).run
    except DatabaseError:
        return  # the line says so
    if own is not None:
        st.session_state[OWN] = own.run_id
    elif latest is None or not _is_own(latest):
        return
    elif latest.finished_at is not None and elapsed(latest.finished_at, datetime.now(UTC)) < TELL_FOR:
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


def _age(shown: Age) -> None:
    settings, now, words = runtime.current().settings, datetime.now(UTC), language.current()
    line = plain(age.line(shown, now, words, settings.zone))
    wrong = shown.failing or shown.never or age.is_stale(shown, now, settings.refresh_minutes)
    st.markdown(
        f":red[{line}]" if wrong and shown.total else f":gray[{line}]",
        help=plain(age.details(shown, now, words, settings.zone)),
        width="stretch",
    )


def _offer(run: Run | None) -> None:
    """Newer figures are there; the reader decides when to look at them."""
    st.markdown(text("refresh.newer"), width="content")
    if st.button(text("refresh.show"), key="show_newer", type="primary"):
        _show_newest(run)


def _show_newest(run: Run | None) -> None:
    visit.take_newest()
    if run is not None:
        refresh_result.announce(run.run_id)
    st.rerun()


def _progress(run: Run | None) -> None:
    """How far the refresh is; counts while there is something to count."""
    if run is None or not run.step:
        st.progress(0.0, text=text("refresh.starting"))
        return
    step = text(f"refresh.step.{run.step}")
    if run.total:
        words = language.current()
        done, total = fmt.number(run.done, words), fmt.number(run.total, words)
        key = "refresh.written" if run.pushing else "refresh.counts"
        step = text(key, step=step, done=done, total=total)
    by = text("refresh.by", name=plain(run.requested_by)) if run.source == "page" and run.requested_by else ""
    st.progress(min(run.done / run.total, 1.0) if run.total else 0.0, text=f"{step}{by}")
