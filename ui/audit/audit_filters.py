"""The filters above the audit: words, action, person, result, period, page. The URL holds them as codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import streamlit as st

from core.audit import Search
from core.bounds import EARLIEST, LONGEST_SEARCH
from ui.audit.audit_change import action_words, result_words
from ui.format import DATE_FORMAT
from ui.frame import navigation, url
from ui.frame.view import View
from ui.texts import text

SEARCH, ACTIONS, WHO, RESULTS, SINCE, UNTIL, PAGE = "q", "action", "who", "result", "from", "to", "p"
PARAMS = (SEARCH, ACTIONS, WHO, RESULTS, SINCE, UNTIL, PAGE)
KNOWN_RESULTS = ("done", "refused", "failed")
_KEY = "audit_"
DAYS = "days"
_START, _ROUND = "_audit_start", "_audit_round"


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """The actions that occur in the audit, and the people: (account, shown name)."""

    actions: Sequence[str]
    people: Sequence[tuple[str, str]]


def audit_filters(options: FilterOptions, view: View) -> Search:
    """Show the filters and return the search that they ask for."""
    arrived = url.new_params(navigation.AUDIT, PARAMS)
    if arrived is not None:
        _fill(arrived)
    people = dict(options.people)
    for name, codes in ((ACTIONS, options.actions), (WHO, list(people)), (RESULTS, KNOWN_RESULTS)):
        st.session_state[_KEY + name] = [value for value in st.session_state.get(_KEY + name, ()) if value in codes]
    with st.container(horizontal=True, vertical_alignment="bottom", key="audit_filters"):
        st.text_input(
            text("filter.search"), key=_KEY + SEARCH, type="search", live="400ms", max_chars=LONGEST_SEARCH,
            on_change=_first_page, placeholder=text("audit.search_hint"), autocomplete="off", width=190,
        )  # fmt: skip
        _choice(ACTIONS, options.actions, {code: action_words(code, view.language) for code in options.actions})
        _choice(WHO, list(people), {name: shown or text("audit.nobody") for name, shown in people.items()})
        _choice(RESULTS, KNOWN_RESULTS, {code: result_words(code, "", view.language) for code in KNOWN_RESULTS})
        st.date_input(
            text("audit.filter.days"), key=_KEY + DAYS, format=DATE_FORMAT, on_change=_first_page,
            max_value=view.today, width=250,
        )  # fmt: skip
    return chosen(view.zone)


def chosen(zone: tzinfo) -> Search:
    """Return the search that the filters ask for; a day begins and ends at midnight in `zone`."""
    state = st.session_state
    since, until = _days()
    return Search(
        words=(state.get(_KEY + SEARCH) or "")[:LONGEST_SEARCH].strip(),
        actions=tuple(state.get(_KEY + ACTIONS, ())),
        actors=tuple(state.get(_KEY + WHO, ())),
        results=tuple(state.get(_KEY + RESULTS, ())),
        since=_start_of_day(since, zone) if since else None,
        until=_start_of_day(until + timedelta(days=1), zone) if until else None,
    )


def keep_in_url(search: Search, page: int) -> None:
    """Write search and page into the URL, so that the view can be sent to a colleague."""
    since, until = _days()
    url.keep_params(
        navigation.AUDIT,
        {
            SEARCH: [search.words] if search.words else [],
            ACTIONS: list(search.actions),
            WHO: list(search.actors),
            RESULTS: list(search.results),
            SINCE: [since.isoformat()] if since else [],
            UNTIL: [until.isoformat()] if until else [],
            PAGE: [str(page)] if page > 1 else [],
        },
    )


def page_key(search: Search) -> str:
    """Return the key of the page control; other filters and other links get one that begins at their own page."""
    return f"{_KEY}page_{st.session_state.get(_ROUND, 0)}_{abs(hash(search))}"


def first_page() -> int:
    """Return the page that a link asks for, else 1."""
    return int(st.session_state.get(_START, 1))


def is_filtered(search: Search) -> bool:
    return search != Search()


def reset() -> None:
    _fill({})


def _choice(name: str, options: Sequence[str], words: dict[str, str]) -> None:
    st.multiselect(
        text(f"audit.filter.{name}"),
        options,
        key=_KEY + name,
        format_func=lambda value: words.get(value) or value,
        placeholder=text("filter.all"),
        select_all=False,
        on_change=_first_page,
        width=160,
    )


def _first_page() -> None:
    st.session_state[_START] = 1


def _fill(params: url.Params) -> None:
    state = st.session_state
    state[_KEY + SEARCH] = (params.get(SEARCH) or [""])[0][:LONGEST_SEARCH]
    for name in (ACTIONS, WHO, RESULTS):
        state[_KEY + name] = params.get(name, [])
    since, until = _date(params.get(SINCE)), _date(params.get(UNTIL))
    state[_KEY + DAYS] = (since, until) if since and until and since <= until else (since,) if since else ()
    page = (params.get(PAGE) or ["1"])[0]
    state[_START] = max(1, int(page)) if page.isdecimal() and len(page) < 9 else 1
    state[_ROUND] = state.get(_ROUND, 0) + 1


def _days() -> tuple[date | None, date | None]:
    """Return the first and the last day; None for a day that is not chosen yet."""
    picked = tuple(st.session_state.get(_KEY + DAYS) or ())
    return (picked[0] if picked else None), (picked[1] if len(picked) > 1 else None)


def _date(values: Sequence[str] | None) -> date | None:
    try:
        day = date.fromisoformat((values or [""])[0])
    except ValueError:
        return None
    return day if EARLIEST.date() <= day <= datetime.now(UTC).date() else None


def _start_of_day(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
