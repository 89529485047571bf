"""The jump box: what it offers whom, what it finds, and where it leads."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable
from streamlit.testing.v1 import AppTest

from core.cache.rule_rows import save_rule
from core.cache.shared_frames import newest_figures
from core.licenses.alarm_rules import Rule
from core.name_key import sort_key
from core.roles import PASSWORD_DUE
from tests.actors import entry
from tests.html_tables import event_of, html_table
from tests.page_world import NOW, World, sku_of, small_world
from tests.test_pages import LICENSES, hardened, no_runtime_left, open_page, small  # noqa: F401 - fixtures
from ui.frame.jump_box import place_of
from web.jump_targets import targets_of

NODE, _ = compute_driver_executable()  # that of the browser tests: no other has to be installed
BOX = Path(__file__).parent.parent / "ui" / "component" / "jump_box.js"
Open = Callable[..., AppTest]
VIEWER = {"name": "vera", "role": "viewer", "sid": "2"}


# ---------------------------------------------------------------- what there is


def test_targets_are_pages_tenants_and_products_by_name(tmp_path: Path) -> None:
    world = small_world(tmp_path)

    assert targets_of(newest_figures(world.engine, world.settings), ["", "regeln"], "en") == {
        "page": [("Start", ""), ("Rules", "regeln")],
        "tenant": [("Bau AG Chur", "chur"), ("Schule Höri", "hoeri")],
        "product": [("Microsoft 365 Business Premium", "SPB"), ("Power BI Pro", "POWER_BI_PRO")],
    }


def test_a_product_that_is_hidden_everywhere_is_no_target(tmp_path: Path) -> None:
    world = small_world(tmp_path)
    hidden = Rule(world.known[1].tenant_id, sku_of("POWER_BI_PRO"), "not ours", "anna", NOW, mode="hidden")
    save_rule(world.engine, hidden, entry(), NOW)

    products = targets_of(newest_figures(world.engine, world.settings), [], "en")["product"]

    assert products == [("Microsoft 365 Business Premium", "SPB")]


# ---------------------------------------------------------------- what is found, by the script of the page itself


def in_javascript(folder: Path, expression: str, given: object) -> Any:
    """The value of an expression with the functions of the box, in which `given` is this value."""
    (folder / "box.mjs").write_bytes(BOX.read_bytes())
    (folder / "menu_focus.js").write_bytes(BOX.with_name("menu_focus.js").read_bytes())
    (folder / "test.mjs").write_text(
        "globalThis.document = { addEventListener() {} }\n"
        'const { fold, find, endedCase, targetsOf } = await import("./box.mjs")\n'
        f"const given = {json.dumps(given)}\n"
        f"console.log(JSON.stringify({expression}))\n",
        encoding="utf-8",
    )
    told = subprocess.run([NODE, folder / "test.mjs"], check=True, capture_output=True, encoding="utf-8")
    return json.loads(told.stdout)


def test_names_are_compared_as_they_are_sorted(tmp_path: Path) -> None:
    names = [
        "Schule Höri",
        "SCHULE  HÖRI ",
        "Ho\u0308ri",
        "Straße",
        "Ｈ\u00a0ö",
        "soft\u00adhyphen",
        "Ŝkodà",
        "ΣΊΣΥΦΟΣ",
        "ﬁn",
        "",
    ]

    assert in_javascript(tmp_path, "given.map(fold)", names) == [sort_key(name) for name in names]


TARGETS = {
    "page": [["Alle Tenants", "alle-tenants"]],
    "tenant": [["Praxis am Zürichsee", "praxis"], ["Schule Höri", "hoeri"], ["Zürich Treuhand", "zt"]],
    "product": [["Microsoft 365 A3 für Lehrpersonal", "M365EDU_A3_FACULTY"], ["Power BI Pro", "POWER_BI_PRO"]],
}


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("höri", ["Schule Höri"]),
        ("HORI", ["Schule Höri"]),
        ("hoeri", ["Schule Höri"]),  # its address
        ("höri schule", ["Schule Höri"]),
        ("zürich", ["Zürich Treuhand", "Praxis am Zürichsee"]),  # whose name begins with it comes first
        ("bi power", ["Power BI Pro"]),
        ("m365edu lehr", ["Microsoft 365 A3 für Lehrpersonal"]),
        ("le", ["Microsoft 365 A3 für Lehrpersonal", "Alle Tenants", "Schule Höri"]),  # then whose words do
        ("nowhere", []),
    ],
)
def test_every_word_is_found_in_any_order_and_spelling(tmp_path: Path, typed: str, names: list[str]) -> None:
    hits = in_javascript(tmp_path, "find(targetsOf(given[0]), given[1]).map((hit) => hit.name)", [TARGETS, typed])

    assert hits == names


def test_without_a_word_all_are_shown_pages_first(tmp_path: Path) -> None:
    hits = in_javascript(tmp_path, 'find(targetsOf(given), " ").map((hit) => hit.kind)', TARGETS)

    assert hits == ["page", *["tenant"] * 3, *["product"] * 2]


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [("2026-0042", ["2026-0042"]), (" 2025-12345 ", ["2025-12345"]), ("2026-0007", []), ("2026-42", []), ("höri", [])],
)
def test_a_case_that_has_ended_is_found_by_its_whole_number(tmp_path: Path, typed: str, numbers: list[str]) -> None:
    targets = {"case": [["2026-0007 · Schule Höri", "2026-0007"]]}
    found = in_javascript(tmp_path, "endedCase(targetsOf(given[0]), given[1]).map((hit) => hit.id)", [targets, typed])

    assert found == numbers


# ---------------------------------------------------------------- where it leads


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ({"kind": "page", "id": "tenant"}, ("tenant", {})),
        ({"kind": "page", "id": ""}, ("", {})),
        ({"kind": "tenant", "id": "hoeri"}, ("tenant", {"tenant": ["hoeri"]})),
        ({"kind": "product", "id": "SPB"}, ("alle-tenants", {"q": ["SPB"]})),
        ({"kind": "contact", "id": "hoeri/0123"}, ("tenant", {"tenant": ["hoeri"], "kontakt": ["0123"]})),
        ({"kind": "contact", "id": ["hoeri/0123"]}, None),
        ({"kind": "case", "id": "2026-0042"}, ("fall", {"nummer": ["2026-0042"]})),
        ({"kind": "page", "id": "konten"}, None),  # a page that the reader may not open
        ({"kind": "page", "id": "https://evil.example"}, None),
        ({"kind": "page", "id": ["tenant"]}, None),
        ({"kind": "other", "id": "tenant"}, None),
        ("tenant", None),
        (None, None),
    ],
)
def test_a_target_is_a_page_with_parameters(target: object, place: object) -> None:
    assert place_of(target, {"", "tenant", "alle-tenants", "fall"}) == place


def boxes(app: AppTest) -> list[Any]:
    return [found.proto for found in app.get("bidi_component") if found.proto.component_name.endswith(".jump_box")]


def choose(app: AppTest, kind: str, id_: str) -> AppTest:
    """Choose a target, as the browser tells it."""
    (box,) = boxes(app)
    states = app._tree.get_widget_states()
    states.widgets.append(event_of(box.id, "go", {"kind": kind, "id": id_}))
    return app._run(states)


def test_a_choice_opens_the_page(small: World, open_page: Open) -> None:  # noqa: F811
    app = choose(open_page(small, LICENSES, q="nothing"), "tenant", "hoeri")
    assert app.title[0].value == "Schule Höri"

    choose(app, "product", "POWER_BI_PRO")
    assert html_table(app, "Alle Tenants").column("tenant") == ["Bau AG Chur"]

    choose(app, "tenant", "gone")
    assert "Einen Tenant «gone» gibt es hier nicht" in app.warning[0].value


@pytest.mark.parametrize("role", ["none", "", PASSWORD_DUE])
def test_who_may_not_look_has_no_box(small: World, open_page: Open, role: str) -> None:  # noqa: F811
    assert len(boxes(open_page(small, user=VIEWER))) == 1
    assert boxes(open_page(small, user=VIEWER | {"role": role})) == []


def test_a_page_that_the_role_may_not_open_stays_closed(small: World, open_page: Open) -> None:  # noqa: F811
    app = choose(open_page(small, user=VIEWER), "page", "konten")

    assert app.title[0].value == "2 Engpässe in 1 Tenant."
