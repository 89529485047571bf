"""What is installed is what was looked at: each file by its hash, each package in the bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-scale.lock", "requirements-dev.lock", "requirements-tools.lock",
         "requirements-deploy.lock")  # fmt: skip
OF_TOOLS = ("requirements-tools.lock", "requirements-deploy.lock")  # not installed beside the product
NAMES_NO_LICENCE = {"protobuf", "pydeck", "pyrage"}  # in their metadata


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Package -> (requirement, hashes) of a lock file."""
    entries = (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines()
    found: dict[str, tuple[Requirement, list[str]]] = {}
    for entry in entries:
        requirement = Requirement(entry.split(" --hash=")[0].strip())
        found[canonicalize_name(requirement.name)] = (requirement, re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return found


def listed(name: str) -> dict[str, str]:
    """Package -> version of a file with plain pins, also of those that it includes."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
    found: dict[str, str] = {}
    for line in filter(None, lines):
        if line.startswith("-r "):
            found |= listed(line.removeprefix("-r "))
        else:
            package, _, pinned = line.partition("==")
            found[canonicalize_name(Requirement(package).name)] = pinned
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_the_hash_of_each_of_its_files(name: str) -> None:
    for requirement, hashes in locked(name).values():
        assert re.fullmatch(r"==[^=]+", str(requirement.specifier)), requirement
        assert hashes, requirement


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_index_or_a_file(name: str) -> None:
    content = (ROOT / name).read_text("utf-8")

    assert [sign for sign in ("://", "--index", "--find-links", " @ ", "file:") if sign in content] == []


@pytest.mark.parametrize(
    ("lock", "source"),
    [
        ("requirements.lock", "requirements.txt"),
        ("requirements-scale.lock", "requirements-scale.txt"),
        ("requirements-dev.lock", "requirements-dev.txt"),
        ("requirements-tools.lock", "requirements-tools.txt"),
        ("requirements-deploy.lock", "requirements-deploy.txt"),
    ],
)
def test_locks_say_what_is_wanted_in_the_versions_of_the_constraints(lock: str, source: str) -> None:
    found = {name: str(requirement.specifier).removeprefix("==") for name, (requirement, _) in locked(lock).items()}
    constraints = listed("constraints.txt") if lock not in OF_TOOLS else {}

    assert {name: pinned for name, pinned in listed(source).items() if found.get(name) != pinned} == {}
    assert {name: pinned for name, pinned in found.items() if constraints.get(name, pinned) != pinned} == {}


def test_whoever_changes_a_file_on_the_way_is_refused(tmp_path: Path) -> None:
    """A mirror hands out a package of the right name and version with another content."""
    _, hashes = locked("requirements.lock")["pyotp"]
    info = "pyotp-2.12.0.dist-info"
    with zipfile.ZipFile(tmp_path / "pyotp-2.12.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pyotp/__init__.py", "raise SystemExit('owned')")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pyotp\nVersion: 2.12.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (tmp_path / "one.lock").write_text("pyotp==2.12.0 " + " ".join(f"--hash=sha256:{one}" for one in hashes))
    options = ["--isolated", "--no-index", "--no-deps", "--find-links", str(tmp_path), "--target", str(tmp_path / "t")]
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options, "--require-hashes"]

    ended = subprocess.run([*command, "-r", str(tmp_path / "one.lock")], capture_output=True, text=True, check=False)

    assert ended.returncode != 0
    assert "HASH" in ended.stderr.upper()
    assert not (tmp_path / "t" / "pyotp").exists()


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "README.md", "docs/anleitung.md"])
def test_every_way_to_install_the_service_asks_for_the_hashes(name: str) -> None:
    content = (ROOT / name).read_text("utf-8")

    assert "--require-hashes" in content
    assert re.findall(r"install[^\n`]*-r requirements(?:-dev)?\.txt", content) == []


# The bill of materials


def materials() -> dict[str, str]:
    document = json.loads((ROOT / "sbom.json").read_text("utf-8"))
    return {canonicalize_name(found["name"]): found["version"] for found in document["components"]}


def test_the_bill_of_materials_names_what_is_installed_and_nothing_else() -> None:
    here = {
        name: str(requirement.specifier).removeprefix("==")
        for name, (requirement, _) in locked("requirements.lock").items()
        if requirement.marker is None or requirement.marker.evaluate({"sys_platform": "linux"})
    }

    assert materials() == here
    assert {name: version(name) for name in here} == here


def test_the_bill_of_materials_tells_licences_and_no_place() -> None:
    document = json.loads((ROOT / "sbom.json").read_text("utf-8"))
    text = json.dumps(document)

    assert document["bomFormat"] == "CycloneDX"
    assert {found["name"] for found in document["components"] if not found.get("licenses")} <= NAMES_NO_LICENCE
    assert {entry["ref"] for entry in document["dependencies"]} >= {one["bom-ref"] for one in document["components"]}
    assert re.findall(r"(?:/home|/root|/tmp|/work|/opt)\b|\"timestamp\"|\"serialNumber\"", text) == []
