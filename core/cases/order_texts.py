"""What goes out with an order: subject and text by the distributor's templates, a CSV file, and the same for programs.

Pure functions. Names of customers and products come from outside: in the texts each is one line, in the file none
becomes a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from core.cases.templates import render
from core.messages.wording import day_of, one_line
from core.spreadsheets import ENCODING, write_row
from core.texts import text

FILE_COLUMNS = (
    "order_key", "day", "customer", "customer_number", "cost_centre", "article", "sku_part_number", "product",
    "quantity", "term", "mca_accepted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of an order: a product for a case; `baseline` are the seats that the tenant had by then."""

    case_id: str
    number: str
    sku_id: str
    sku_part_number: str
    product: str
    article: str
    quantity: int
    baseline: int


@dataclass(frozen=True, slots=True)
class OrderContent:
    """What an order says, for whatever way it goes."""

    order_key: str
    distributor: str
    customer: str
    customer_number: str
    cost_centre: str
    term: str
    mca_accepted: bool
    ordered_by: str
    day: date
    lines: Sequence[OrderLine]

    def values(self, language: str) -> dict[str, Any]:
        """Return the variables of templates."""
        lines = [_line_values(line) for line in self.lines]
        own = {name: value for name, value in asdict(self).items() if name not in ("lines", "day")}
        total = sum(line.quantity for line in self.lines)
        cases = ", ".join(line.number for line in self.lines)
        return own | {"lines": lines, "quantity": total, "cases": cases, "day": day_of(self.day, language)}


def _line_values(line: OrderLine) -> dict[str, Any]:
    return {
        "article": line.article,
        "product": line.product,
        "sku_part_number": line.sku_part_number,
        "quantity": line.quantity,
        "case": line.number,
    }


SAMPLE = OrderContent(
    "2026-0042-1-7f3a", "Distributor", "Primarschule Wiesental", "K-10023", "4200", "P1Y", True, "A. Muster",
    date(2026, 8, 1), [
        OrderLine("", "2026-0042", "", "M365EDU_A3_FACULTY", "Microsoft 365 A3", "AAA-12345", 5, 0),
        OrderLine("", "2026-0043", "", "POWER_BI_PRO", "Power BI Pro", "AAA-54321", 2, 0),
    ],
).values("de")  # fmt: skip


def default_templates(language: str) -> tuple[str, str]:
    """Return subject and body that a new distributor begins with."""
    return text("order.template.subject", language), text("order.template.body", language)


def subject_of(template: str, content: OrderContent, language: str) -> str:
    """Return the subject, which always has the key of the order. Raises TemplateFault."""
    subject = one_line_of(render(template, content.values(language)))
    return subject if content.order_key in subject else f"{subject} [{content.order_key}]".strip()


def body_of(template: str, content: OrderContent, language: str) -> str:
    """Return the text, which always has the key of the order. Raises TemplateFault."""
    body = render(template, content.values(language)).strip()
    return f"{body}\n" if content.order_key in body else f"{body}\n\n{content.order_key}\n".lstrip()


def one_line_of(subject: str) -> str:
    return " ".join(subject.split())


def file_of(content: OrderContent, language: str) -> str:
    """Return the lines of the order as CSV for a spreadsheet of the language."""
    file = io.StringIO(newline="")
    write_row(file, [text(f"order.column.{name}", language) for name in FILE_COLUMNS], language)
    for line in content.lines:
        values = content.values(language) | _line_values(line)
        values["mca_accepted"] = text("order.yes" if content.mca_accepted else "order.no", language)
        write_row(file, [_cell(values[name]) for name in FILE_COLUMNS], language)
    return file.getvalue()


def _cell(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


def file_name(order_key: str) -> str:
    """Return the name of the file, which has the key of the order."""
    return f"order-{order_key}.csv"


def file_bytes(csv: str) -> bytes:
    """Return the content of the file."""
    return csv.encode(ENCODING)


def data_of(content: OrderContent) -> Mapping[str, Any]:
    """Return the order for programs: the `data` of a webhook."""
    return {
        "orderKey": content.order_key,
        "distributor": content.distributor,
        "customer": content.customer,
        "customerNumber": content.customer_number,
        "costCentre": content.cost_centre,
        "term": content.term,
        "mcaAccepted": content.mca_accepted,
        "orderedBy": content.ordered_by,
        "day": content.day.isoformat(),
        "lines": [
            {
                "case": line.number,
                "article": line.article,
                "skuId": line.sku_id,
                "partNumber": line.sku_part_number,
                "product": line.product,
                "quantity": line.quantity,
            }
            for line in content.lines
        ],
    }
