"""The order of a table's rows as a code for the URL: the name of an order, with REVERSED before it if reversed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ui.tables.html_table import Direction

REVERSED = "-"


def order_of(sort: str) -> str:
    """Return the name of the order without the mark of the reversed one."""
    return sort.removeprefix(REVERSED)


def is_descending(sort: str, descending: Collection[str] = ()) -> bool:
    """Return True if the largest value comes first; `descending` are the orders of which that is the usual form."""
    return (order_of(sort) in descending) != sort.startswith(REVERSED)


def sort_directions(
    sort: str, order_of_column: Mapping[str, str], descending: Collection[str] = ()
) -> dict[str, Direction]:
    """Return for each column that sorts how the rows are sorted by it."""
    now: Direction = "descending" if is_descending(sort, descending) else "ascending"
    return {column: now if order == order_of(sort) else "none" for column, order in order_of_column.items()}


def next_sort(sort: str, order: str, usual: str) -> str:
    """Return the code after a click on the title of the column of `order`: by it, reversed, then the usual order."""
    if sort == order != usual:
        return REVERSED + order
    return usual if sort == REVERSED + order else order
