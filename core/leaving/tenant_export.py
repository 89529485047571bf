"""The export of a tenant: a ZIP with each of its tables as CSV and as JSON, and a manifest with the digests."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Engine

from core.audit import note_export
from core.cache.mentions import TenantKeys
from core.cache.sql import Transaction, transaction
from core.cache.tenant_data import rows_of
from core.durable_files import new_file, sync_folder
from core.problems import Problem, ProblemError
from core.roles import Action, Actor
from core.spreadsheets import ENCODING, harmless
from core.tenants.data import TENANT_TABLES, TenantTable

CHUNK = 64 * 1024
MANIFEST = "manifest.json"


class ExportFailed(ProblemError):
    """The export cannot be written; there is no file."""


@dataclass(frozen=True, slots=True)
class Export:
    """A written export: the digest of its file, and how many rows it has of each table."""

    sha256: str
    rows: Mapping[str, int]


def export_tenant(engine: Engine, keys: TenantKeys, file: Path, actor: Actor, now: datetime) -> Export:
    """Write the export of the tenant to `file`, and note it in the audit.

    Raises NotAllowed, ExportFailed, DatabaseError.
    """
    actor.need(Action.LEAVING)
    written = write_export(engine, keys, file, now)
    note_export(engine, actor, f"tenant {keys.name}", sum(written.rows.values()))
    return written


def write_export(engine: Engine, keys: TenantKeys, file: Path, now: datetime) -> Export:
    """Write `file` (mode 0600), whole or not at all, row by row. Raises ExportFailed, DatabaseError."""
    part = file.with_name(f".{file.name}.{uuid4().hex[:8]}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_file(part) as opened:
            rows = _write_zip(engine, keys, opened, now)
        digest = _digest_of(part)
        part.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        values = {"tenant": keys.name, "place": str(file.parent), "reason": error.strerror or type(error).__name__}
        raise ExportFailed(Problem("leaving.export_failed", values)) from error
    finally:
        _drop(part)
    return Export(digest, rows)


def _drop(part: Path) -> None:
    with contextlib.suppress(OSError):  # the folder is away or read-only: there is no such file
        part.unlink(missing_ok=True)


def _write_zip(engine: Engine, keys: TenantKeys, opened: IO[bytes], now: datetime) -> dict[str, int]:
    contents: list[dict[str, Any]] = []
    rows: dict[str, int] = {}
    with ZipFile(opened, "w", ZIP_DEFLATED) as archive, transaction(engine) as connection:
        for line in TENANT_TABLES:
            if not line.exported:
                continue
            for ending, write in (("json", _write_json), ("csv", _write_csv)):
                name = f"{line.name}.{ending}"
                with archive.open(name, "w", force_zip64=True) as target:
                    digested = _Digested(target)
                    rows[line.name] = write(digested, line, _values(connection, line, keys))
                digest = digested.digest.hexdigest()
                contents.append({"file": name, "rows": rows[line.name], "sha256": digest})
        about = {"tenant": keys.name, "tenant_id": keys.tenant_id, "slug": keys.slug, "made_at": now.isoformat()}
        archive.writestr(MANIFEST, json.dumps({**about, "files": contents}, ensure_ascii=False, indent=2))
    return rows


class _Digested(io.RawIOBase):
    """A file that computes the digest of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        content = bytes(chunk)
        self.digest.update(content)
        return self._file.write(content)


def _values(connection: Transaction, line: TenantTable, keys: TenantKeys) -> Iterator[dict[str, Any]]:
    for row in rows_of(connection, line.name, line.finder, keys):
        yield {name: plain_value(row[name]) for name in line.shown}


def plain_value(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601."""
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _write_json(file: _Digested, _line: TenantTable, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):
        file.write(("[\n" if count == 1 else ",\n").encode())
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    file.write(b"\n]\n" if count else b"[]\n")
    return count


def _write_csv(file: _Digested, line: TenantTable, rows: Iterator[dict[str, Any]]) -> int:
    """Write the rows for spreadsheets, separated by semicolons; no text becomes a formula."""
    text = io.TextIOWrapper(io.BufferedWriter(file, CHUNK), ENCODING, errors="replace", newline="")
    writer, count = csv.writer(text, delimiter=";", lineterminator="\r\n"), 0
    writer.writerow(line.shown)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in line.shown])
        count += 1
    text.flush()
    text.detach()
    return count


def _cell(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
    return harmless(text) if isinstance(text, str) else text


def _digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
