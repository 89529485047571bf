"""No key, no environment and no database gets into git or the image by mistake, wherever it lies."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("", "core/", "web/api/", "docs/images/", "tests/", "profiles/", "certs/x/", "a new folder/b/")
SECRET = (
    "mykey.pem", "cert.pfx", "cert.p12", "service.key", "key.der", "key.p8", "putty.ppk", "store.jks", "id_rsa",
    "id_ed25519", "cert.pem.bak", "secret.key", "secret.key.new", "secret.key.lock", ".env", ".env.local",
    ".env.production", "prod.env", "lizenztool.db", "lizenztool.db-wal", "lizenztool.db-shm", "x.sqlite3",
    "lizenztool.db.0006.20270115-120000.bak", "lizenztool.db.upgrade.lock",
)  # fmt: skip
OURS = (".env.example", "certs/README.md", "core/encryption.py", "core/settings.py", "web/keys.py", "docs/env.md")


def ignored(paths: list[str]) -> set[str]:
    """Those of `paths` that git would not add."""
    ended = subprocess.run(
        ["git", "-c", "core.ignorecase=false", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=ROOT, input="\0".join(paths), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode in (0, 1), ended.stderr
    return set(filter(None, ended.stdout.split("\0")))


@pytest.fixture(scope="module")
def in_git() -> bool:
    return (ROOT / ".git").exists()


def spelled(name: str) -> set[str]:
    """As it is, in capitals, and with a capital first."""
    return {name, name.upper(), name.title()}


def test_git_takes_no_secret_in_any_folder_and_any_case(in_git: bool) -> None:
    if not in_git:
        pytest.skip("not a checkout")
    paths = [folder + written for folder, name in itertools.product(FOLDERS, SECRET) for written in spelled(name)]

    assert set(paths) - ignored(paths) == set()


def test_git_takes_what_is_ours(in_git: bool) -> None:
    if not in_git:
        pytest.skip("not a checkout")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert ignored([*OURS, *filter(None, files.split("\0"))]) == set()


def excluded(path: str) -> bool:
    """Return True if Docker leaves `path` out: the last pattern that fits it, or a folder above it, decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", pattern.strip("/"))
        expression = "".join(
            signs.get(part, part if part.startswith("[") else re.escape(part)) for part in parts if part
        )
        if re.fullmatch(f"{expression}(?:/.*)?", path):
            out = not line.strip().startswith("!")
    return out


def test_the_image_takes_no_secret_in_any_folder_and_any_case() -> None:
    paths = [folder + written for folder, name in itertools.product(FOLDERS, SECRET) for written in spelled(name)]

    assert [path for path in paths if not excluded(path)] == []
    assert [path for path in ("app.py", "core/settings.py", "requirements.lock", "sbom.json") if excluded(path)] == []
