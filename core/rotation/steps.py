"""The steps of a rotation, which one is next, and how long a new key takes at Microsoft. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from core.cache.rotation_rows import Rotation
from core.clock import elapsed
from core.onboarding.steps import RETRY_FOR

Step = Literal["prepare", "prove", "switch", "finish"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)  # in their order
# What a person does in the portal to upload the successor, in this order; the words are rotation.click.<name>.
CLICKS = ("open", "upload", "file")
NOT_KNOWN_YET = "signin.certificate_unknown"  # normal for about half a minute after the upload
PROOF_LASTS = timedelta(hours=1)  # a proof that is older is repeated before the switch


def next_step(rotation: Rotation | None, in_use: str) -> Step | Literal["swapped"]:
    """Return the next step; `in_use` is the thumbprint of the certificate that the profile names now.

    The profile decides and not what was stored last: a crash may have come between. "swapped": the profile names a
    third certificate, which somebody has put there by hand.
    """
    if rotation is None:
        return "prepare"
    if rotation.next_thumbprint and in_use == rotation.next_thumbprint:
        return "finish"
    if in_use != rotation.current_thumbprint:
        return "swapped"
    if not (rotation.next_thumbprint and rotation.way):
        return "prepare"
    return "switch" if rotation.proven_at else "prove"


def waits_for_microsoft(rotation: Rotation, now: datetime) -> bool:
    """Return True if the proof was refused as is normal for a new key, and is worth to be repeated by itself."""
    refused = rotation.problem is not None and rotation.problem.code == NOT_KNOWN_YET
    return refused and rotation.refused_since is not None and elapsed(rotation.refused_since, now) <= RETRY_FOR
