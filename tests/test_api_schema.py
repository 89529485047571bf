"""The whole document against the running server: what it promises is what is answered, and nothing else is taken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runtime import Runtime
from tests.api_world import Served, serve
from tests.office import open_office
from web.api import call_limits

# Every check on every operation: examples, edge cases, made-up calls good and bad, and chains of calls. The seed is
# fixed, so that a test that was green stays so; another one, or more examples, is for looking around by hand.
OPTIONS = ["--checks", "all", "--max-examples", "4", "--seed", "1", "--generation-deterministic", "--no-color"]
# What is asked of Microsoft, or compared with another field, no schema can say: a call as the document wants it may be
# refused (422).
CONFIG = """
[[operations]]
include-method = "POST"
include-path-regex = "^/(tenants(/.tenantId./contacts)?|cases(/.caseId./[a-z-]+)?)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422, 503]

[[operations]]
include-method = "DELETE"
include-path = "/tenants/{tenantId}"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422, 503]

[[operations]]
include-path-regex = "^/(tenants/.tenantId./contacts/.contactId.|cases/.caseId.)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422, 503]
"""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The real app with the figures of a real refresh; what is called reaches the lists of the simulator."""
    monkeypatch.setattr(call_limits, "WRONG_PER_MINUTE", 100_000)  # each operation is tried with wrong tokens
    with open_office(tmp_path, LIZENZTOOL_API_REQUESTS_PER_MINUTE="100000") as office:
        for name, used in (("ISE School", 25), ("Muster AG", 10)):
            office.m365.add_tenant(name, skus={"SPB": (25, used), "FLOW_FREE": (10_000, 3)})
        office.settle()
        with serve(Runtime(office.settings, office.engine, office.services, office.refresher)) as server:
            yield server


def test_the_server_keeps_what_the_document_promises(served: Served, tmp_path: Path) -> None:
    token = f"Authorization: {served.bearer('admin')['Authorization']}"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json", "-H", token, *OPTIONS]

    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "29 selected / 29 total" in done.stdout
