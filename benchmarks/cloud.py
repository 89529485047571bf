"""Runs the simulated Microsoft 365 in a process of its own, so that it does not share the interpreter lock."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
LATENCY = 0.08  # seconds before each answer, about what Graph takes
START_SECONDS = 120.0
TENANTS_A_SECOND = 200  # made at least; of more than a few thousand the start takes longer


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running simulator."""

    url: str
    ca_bundle: str
    profiles_dir: Path
    pid: int = 0  # of the process

    def control(self, call: str, **options: Any) -> dict[str, Any]:
        """Call `/_control` of the simulator (simulator/control.py) and return its answer."""
        body = {"call": call, **options}
        answer = requests.post(f"{self.url}/_control", json=body, verify=self.ca_bundle, timeout=30)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


@contextmanager
def cloud(folder: Path, tenants: int, *, latency: float = LATENCY, sharepoint: bool = True) -> Iterator[Cloud]:
    """Run a simulator with `tenants` tenants of eight SKUs each and, if `sharepoint`, a site with empty lists.

    The process is terminated in the end; if this process dies first, the simulator ends when its stdin closes.
    """
    command = [sys.executable, "-m", "simulator", "--folder", str(folder), "--tenants", str(tenants)]
    command += ["--latency", str(latency)] + ([] if sharepoint else ["--no-sharepoint"])
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        addresses = json.loads(_first_line(process, START_SECONDS + tenants / TENANTS_A_SECOND))
        profiles = Path(addresses["profiles_dir"])
        own_certificates(profiles)
        yield Cloud(addresses["graph_url"], addresses["ca_bundle"], profiles, process.pid)
    finally:
        end(process)


def own_certificates(profiles: Path) -> None:
    """Give every tenant a certificate file of its own, as in production; the simulator makes one for all."""
    shared: dict[str, bytes] = {}  # path -> content
    for file in profiles.glob("config-*-profile.json"):
        content = json.loads(file.read_bytes())
        path = content["cert_path"]
        if path not in shared:
            shared[path] = (profiles.parent / path).read_bytes()
        own = profiles.parent / "certs" / file.stem / Path(path).name
        if not own.exists():
            own.parent.mkdir()
            own.write_bytes(shared[path])
            own.chmod(0o600)
        file.write_text(json.dumps(content | {"cert_path": str(own.relative_to(profiles.parent))}), encoding="utf-8")


def end(process: subprocess.Popen[str]) -> None:
    """Terminate the process; kill it if it does not end within 10 seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _first_line(process: subprocess.Popen[str], seconds: float) -> str:
    assert process.stdout is not None
    watch = threading.Timer(seconds, process.kill)
    watch.start()
    try:
        line = process.stdout.readline()
    finally:
        watch.cancel()
    if not line:
        raise RuntimeError("The simulator did not start.")
    return line
