"""Load tenant and SharePoint profiles and collect the faults of their files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.bounds import LONGEST_FILE, LONGEST_SLUG, visible
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate, read_certificate
from core.profiles.profile_check import ProfileCheck
from core.profiles.profile_faults import Fault
from core.profiles.profile_files import FOLDERS, Kind, ProfileFiles, StrayFile, find_file, find_profiles
from core.profiles.profile_json import ProfileJson, parse_profile
from core.profiles.profile_writer import profile_path
from core.profiles.sharepoint_profile import SharePointCheck, SharePointProfile, first_usable
from core.profiles.tenant_profile import TenantCheck, TenantProfile, refuse_duplicates
from core.text_files import file_name, shown

IDLE_SECONDS = 3_600.0  # after which a file that was not asked for leaves the cache


@dataclass(frozen=True, slots=True)
class Profiles:
    """The usable profiles, and the faults of all files."""

    tenants: list[TenantProfile] = field(default_factory=list)
    sharepoint: SharePointProfile | None = None
    faults: list[Fault] = field(default_factory=list)


class ProfileStore:
    """Reads the profiles below `folder`; a file that has not changed is not read again.

    `left_out` returns the ids and short names of tenants that leave: their files count as not there.
    """

    def __init__(self, folder: Path, left_out: Callable[[], Collection[str]] = frozenset) -> None:
        self.folder, self._left_out = folder, left_out
        self._certificates: dict[Path, tuple[tuple[int, int], Certificate]] = {}
        self._files: dict[Path, tuple[tuple[int, int], ProfileJson]] = {}
        self._asked: set[Path] = set()  # files and certificates, since `_asked_from` (monotonic seconds)
        self._asked_from = time.monotonic()

    def load(self, now: datetime | None = None) -> Profiles:
        """Return all profiles and all faults. Never raises for a faulty file; raises what `left_out` raises."""
        moment = now or datetime.now(UTC)
        faults: list[Fault] = []
        left_out = self._left_out()
        tenants = [TenantCheck(self, path, moment) for path in self.find("tenant", faults).profiles]
        tenants = [one for one in tenants if _key(one) not in left_out]
        refuse_duplicates(tenants)
        sites = self._sites(moment, faults)
        profile = first_usable(sites)
        checks: list[ProfileCheck] = [*tenants, *sites]
        self.forget_others(checks)
        faults = [check.fault() for check in checks if check.problems] + faults
        return Profiles([check.profile for check in tenants if check.profile], profile, faults)

    def forget_others(self, checks: Sequence[ProfileCheck]) -> None:
        """Remove from the cache the files and certificates (with private keys) that none of `checks` uses.

        The store itself keeps no list of files in use, because several threads load at the same time.
        """
        for path in set(self._files) - {check.path for check in checks}:
            self._files.pop(path, None)
        for path in set(self._certificates) - {check.certificate_path for check in checks}:
            self._certificates.pop(path, None)

    def _forget_idle(self) -> None:
        """Remove from the cache what nobody has asked for in the last hour, for who never calls `load`."""
        if time.monotonic() - self._asked_from < IDLE_SECONDS:
            return
        asked, self._asked, self._asked_from = self._asked, set(), time.monotonic()
        for cache in (self._files, self._certificates):
            for path in set(cache) - asked:
                cache.pop(path, None)

    def sharepoint(self, now: datetime | None = None) -> SharePointProfile | None:
        """Return the SharePoint profile, None if there is no usable one. Never raises for a faulty file."""
        return self.site(now).sharepoint

    def site(self, now: datetime | None = None) -> Profiles:
        """Return what `load` returns of SharePoint profiles alone, without a look at those of tenants."""
        faults: list[Fault] = []
        sites = self._sites(now or datetime.now(UTC), faults)
        return Profiles([], first_usable(sites), [check.fault() for check in sites if check.problems] + faults)

    def _sites(self, moment: datetime, faults: list[Fault]) -> list[SharePointCheck]:
        return [SharePointCheck(self, path, moment) for path in self.find("sharepoint", faults).profiles]

    def tenant(self, wanted: str, now: datetime | None = None) -> tuple[TenantProfile | None, Fault | None]:
        """Return (the profile with this short name or tenant id, the fault of its file); None for what there is not."""
        moment = now or datetime.now(UTC)
        path = profile_path(self.folder, wanted)
        if path.parent == self.folder and path.is_file():  # without a look at all the others
            check = TenantCheck(self, path, moment)
            if _key(check) in self._left_out():
                return None, None
            return check.profile, check.fault() if check.problems else None
        profiles = self.load(moment)
        profile = next((one for one in profiles.tenants if one.tenant_id == wanted), None)
        slug = profile.slug if profile else wanted
        return profile, next(
            (fault for fault in profiles.faults if fault.slug == slug and not fault.of_sharepoint), None
        )

    def some(self, slugs: Iterable[str], now: datetime | None = None) -> list[TenantProfile]:
        """Return the usable profiles with these short names, without a look at all others.

        A second profile of the same tenant is not noticed.
        """
        moment = now or datetime.now(UTC)
        self._forget_idle()
        paths = [profile_path(self.folder, slug) for slug in slugs]
        checks = [TenantCheck(self, path, moment) for path in paths if path.parent == self.folder and path.is_file()]
        left_out = self._left_out()
        return [check.profile for check in checks if check.profile and _key(check) not in left_out]

    def find(self, kind: Kind, faults: list[Fault]) -> ProfileFiles:
        """Return the files of `kind`; problems of the folder and stray files are added to `faults`."""
        try:
            files = find_profiles(self.folder, kind)
        except OSError as error:
            faults.append(_folder_fault(self.folder, kind, error))
            return ProfileFiles()
        faults.extend(_stray_fault(self.folder, stray) for stray in files.strays)
        return files

    def read(self, path: Path) -> ProfileJson:
        """Return the parsed JSON of `path`. Raises OSError, ValueError or RecursionError."""
        self._asked.add(path)
        stamp = _stamp(path)
        cached = self._files.get(path)
        if cached is None or cached[0] != stamp:
            cached = self._files[path] = (stamp, parse_profile(path))
        return cached[1]

    def certificate(self, path_text: str) -> Certificate:
        """Return the certificate at `path_text`, relative to the parent of `folder`. Raises CertificateError.

        Backslashes count as slashes if no file has one in its name.
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
        self._asked.add(path)
        cached = self._certificates.get(path)
        if cached is None or cached[0] != stamp:
            cached = self._certificates[path] = (stamp, read_certificate(path))
        return cached[1]


def _key(check: TenantCheck) -> str:
    """Return the id of the tenant; its short name if the file does not tell the id."""
    return check.tenant_id or check.slug


def folder_problem(folder: Path) -> Problem | None:
    """Return the problem if `folder`, which holds the profiles, is missing or cannot be read; else None."""
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


def _stamp(path: Path) -> tuple[int, int]:
    """Return (time of change in ns, size), which differ after a change of the file. Raises OSError."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size
