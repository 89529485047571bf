"""Renew many certificates side by side, wait for Microsoft, and which ones are due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.cache.leaving_rows import leaving_keys
from core.cache.rotation_rows import Rotation, open_rotations
from core.onboarding.steps import RETRY_EVERY
from core.problems import Problem, ProblemError
from core.profiles.certificate_uses import CertificateUse, all_uses
from core.refresh.services import Services
from core.roles import Action, Actor
from core.rotation.rotating import Wanted, retries_itself, rotate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RotationResult:
    """How a rotation among many went: the rotation as it is stored, or the problem that stopped it."""

    use: CertificateUse
    rotation: Rotation | None = None
    problem: Problem | None = None


def rotate_patiently(
    services: Services,
    use: CertificateUse,
    actor: Actor,
    step: Wanted | None = None,
    *,
    by_hand: bool = False,
    seconds: float = 0,
    waiting: Callable[[], None] = lambda: None,
) -> Rotation:
    """Renew as `rotate` does; while Microsoft does not know the new key yet try again, for at most `seconds`.

    `waiting` is called before each wait.
    """
    rotation = rotate(services, use, actor, step, by_hand=by_hand)
    end = time.monotonic() + seconds
    while retries_itself(services, rotation) and time.monotonic() < end:
        waiting()
        services.http.sleep(min(RETRY_EVERY.total_seconds(), seconds))
        rotation = rotate(services, use, actor, step, by_hand=by_hand)
    return rotation


def due(services: Services, days: int) -> Iterator[CertificateUse]:
    """Yield one profile for each certificate that ends within `days` or whose rotation has begun, the first end first.

    A profile whose certificate cannot be read comes, too: somebody has to be told. Raises OSError, DatabaseError.
    """
    opened = open_rotations(services.engine)
    begun = {
        (one.client_id, thumbprint) for one in opened for thumbprint in (one.current_thumbprint, one.next_thumbprint)
    }
    before, seen = services.now() + timedelta(days=days), set()
    leaving = leaving_keys(services.engine)
    for use in sorted(all_uses(services.profiles), key=_end):
        if use.kind == "tenant" and (use.tenant_id or use.slug) in leaving:
            continue
        if use.certificate is None:
            yield use
            continue
        key = (use.client_id, use.certificate.thumbprint)
        if key not in seen and (use.certificate.expires <= before or key in begun):
            yield use
        seen.add(key)


def _end(use: CertificateUse) -> tuple[bool, float, str]:
    return use.certificate is None, use.certificate.expires.timestamp() if use.certificate else 0, use.slug


def rotate_many(
    services: Services, uses: Sequence[CertificateUse], actor: Actor, *, by_hand: bool = False, seconds: float = 0
) -> list[RotationResult]:
    """Renew these certificates side by side as far as it goes; one that fails keeps no other back. Raises NotAllowed"""
    actor.need(Action.CERTIFICATES)

    def one(use: CertificateUse) -> RotationResult:
        try:
            return RotationResult(use, rotate_patiently(services, use, actor, by_hand=by_hand, seconds=seconds))
        except ProblemError as error:
            return RotationResult(use, problem=error.problem)
        except Exception as error:
            log.exception("unexpected error with %s", use.name)
            return RotationResult(
                use, problem=Problem("refresh.unexpected", {"tenant": use.name}, type(error).__name__)
            )

    return list(services.workers.map(one, uses))
