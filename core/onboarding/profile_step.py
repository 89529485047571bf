"""The step profile: write the file, and let the cache know the tenant."""

from __future__ import annotations

from core.cache.tenant_rows import is_stored
from core.onboarding.job import Job, Outcome
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.profile_writer import profile_path, profile_text, remove_profile, write_profile
from core.refresh.profiles_reading import store_profiles


def save_profile(job: Job) -> Outcome:
    """Write the profile, whole or not at all; a profile with the same content is kept."""
    new = job.onboarding
    path = profile_path(job.services.settings.profiles_dir, new.slug)
    try:
        content = profile_text(
            tenant_id=new.tenant_id, name=new.name, client_id=new.client_id, cert_path=new.cert_path,
            certificate=job.certificate(),
        )  # fmt: skip
    except CertificateError as error:
        return Outcome("failed", job.certificate_problem(error))
    if not path.exists():
        job.note_made("profile", *([] if is_stored(job.services.engine, new.tenant_id) else ["tenant"]))
    try:
        write_profile(path, content)
    except FileExistsError:
        return Outcome("failed", Problem("onboarding.profile_exists", job.names | {"file": path.name}))
    except OSError as error:
        place = {"place": str(path.parent), "reason": error.strerror or type(error).__name__}
        return Outcome("failed", Problem("onboarding.disk", job.names | place))
    return Outcome("done", Problem("onboarding.profile_written", job.names | {"file": path.name}))


def know_tenant(job: Job) -> None:
    """Store the tenants of all profiles in the cache, so that the lists can be written. Raises DatabaseError."""
    services = job.services
    store_profiles(services.engine, services.profiles.load(services.now()))


def take_profile_away(job: Job) -> Problem | None:
    """Delete the profile that this onboarding has written; return the problem, None for success."""
    new = job.onboarding
    path = profile_path(job.services.settings.profiles_dir, new.slug)
    try:
        if remove_profile(path, {"tenant_id": new.tenant_id, "client_id": new.client_id}):
            return None
    except OSError as error:
        place = {"place": str(path.parent), "reason": error.strerror or type(error).__name__}
        return Problem("onboarding.disk", job.names | place)
    return Problem("onboarding.profile_changed", job.names | {"file": path.name})
