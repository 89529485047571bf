"""The steps certificate and registration: key and certificate, and the client id of the app registration."""

from __future__ import annotations

from pathlib import Path

from core.cache.onboarding_rows import Onboarding, change
from core.name_key import guid_key
from core.onboarding.job import Job, Outcome
from core.onboarding.known import known_tenants
from core.onboarding.request import Request, client_id_faults
from core.problems import Problem
from core.profiles import certificate_import
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate, new_certificate
from core.refresh.services import Services
from core.text_files import file_name

DAYS = 730
KEY_FILES = (".pem", ".pfx", ".p12")


def make_certificate(job: Job) -> Outcome | None:
    """Make key and certificate, take a file over, or use those of the provider's application.

    A certificate that is there already, of an earlier try, is kept.
    """
    if job.onboarding.cert_path:
        try:
            return _ready(job, job.certificate(), job.onboarding.cert_path)
        except CertificateError as error:
            if job.onboarding.app == "shared":
                return Outcome("failed", job.certificate_problem(error))
    if not (job.given.certificate or job.given.make_certificate):
        return None
    pem = _free_place(job)
    relative = pem.relative_to(_root(job)).as_posix()
    change(job.services.engine, job.onboarding.onboarding_id, cert_path=relative)
    job.note_made("certificate")
    try:
        return _ready(job, _written(job, pem), relative)
    except CertificateError as error:
        values = {"file": job.given.certificate.name if job.given.certificate else "", "other": error.other}
        failed = Problem(error.code, job.names | values | {"value": values["file"], "field": "cert_path", "stem": ""})
    except OSError as error:
        failed = Problem("onboarding.disk", job.names | {"place": str(pem.parent), "reason": error.strerror or ""})
    return Outcome("failed", failed, {"cert_path": ""})


def _written(job: Job, pem: Path) -> Certificate:
    if job.given.certificate is not None:
        return certificate_import.take_over(job.given.certificate, job.given.password, pem, job.services.now())
    return new_certificate(pem.parent, job.onboarding.slug, days=DAYS, now=job.services.now())


def _free_place(job: Job) -> Path:
    """Return where the new PEM goes, certs/<slug>/mycert_<slug>.pem. Files of an interrupted try are removed."""
    slug = job.onboarding.slug
    pem = _root(job) / "certs" / slug / f"mycert_{slug}.pem"
    if "certificate" in job.onboarding.made:
        for file in (pem, pem.with_suffix(".cer")):
            file.unlink(missing_ok=True)
    return pem


def _root(job: Job) -> Path:
    return job.services.settings.profiles_dir.resolve().parent


def _ready(job: Job, certificate: Certificate, path: str) -> Outcome:
    values = {"thumbprint": certificate.thumbprint, "until": certificate.expires.date().isoformat(), "path": path}
    code = "onboarding.certificate_shared" if job.onboarding.app == "shared" else "onboarding.certificate_ready"
    return Outcome("done", Problem(code, job.names | values), {"cert_path": path})


def public_file(services: Services, onboarding: Onboarding) -> Path:
    """Return the path of the certificate without its key (.cer), for the upload to the app registration."""
    return (services.settings.profiles_dir.resolve().parent / onboarding.cert_path).with_suffix(".cer")


def key_files(services: Services) -> dict[str, Path]:
    """Return the PEM and PFX files in the folder certs/ itself, by name: there an operator puts what is taken over."""
    folder = services.settings.profiles_dir.resolve().parent / "certs"
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in KEY_FILES and path.is_file())
    except OSError:
        return {}
    return {file_name(path): path for path in files}


def register_app(job: Job) -> Outcome | None:
    """Take the client id of the app registration that a person has made in the portal."""
    new = job.onboarding
    client_id = guid_key(job.given.client_id) or (new.client_id if not job.given.client_id else "")
    if new.app == "shared":
        return Outcome("done", Problem("onboarding.registration_shared", job.names | {"client_id": new.client_id}))
    if not (client_id or job.given.client_id):
        return None
    request = Request(new.name, new.tenant_id, job.given.client_id or client_id)
    fault = next(client_id_faults(request, known_tenants(job.services, besides=new)), None)
    if fault is not None:
        return Outcome("failed", fault)
    said = Problem("onboarding.registration_done", job.names | {"client_id": client_id})
    return Outcome("done", said, {"client_id": client_id, "acted_at": job.services.now()})
