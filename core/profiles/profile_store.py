"""Load tenant and SharePoint profiles and collect the faults of their files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.bounds import LONGEST_FILE, LONGEST_NAME, LONGEST_SLUG, bounded_text, visible
from core.name_key import guid_key, name_key
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate, read_certificate
from core.profiles.profile_check import CONTROL_FAULTS, CREDENTIALS, Check, Fault
from core.profiles.profile_files import FOLDERS, Kind, ProfileFiles, StrayFile, find_file, find_profiles
from core.profiles.profile_json import Content, parse_profile, text_of
from core.text_files import file_name, shown

IDS = ("site_id", "tenant_list_id", "license_list_id", "parameter_list_id")
SHAREPOINT_IDS = (*IDS, "tenant_field")
# Columns of the licence list, and how the contract itself names those that a profile does not.
MAPPED = {
    "Lizenzname": "Lizenzname",
    "Verfügbar": "Verfügbar",
    "Gebraucht": "Gebraucht",
    "Frei": "Frei",
    "Tenant": "tenant",
    "Infosup": "trigger_inform_supporter",
}
# Columns that the contract names itself; a profile may name others.
MAPPED_OPTIONAL = ("technician_informed", "enabled", "monitoring", "cert_expires", "Parameter", "Parameterwert")


@dataclass(frozen=True, slots=True)
class TenantProfile:
    """A tenant whose licences are read; the slug comes from the file name."""

    slug: str
    tenant_id: str
    name: str
    client_id: str
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class SharePointProfile:
    """The site with the three lists; `field_mapping` maps the contract's column to the internal name."""

    slug: str
    tenant_id: str
    name: str
    client_id: str
    certificate: Certificate
    site_id: str
    tenant_list_id: str
    license_list_id: str
    parameter_list_id: str
    field_mapping: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Profiles:
    tenants: list[TenantProfile] = field(default_factory=list)
    sharepoint: SharePointProfile | None = None
    faults: list[Fault] = field(default_factory=list)


class ProfileStore:
    """The profiles below `folder`; unchanged files are not read again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._certificates: dict[Path, tuple[tuple[int, int], Certificate]] = {}
        self._files: dict[Path, tuple[tuple[int, int], Content]] = {}

    def load(self, now: datetime | None = None) -> Profiles:
        """Return all profiles and all faults. Never raises for a faulty file."""
        moment = now or datetime.now(UTC)
        faults: list[Fault] = []
        tenants = [_TenantCheck(self, path, moment) for path in self.find("tenant", faults).profiles]
        _refuse_duplicates(tenants)
        sites = [_SharePointCheck(self, path, moment) for path in self.find("sharepoint", faults).profiles]
        profile = _first_usable(sites)
        checks: list[Check] = [*tenants, *sites]
        self.forget_others(checks)
        faults = [check.fault() for check in checks if check.problems] + faults
        return Profiles([check.profile for check in tenants if check.profile], profile, faults)

    def forget_others(self, checks: Sequence[Check]) -> None:
        """Let go of files and certificates (they hold private keys) that none of `checks` has read.

        What is in use is told by the checks and not kept here: several threads load at the same time.
        """
        for path in set(self._files) - {check.path for check in checks}:
            self._files.pop(path, None)
        for path in set(self._certificates) - {check.pem for check in checks}:
            self._certificates.pop(path, None)

    def sharepoint(self, now: datetime | None = None) -> SharePointProfile | None:
        """Return the SharePoint profile, None if there is no usable one. Never raises for a faulty file."""
        moment = now or datetime.now(UTC)
        sites = [_SharePointCheck(self, path, moment) for path in self.find("sharepoint", []).profiles]
        return _first_usable(sites)

    def find(self, kind: Kind, faults: list[Fault]) -> ProfileFiles:
        """Return the files of `kind`; problems of the folder and stray files are added to `faults`."""
        try:
            found = find_profiles(self.folder, kind)
        except OSError as error:
            faults.append(_folder_fault(self.folder, kind, error))
            return ProfileFiles()
        faults.extend(_stray_fault(self.folder, stray) for stray in found.strays)
        return found

    def read(self, path: Path) -> Content:
        """Return the parsed JSON of `path`. Raises OSError, ValueError or RecursionError."""
        stamp = _stamp(path)
        known = self._files.get(path)
        if known is None or known[0] != stamp:
            known = self._files[path] = (stamp, parse_profile(path))
        return known[1]

    def certificate(self, path_text: str) -> Certificate:
        """Return the certificate at `path_text`, relative to the parent of `folder`. Raises CertificateError.

        Backslashes are taken as on Windows when there is no such file otherwise.
        """
        root = self.folder.resolve().parent
        path, near = find_file(root, path_text)
        if path is None:
            if near and os.path.lexists(root / path_text.replace("\\", "/")):
                raise CertificateError("profile.cert_link_broken")
            raise CertificateError("profile.cert_elsewhere" if near else "profile.cert_missing", near)
        try:
            stamp = _stamp(path)
        except OSError:
            return read_certificate(path)
        known = self._certificates.get(path)
        if known is None or known[0] != stamp:
            known = self._certificates[path] = (stamp, read_certificate(path))
        return known[1]


def folder_problem(folder: Path) -> Problem | None:
    """Return the problem of a profiles' folder that cannot be read, None if it can."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return Problem("profile.no_folder", {"folder": str(folder)})
    except OSError as error:
        return _folder_fault(folder, "tenant", error).problems[0]
    return None


def _folder_fault(folder: Path, kind: Kind, error: OSError) -> Fault:
    place = folder / FOLDERS[kind]
    problem = Problem("profile.folder_unreadable", {"folder": str(place), "reason": error.strerror or ""})
    return Fault(FOLDERS[kind] or folder.name, "", [problem], False, kind, FOLDERS[kind] or folder.name)


def _stray_fault(folder: Path, stray: StrayFile) -> Fault:
    place = stray.path.parent.relative_to(folder).as_posix()
    name = file_name(stray.path)
    params = {"file": name, **{key: shown(value, 300) for key, value in stray.params.items()}}
    file = name if place == "." else f"{place}/{name}"
    slug = visible(stray.slug)[:LONGEST_SLUG]
    return Fault(file[:LONGEST_FILE], slug, [Problem(stray.code, params)], stray.harmless, stray.kind, slug or name)


class _TenantCheck(Check):
    """A tenant's file; `profile` is None when it cannot be used."""

    def __init__(self, store: ProfileStore, path: Path, now: datetime) -> None:
        super().__init__(store, path, "tenant", now)
        self.tenant_id, client_id, certificate = self.credentials(known={*CREDENTIALS, "tenant_name"})
        self.name = self.text("tenant_name")
        self.profile: TenantProfile | None = None
        if certificate and self.usable:
            self.profile = TenantProfile(self.slug, self.tenant_id, self.name, client_id, certificate)


class _SharePointCheck(Check):
    """The file of the site; `profile` is None when it cannot be used."""

    def __init__(self, store: ProfileStore, path: Path, now: datetime) -> None:
        super().__init__(store, path, "sharepoint", now)
        tenant_id, client_id, certificate = self.credentials({*CREDENTIALS, "tenant_name", "sharepoint_infos"})
        self.name = self._site_name()
        infos = self.section("sharepoint_infos")
        ids, columns = ({}, {}) if infos is None else self._lists(infos)
        self.profile: SharePointProfile | None = None
        if certificate and self.usable:
            self.profile = SharePointProfile(
                self.slug, tenant_id, self.name, client_id, certificate, **ids, field_mapping=columns
            )

    def _site_name(self) -> str:
        """What the site is called in messages: nothing depends on it, and it may be left out."""
        name, fault = text_of(self.data, "tenant_name")
        if fault not in ("", "missing"):
            self.add("profile.control_unusable", field="tenant_name", real=self.slug)
        return bounded_text(name, LONGEST_NAME) or self.slug

    def _lists(self, infos: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
        """(the ids, our column -> its name in the list)."""
        prefix = "sharepoint_infos."
        infos = self.known_fields(infos, (*SHAREPOINT_IDS, "field_mapping"), prefix)
        ids = {name: self.text(name, infos, prefix) for name in IDS}
        given = infos.get("field_mapping")
        if not isinstance(given, dict) or not given:
            self.add("profile.mapping_default", field=f"{prefix}field_mapping", columns=", ".join(MAPPED.values()))
            given = {}
        mapping = self.known_fields(given, (*MAPPED, *MAPPED_OPTIONAL), f"{prefix}field_mapping.")
        defaults = MAPPED | {"Tenant": self._tenant_column(infos, text_of(mapping, "Tenant")[0])}
        columns = {"Tenant": defaults["Tenant"]}
        for name in (*MAPPED, *(name for name in MAPPED_OPTIONAL if name in mapping)):
            column, fault = text_of(mapping, name)
            columns.setdefault(name, column or defaults.get(name, name))
            if fault and given:
                self.add("profile.column_default", field=f"{prefix}field_mapping.{name}", column=columns[name])
        return {name: guid_key(value) or value for name, value in ids.items()}, columns

    def _tenant_column(self, infos: Mapping[str, object], mapped: str) -> str:
        """The column of the tenant, which a profile names in two places: `tenant_field` counts."""
        named, fault = text_of(infos, "tenant_field")
        field = "sharepoint_infos.tenant_field"
        if fault:
            self.add(CONTROL_FAULTS[fault], field=field, real=mapped or MAPPED["Tenant"])
        if named and mapped and name_key(named) != name_key(mapped):
            self.add("profile.tenant_field_differs", field=field, value=named, other=mapped)
        return named or mapped or MAPPED["Tenant"]


def _first_usable(checks: Sequence[_SharePointCheck]) -> SharePointProfile | None:
    """The first profile that can be used, by file name; every other file is told about it."""
    used = next((check for check in checks if check.profile), None)
    for check in checks:
        if used and check.profile and check is not used:
            check.add("profile.second_sharepoint", first=used.file)
        elif used and check is not used:
            check.add("profile.other_sharepoint", other=used.file)
    return used.profile if used else None


def _refuse_duplicates(checks: Sequence[_TenantCheck]) -> None:
    """Of the files with one tenant, or one name, the first usable one counts; the others are told about it."""
    owners: dict[tuple[str, str], _TenantCheck] = {}
    for check in sorted(checks, key=lambda check: check.profile is None):  # by file name within each half
        keys = [("profile.duplicate_tenant", check.tenant_id), ("profile.duplicate_name", name_key(check.name))]
        taken = [(key[0], owners[key]) for key in keys if key in owners]
        for code, owner in taken:
            check.add(code, other=owner.file, value=check.name)
            check.profile = None
        if not taken:
            owners |= {key: check for key in keys if key[1]}


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size
