"""The licence table as the pages show it: which columns, how each cell reads, and what opens when one clicks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from core.cache.frame_index import Positions
from core.cache.open_cases import OpenCases
from core.licenses.skus import product_language
from ui import format as fmt
from ui.cases import case_cells
from ui.frame.language import Language
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.html_table import Column, Direction, Kind, Row, titled_columns
from ui.tables.license_columns import state_words
from ui.texts import text

KINDS: dict[str, Kind] = {
    "state": "chip", "tenant": "open", "product": "open", "product_and_sku": "open", "enabled": "number",
    "consumed": "number", "free": "number", "utilisation": "bar", "short_since": "time", "alarm": "word",
    "renews_at": "time", "free_now": "number", "under_way": "number", "case": "case",
}  # fmt: skip
ALL = ("state", "tenant", "product_and_sku", "enabled", "consumed", "free", "utilisation", "short_since", "alarm",
       "renews_at")  # fmt: skip
OF_TENANT = tuple(name for name in ALL if name != "tenant")
SHORTAGES = ("tenant", "product", "free_now", "under_way", "short_since", "alarm", "case", "state")
TITLES = {"product_and_sku": "product", "utilisation": "used_share", "free_now": "free"}
TITLES_OF_SHORTAGES = {"short_since": "open_since"}  # in a table of them it need not be said since when what lasts
# Without a colour are what is ok and what hits nobody, so that the others are seen.
TONES = {"shortage": "bad", "over": "bad", "low": "warn", "grace": "calm", "suspended": "calm", "unreadable": "warn"}
UNREADABLE = "unreadable"  # the chip of a row whose tenant could not be read; a click on it says why
ALARM_TONES = {"unanswered": "bad", "waiting": "warn"}


def license_columns(
    names: Sequence[str], language: Language, sorted_by: Mapping[str, Direction] | None = None
) -> list[Column]:
    """Return the columns under their titles; `sorted_by` says how those that can be sorted are."""
    kinds = {name: KINDS[name] for name in names}
    titles = TITLES | (TITLES_OF_SHORTAGES if "case" in names else {})
    return titled_columns(kinds, language, titles=titles, sorts=sorted_by or {})


def license_rows(
    snapshot: Snapshot,
    positions: Positions,
    names: Sequence[str],
    view: View,
    cases: OpenCases = MappingProxyType({}),
    *,
    may_work: bool = False,
) -> list[Row]:
    """Return these rows of the licences, in this order, with the cells `names`.

    `cases` are the open ones; `may_work`: the reader may take or open one.
    """
    records = snapshot.index.records(positions)
    for record in records:
        record |= {"open_case": cases.get((record["tenant_id"], record["sku_id"])), "may_work": may_work}
    ids = snapshot.index.ids_of(positions)
    marks = [_marks(snapshot, position, names) for position in positions]
    return [
        Row(id_, [_cell(name, record, shown, view) for name in names])
        for id_, record, shown in zip(ids, records, marks, strict=True)
    ]


def _marks(snapshot: Snapshot, position: int, names: Sequence[str]) -> list[str]:
    """Return the marks of a row without what all in a table of shortages have, and if its tenant cannot be read."""
    told = "tenant" in names and snapshot.index.slug(position) in snapshot.unreadable
    marks = [mark for mark in snapshot.index.marks_of(position) if mark != "shortage" or "case" not in names]
    return [*marks, *([UNREADABLE] if told else [])]


def _cell(name: str, record: Mapping[str, Any], marks: Sequence[str], view: View) -> Any:
    value = record.get(name)
    if name in CELLS:
        return CELLS[name](record, marks, view)
    return fmt.number(value, view.language) if isinstance(value, int) else value


def _state(record: Mapping[str, Any], marks: Sequence[str], view: View) -> Any:
    chips = [{"text": state_words(mark, view.language), "tone": TONES.get(mark, "quiet")} for mark in marks]
    for chip in chips[-1:] if UNREADABLE in marks else []:
        chip["label"] = f"{chip['text']}: {record['tenant']}"
    return {"chips": chips}


def _product(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    return record[f"product_{product_language(view.language)}"]


def _product_and_sku(record: Mapping[str, Any], marks: Sequence[str], view: View) -> Any:
    return {"text": _product(record, marks, view), "sub": record["sku_part_number"]}


def _utilisation(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    if record["utilisation"] is None:
        return ""
    percent = round(record["utilisation"] * 100)
    return {"text": fmt.number(percent, view.language), "share": percent}


def _since(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    if record["short_since"] is None:
        return ""
    since, lang = record["short_since"], view.language
    return {"text": fmt.since(since, view.now, lang), "title": fmt.moment(since, lang, view.zone)}


def _alarm(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    at = record["alarm_at"]
    title = fmt.moment(at, view.language, view.zone) if at and record["alarm"] else ""
    return {"text": alarm_words(record, view), "title": title, "tone": ALARM_TONES.get(record["alarm"], "quiet")}


def _free(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    return case_cells.free_cell(record["free"], record["open_case"], view.language)


def _free_now(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    return case_cells.free_and_waiting_cell(record["free"], record["open_case"], view.language)


def _under_way(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    return case_cells.under_way_cell(record["open_case"], view.language)


def _case(record: Mapping[str, Any], marks: Sequence[str], view: View) -> Any:
    product, case, may_work = _product(record, marks, view), record["open_case"], record["may_work"]
    return case_cells.case_cell(case, product, record["tenant"], view, may_work=may_work)


def _renewal(record: Mapping[str, Any], _: Sequence[str], view: View) -> Any:
    renews_at = record["renews_at"]
    return "" if renews_at is None else fmt.day(renews_at.astimezone(view.zone), view.language)


CELLS: dict[str, Callable[[Mapping[str, Any], Sequence[str], View], Any]] = {
    "state": _state, "product": _product, "product_and_sku": _product_and_sku, "utilisation": _utilisation,
    "short_since": _since, "alarm": _alarm, "renews_at": _renewal, "free": _free, "free_now": _free_now,
    "under_way": _under_way, "case": _case,
}  # fmt: skip


def alarm_words(record: Mapping[str, Any], view: View) -> str:
    """Return whether somebody knows: "gemeldet 12:10", "gemeldet 14.11.", "wartet auf Flow"; "" without a shortage."""
    if not record["alarm"]:
        return ""
    words = text(f"alarm.{record['alarm']}", view.language)
    at = record["alarm_at"] if record["alarm"] == "told" else None
    return f"{words} {fmt.short_moment(at, view.now, view.language, view.zone)}" if at else words
