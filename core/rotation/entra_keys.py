"""Keys of the application in Entra, added and removed by Graph where the application may."""

from __future__ import annotations

from core.graph import BadAnswer, GraphClient, GraphError, NotFound, PermissionMissing, Throttled, Unreachable
from core.graph.app_keys import App, add_key, find_app, remove_key
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate, public_part
from core.rotation.job import Job, RotationRefused


def upload(job: Job) -> Problem | None:
    """Add the successor to the application; return why it must be uploaded by hand, None for success.

    A key that is there already, of an earlier try, counts as success. Raises RotationRefused if Microsoft cannot be
    asked just now.
    """
    successor, current = job.successor(), job.use.certificate
    if current is None or current.expires <= job.services.now():
        return Problem("rotation.current_ended", job.names)
    try:
        client = job.sign_in(current)
        app = find_app(client, job.rotation.client_id)
        if app.key_of(successor.thumbprint) is None:
            _add(client, app, successor, current)
    except (GraphError, CertificateError) as error:
        return _reason(job, error)
    return None


def _add(client: GraphClient, app: App, successor: Certificate, signer: Certificate) -> None:
    add_key(client, app, public_part(successor), signer)


def remove(job: Job, thumbprint: str, signer: Certificate) -> Problem | None:
    """Remove the key with this thumbprint from the application; return why that must be done by hand, else None.

    A key that is not there counts as success. Raises RotationRefused if Microsoft cannot be asked just now.
    """
    try:
        client = job.sign_in(signer)
        app = find_app(client, job.rotation.client_id)
        key = app.key_of(thumbprint)
        if key is not None:
            remove_key(client, app, key, signer)
    except GraphError as error:
        return _reason(job, error)
    return None


def _reason(job: Job, error: GraphError | CertificateError) -> Problem:
    """Return why Graph cannot change the keys. Raises RotationRefused if Microsoft cannot be asked just now."""
    if isinstance(error, Unreachable | Throttled) or (isinstance(error, BadAnswer) and not 400 <= error.status < 500):
        raise RotationRefused(error.problem) from error
    if isinstance(error, CertificateError):
        return Problem("rotation.next_gone", job.names | {"file": job.rotation.next_path})
    if isinstance(error, NotFound):
        return Problem("rotation.app_elsewhere", job.names, error.problem.detail)
    if isinstance(error, PermissionMissing):
        code = "rotation.proof_refused" if error.status == 401 else "rotation.may_not"
        return Problem(code, job.names, error.problem.detail)
    return error.problem
