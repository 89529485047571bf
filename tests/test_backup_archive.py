"""A backup that somebody else made: whatever is in it, nothing is written outside of the folder it is unpacked into."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from core.backup.archive import Member, unpack, write_archive
from core.backup.backup_error import BackupError
from core.backup.manifest import Content, Manifest

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
KEY = pyrage.x25519.Identity.generate()
DATABASE = b"a database"
PEAK_IS_FORGOTTEN = Path("/proc/self/clear_refs")  # by writing 5


def content(raw: bytes) -> Content:
    return Content(hashlib.sha256(raw).hexdigest(), len(raw))


def manifest(**files: bytes) -> Manifest:
    named = {"database.sqlite": DATABASE} | {name.replace("__", "/"): raw for name, raw in files.items()}
    return Manifest(NOW, "0014", "sqlite", "", {"runs": 1}, {name: content(raw) for name, raw in named.items()})


def entry(name: str, raw: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(raw)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, raw


def sealed(folder: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A backup with these entries, as anybody can make it who knows the public key."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for info, body in entries:
            tar.addfile(info, io.BytesIO(body))
    file = folder / "hostile.age"
    file.write_bytes(pyrage.encrypt(gzip.compress(raw.getvalue()), [KEY.to_public()]))
    return file


def about(**files: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return entry("manifest.json", manifest(**files).to_json())


def changed(change: Callable[[dict[str, Any]], object]) -> tuple[tarfile.TarInfo, bytes]:
    """A manifest that is not as this program writes it."""
    values = json.loads(manifest().to_json())
    change(values)
    return entry("manifest.json", json.dumps(values).encode())


WHOLE = entry("database.sqlite", DATABASE)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        pytest.param([], "damaged", id="empty"),
        pytest.param([WHOLE], "damaged", id="no manifest"),
        pytest.param([about()], "damaged", id="file missing"),
        pytest.param([about(), WHOLE, WHOLE], "foreign_file", id="file twice"),
        pytest.param([about(), WHOLE, entry("../evil", b"x")], "foreign_file", id="path upwards"),
        pytest.param([about(), WHOLE, entry("/tmp/evil", b"x")], "foreign_file", id="absolute path"),
        pytest.param([about(), WHOLE, entry("profiles/x", b"x")], "foreign_file", id="not in the manifest"),
        pytest.param(
            [about(), entry("database.sqlite", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "foreign_file", id="link"
        ),
        pytest.param(
            [about(), entry("database.sqlite", type=tarfile.LNKTYPE, linkname="../evil")],
            "foreign_file",
            id="hard link",
        ),
        pytest.param([about(), entry("database.sqlite", type=tarfile.FIFOTYPE)], "foreign_file", id="pipe"),
        pytest.param([about(), entry("database.sqlite", DATABASE[:-1])], "changed", id="shorter"),
        pytest.param([about(), entry("database.sqlite", DATABASE + b"x")], "changed", id="longer"),
        pytest.param([about(), entry("database.sqlite", b"b database")], "changed", id="other content"),
        pytest.param([about(**{"..__evil": b"x"}), WHOLE], "damaged", id="manifest names a path upwards"),
        pytest.param([about(**{"__etc__evil": b"x"}), WHOLE], "damaged", id="manifest names an absolute path"),
        pytest.param([changed(lambda of: of.update(format=2)), WHOLE], "other_format", id="newer format"),
        pytest.param([changed(lambda of: of.update(database="oracle")), WHOLE], "damaged", id="other database"),
        pytest.param([changed(lambda of: of.update(namespace='x"; DROP')), WHOLE], "damaged", id="odd schema"),
        pytest.param([changed(lambda of: of.pop("tables")), WHOLE], "damaged", id="half a manifest"),
        pytest.param([entry("manifest.json", b"[" * 100_000), WHOLE], "damaged", id="deep manifest"),
        pytest.param(
            [changed(lambda of: of["files"]["database.sqlite"].update(bytes=10**18)), WHOLE], "no_space", id="huge"
        ),
    ],
)
def test_a_hostile_backup_is_refused(tmp_path: Path, entries: list[Any], code: str) -> None:
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)

    with pytest.raises(BackupError) as caught:
        unpack(sealed(tmp_path, *entries), [KEY], inside)

    assert caught.value.problem.code == f"backup.{code}"
    assert {path.name for path in tmp_path.rglob("*")} <= {"deep", "inside", "hostile.age", "database.sqlite"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.skipif(not PEAK_IS_FORGOTTEN.exists(), reason="the most memory is measured in /proc")
def test_a_backup_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    """40 MB that cannot be compressed go through the pipes of a few kB."""
    big = tmp_path / "big"
    with big.open("wb") as file:
        for _ in range(40):
            file.write(os.urandom(2**20))
    members = [Member("database.sqlite", big)]
    named = Manifest(NOW, "0014", "sqlite", "", {}, {"database.sqlite": members[0].described()})
    PEAK_IS_FORGOTTEN.write_text("5")
    before = peak()

    write_archive(tmp_path / "x.age", named, members, [KEY.to_public()])
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "x.age", [KEY], tmp_path / "out").files == named.files

    assert peak() - before < 20
    assert (tmp_path / "out" / "database.sqlite").read_bytes() == big.read_bytes()


def peak() -> float:
    """The most memory that this process has had since that was forgotten, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
