"""Query options of list items: expand, page size, skip token, filter, delta token."""

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from .lists import Item, ItemList
from .replies import GraphError, decode_token

DEFAULT_PAGE, LARGEST_PAGE = 200, 5000
CLAUSE = re.compile(r"fields/(\w+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|[\w.:+-]+)")
STARTS = re.compile(r"startswith\(fields/(\w+),\s*('(?:[^']|'')*')\)")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def expanded(query: dict[str, str]) -> tuple[str, ...] | None:
    """Return the names in `fields($select=A,B)` or `fields(select=A,B)`; () for plain `fields`, None without fields."""
    option = query.get("expand", "")
    if not option.startswith("fields"):
        return None
    chosen = re.fullmatch(r"fields\(\$?select=([^)]*)\)", option)
    return tuple(name.strip() for name in chosen[1].split(",")) if chosen else ()


def page_size(query: dict[str, str]) -> int:
    """Return `$top`, 200 by default; as SharePoint does, more than 5,000 becomes 5,000 without an error."""
    top = query.get("top", str(DEFAULT_PAGE))
    if not top.isdigit():
        raise GraphError(400, "invalidRequest", "Invalid value for $top.")
    return max(1, min(int(top), LARGEST_PAGE))


def position(query: dict[str, str]) -> int:
    """Return the id of the last item of the previous page, from the skip token; 0 for the first page."""
    if "skiptoken" not in query:
        return 0
    last_id = re.search(r"p_ID=(\d+)", decode_token(query["skiptoken"]))
    if not last_id:
        raise GraphError(400, "invalidRequest", "The skip token is not valid.")
    return int(last_id[1])


def filtered(items: ItemList, query: dict[str, str], *, honoured: bool) -> list[Item]:
    """Return the items that `$filter` selects. Raise GraphError for a column without index unless `honoured`.

    SharePoint refuses such a column in short lists too; `honoured` says that the Prefer header accepts the risk.
    """
    if "orderby" in query:
        raise GraphError(400, "invalidRequest", "The orderby clause is not supported.")
    clauses = [clause.strip() for clause in re.split(r"\s+and\s+", query.get("filter", "")) if clause.strip()]
    tests = [_test(items, clause, honoured=honoured) for clause in clauses]
    return [item for item in items.by_id.values() if all(test(item) for test in tests)]


def delta_position(items: ItemList, token: str, restart: str) -> int:
    """Return the sequence number in a delta token. Raise GraphError 410 (read everything again) for an unknown one."""
    if not token:
        return 0
    if token == "latest":
        return max(1, items.sequence)
    list_id, epoch, sequence = [*decode_token(token).split(";"), "", ""][:3]
    if list_id != items.id or epoch != str(items.epoch) or not sequence.isdigit() or int(sequence) > items.sequence:
        raise GraphError(410, "resyncRequired", "Resync required.", {"Location": restart})
    return int(sequence)


def _test(items: ItemList, clause: str, *, honoured: bool) -> Callable[[Item], bool]:
    compared, starts = CLAUSE.fullmatch(clause), STARTS.fullmatch(clause)
    match = compared or starts
    if not match:
        raise GraphError(400, "invalidRequest", f"Invalid filter clause: {clause}")
    name = match[1]
    column = items.columns.get(name)
    if column is None:
        raise GraphError(400, "invalidRequest", f"Field '{name}' is not recognized")
    if not column.indexed and not honoured:
        message = (
            f"Field '{name}' cannot be referenced in filter or orderby as it is not indexed. Provide the 'Prefer: "
            "HonorNonIndexedQueriesWarningMayFailRandomly' header to allow this, but be warned that such queries may "
            "fail on large lists."
        )
        raise GraphError(400, "invalidRequest", message)
    if starts:
        prefix = _literal(starts[2])
        return lambda item: str(item.fields.get(name, "")).startswith(prefix)
    assert compared
    compare, value = COMPARE[compared[2]], _literal(compared[3])
    return lambda item: _holds(compare, item.fields.get(name), value)


def _holds(compare: Callable[[Any, Any], bool], stored: Any, value: Any) -> bool:
    if stored is None and compare not in (operator.eq, operator.ne):
        return False
    return compare(stored, value)


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    try:
        return json.loads(text)
    except ValueError:
        return text
