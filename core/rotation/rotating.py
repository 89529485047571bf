"""Renew the certificate of a profile, step by step; every step may be repeated, also after a crash in its middle.

RotationBusy     somebody else carries out a step just now
RotationRefused  the step cannot be done as things are
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Literal

from core.audit import Entry
from core.cache import rotation_rows
from core.cache.leaving_rows import leaving_of
from core.cache.rotation_rows import (
    Rotation,
    add_rotation,
    change_rotation,
    find_rotation,
    new_rotation_id,
    open_rotation,
)
from core.onboarding.certificate_step import DAYS
from core.problems import Problem, ProblemError
from core.profiles.certificate_uses import CertificateUse, find_use
from core.refresh.services import Services
from core.roles import Action, Actor
from core.rotation.job import Job, RotationRefused
from core.rotation.removal import NOT_READ_YET, cancel, finish
from core.rotation.steps import Step, next_step, waits_for_microsoft
from core.rotation.succession import prepare, prove, switch

log = logging.getLogger(__name__)

LONGEST_STEP = timedelta(minutes=2)  # a claim that is older belongs to a process that has died
Wanted = Step | Literal["cancel"]


class RotationBusy(ProblemError):
    """Somebody else carries out a step just now."""


FUNCTIONS: Mapping[Wanted, Callable[[Job], None]] = {
    "prepare": prepare,
    "prove": prove,
    "switch": switch,
    "finish": finish,
    "cancel": cancel,
}


def rotation_of(services: Services, use: CertificateUse) -> Rotation | None:
    """Return the open rotation of the certificate of this profile, None if there is none. Raises DatabaseError."""
    thumbprint = use.certificate.thumbprint if use.certificate else ""
    return open_rotation(services.engine, use.kind, use.slug, use.client_id, thumbprint)


def rotate(
    services: Services, use: CertificateUse, actor: Actor, step: Wanted | None = None, *, by_hand: bool = False
) -> Rotation:
    """Carry out `step`, without one all steps that go without a person; return the rotation as it is stored then.

    A step that has been done already is done again where that can do no harm, else it is refused. `by_hand`: the
    successor is uploaded, and the old key removed, by a person. A tenant that leaves can only cancel.
    Raises NotAllowed, RotationBusy, RotationRefused, DatabaseError.
    """
    actor.need(Action.CERTIFICATES)
    if use.kind == "tenant" and step != "cancel" and leaving_of(services.engine, use.tenant_id or use.slug):
        raise RotationRefused(Problem("rotation.leaving", {"tenant": use.name, "slug": use.slug}))
    rotation = rotation_of(services, use)
    if rotation is None:
        if step not in (None, "prepare"):
            raise RotationRefused(Problem("rotation.none_open", {"tenant": use.name, "slug": use.slug}))
        rotation = _started(services, use, actor)
    with _claimed(services, rotation) as claimed:
        job = Job(services, use, claimed, actor, by_hand)
        for wanted in (step,) if step else _automatic(job):
            job = _current(job)
            log.info("%s renews the certificate of %s: %s", actor.shown, use.name, wanted)
            try:
                FUNCTIONS[wanted](job)
            except RotationRefused as error:
                if step or error.problem.code != NOT_READ_YET:
                    raise
                change_rotation(services.engine, rotation.rotation_id, problem=error.problem)
    return stored_rotation(services, rotation.rotation_id)


def _automatic(job: Job) -> Iterator[Wanted]:
    """Yield the steps that go without a person, as long as each brings the rotation further."""
    before = None
    while (job := _current(job)).rotation.is_open:
        step = next_step(job.rotation, job.in_use)
        if step == "swapped":
            raise swapped(job)
        if step == before or (before == "prepare" and job.rotation.way == "hand") or _rests(job, step, before):
            return
        before = step
        yield step


def _rests(job: Job, step: Step, before: Step | None) -> bool:
    """Return True after the switch: the old certificate stays until a refresh has read with the new one."""
    return step == "finish" and before is not None


def swapped(job: Job) -> RotationRefused:
    """Return the refusal of a rotation whose profile names a third certificate."""
    return RotationRefused(Problem("rotation.swapped", job.names | {"file": job.use.cert_path}))


def _current(job: Job) -> Job:
    """Return the job with its row and its profile as they are now."""
    use = find_use(job.services.profiles, job.use.kind, job.use.slug)
    if use is None:
        raise RotationRefused(Problem("rotation.no_profile", job.names))
    return replace(job, use=use, rotation=stored_rotation(job.services, job.rotation.rotation_id))


def _started(services: Services, use: CertificateUse, actor: Actor) -> Rotation:
    """Store that a rotation begins, before anything is made. Raises RotationRefused."""
    if use.certificate is None:
        raise RotationRefused(use.problem or Problem("profile.cert_missing", {"tenant": use.name}))
    if not (use.client_id and use.tenant_id):
        raise RotationRefused(Problem("rotation.no_profile", {"tenant": use.name, "slug": use.slug}))
    now = services.now()
    new = Rotation(
        rotation_id=new_rotation_id(),
        kind=use.kind,
        slug=use.slug,
        name=use.name,
        tenant_id=use.tenant_id,
        client_id=use.client_id,
        current_path=use.cert_path,
        current_thumbprint=use.certificate.thumbprint,
        current_expires=use.certificate.expires,
        next_path=_free_path(use, use.certificate.path.parent, (now + timedelta(days=DAYS)).date().isoformat()),
        started_by=actor.shown,
        started_at=now,
        state="open",
    )
    entry = Entry(actor, "certificate.renewal_started", use.name, None, {"thumbprint": use.certificate.thumbprint})
    if not add_rotation(services.engine, new, entry):  # somebody was faster
        rotation = rotation_of(services, use)
        if rotation is None:
            raise RotationBusy(Problem("rotation.busy", {"tenant": use.name}))
        return rotation
    return new


def _free_path(use: CertificateUse, folder: Path, day: str) -> str:
    """Return where the successor goes, as the profile will name it: in `folder`, beside the current one.

    There is no such file yet; `day` is the last one of the successor.
    """
    stem = f"mycert_{use.slug}{'' if use.kind == 'tenant' else f'-{use.kind}'}_{day}"
    name, number = stem, 1
    while (folder / f"{name}.pem").exists() or (folder / f"{name}.cer").exists():
        number += 1
        name = f"{stem}-{number}"
    return PurePosixPath(use.cert_path.replace("\\", "/")).with_name(f"{name}.pem").as_posix()


@contextlib.contextmanager
def _claimed(services: Services, rotation: Rotation) -> Iterator[Rotation]:
    """Yield the rotation while nobody else works at it. Raises RotationBusy."""
    now = services.now()
    if not rotation_rows.claim_rotation(services.engine, rotation.rotation_id, now, now + LONGEST_STEP):
        raise RotationBusy(Problem("rotation.busy", {"tenant": rotation.name}))
    try:
        yield stored_rotation(services, rotation.rotation_id)
    finally:
        change_rotation(services.engine, rotation.rotation_id, busy_until=None)


def stored_rotation(services: Services, rotation_id: str) -> Rotation:
    """Return the rotation as it is stored now. Raises RotationRefused if there is none."""
    stored = find_rotation(services.engine, rotation_id)
    if stored is None:
        raise RotationRefused(Problem("rotation.none_open", {"tenant": rotation_id, "slug": rotation_id}))
    return stored


def retries_itself(services: Services, rotation: Rotation) -> bool:
    """Return True if the sign-in with the successor is still refused as is normal for a new key."""
    return rotation.is_open and waits_for_microsoft(rotation, services.now())
