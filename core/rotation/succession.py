"""The steps up to the switch: make the successor, bring it to Entra, prove it, let the profiles name it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.audit import Entry
from core.cache.rotation_rows import Rotation, change_rotation, note_step
from core.clock import elapsed
from core.durable_files import new_file
from core.graph import GraphError
from core.onboarding.certificate_step import DAYS
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificate_uses import change_certificate
from core.profiles.certificates import Certificate, certificate_at, public_pem, read_certificate
from core.rotation.entra_keys import upload
from core.rotation.job import Job, RotationRefused, Values
from core.rotation.steps import NOT_KNOWN_YET, PROOF_LASTS, next_step, waits_for_microsoft


def prepare(job: Job) -> None:
    """Make the successor, or keep it, and upload it by Graph where the application may."""
    if next_step(job.rotation, job.in_use) == "finish":
        raise RotationRefused(Problem("rotation.switched_already", job.names))
    if next_step(job.rotation, job.in_use) == "swapped":
        raise RotationRefused(Problem("rotation.swapped", job.names | {"file": job.use.cert_path}))
    certificate = _successor(job)
    made: Values = {"next_thumbprint": certificate.thumbprint, "next_expires": certificate.expires}
    change_rotation(job.services.engine, job.rotation.rotation_id, **made)
    if job.rotation.uploaded_at is not None:
        return
    job = Job(job.services, job.use, _with(job, made), job.actor, job.by_hand)
    problem = None if job.by_hand else upload(job)
    if job.by_hand or problem is not None:
        change_rotation(job.services.engine, job.rotation.rotation_id, way="hand", refused_since=None, problem=problem)
        return
    now = job.services.now()
    entry = Entry(job.actor, "certificate.uploaded", job.use.name, None, {"thumbprint": certificate.thumbprint})
    note_step(
        job.services.engine, job.rotation.rotation_id, entry, now, way="graph", uploaded_at=now, refused_since=None
    )  # fmt: skip


def _with(job: Job, values: Values) -> Rotation:
    return replace(job.rotation, **values)


def _successor(job: Job) -> Certificate:
    """Return the successor; what a crash has left of its files is replaced. Raises RotationRefused."""
    pem = job.file(job.rotation.next_path)
    try:
        certificate = job.successor() if job.rotation.next_thumbprint else _made(job, pem)
        _write_public(pem.with_suffix(".cer"), public_pem(certificate))
    except OSError as error:
        raise job.disk(pem.parent, error) from error
    except CertificateError:
        raise RotationRefused(Problem("rotation.next_gone", job.names | {"file": job.rotation.next_path})) from None
    return certificate


def _made(job: Job, pem: Path) -> Certificate:
    """Return the pair at `pem`, where nothing else can be: of an earlier try, else a new one. Raises OSError."""
    try:
        return read_certificate(pem)
    except CertificateError:  # none, or the half that a crash has left
        for file in (pem, pem.with_suffix(".cer")):
            file.unlink(missing_ok=True)
    return certificate_at(pem, job.use.slug, days=DAYS, now=job.services.now())


def _write_public(cer: Path, content: bytes) -> None:
    """Write the public part unless it is there, whole. Raises OSError."""
    if cer.exists() and cer.read_bytes() == content:
        return
    cer.unlink(missing_ok=True)
    with new_file(cer, 0o644) as file:
        file.write(content)


def prove(job: Job) -> None:
    """Sign in with the successor. A refusal is normal for about half a minute after the upload."""
    step = next_step(job.rotation, job.in_use)
    if step == "prepare":
        raise RotationRefused(Problem("rotation.prepare_first", job.names))
    _proven(job)


def _proven(job: Job) -> bool:
    """Return True if a sign-in with the successor works, and store it or why it does not."""
    engine, rotation, now = job.services.engine, job.rotation, job.services.now()
    successor = job.successor()
    try:
        job.sign_in(successor)
    except GraphError as error:
        refused_since = rotation.refused_since or now
        seen = replace(rotation, problem=error.problem, refused_since=refused_since)
        problem = error.problem
        if problem.code == NOT_KNOWN_YET and not waits_for_microsoft(seen, now):
            problem = Problem(
                "rotation.not_at_this_app", job.names | {"thumbprint": successor.thumbprint}, problem.detail
            )
        change_rotation(
            engine, rotation.rotation_id, problem=problem, refused_since=refused_since, proven_at=None
        )  # fmt: skip
        return False
    change_rotation(
        engine, rotation.rotation_id, problem=None, refused_since=None, proven_at=now,
        uploaded_at=rotation.uploaded_at or now,
    )  # fmt: skip
    return True


def switch(job: Job) -> None:
    """Let every profile of the application that names the old certificate name the successor, which is proven."""
    step, proven_at, now = next_step(job.rotation, job.in_use), job.rotation.proven_at, job.services.now()
    if step == "swapped":
        raise RotationRefused(Problem("rotation.swapped", job.names | {"file": job.use.cert_path}))
    if step in ("prepare", "prove"):
        raise RotationRefused(Problem("rotation.prove_first", job.names))
    if step == "switch" and (proven_at is None or elapsed(proven_at, now) > PROOF_LASTS) and not _proven(job):
        return
    switch_all(job)


def switch_all(job: Job) -> None:
    """Change all profiles that still name the old certificate, and store that the switch is done. Each may be repeated.

    Raises RotationRefused, ProfileChanged.
    """
    rotation, now = job.rotation, job.services.now()
    successor = job.successor()
    try:
        for use in job.users(rotation.current_thumbprint):
            change_certificate(use, rotation.next_path, successor)
    except OSError as error:
        raise job.disk(job.use.path.parent, error) from error
    if rotation.switched_at is None:
        before = {"thumbprint": rotation.current_thumbprint}
        after = {"thumbprint": rotation.next_thumbprint, "until": successor.expires.date().isoformat()}
        entry = Entry(job.actor, "certificate.switched", job.use.name, before, after)
        note_step(job.services.engine, rotation.rotation_id, entry, now, switched_at=now)
