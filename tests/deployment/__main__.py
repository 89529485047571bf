"""Check the chart, the Compose files, the proxy and the rules of alarms with the programs that will read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from simulator.certificates import server_files
from tests.deployment.pods import pod_faults
from tests.deployment.tools import NEWEST, OLDEST, ROOT, compose_reader, helm, schema_faults

CHART = ROOT / "deploy" / "helm" / "lizenztool"
ALL = "web.autoscaling.enabled=true,worker.autoscaling.enabled=true,image.digest=sha256:" + "0" * 64
LITTLE = "ingress.enabled=false,networkPolicy.enabled=false,backup.enabled=false"
REFUSED = (
    "env.LIZENZTOOL_SECRET_KEYS=x", "env.LIZENZTOOL_DATABASE_URL=x", "env.LIZENZTOOL_ROLE=all", "web.replicas=0",
    "image.digest=latest", "webs.replicas=2", "settings.secretName=",
)  # fmt: skip


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | environment,
    )  # fmt: skip


def chart() -> Iterator[str]:
    """Yield faults of the chart: of Helm, of Kubernetes' schemas, of the restricted profile."""
    linted = run(helm(), "lint", "--strict", CHART)
    if linted.returncode:
        yield linted.stdout + linted.stderr
    for options in ("", ALL, LITTLE):
        rendered = run(helm(), "template", "release", CHART, *(["--set", options] if options else []))
        if rendered.returncode:
            yield rendered.stderr
            continue
        for manifest in filter(None, yaml.safe_load_all(rendered.stdout)):
            yield from schema_faults(manifest, OLDEST)
            yield from schema_faults(manifest, NEWEST)
            yield from pod_faults(manifest)
    for options in REFUSED:
        if run(helm(), "template", "release", CHART, "--set", options).returncode == 0:
            yield f"the chart takes {options}"


def compose() -> Iterator[str]:
    """Yield what Compose's specification says against the Compose files."""
    for file in (ROOT / "compose.yaml", ROOT / "deploy" / "compose.scale.yaml"):
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", file.read_text("utf-8"))  # as Compose does before it reads
        try:
            compose_reader().from_json(json.dumps(yaml.safe_load(text)))
        except ValueError as error:
            yield f"{file.name}: {error}"


def proxy() -> Iterator[str]:
    """Yield what HAProxy says against its configuration."""
    with tempfile.TemporaryDirectory() as folder:
        checked = run("haproxy", "-c", "-f", ROOT / "deploy/proxy/haproxy.cfg", **proxy_variables(Path(folder)))
    if checked.returncode or "[WARNING]" in checked.stderr:
        yield checked.stderr


def proxy_variables(folder: Path) -> Mapping[str, str]:
    """Return the environment that the configuration of the proxy asks for, with a certificate in `folder`."""
    ports = {"HTTP_BIND": "127.0.0.1:8080", "HTTPS_BIND": "127.0.0.1:8443"}
    servers = {"WEB_1": "127.0.0.1:8501", "WEB_2": "127.0.0.1:8502"}
    return {**ports, **servers, "TLS_FILE": str(server_files(folder)[1])}


def rules() -> Iterator[str]:
    """Yield what promtool says against the rules of alarms and their tests."""
    folder = ROOT / "deploy" / "grafana"
    for command in (["check", "rules", folder / "alerts.yaml"], ["test", "rules", folder / "alerts.test.yaml"]):
        checked = run("promtool", *command)
        if checked.returncode:
            yield checked.stdout + checked.stderr


CHECKS: Mapping[Callable[[], Iterator[Any]], str] = {chart: "", compose: "", proxy: "haproxy", rules: "promtool"}


def main() -> int:
    """Run every check whose program is installed; return 1 if one finds something."""
    failed = False
    for check, program in CHECKS.items():
        if program and not shutil.which(program):
            print(f"{check.__name__}: not checked, {program} is not installed")
            continue
        faults = list(check())
        failed |= bool(faults)
        print(f"{check.__name__}: {'FAILED' if faults else 'ok'}", *faults, sep="\n  ")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
