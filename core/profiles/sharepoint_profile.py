"""The profile of the SharePoint site: its fields, and the check of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.bounds import LONGEST_NAME, bounded_text
from core.name_key import guid_key, name_key
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CONTROL_FAULTS, CREDENTIALS, ProfileCheck, ProfileSource
from core.profiles.profile_json import text_field

IDS = ("site_id", "tenant_list_id", "license_list_id", "parameter_list_id")
SHAREPOINT_IDS = (*IDS, "tenant_field")
# Columns of the licence list -> their names in a list whose profile has no `field_mapping` for them.
DEFAULT_COLUMNS = {
    "Lizenzname": "Lizenzname",
    "Verfügbar": "Verfügbar",
    "Gebraucht": "Gebraucht",
    "Frei": "Frei",
    "Tenant": "tenant",
    "Infosup": "trigger_inform_supporter",
}
# Columns whose names in the list are the same unless the profile maps them.
OPTIONAL_COLUMNS = ("technician_informed", "enabled", "monitoring", "cert_expires", "Parameter", "Parameterwert")


@dataclass(frozen=True, slots=True)
class SharePointProfile:
    """The site with the three lists; `field_mapping`: our name of a column -> its internal name in the list."""

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


class SharePointCheck(ProfileCheck):
    """The check of the site's file; `profile` is None if it cannot be used."""

    def __init__(self, store: ProfileSource, path: Path, now: datetime) -> None:
        super().__init__(store, path, "sharepoint", now)
        tenant_id, client_id, certificate = self.credentials({*CREDENTIALS, "tenant_name", "sharepoint_infos"})
        self.name = self._site_name()
        infos = self.required_object("sharepoint_infos")
        ids, columns = ({}, {}) if infos is None else self._lists(infos)
        self.profile: SharePointProfile | None = None
        if certificate and self.usable:
            self.profile = SharePointProfile(
                self.slug, tenant_id, self.name, client_id, certificate, **ids, field_mapping=columns
            )

    def _site_name(self) -> str:
        """Return the name of the site for messages, by default the slug; `tenant_name` is optional here."""
        name, fault = text_field(self.data, "tenant_name")
        if fault not in ("", "missing"):
            self.add_problem("profile.control_unusable", field="tenant_name", real=self.slug)
        return bounded_text(name, LONGEST_NAME) or self.slug

    def _lists(self, infos: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
        """Return (the ids of site and lists, our name of each column -> its name in the list)."""
        prefix = "sharepoint_infos."
        infos = self.contract_fields(infos, (*SHAREPOINT_IDS, "field_mapping"), prefix)
        ids = {name: self.required_text(name, infos, prefix) for name in IDS}
        given = infos.get("field_mapping")
        if not isinstance(given, dict) or not given:
            self.add_problem(
                "profile.mapping_default", field=f"{prefix}field_mapping", columns=", ".join(DEFAULT_COLUMNS.values())
            )
            given = {}
        mapping = self.contract_fields(given, (*DEFAULT_COLUMNS, *OPTIONAL_COLUMNS), f"{prefix}field_mapping.")
        defaults = DEFAULT_COLUMNS | {"Tenant": self._tenant_column(infos, text_field(mapping, "Tenant")[0])}
        columns = {"Tenant": defaults["Tenant"]}
        for name in (*DEFAULT_COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in mapping)):
            column, fault = text_field(mapping, name)
            columns.setdefault(name, column or defaults.get(name, name))
            if fault and given:
                self.add_problem("profile.column_default", field=f"{prefix}field_mapping.{name}", column=columns[name])
        return {name: guid_key(value) or value for name, value in ids.items()}, columns

    def _tenant_column(self, infos: Mapping[str, object], mapped: str) -> str:
        """Return the name of the tenant column. A profile has it twice; `tenant_field` wins over `mapped`."""
        named, fault = text_field(infos, "tenant_field")
        field = "sharepoint_infos.tenant_field"
        if fault:
            self.add_problem(CONTROL_FAULTS[fault], field=field, real=mapped or DEFAULT_COLUMNS["Tenant"])
        if named and mapped and name_key(named) != name_key(mapped):
            self.add_problem("profile.tenant_field_differs", field=field, value=named, other=mapped)
        return named or mapped or DEFAULT_COLUMNS["Tenant"]


def first_usable(checks: Sequence[SharePointCheck]) -> SharePointProfile | None:
    """Return the first usable profile, by file name, or None; add a problem to every other file."""
    used = next((check for check in checks if check.profile), None)
    for check in checks:
        if used and check.profile and check is not used:
            check.add_problem("profile.second_sharepoint", first=used.file)
        elif used and check is not used:
            check.add_problem("profile.other_sharepoint", other=used.file)
    return used.profile if used else None
