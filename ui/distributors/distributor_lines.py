"""Articles and customer numbers as lines of text, as a spreadsheet copies and pastes them. Pure functions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from core.cases.distributors import Article, CustomerNumber
from core.name_key import name_key
from core.problems import Problem
from core.spreadsheets import csv_reader
from core.text_files import shown


class LineFault(ValueError):
    """A line cannot be understood; `problem` says which."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def article_lines(articles: Mapping[str, Article]) -> str:
    """Return a line "SKU;article;package" for each article."""
    return _lines([sku, article.number, article.package] for sku, article in articles.items())


def read_articles(text: str) -> dict[str, Article]:
    """Return part number -> Article. Raises LineFault."""
    articles: dict[str, Article] = {}
    for number, row in _rows(text, most=3):
        sku, article, package = (*row, "", "")[:3]
        if sku in articles:
            raise LineFault(Problem("distributor.line_twice", {"line": str(number), "value": shown(sku)}))
        if package and not package.isdecimal():
            raise LineFault(Problem("distributor.line_package", {"line": str(number), "value": shown(package)}))
        articles[sku] = Article(article, int(package[:9] or 1))
    return articles


def number_lines(numbers: Mapping[str, CustomerNumber], names: Mapping[str, str]) -> str:
    """Return a line "tenant;number;cost centre" for each customer number; `names`: tenant id -> name."""
    return _lines(
        [names[tenant_id], one.customer_number, one.cost_centre]
        for tenant_id, one in numbers.items()
        if tenant_id in names
    )


def read_numbers(text: str, names: Mapping[str, str]) -> dict[str, CustomerNumber]:
    """Return tenant id -> CustomerNumber. Raises LineFault."""
    ids = {name_key(name): tenant_id for tenant_id, name in names.items()}
    numbers: dict[str, CustomerNumber] = {}
    for number, row in _rows(text, most=3):
        name, customer_number, cost_centre = (*row, "", "")[:3]
        tenant_id = ids.get(name_key(name))
        params = {"line": str(number), "value": shown(name)}
        if tenant_id is None:
            raise LineFault(Problem("distributor.line_tenant", params))
        if tenant_id in numbers:
            raise LineFault(Problem("distributor.line_twice", params))
        numbers[tenant_id] = CustomerNumber(customer_number, cost_centre)
    return numbers


def _rows(text: str, most: int) -> Iterable[tuple[int, list[str]]]:
    """Yield number and cells of each line that is not empty."""
    reader = csv_reader(text)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                if len(cells) > most:
                    raise LineFault(Problem("distributor.line_cells", {"line": str(reader.line_num)}))
                yield reader.line_num, cells
    except csv.Error as error:
        raise LineFault(Problem("distributor.line_cells", {"line": str(reader.line_num)})) from error


def _lines(rows: Iterable[list[object]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    return file.getvalue()
