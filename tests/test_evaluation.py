"""The page Auswertung: its sentence, charts, table and file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.figure_report import FigureReport
from core.cases.figures import AgeCount, CaseFigures, Times
from core.roles import Actor
from tests.html_tables import html_table
from tests.page_world import World, sku_of
from tests.test_pages import hardened, no_runtime_left, open_page, small  # noqa: F401 - fixtures
from ui.evaluation.evaluation import figures_export, group_name, report_sentence
from ui.evaluation.evaluation_charts import age_name, ages_spec, kept_spec

HOUR = 3600.0
VIEWER = {"name": "vera", "role": "viewer", "sid": "2"}
CHIEF = Actor("anna", "support", "page", "Anna")
ONE = CaseFigures(
    "2026-11", 12, 8, Times(HOUR, 2 * HOUR), Times(10 * HOUR, 20 * HOUR), Times(9 * HOUR, 12 * HOUR), 0.9966, 0.5, None
)
AGES = [AgeCount(0, 1, 3), AgeCount(1, 3, 0), AgeCount(30, None, 1)]
REPORT = FigureReport(ONE, [ONE], [ONE], AGES, {"anna": "Anna"})


@pytest.mark.parametrize(("report", "said"), [
    (REPORT, "**12** Fälle wurden beendet. Die erste Reaktion war bei **99 %** in der Frist, die Bearbeitung bei "
             "**50 %**. Die Hälfte war nach **10 h** Arbeitszeit geliefert, 90 % nach 20 h. 4 Fälle sind offen."),
    (replace(REPORT, total=ONE._replace(ended=1, lead=Times(), work_kept=None), ages=AGES[2:]),
     "**1** Fall wurde beendet. 1 Fall ist offen."),
    (replace(REPORT, total=CaseFigures(), ages=[]), "In diesem Zeitraum wurde kein Fall beendet. 0 Fälle sind offen."),
])  # fmt: skip
def test_the_sentence_says_what_is_known(report: FigureReport, said: str) -> None:
    assert report_sentence(report, "de") == said


def test_groups_have_names_for_people() -> None:
    assert group_name(ONE, REPORT, "month", "de") == "11.2026"
    assert group_name(ONE._replace(key="anna"), REPORT, "owner", "de") == "Anna"
    assert group_name(ONE._replace(key=""), REPORT, "owner", "de") == "niemand"
    assert group_name(ONE._replace(key=""), REPORT, "distributor", "en") == "without an order"


def test_the_charts_have_a_value_for_each_month_and_age() -> None:
    kept = kept_spec([ONE, ONE._replace(key="2026-10", work_kept=None)], "de", "light")

    assert [(one["month"], one["share"]) for one in kept["data"]["values"]] == [
        ("10.2026", 99), ("11.2026", 99), ("11.2026", 50),
    ]  # fmt: skip
    assert [one["cases"] for one in ages_spec(AGES, "de", "dark")["data"]["values"]] == [3, 0, 1]
    assert [age_name(age, "de") for age in AGES] == ["0–1 Tage", "1–3 Tage", "ab 30"]


def test_the_file_has_hours_and_percent() -> None:
    table = figures_export(REPORT, "month", "de").to_pylist()[0]

    assert (table["month"], table["ended"], table["lead_p90"], table["reaction_kept"]) == ("11.2026", 12, 20.0, 99.7)
    assert table["delivery_kept"] is None


def test_the_page_answers_first_and_keeps_its_filters_in_the_address(small: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(small, "pages/case_figures.py", VIEWER, by="owner", period="90", level="none", tenants="hoeri")

    assert not app.exception
    assert any(one.value.startswith("In diesem Zeitraum wurde kein Fall beendet.") for one in app.markdown)
    assert app.query_params == {"by": "owner", "period": "90", "tenants": "hoeri"}  # none is no level


def test_the_page_has_a_row_for_each_group(small: World, open_page: Any) -> None:  # noqa: F811
    engine, now = small.engine, datetime.now(UTC)
    wanted = AheadRequest(small.known[0].tenant_id, sku_of("SPB"), 5, now.date() + timedelta(days=30))
    case = open_ahead(engine, CHIEF, wanted, now, small.settings.zone)
    changes.close(engine, CHIEF, case.number, "doch nicht", now)

    app = open_page(small, "pages/case_figures.py", VIEWER, by="tenant")

    assert any(one.value.startswith("**1** Fall wurde beendet.") for one in app.markdown)
    (row,) = html_table(app, "Auswertung").rows
    assert (row["group"], row["ended"]) == (small.known[0].name, "1")
