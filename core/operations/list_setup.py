"""Make the three lists on a SharePoint site, and the profile with which the product works with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from core.audit import record
from core.bounds import LONGEST_NAME
from core.cache.owner_rows import own_marks
from core.cache.place import place_of
from core.graph import GraphClient
from core.name_key import guid_key
from core.problems import Problem, ProblemError, ProblemsError
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate
from core.profiles.sharepoint_writer import ProfileDiffers, SiteAccess, new_access, slug_of, stored_access, write_access
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint.flow_parameters import CHANNELS
from core.sharepoint.list_template import PARAMETERS
from core.sharepoint.lists import short_hash
from core.sharepoint.owner_mark import PARAMETER, Own, mark_of, verdict
from core.sharepoint.provisioner import Provisioner, Told, find_site
from core.sharepoint.provisioning import FoundList, Wanted, infos_of
from core.sharepoint.site_address import SiteAddress, site_address
from core.text_files import shown

OPTIONS = {"tenant_id": "--tenant-id", "client_id": "--client-id", "certificate": "--cert"}  # of the command line


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
    site_id, name = _site(client, address, access)
    wanted = Wanted(access.ids, access.mapping, request.parameters)
    foreign = partial(_foreign, services, site_id)
    provisioner = Provisioner(client, site_id, wanted, made=told, sleep=services.http.sleep, foreign=foreign)
    with _in_audit(services, actor, address.url, provisioner):
        found = provisioner.run()
        _tell_kept(request.parameters, found["parameter"].parameters or {}, told)
        written = write_access(services.profiles, access, infos_of(site_id, found, access.mapping))
    return SetupResult(name or address.url, provisioner.count, access.path.name, written)


def _site(client: GraphClient, address: SiteAddress, access: SiteAccess) -> tuple[str, str]:
    """Return (id, name) of the site. Raises NoSite, GraphError; ProfileDiffers if the profile is that of another."""
    site_id, name = find_site(client, address)
    known = access.ids.get("site_id", site_id)
    if known.lower() != site_id.lower():
        raise ProfileDiffers(Problem("lists.other_site", {"url": address.url, "file": access.path.name, "site": known}))
    return site_id, name


@contextmanager
def _in_audit(services: Services, actor: Actor, url: str, provisioner: Provisioner) -> Iterator[None]:
    """Record how the block ended if it has made something on the site."""
    result, reason = "failed", "interrupted"
    try:
        yield
        result, reason = "done", ""
    except (ProblemError, ProblemsError, OSError) as error:
        reason = str(error)
        raise
    finally:
        if provisioner.count:
            after = {"made": provisioner.count}
            record(services.engine, actor, "list.provisioned", url, after=after, result=result, reason=reason)


def check_parameter_values(parameters: Mapping[str, str]) -> None:
    """Raise SetupRefused for a parameter that the flow does not know, a channel that it cannot send by, or a value
    that a line of text cannot hold.
    """
    if unknown := set(parameters) - set(PARAMETERS):
        raise SetupRefused(Problem("lists.parameter_unknown", {"field": shown(min(unknown))}))
    for name, value in parameters.items():
        if len(value) > LONGEST_NAME or not value.isprintable():
            values = {"field": name, "value": shown(value), "most": str(LONGEST_NAME)}
            raise SetupRefused(Problem("lists.parameter_value", values))
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
            raise _missing(name, value)
    folder, slug = services.settings.profiles_dir, slug_of(address.path)
    cert_path = _cert_path(folder, request.certificate)
    certificate = _certificate(services, cert_path, slug)
    return new_access(folder, slug=slug, **given, cert_path=cert_path, certificate=certificate)


def _cert_path(folder: Path, given: str) -> str:
    """Return the path of the certificate as a profile has it: relative to the folder around the profiles, if below."""
    if not given:
        raise _missing("certificate", given)
    root, path = folder.resolve().parent, Path(given)
    if path.exists() and path.resolve().is_relative_to(root):
        return path.resolve().relative_to(root).as_posix()
    return path.resolve().as_posix() if path.exists() else given


def _certificate(services: Services, cert_path: str, slug: str) -> Certificate:
    try:
        return services.profiles.certificate(cert_path)
    except CertificateError as error:
        values = {"file": "lists provision", "field": OPTIONS["certificate"], "value": shown(cert_path), "slug": slug}
        values |= {"other": error.other, "stem": Path(cert_path).with_suffix("").as_posix()}
        raise SetupRefused(Problem(error.code, values)) from error


def _missing(name: str, value: str) -> SetupRefused:
    return SetupRefused(Problem("lists.credentials_missing", {"field": OPTIONS[name], "value": shown(value) or "–"}))


def _foreign(services: Services, site_id: str, found: FoundList) -> Problem | None:
    """Return the problem if another installation writes the lists, None if this one may add to them."""
    mark = mark_of((found.parameters or {}).get(PARAMETER, ""))
    stored = own_marks(services.engine, short_hash(f"/sites/{site_id}/lists/{found.list_id}"))
    own = Own(stored.installation, place_of(services.engine), stored.turns)
    if mark is None or verdict(mark, own) not in ("other", "copy"):
        return None
    since = f"{mark.since.astimezone(services.settings.zone):%d.%m.%Y %H:%M}"
    return Problem("lists.foreign", {"host": mark.host, "installation": mark.installation, "since": since})
