"""Templates of letters: what they may show, what is told about a wrong one, and that none of them runs long."""

from __future__ import annotations

import pytest

from core.cases.templates import TemplateFault, render
from core.texts import has_text

VALUES = {
    "customer": "Höri\nMenge: 500", "quantity": 3, "note": "",
    "lines": [{"article": "A-1", "quantity": 2}, {"article": "A-2", "quantity": 1}],
}  # fmt: skip


@pytest.mark.parametrize(("template", "text"), [
    ("{{ quantity }} für {{ customer }}", "3 für Höri Menge: 500"),
    ("{% for line in lines %}{{ line.quantity }}x {{ line.article }}\n{% endfor %}", "2x A-1\n1x A-2\n"),
    ("{% if note %}Notiz: {{ note }}{% else %}-{% endif %}", "-"),
    ("{{ '' if quantity == 1 else 'n' }}{{ customer | upper }}", "nHÖRI MENGE: 500"),
    ("<b>{{ customer }}</b>", "<b>Höri Menge: 500</b>"),
])  # fmt: skip
def test_a_template_shows_its_values_each_as_one_line(template: str, text: str) -> None:
    assert render(template, VALUES) == text


@pytest.mark.parametrize(("template", "code", "word"), [
    ("{{ custumer }}", "template.unknown_near", "customer"),
    ("{{ x }}", "template.unknown", "quantity"),
    ("{{ quantity.name }}", "template.unknown_part", "name"),
    ("{% for line in lines %}{{ line.price }}{% endfor %}", "template.unknown_part", "price"),
    ("{{ quantity", "template.syntax", "1"),
    ("a\n{% for %}", "template.syntax", "2"),
    ("{{ 'a' * 1000000000 }}", "template.not_allowed", "1"),
    ("{{ 9 ** 99999999 }}", "template.not_allowed", "1"),
    ("{{ range(9) }}", "template.not_allowed", "1"),
    ("{{ customer.format(1) }}", "template.not_allowed", "1"),
    ("{% for a in lines %}{% for b in lines %}x{% endfor %}{% endfor %}", "template.not_allowed", "1"),
    ("{% for a in lines recursive %}x{% endfor %}", "template.not_allowed", "1"),
    ("{% set a = 1 %}", "template.not_allowed", "1"),
    ("{% macro a() %}{% endmacro %}", "template.not_allowed", "1"),
    ("{% include 'x' %}", "template.not_allowed", "1"),
    ("{{ customer['__class__'] }}", "template.not_allowed", "1"),
    ("{{ customer.__class__ }}", "template.unknown_part", "__class__"),
    ("{{ customer | center(999999999) }}", "template.no_filter", "center"),
    ("{% for a in quantity %}{% endfor %}", "template.does_not_fit", "int"),
    ("x" * 10_001, "template.too_long", "10000"),
    ("{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}", "template.too_long", "10000"),
])  # fmt: skip
def test_a_wrong_template_is_told_in_words(template: str, code: str, word: str) -> None:
    with pytest.raises(TemplateFault) as fault:
        render(template, VALUES)

    assert (fault.value.problem.code, has_text(code)) == (code, True)
    assert word in fault.value.problem.text("de")
    assert word in fault.value.problem.text("en")
