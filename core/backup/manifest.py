"""The manifest: the first file of a backup, which says what else is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from core.backup.backup_error import BackupError
from core.problems import Problem

FORMAT: Final = 1
NAME: Final = "manifest.json"
MOST_BYTES = 32 * 1024 * 1024  # 1,000 tenants have 0.6 MB
DATABASE_MEMBERS = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
SECRET_KEY, SETTINGS, PRODUCT_NAMES = "secret.key", "settings.env", "sku_mappings.json"
SINGLE = {*DATABASE_MEMBERS.values(), SECRET_KEY, SETTINGS, PRODUCT_NAMES}
OUTSIDE = "outside"
FOLDERS = ("profiles", "certs", OUTSIDE)
PARTS: Final[Mapping[str, Sequence[str]]] = {  # what can be restored alone -> first parts of the names
    "database": (*DATABASE_MEMBERS.values(), SECRET_KEY),
    "profiles": ("profiles", "certs"),
    "settings": (SETTINGS,),
    "names": (PRODUCT_NAMES,),
}
LONGEST_NAME = 1000
DIGEST = re.compile(r"[0-9a-f]{64}")
SCHEMA_NAME = re.compile(r"[\w$]{0,63}")


@dataclass(frozen=True, slots=True)
class Content:
    """One file of a backup: its digest (SHA-256, hexadecimal) and its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup.

    `schema`: version of the tables; `database`: sqlite or postgresql, its tables in the schema `namespace` ("" for
    SQLite), `tables` with the number of their rows. `files` has every other file by its name. `settings`: names of the
    settings that came from the environment, whose values are in no file. `outside`: name in the backup -> path of a key
    that a profile names outside of its folder.
    """

    created_at: datetime
    schema: str
    database: str
    namespace: str
    tables: Mapping[str, int]
    files: Mapping[str, Content]
    settings: Sequence[str] = ()
    outside: Mapping[str, str] | None = None

    @property
    def total_bytes(self) -> int:
        return sum(content.bytes for content in self.files.values())

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def dump(self) -> str:
        """Return the name of the file with the database."""
        return DATABASE_MEMBERS[self.database]

    def to_json(self) -> bytes:
        values = asdict(self) | {"format": FORMAT, "product": "Lizenztool", "created_at": self.created_at.isoformat()}
        return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False).encode()


def manifest_of(content: bytes) -> Manifest:
    """Return the manifest in a backup. Raises BackupError if it is damaged, hostile or of a newer program."""
    try:
        values = json.loads(content)
        if values.get("format") != FORMAT:
            raise BackupError(Problem("backup.other_format", {"format": str(values.get("format"))[:20]}))
        return _manifest(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BackupError(Problem("backup.damaged")) from None


def _manifest(values: dict[str, Any]) -> Manifest:
    files = {name: Content(**content) for name, content in values["files"].items()}
    manifest = Manifest(
        created_at=datetime.fromisoformat(values["created_at"]),
        schema=str(values["schema"]),
        database=values["database"],
        namespace=values["namespace"],
        tables={name: int(rows) for name, rows in values["tables"].items()},
        files=files,
        settings=[str(name) for name in values["settings"]],
        outside={str(name): str(path) for name, path in (values["outside"] or {}).items()},
    )
    sound = (
        manifest.dump in files
        and manifest.created_at.tzinfo is not None
        and SCHEMA_NAME.fullmatch(manifest.namespace)
        and all(map(is_safe, files))
        and all(DIGEST.fullmatch(one.sha256) and int(one.bytes) >= 0 for one in files.values())
    )
    if not sound:
        raise ValueError
    return manifest


def is_safe(name: str) -> bool:
    """Return True if a file of this name stays in its folder: no "..", no absolute path, no other folder than ours.

    Anybody who knows the public key can make a backup, so its names are foreign text.
    """
    parts = name.split("/")
    if len(name) > LONGEST_NAME or any(part in ("", ".", "..") for part in parts):
        return False
    if any(sign in name for sign in "\\:\0") or not name.isprintable():
        return False
    return name in SINGLE if len(parts) == 1 else parts[0] in FOLDERS
