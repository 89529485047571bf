"""The faults of profile files, and which of them leave a profile usable."""

from __future__ import annotations

from dataclasses import dataclass

from core.problems import Problem
from core.profiles.profile_files import Kind

# Problems that are only reported; the profile can be used.
HARMLESS = {
    "profile.field_unknown",
    "profile.field_twice",
    "profile.control_missing",
    "profile.control_unusable",
    "profile.column_default",
    "profile.mapping_default",
    "profile.other_sharepoint",
    "profile.tenant_field_differs",
    "profile.thumbprint_wrong",
    "profile.expires_wrong",
    "profile.date_invalid",
    "profile.encoding",
    "profile.cert_encoding",
    "profile.cert_short",
    "profile.cert_pss",
    "profile.second_sharepoint",
    "profile.leftover",
    "profile.in_subfolder",
    "auth.second",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The problems of one file; `usable` means that the profile can be used in spite of them."""

    file: str  # below the folder of the profiles: "config-a-profile.json", "sharepoint/sp-config-b-profile.json"
    slug: str
    problems: list[Problem]
    usable: bool
    kind: Kind = "tenant"
    name: str = ""  # of the tenant or site in the file; the slug if the file has none

    @property
    def of_sharepoint(self) -> bool:
        """Return True for a file in profiles/sharepoint."""
        return self.kind == "sharepoint"

    @property
    def cause(self) -> Problem:
        """Return the problem that makes the profile unusable, or the first one if none does."""
        return next((problem for problem in self.problems if problem.code not in HARMLESS), self.problems[0])
