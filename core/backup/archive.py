"""The file of a backup: a tar file with the manifest first, compressed, then encrypted as by the program age.

It is written and read as a stream: 64 kB at a time, however large the database is.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyrage
from pyrage import x25519

from core.backup.backup_error import BackupError, system_errors
from core.backup.manifest import MOST_BYTES, NAME, Content, Manifest, is_safe, manifest_of
from core.durable_files import new_file, sync_folder
from core.problems import Problem

CHUNK = 64 * 1024
QUICKLY = 1  # gzip's level; a database gets as small as with 6, within 5 %
BROKEN = (pyrage.DecryptError, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Member:
    """A file for a backup: its name there, and its content, or the path of a file that nobody changes."""

    name: str
    content: bytes | Path

    def open(self) -> IO[bytes]:
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def described(self) -> Content:
        with self.open() as file:
            digest = hashlib.sha256()
            size = 0
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return Content(digest.hexdigest(), size)


class _Digested:
    """A file that computes the digest of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self.digest.update(chunk)
        return self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


def write_archive(file: Path, manifest: Manifest, members: Sequence[Member], keys: Sequence[x25519.Recipient]) -> str:
    """Write the backup `file` (mode 0600), complete or not at all; return its digest. Raises BackupError."""
    part = file.with_name(f"{file.name}.part")
    with system_errors("backup.not_written", file.parent):
        try:
            with new_file(part) as opened, _other_thread(lambda pipe: _write_tar(pipe, manifest, members)) as source:
                target = _Digested(opened)
                pyrage.encrypt_io(source, target, keys)
            part.rename(file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(file.parent)
    return target.digest.hexdigest()


def digest_of(file: Path) -> str:
    """Return the digest (SHA-256, hexadecimal) of the encrypted file. Raises BackupError."""
    with system_errors("backup.file_unreadable", file), file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write_tar(pipe: IO[bytes], manifest: Manifest, members: Sequence[Member]) -> None:
    moment = int(manifest.created_at.timestamp())
    with (
        gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=QUICKLY, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as tar,
    ):
        for member in [Member(NAME, manifest.to_json()), *members]:
            with member.open() as file:
                entry = tarfile.TarInfo(member.name)
                entry.size, entry.mode, entry.mtime = file.seek(0, os.SEEK_END), 0o600, moment
                file.seek(0)
                tar.addfile(entry, file)


@contextmanager
def _other_thread(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """Yield the reading end of a pipe into which another thread calls `write`; raise its error at the end.

    If the block leaves early the thread ends, because nobody reads its pipe any more.
    """
    reading, writing = os.pipe()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(writing, "wb", buffering=CHUNK) as pipe:
                write(pipe)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for it
            errors.append(error)

    thread = threading.Thread(target=run, name="backup", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb", buffering=CHUNK) as pipe:
            yield pipe
    except BaseException as error:
        thread.join()
        # What broke the other end comes first; a pipe without reader only says that this end stopped.
        if errors and not isinstance(errors[0], BrokenPipeError):
            raise errors[0] from error
        raise
    thread.join()
    if errors:
        raise errors[0]


def unpack(file: Path, keys: Sequence[x25519.Identity], folder: Path) -> Manifest:
    """Unpack the backup `file` into the empty `folder` and compare every file with the manifest; return this.

    Raises BackupError: wrong key, cut, changed, or hostile names. Nothing is written outside of `folder`.
    """
    with system_errors("backup.file_unreadable", file), file.open("rb") as opened:
        _need_age(opened)
        try:
            with _other_thread(lambda pipe: _decrypt(opened, pipe, keys)) as stream:
                return _read_tar(stream, folder)
        except BROKEN as error:
            code = "backup.wrong_key" if "No matching keys" in str(error) else "backup.damaged"
            raise BackupError(Problem(code, {"file": file.name}, type(error).__name__)) from error


def _need_age(opened: IO[bytes]) -> None:
    if not opened.read(22).startswith(b"age-encryption.org/"):
        raise BackupError(Problem("backup.no_backup", {"file": Path(opened.name).name}))
    opened.seek(0)


def _decrypt(opened: IO[bytes], pipe: IO[bytes], keys: Sequence[x25519.Identity]) -> None:
    try:
        pyrage.decrypt_io(opened, pipe, keys)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno is None:  # the library's word for a changed chunk
            raise pyrage.DecryptError(str(error)) from None
        raise


def _read_tar(stream: IO[bytes], folder: Path) -> Manifest:
    with (
        gzip.GzipFile(fileobj=stream, mode="rb") as packed,
        tarfile.open(fileobj=packed, mode="r|", bufsize=CHUNK) as tar,
    ):
        members = iter(tar)
        manifest = _manifest(tar, next(members, None))
        _need_space(folder, manifest)
        missing = dict(manifest.files)
        for entry in members:
            content = missing.pop(entry.name, None)
            source = tar.extractfile(entry) if entry.isreg() and content and is_safe(entry.name) else None
            if content is None or source is None:
                raise BackupError(Problem("backup.foreign_file", {"file": repr(entry.name[:100])}))
            _keep(source, folder / entry.name, content)
        while packed.read(CHUNK):  # to its end, where a cut file shows
            pass
    if missing:
        raise BackupError(Problem("backup.damaged", {}, f"missing: {min(missing)}"))
    return manifest


def _manifest(tar: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Manifest:
    source = tar.extractfile(entry) if entry and entry.name == NAME and entry.isreg() else None
    if source is None or entry is None or entry.size > MOST_BYTES:
        raise BackupError(Problem("backup.damaged"))
    return manifest_of(source.read())


def _need_space(folder: Path, manifest: Manifest) -> None:
    status = os.statvfs(folder) if hasattr(os, "statvfs") else None
    if status is not None and status.f_bavail * status.f_frsize < manifest.total_bytes:
        mega = 1_000_000
        needed, free = manifest.total_bytes // mega + 1, status.f_bavail * status.f_frsize // mega
        params = {"place": str(folder), "needed": str(needed), "free": str(free)}
        raise BackupError(Problem("backup.no_space", params))


def _keep(source: IO[bytes], target: Path, content: Content) -> None:
    """Write one file (mode 0600). Raises BackupError if it is not the one of the manifest."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with system_errors("backup.not_written", target), new_file(target) as opened:
        while size <= content.bytes and (chunk := source.read(CHUNK)):
            digest.update(chunk)
            size += len(chunk)
            opened.write(chunk)
    if Content(digest.hexdigest(), size) != content:
        raise BackupError(Problem("backup.changed", {"file": target.name}))
