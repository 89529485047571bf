"""What deploy/ says fits the product: figures, commands, addresses; no process has more rights than it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Route

from core import runtime
from core.__main__ import _parser
from core.settings import PARSERS
from tests.page_world import World
from web.health import HealthPages
from web.metrics_page import MetricsPage
from web.tabs import Tabs

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "lizenztool"
COMPOSE = yaml.safe_load((DEPLOY / "compose.scale.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "lizenztool" in service["image"]]
SERIES = re.compile(r"\blizenztool_[a-z_]+")


def names_in(file: str) -> set[str]:
    """The metrics that a file names; of the chart those of its autoscalers."""
    return set(SERIES.findall((DEPLOY / file).read_text("utf-8"))) - {"lizenztool_web"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The series that /metrics gives."""
    folder = tmp_path_factory.mktemp("metrics")
    world = World.at(folder, backup_dir=str(folder), backup_recipients=("age1somebody",))
    world.read(world.tenant("Schule A"))
    text = MetricsPage(Tabs(), runtime.current).text(world.runtime, datetime.now(UTC), 0).decode()
    return {line.split("{")[0].split()[0] for line in text.splitlines() if not line.startswith("#")} | {
        line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")
    }


@pytest.mark.parametrize(
    "file",
    ["grafana/dashboard.json", "grafana/alerts.yaml", "grafana/alerts.test.yaml", "helm/lizenztool/templates/web.yaml",
     "helm/lizenztool/templates/worker.yaml", "helm/lizenztool/values.yaml", "compose.scale.yaml"],
)  # fmt: skip
def test_every_figure_that_is_named_exists(given: set[str], file: str) -> None:
    assert names_in(file) - given == set()


def test_the_dashboard_shows_each_figure_that_the_manual_explains() -> None:
    explained = set(re.findall(r"`(lizenztool_[a-z_]+)", (ROOT / "docs/betrieb.md").read_text("utf-8")))
    shown = {re.sub("_bucket$", "", name) for name in names_in("grafana/dashboard.json")}

    assert {name for name in explained - shown if not name.startswith("lizenztool_tenant_")} == {"lizenztool_device"}


def panels() -> Iterator[dict[str, Any]]:
    yield from json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))["panels"]


def test_the_panels_of_the_dashboard_stand_beside_each_other() -> None:
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels()
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in panels()}) == len(list(panels()))
    assert all(panel["description"] for panel in panels() if panel["type"] != "row")


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert "mem_limit" in service
    assert not [volume for volume in service.get("volumes", []) if "docker.sock" in volume]


def test_secrets_are_files_and_never_in_the_environment() -> None:
    for name, service in SERVICES.items():
        secret = re.compile(r"PASSWORD$|SECRET|DATABASE_URL|PASSPHRASE|TOKEN")
        assert [variable for variable in service.get("environment", {}) if secret.search(variable)] == [], name
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "/deploy/secrets/" in ignored


def test_only_the_proxy_is_reached_from_outside_and_nobody_but_it_is_believed() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == ["inside"]
    address = SERVICES["proxy"]["networks"]["edge"]["ipv4_address"]
    assert {SERVICES[name]["environment"]["LIZENZTOOL_PROXY"] for name in ("web-1", "web-2")} == {address}


def test_no_process_begins_before_the_database_is_upgraded() -> None:
    assert SERVICES["migrate"]["command"] == ["python", "-m", "core", "db", "upgrade"]
    for name in OURS:
        wanted = {"postgres": "service_healthy"} if name == "migrate" else {"migrate": "service_completed_successfully"}
        found = SERVICES[name]["depends_on"]
        assert {other: found[other]["condition"] for other in found} == wanted, name


def test_the_commands_that_are_named_exist() -> None:
    parser = _parser("en")
    for service in SERVICES.values():
        command = service.get("command", [])
        if command[:3] == ["python", "-m", "core"]:
            assert parser.parse_args(command[3:])
    for file in ("worker.yaml", "jobs.yaml"):
        text = (CHART / "templates" / file).read_text("utf-8")
        for words in re.findall(r"command: \[python, -m, core, (.*)\]", text):
            assert parser.parse_args(words.replace('"', "").split(", "))


def test_the_proxy_asks_for_what_the_compose_file_tells_it() -> None:
    config = (DEPLOY / "proxy" / "haproxy.cfg").read_text("utf-8")

    assert set(re.findall(r"\$\{(\w+)\}", config)) == set(SERVICES["proxy"]["environment"])
    for words in (
        "cookie lizenztool_web insert",
        "timeout tunnel",
        "X-Forwarded-Proto https",
        "X-Forwarded-For %[src]",
    ):
        assert words in config


def settings_named(text: str) -> set[str]:
    return {name.lower() for name in re.findall(r"LIZENZTOOL_([A-Z_]+)\b", text)} - {"image"}


@pytest.mark.parametrize(
    "file", ["compose.scale.yaml", "helm/lizenztool/templates/_helpers.tpl", "helm/lizenztool/values.yaml"]
)
def test_every_setting_that_is_named_exists(file: str) -> None:
    assert settings_named((DEPLOY / file).read_text("utf-8")) - set(PARSERS) == set()


@pytest.mark.parametrize("file", ["proxy/haproxy.cfg", "helm/lizenztool/templates/web.yaml"])
def test_whoever_sends_people_on_asks_for_the_database_alone(file: str) -> None:
    """A late refresh is no reason to show nobody anything; an address that does not exist would be one."""
    routes = {route.path for route in HealthPages(Tabs(), runtime.current).routes() if isinstance(route, Route)}
    asked = set(re.findall(r"/health[\w/]*(?:\?[\w=]+)?", (DEPLOY / file).read_text("utf-8")))

    assert {path.split("?")[0] for path in asked} <= routes
    assert "/health/ready?only=database" in asked


def test_the_values_of_the_chart_have_a_schema_that_knows_them_all() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    assert unknown(values, schema) == []


def unknown(values: dict[str, Any], schema: dict[str, Any], at: str = "") -> list[str]:
    """The values that a part of the schema does not know, or lets be left out."""
    known = schema.get("properties", {})
    missing = [f"{at}{name}" for name in values if known and name not in known]
    for name, part in known.items():
        if isinstance(values.get(name), dict):
            missing += unknown(values[name], part, f"{at}{name}.")
    return missing


def test_the_image_keeps_the_dates_of_every_language() -> None:
    line = next(one for one in (DEPLOY / "image/unneeded.txt").read_text("utf-8").splitlines() if "babel/" in one)
    languages = {path.name for path in (ROOT / "locales").iterdir() if path.is_dir()}

    assert languages
    assert [name for name in languages if f" {name}.dat {name}_*.dat" not in line] == []
