"""Tenant and SharePoint profiles: read the files, find every fault, keep the good ones."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from core.certificates import Certificate, CertificateError, read_certificate
from core.problems import Problem

GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
TENANT_FILE = re.compile(r"config-(?P<slug>.+)-profile\.json")
SHAREPOINT_FILE = re.compile(r"sp-config-(?P<slug>.+)-profile\.json")
CREDENTIALS = ("tenant_id", "client_id", "thumbprint", "cert_path", "expires")
SHAREPOINT_IDS = ("site_id", "tenant_list_id", "license_list_id", "parameter_list_id", "tenant_field")
MAPPED = ("Lizenzname", "Verfügbar", "Gebraucht", "Frei", "Tenant", "Infosup")
# Columns that the contract names itself; a profile may name others.
MAPPED_OPTIONAL = ("technician_informed", "enabled", "monitoring", "cert_expires", "Parameter", "Parameterwert")
# Told, but no reason to stop reading the tenant: nothing depends on them.
HARMLESS = {
    "profile.field_unknown",
    "profile.thumbprint_wrong",
    "profile.expires_wrong",
    "profile.date_invalid",
    "auth.second",
}


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
class Fault:
    """All that is wrong with one profile file; `usable` when it can be worked with all the same."""

    file: str  # below the folder of the profiles: "config-a-profile.json", "sharepoint/sp-config-b-profile.json"
    slug: str
    problems: list[Problem]
    usable: bool

    @property
    def of_sharepoint(self) -> bool:
        return self.file.startswith("sharepoint/")


@dataclass(frozen=True, slots=True)
class Profiles:
    tenants: list[TenantProfile] = field(default_factory=list)
    sharepoint: SharePointProfile | None = None
    faults: list[Fault] = field(default_factory=list)


class ProfileStore:
    """The profiles under `folder`; files that did not change are not read again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._certificates: dict[Path, tuple[tuple[int, int], Certificate]] = {}
        self._files: dict[Path, tuple[tuple[int, int], Any]] = {}

    def load(self, now: datetime | None = None) -> Profiles:
        """Read every profile; the faults of a file are all found in one go. Never raises for a broken file."""
        moment = now or datetime.now(UTC)
        tenants = [_TenantCheck(self, path, moment) for path in profile_files(self.folder)]
        _refuse_duplicates(tenants)
        checks: list[Check] = [*tenants]
        sharepoint = profile_files(self.folder / "sharepoint")
        profile = None
        for index, path in enumerate(sharepoint):
            check = Check(self, path, SHAREPOINT_FILE, moment)
            if index:
                check.add("profile.second_sharepoint", first=sharepoint[0].name)
            else:
                profile = _sharepoint(check)
            checks.append(check)
        faults = [check.fault() for check in checks if check.problems]
        return Profiles([check.profile for check in tenants if check.profile], profile, faults)

    def sharepoint(self, now: datetime | None = None) -> SharePointProfile | None:
        """The SharePoint profile alone, if there is a usable one. Never raises for a broken file."""
        files = profile_files(self.folder / "sharepoint")
        return _sharepoint(Check(self, files[0], SHAREPOINT_FILE, now or datetime.now(UTC))) if files else None

    def read(self, path: Path) -> Any:
        """The parsed JSON of `path`; raises OSError or ValueError."""
        stamp = _stamp(path)
        known = self._files.get(path)
        if known is None or known[0] != stamp:
            known = self._files[path] = (stamp, json.loads(path.read_text(encoding="utf-8-sig")))
        return known[1]

    def certificate(self, path_text: str) -> Certificate:
        """The certificate at `path_text`, relative to the folder that holds the profiles; raises CertificateError."""
        path = self.folder.resolve().parent / path_text
        try:
            stamp = _stamp(path)
        except OSError:
            return read_certificate(path)
        except ValueError:  # a NUL in the path: no such file can exist
            raise CertificateError("profile.cert_missing") from None
        known = self._certificates.get(path)
        if known is None or known[0] != stamp:
            known = self._certificates[path] = (stamp, read_certificate(path))
        return known[1]


class Check:
    """Reads the fields of one file and collects what is wrong with them."""

    def __init__(self, store: ProfileStore, path: Path, pattern: re.Pattern[str], now: datetime) -> None:
        self.path, self.store, self.now = path, store, now
        self.problems: list[Problem] = []
        named = pattern.fullmatch(path.name)
        self.slug = named["slug"] if named else path.stem
        self.data: Mapping[str, Any] = {}
        self.readable = False
        if not named:
            self.add("profile.file_name", expected=pattern.pattern.replace("(?P<slug>.+)", "<name>").replace("\\", ""))
        self._read()

    def _read(self) -> None:
        try:
            data = self.store.read(self.path)
        except json.JSONDecodeError as error:
            self.add("profile.json_broken", line=str(error.lineno), column=str(error.colno))
        except (OSError, ValueError, RecursionError) as error:
            self.add("profile.unreadable", reason=type(error).__name__)
        else:
            if isinstance(data, dict):
                self.data, self.readable = data, True
            else:
                self.add("profile.not_object")

    @property
    def usable(self) -> bool:
        return all(problem.code in HARMLESS for problem in self.problems)

    def fault(self) -> Fault:
        file = self.path.relative_to(self.store.folder).as_posix()
        return Fault(file, self.slug, self.problems, self.usable)

    def add(self, code: str, **params: str) -> None:
        self.problems.append(Problem(code, {"file": self.path.name, **params}))

    def text(self, name: str, data: Mapping[str, Any] | None = None, prefix: str = "") -> str:
        """The field as non-empty text, or "" after noting what is wrong with it."""
        source = self.data if data is None else data
        if not self.readable:
            return ""
        if name not in source:
            self.add("profile.field_missing", field=prefix + name)
        elif not isinstance(source[name], str):
            self.add("profile.field_not_text", field=prefix + name)
        elif not source[name].strip():
            self.add("profile.field_empty", field=prefix + name)
        else:
            return str(source[name]).strip()
        return ""

    def credentials(self, known: set[str]) -> tuple[str, str, Certificate | None]:
        """(tenant id, client id, certificate) after checking all fields of an app registration."""
        if not self.readable:
            return "", "", None
        self.unknown_fields(self.data, known)
        values = {name: self.text(name) for name in CREDENTIALS}
        for name in ("tenant_id", "client_id"):
            if values[name] and not GUID.fullmatch(values[name]):
                self.add("profile.guid_invalid", field=name, value=values[name])
        certificate = self._certificate(values) if values["cert_path"] else None
        return values["tenant_id"].lower(), values["client_id"].lower(), certificate

    def section(self, name: str, data: Mapping[str, Any] | None = None, prefix: str = "") -> Mapping[str, Any] | None:
        """The field as an object, or None after noting what is wrong with it."""
        source = self.data if data is None else data
        found = source.get(name)
        if isinstance(found, dict):
            return found
        if self.readable:
            self.add("profile.field_not_object" if name in source else "profile.field_missing", field=prefix + name)
        return None

    def unknown_fields(self, data: Mapping[str, Any], known: set[str], prefix: str = "") -> None:
        for name in sorted(set(data) - known):
            near = difflib.get_close_matches(name, known, n=1)
            self.add("profile.field_unknown", field=prefix + name, near=near[0] if near else ", ".join(sorted(known)))

    def _certificate(self, values: Mapping[str, str]) -> Certificate | None:
        try:
            certificate = self.store.certificate(values["cert_path"])
        except CertificateError as error:
            self.add(error.code, field="cert_path", value=values["cert_path"])
            return None
        thumbprint = re.sub(r"[\s:]", "", values["thumbprint"]).upper()
        if thumbprint and thumbprint not in (certificate.thumbprint, certificate.thumbprint_sha256):
            self.add("profile.thumbprint_wrong", field="thumbprint", value=thumbprint, real=certificate.thumbprint)
        self._dates(values["expires"], certificate)
        return certificate

    def _dates(self, expires: str, certificate: Certificate) -> None:
        real = certificate.expires.date()
        try:
            written = date.fromisoformat(expires[:10]) if expires else real
        except ValueError:
            self.add("profile.date_invalid", field="expires", value=expires, real=real.isoformat())
            written = real
        if abs((written - real).days) > 1:  # the day may differ by the time zone
            self.add("profile.expires_wrong", field="expires", value=expires, real=real.isoformat())
        self.validity(certificate)

    def validity(self, certificate: Certificate) -> None:
        """Note when the certificate is over, or not valid yet."""
        real = certificate.expires.date()
        if certificate.expires <= self.now:
            self.add("profile.cert_expired", field="cert_path", real=real.isoformat(), slug=self.slug)
        if certificate.not_before > self.now:
            self.add("profile.cert_not_yet", field="cert_path", real=certificate.not_before.date().isoformat())


class _TenantCheck(Check):
    """A tenant's file; `profile` is None when it cannot be used."""

    def __init__(self, store: ProfileStore, path: Path, now: datetime) -> None:
        super().__init__(store, path, TENANT_FILE, now)
        self.name = self.text("tenant_name")
        self.tenant_id, client_id, certificate = self.credentials(known={*CREDENTIALS, "tenant_name"})
        self.profile: TenantProfile | None = None
        if certificate and self.usable:
            self.profile = TenantProfile(self.slug, self.tenant_id, self.name, client_id, certificate)


def _sharepoint(check: Check) -> SharePointProfile | None:
    tenant_id, client_id, certificate = check.credentials({*CREDENTIALS, "tenant_name", "sharepoint_infos"})
    infos = check.section("sharepoint_infos")
    if infos is None:
        return None
    prefix = "sharepoint_infos."
    check.unknown_fields(infos, {*SHAREPOINT_IDS, "field_mapping"}, prefix)
    ids = {name: check.text(name, infos, prefix) for name in SHAREPOINT_IDS}
    mapping = check.section("field_mapping", infos, prefix)
    if mapping is None:
        return None
    columns = {name: check.text(name, mapping, prefix + "field_mapping.") for name in MAPPED}
    for name in MAPPED_OPTIONAL:
        if name in mapping:
            columns[name] = check.text(name, mapping, prefix + "field_mapping.")
    check.unknown_fields(mapping, {*MAPPED, *MAPPED_OPTIONAL}, prefix + "field_mapping.")
    if ids["tenant_field"]:
        columns["Tenant"] = ids["tenant_field"]
    if certificate is None or not check.usable:
        return None
    del ids["tenant_field"]
    name = check.data.get("tenant_name") or check.slug
    return SharePointProfile(check.slug, tenant_id, str(name), client_id, certificate, **ids, field_mapping=columns)


def _refuse_duplicates(checks: Sequence[_TenantCheck]) -> None:
    """Of the files with one tenant, or one name, the first usable one counts; the others are told about it."""
    owners: dict[tuple[str, str], _TenantCheck] = {}
    for check in sorted(checks, key=lambda check: check.profile is None):  # by file name within each half
        keys = [("profile.duplicate_tenant", check.tenant_id), ("profile.duplicate_name", check.name.casefold())]
        taken = [(key[0], owners[key]) for key in keys if key in owners]
        for code, owner in taken:
            check.add(code, other=owner.path.name, value=check.name)
            check.profile = None
        if not taken:
            owners |= {key: check for key in keys if key[1]}


def profile_files(folder: Path) -> list[Path]:
    """The profiles in `folder`, by name, without the examples."""
    return [path for path in sorted(folder.glob("*.json")) if not path.name.endswith(".example.json")]


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size
