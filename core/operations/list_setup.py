"""Make the three lists on a SharePoint site, and the profile with which the product works with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.audit import record
from core.cache.owner_rows import own_marks
from core.cache.place import place_of
from core.graph import GraphClient
from core.name_key import guid_key
from core.problems import Problem, ProblemError, ProblemsError
from core.profiles.certificate_files import CertificateError
from core.profiles.sharepoint_writer import ProfileDiffers, SiteAccess, new_access, slug_of, stored_access, write_access
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint.list_template import PARAMETERS
from core.sharepoint.lists import CHANNELS, short_hash
from core.sharepoint.owner_mark import PARAMETER, Own, mark_of, verdict
from core.sharepoint.provisioner import Provisioner, Told, find_site
from core.sharepoint.provisioning import FoundList, Wanted, infos_of
from core.sharepoint.site_address import SiteAddress, site_address
from core.text_files import shown


class SetupRefused(ProblemError):
    """What was given is not enough, or does not fit what is there; nothing has been made."""


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """What a person gives: the address of the site, credentials where there is no profile, values of parameters."""

    url: str
    tenant_id: str = ""
    client_id: str = ""
    certificate: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetupResult:
    """The name of the site, how many things were made there, and the profile, which may have been written."""

    site: str
    count: int
    profile: str
    written: bool


def provision_lists(services: Services, request: SetupRequest, actor: Actor, told: Told) -> SetupResult:
    """Make what is missing on the site, and complete the profile; `told` gets a sentence for each thing made.

    Raises NotAllowed, and ProblemError, ProblemsError or OSError with what is in the way; the next call goes on.
    """
    actor.need(Action.SWITCHES)
    check_parameter_values(request.parameters)
    address = site_address(request.url)
    access = _access(services, request, address)
    client = GraphClient(access, services.settings.graph_url, services.tokens, services.http)
    site_id, name = find_site(client, address)
    if access.ids.get("site_id", site_id).lower() != site_id.lower():
        values = {"url": address.url, "file": access.path.name, "site": access.ids["site_id"]}
        raise ProfileDiffers(Problem("lists.other_site", values))
    wanted = Wanted(access.ids, access.mapping, request.parameters)
    provisioner = Provisioner(
        client,
        site_id,
        wanted,
        made=told,
        sleep=services.http.sleep,
        foreign=lambda found: _foreign(services, site_id, found),
    )
    written, result, reason = False, "failed", "interrupted"
    try:
        found = provisioner.run()
        _tell_kept(request.parameters, found["parameter"].parameters or {}, told)
        written = write_access(services.profiles, access, infos_of(site_id, found, access.mapping))
        result, reason = "done", ""
    except (ProblemError, ProblemsError, OSError) as error:
        reason = str(error)
        raise
    finally:
        if provisioner.count or written:
            after = {"made": provisioner.count, "profile": access.path.name if written else ""}
            record(services.engine, actor, "list.provisioned", address.url, after=after, result=result, reason=reason)
    return SetupResult(name or address.url, provisioner.count, access.path.name, written)


def check_parameter_values(parameters: Mapping[str, str]) -> None:
    """Raise SetupRefused for a parameter that the flow does not know, or a channel that it cannot send by."""
    if unknown := set(parameters) - set(PARAMETERS):
        raise SetupRefused(Problem("lists.parameter_unknown", {"field": shown(min(unknown))}))
    channel = parameters.get("communication", "")
    if channel and channel not in CHANNELS:
        raise SetupRefused(Problem("sharepoint.channel_unknown", {"value": shown(channel)}))


def _tell_kept(given: Mapping[str, str], present: Mapping[str, str], told: Told) -> None:
    """Say which of the given parameters have another value in the list, where it stays."""
    for name, value in given.items():
        if present.get(name) != value:
            told(Problem("lists.parameter_kept", {"name": name, "value": shown(present.get(name, "")) or "–"}))


def _access(services: Services, request: SetupRequest, address: SiteAddress) -> SiteAccess:
    """Return the credentials: those of the profile, or where there is none those that were given."""
    stored = stored_access(services.profiles, services.now())
    given = {"tenant_id": request.tenant_id, "client_id": request.client_id}
    if stored is not None:
        for name, value in given.items():
            if value and guid_key(value) != getattr(stored, name):
                values = {"field": name, "value": shown(value), "file": stored.path.name}
                raise ProfileDiffers(Problem("lists.credentials_differ", values))
        return stored
    for name, value in given.items():
        if not guid_key(value):
            raise SetupRefused(Problem("lists.credentials_missing", {"field": name, "value": shown(value) or "–"}))
    folder = services.settings.profiles_dir
    cert_path = _cert_path(folder, request.certificate)
    try:
        certificate = services.profiles.certificate(cert_path)
    except CertificateError as error:
        values = {
            "file": "",
            "field": "--cert",
            "value": cert_path,
            "other": error.other,
            "slug": slug_of(address.path),
        }
        raise SetupRefused(
            Problem(error.code, {**values, "stem": Path(cert_path).with_suffix("").as_posix()})
        ) from error
    return new_access(
        folder,
        slug=slug_of(address.path),
        tenant_id=request.tenant_id,
        client_id=request.client_id,
        cert_path=cert_path,
        certificate=certificate,
    )


def _cert_path(folder: Path, given: str) -> str:
    """Return the path of the certificate as a profile has it: relative to the folder around the profiles, if below."""
    if not given:
        raise SetupRefused(Problem("lists.credentials_missing", {"field": "cert", "value": "–"}))
    root, path = folder.resolve().parent, Path(given)
    if path.exists() and path.resolve().is_relative_to(root):
        return path.resolve().relative_to(root).as_posix()
    return path.resolve().as_posix() if path.exists() else given


def _foreign(services: Services, site_id: str, found: FoundList) -> Problem | None:
    """Return the problem if another installation writes the lists, None if this one may add to them."""
    mark = mark_of((found.parameters or {}).get(PARAMETER, ""))
    stored = own_marks(services.engine, short_hash(f"/sites/{site_id}/lists/{found.list_id}"))
    own = Own(stored.installation, place_of(services.engine), stored.turns)
    if mark is None or verdict(mark, own) not in ("other", "copy"):
        return None
    since = f"{mark.since.astimezone(services.settings.zone):%d.%m.%Y %H:%M}"
    return Problem("lists.foreign", {"host": mark.host, "installation": mark.installation, "since": since})
