"""The last step, which removes the old certificate, and the way back, which removes the successor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.audit import Entry
from core.cache.rotation_rows import note_step
from core.cache.tenant_rows import tenant_rows
from core.graph import GraphError
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificate_uses import CertificateUse, change_certificate
from core.profiles.certificates import read_certificate
from core.rotation.entra_keys import remove
from core.rotation.job import Job, RotationRefused
from core.rotation.steps import next_step
from core.rotation.succession import switch_all

NOT_READ_YET = "rotation.not_read_yet"


def finish(job: Job) -> None:
    """Remove the old certificate from Entra and from the disk, once a refresh has read with the new one."""
    if next_step(job.rotation, job.in_use) != "finish":
        raise RotationRefused(Problem("rotation.switch_first", job.names))
    switch_all(job)  # the rest after a crash in its middle
    successor = job.successor()
    _need_reading(job)
    by_hand = job.by_hand or remove(job, job.rotation.current_thumbprint, successor) is not None
    note = _by_hand(job, job.rotation.current_thumbprint) if by_hand else None
    kept = _remove_files(job, job.rotation.current_path, job.rotation.current_thumbprint)
    _end(job, "done", "certificate.renewed", note or kept)


def _by_hand(job: Job, thumbprint: str) -> Problem:
    return Problem("rotation.remove_by_hand", job.names | {"thumbprint": thumbprint})


def _need_reading(job: Job) -> None:
    """Raise RotationRefused unless a sign-in with the successor works, and a refresh has read since the switch.

    No refresh reads a tenant that is switched off, or for the site alone.
    """
    since = job.rotation.switched_at
    ids = {use.tenant_id for use in job.users(job.rotation.next_thumbprint) if use.kind == "tenant"}
    rows = [row for row in tenant_rows(job.services.engine, ids).values() if row.enabled] if ids else []
    read = any(since is not None and row.last_read_at is not None and row.last_read_at >= since for row in rows)
    if rows and not read:
        raise RotationRefused(Problem(NOT_READ_YET, job.names))
    try:
        job.sign_in(job.successor())  # also after a reading, which may have begun before the switch
    except GraphError as error:
        raise RotationRefused(error.problem) from error


def cancel(job: Job) -> None:
    """End the rotation and remove the successor; profiles that name it already get the old certificate back."""
    rotation = job.rotation
    named = [use for use in job.all_users() if use.cert_path == rotation.next_path]
    if named:
        _switch_back(job, named)
    note = _remove_successor_key(job) if rotation.next_thumbprint and rotation.way else None
    kept = _remove_files(job, rotation.next_path, rotation.next_thumbprint)
    _end(job, "cancelled", "certificate.renewal_cancelled", note or kept)


def _switch_back(job: Job, named: Sequence[CertificateUse]) -> None:
    """Let the profiles `named` name the old certificate again, if a sign-in with it works. Raises RotationRefused."""
    old = job.current()
    try:
        job.sign_in(old)
    except GraphError as error:
        problem = Problem("rotation.no_way_back", job.names | {"file": job.rotation.current_path}, error.problem.detail)
        raise RotationRefused(problem) from error
    try:
        for use in named:
            change_certificate(use, job.rotation.current_path, old)
    except OSError as error:
        raise job.disk(job.use.path.parent, error) from error


def _remove_successor_key(job: Job) -> Problem | None:
    """Remove the key of the successor from Entra; return what a person has to do, None for nothing."""
    note = _by_hand(job, job.rotation.next_thumbprint) if job.rotation.uploaded_at else None
    if job.by_hand or job.rotation.way != "graph":
        return note
    try:
        problem = remove(job, job.rotation.next_thumbprint, job.current())
    except RotationRefused:  # Microsoft cannot be asked just now, or somebody has swapped the old file
        return note
    return note if problem else None


def _remove_files(job: Job, path: str, thumbprint: str) -> Problem | None:
    """Delete a key with its public part unless a profile names it; return the note if it is kept.

    A file with another certificate than `thumbprint` is somebody else's and stays. Raises RotationRefused.
    """
    pem = job.file(path)
    try:
        if job.is_named(pem):
            return Problem("rotation.file_in_use", job.names | {"file": path})
        if _holds_other(pem, thumbprint):
            return None
        for file in (pem, pem.with_suffix(".cer")):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise job.disk(pem.parent, error) from error
    return None


def _holds_other(pem: Path, thumbprint: str) -> bool:
    try:
        return read_certificate(pem).thumbprint != thumbprint if thumbprint else False
    except CertificateError:
        return False


def _end(job: Job, state: str, action: str, note: Problem | None) -> None:
    engine, rotation, now = job.services.engine, job.rotation, job.services.now()
    before, after = {"thumbprint": rotation.current_thumbprint}, {"thumbprint": rotation.next_thumbprint}
    entry = Entry(job.actor, action, job.use.name, before, after)
    note_step(engine, rotation.rotation_id, entry, now, state=state, ended_at=now, busy_until=None, problem=note)
