"""The profile of the SharePoint site: its fields, and the check of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.bounds import LONGEST_NAME, bounded_text
from core.name_key import guid_key, name_key
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CONTROL_FAULTS, CREDENTIALS, Check, Source
from core.profiles.profile_json import text_of

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


class SharePointCheck(Check):
    """The file of the site; `profile` is None when it cannot be used."""

    def __init__(self, store: Source, path: Path, now: datetime) -> None:
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


def first_usable(checks: Sequence[SharePointCheck]) -> SharePointProfile | None:
    """The first profile that can be used, by file name; every other file is told about it."""
    used = next((check for check in checks if check.profile), None)
    for check in checks:
        if used and check.profile and check is not used:
            check.add("profile.second_sharepoint", first=used.file)
        elif used and check is not used:
            check.add("profile.other_sharepoint", other=used.file)
    return used.profile if used else None
