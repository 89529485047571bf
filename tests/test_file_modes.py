"""Files that others may read or write are told, with the command that mends it; nothing stops for them."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from core.operations import file_modes
from core.operations.file_modes import Kind, faults
from core.profiles import certificates
from core.profiles.certificates import new_certificate
from core.runtime import open_engine
from core.settings import Settings
from simulator.certificates import rsa_key

ME, OTHER, ROOT = 1000, 2000, 0


@pytest.mark.parametrize(
    ("mode", "owner", "me", "kind", "found"),
    [
        (0o600, ME, ME, Kind.KEY, []),
        (0o400, ME, ME, Kind.KEY, []),
        (0o640, ME, ME, Kind.KEY, ["read"]),
        (0o604, ME, ME, Kind.KEY, ["read"]),
        (0o620, ME, ME, Kind.KEY, ["write"]),
        (0o602, ME, ME, Kind.PRIVATE, ["write"]),
        (0o666, ME, ME, Kind.PRIVATE, ["write", "read"]),
        (0o600, OTHER, ME, Kind.KEY, ["owner"]),
        (0o640, ROOT, ME, Kind.KEY, []),  # as Debian and Kubernetes give a secret to a service
        (0o644, ROOT, ME, Kind.KEY, ["read"]),
        (0o660, ROOT, ME, Kind.KEY, ["write"]),
        (0o640, ME, ROOT, Kind.KEY, ["read"]),
        (0o600, ME, ROOT, Kind.KEY, []),  # `check` under sudo
        (0o711, ME, ME, Kind.PRIVATE, ["read"]),  # a folder that others may enter
        (0o755, ME, ME, Kind.CONTROL, []),
        (0o775, ME, ME, Kind.CONTROL, ["write"]),
        (0o757, ME, ME, Kind.CONTROL, ["write"]),
        (0o755, OTHER, ME, Kind.CONTROL, ["owner"]),
    ],
)
def test_what_others_may_not(mode: int, owner: int, me: int, kind: Kind, found: list[str]) -> None:
    assert faults(mode, owner, me, kind) == [f"files.{name}" for name in found]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """All that is looked at, as the service itself makes it, but for a new key."""
    monkeypatch.setattr(certificates, "new_private_key", lambda: rsa_key(0))
    mask = os.umask(0o077)
    try:
        settings = Settings(
            data_dir=tmp_path / "data", log_dir=tmp_path / "logs", profiles_dir=tmp_path / "a folder" / "profiles"
        )
        open_engine(settings).dispose()
        settings.log_dir.mkdir()
        (settings.log_dir / "lizenztool.log").touch()
        (settings.data_dir / "lizenztool.db.0006.20270115.bak").touch()
        settings.profiles_dir.mkdir(parents=True)
        new_certificate(settings.profiles_dir.parent / "certs" / "höri", "höri", days=9)
        (settings.profiles_dir.parent / "certs" / "höri" / "key.pfx").touch()
        (tmp_path / "elsewhere").touch()
        profile = '{"cert_path": "../elsewhere", "client_secret_file": 3}'
        (settings.profiles_dir / "config-x-profile.json").write_text(profile)
        (settings.profiles_dir / "config-y-profile.json").write_text('["no profile')
        (tmp_path / ".env").touch()
    finally:
        os.umask(mask)
    return settings


def told(settings: Settings, env_file: Path) -> list[tuple[str, str, str]]:
    return [
        (found.level, found.problem.code, found.problem.params["command"])
        for found in file_modes.findings(settings, env_file)
    ]


def test_what_the_service_makes_itself_is_in_order(installed: Settings, tmp_path: Path) -> None:
    assert told(installed, tmp_path / ".env") == []


@pytest.mark.parametrize(
    ("path", "mode", "level", "code"),
    [
        ("data/secret.key", 0o640, "error", "files.read"),
        ("data/secret.key", 0o602, "error", "files.write"),
        ("a folder/certs/höri/mycert_höri.pem", 0o604, "error", "files.read"),
        ("a folder/certs/höri/key.pfx", 0o620, "error", "files.write"),
        ("elsewhere", 0o644, "error", "files.read"),
        ("data/lizenztool.db", 0o644, "warning", "files.read"),
        ("data/lizenztool.db.0006.20270115.bak", 0o640, "warning", "files.read"),
        ("data", 0o755, "warning", "files.read"),
        ("data", 0o730, "warning", "files.write"),
        ("logs", 0o701, "warning", "files.read"),
        ("logs/lizenztool.log", 0o604, "warning", "files.read"),
        (".env", 0o640, "warning", "files.read"),
        ("a folder/profiles", 0o770, "warning", "files.write"),
        ("a folder/profiles/config-x-profile.json", 0o622, "warning", "files.write"),
        ("a folder/certs", 0o707, "warning", "files.write"),
        ("a folder/certs/höri", 0o777, "warning", "files.write"),
        ("a folder/certs/höri/mycert_höri.cer", 0o666, "warning", "files.write"),
    ],
)
def test_each_file_is_told_and_its_command_mends_it(
    installed: Settings, tmp_path: Path, path: str, mode: int, level: str, code: str
) -> None:
    (tmp_path / path).chmod(mode)

    found = told(installed, tmp_path / ".env")

    assert (level, code) in [one[:2] for one in found]
    for _, _, command in found:
        subprocess.run(shlex.split(command), check=True, cwd=tmp_path)
    assert told(installed, tmp_path / ".env") == []


def test_what_may_be_read_by_all_is_not_told(installed: Settings, tmp_path: Path) -> None:
    for path in ("profiles", "certs", "profiles/config-x-profile.json", "certs/höri", "certs/höri/mycert_höri.cer"):
        full = tmp_path / "a folder" / path
        full.chmod(0o755 if full.is_dir() else 0o644)

    assert told(installed, tmp_path / ".env") == []


def test_a_thousand_files_are_one_sentence(installed: Settings, tmp_path: Path) -> None:
    for number in range(1000):
        (installed.profiles_dir / f"{number}.txt").touch()
        (installed.profiles_dir / f"{number}.txt").chmod(0o666)

    (found,) = file_modes.findings(installed, tmp_path / ".env")

    assert "(+990)" in found.problem.text("de")
    assert len(found.problem.text("en")) < 4000


def test_what_is_not_there_is_not_told(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "x", log_dir=tmp_path / "y", profiles_dir=tmp_path / "z" / "profiles")

    assert told(settings, tmp_path / ".env") == []


def test_on_a_system_without_modes_nothing_is_told(
    installed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed.data_dir / "secret.key").chmod(0o666)
    monkeypatch.delattr(os, "geteuid")

    assert told(installed, tmp_path / ".env") == []
