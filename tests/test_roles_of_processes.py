"""What a process does by `LIZENZTOOL_ROLE`, and what it needs for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.__main__ import main
from core.operations import jobs

ROOT = Path(__file__).parent.parent


def test_a_process_that_does_all_never_loads_the_engine_of_jobs(tmp_path: Path) -> None:
    code = (
        "import sys, web.server, web.asgi_app, core.__main__\n"
        "from core.runtime import open_engine, refresher_of\n"
        "from core.refresh.services import open_services\n"
        "from core.settings import load_settings\n"
        f"settings = load_settings({{'LIZENZTOOL_DATA_DIR': {str(tmp_path)!r}}}, None)\n"
        "services = open_services(open_engine(settings), settings)\n"
        "refresher_of(services).run(__import__('core.roles').roles.schedule_actor())\n"
        "print([name for name in ('procrastinate', 'psycopg') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert printed == "[]\n"


def test_without_the_engine_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "find_spec", lambda _name: None)

    with pytest.raises(jobs.EngineMissing, match=r"requirements-scale\.lock"):
        jobs.need_engine()


def test_a_worker_needs_postgresql(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIZENZTOOL_LANGUAGE", "en")
    monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(tmp_path))

    assert main(["worker"]) == 2
    assert "needs PostgreSQL" in capsys.readouterr().err
