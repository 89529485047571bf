"""The SharePoint profile before it is whole: the credentials of its application, and what is completed in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.name_key import guid_key, name_key, sort_key
from core.problems import Problem, ProblemError, ProblemsError
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CREDENTIALS, ProfileCheck, ProfileSource
from core.profiles.profile_files import FOLDERS, find_profiles
from core.profiles.profile_json import contract_spelling, text_field
from core.profiles.profile_writer import replace_profile
from core.profiles.sharepoint_profile import DEFAULT_COLUMNS, IDS, OPTIONAL_COLUMNS, SHAREPOINT_IDS

LONGEST_SLUG = 40
_NO_SLUG = re.compile(r"[^a-z0-9]+")


class ProfileUnusable(ProblemsError):
    """The SharePoint profile has faults that a person must mend."""


class ProfileDiffers(ProblemError):
    """The profile says something else than the command, or has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class SiteAccess:
    """The application with access to the site: credentials, and the file of its profile.

    `content` is the JSON of the profile as far as it goes; `is_new` if there is no file yet.
    """

    name: str
    tenant_id: str
    client_id: str
    certificate: Certificate
    path: Path
    content: Mapping[str, Any]
    is_new: bool = False

    @property
    def ids(self) -> dict[str, str]:
        """Return the ids of site and lists that the profile has."""
        infos = self._infos
        return {name: value for name in IDS if (value := text_field(infos, name)[0])}

    @property
    def mapping(self) -> dict[str, str]:
        """Return the columns that the profile names; `tenant_field` wins, as where the profile is read."""
        given = self._infos.get("field_mapping")
        names = (*DEFAULT_COLUMNS, *OPTIONAL_COLUMNS)
        fields = contract_spelling(given, names) if isinstance(given, dict) else {}
        mapping = {name: value for name in names if (value := text_field(fields, name)[0])}
        tenant = text_field(self._infos, "tenant_field")[0]
        return mapping | ({"Tenant": tenant} if tenant else {})

    @property
    def _infos(self) -> Mapping[str, Any]:
        infos = self.content.get("sharepoint_infos")
        return contract_spelling(infos, (*SHAREPOINT_IDS, "field_mapping")) if isinstance(infos, dict) else {}


class AccessCheck(ProfileCheck):
    """The check of the credentials in a SharePoint profile, which may have no lists yet."""

    def __init__(self, store: ProfileSource, path: Path, now: datetime) -> None:
        super().__init__(store, path, "sharepoint", now)
        names = {*CREDENTIALS, "tenant_name", "sharepoint_infos"}
        tenant_id, client_id, certificate = self.credentials(names)
        self.access: SiteAccess | None = None
        if certificate and self.usable:
            name = text_field(self.data, "tenant_name")[0] or self.slug
            content = store.read(path).data  # as it is written there
            self.access = SiteAccess(name, tenant_id, client_id, certificate, path, content)


def stored_access(store: ProfileSource, now: datetime) -> SiteAccess | None:
    """Return the access of the SharePoint profile, None if there is no file. Raises ProfileUnusable, OSError."""
    checks = [AccessCheck(store, path, now) for path in find_profiles(store.folder, "sharepoint").profiles]
    usable = [check.access for check in checks if check.access]
    if len(usable) > 1:
        names = ", ".join(access.path.name for access in usable)
        raise ProfileUnusable([Problem("lists.several_profiles", {"files": names})])
    if checks and not usable:
        raise ProfileUnusable([problem for check in checks for problem in check.problems])
    return usable[0] if usable else None


def new_access(
    folder: Path, *, slug: str, tenant_id: str, client_id: str, cert_path: str, certificate: Certificate
) -> SiteAccess:
    """Return the access for a profile that does not exist yet; writes nothing."""
    fields = {
        "tenant_id": guid_key(tenant_id),
        "client_id": guid_key(client_id),
        "thumbprint": certificate.thumbprint,
        "cert_path": cert_path,
        "expires": certificate.expires.date().isoformat(),
    }
    path = folder / FOLDERS["sharepoint"] / f"sp-config-{slug}-profile.json"
    return SiteAccess(slug, fields["tenant_id"], fields["client_id"], certificate, path, fields, is_new=True)


def slug_of(path: str) -> str:
    """Return the short name for a site by its path, "support" for the root site."""
    name = _NO_SLUG.sub("-", sort_key(path.rpartition("/")[2])).strip("-")
    return name[:LONGEST_SLUG].strip("-") or "support"


def completed(content: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profile with what it lacks of `infos`; every field that it has stays as it is."""
    own = next((name for name in content if name_key(name) == "sharepoint_infos"), "sharepoint_infos")
    given = content.get(own)
    present = dict(given) if isinstance(given, dict) else {}
    return {**content, own: _filled(present, infos)}


def _filled(present: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    spelled = {name_key(name): name for name in present}
    filled = dict(present)
    for name, value in wanted.items():
        own = spelled.get(name_key(name), name)
        if isinstance(value, Mapping):
            old = filled.get(own)
            filled[own] = _filled(dict(old) if isinstance(old, dict) else {}, value)
        elif not text_field(filled, own)[0]:
            filled[own] = value
    return filled


def write_access(store: ProfileSource, access: SiteAccess, infos: Mapping[str, Any]) -> bool:
    """Complete the profile in one step (0600), and return False if there was nothing to write.

    Raises ProfileDiffers if the file was made or changed meanwhile; OSError if it cannot be written, and then the old
    one is as it was.
    """
    content = completed(access.content, infos)
    if access.path.exists() and access.is_new:
        raise ProfileDiffers(Problem("lists.profile_there", {"file": access.path.name}))
    if not access.is_new:
        if store.read(access.path).data != access.content:
            raise ProfileDiffers(Problem("lists.profile_changed", {"file": access.path.name}))
        if content == access.content:
            return False
    replace_profile(access.path.resolve(), json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return True
