"""The provider's own tenant: its SharePoint site and the three lists, with columns as a person makes them by hand."""

from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import Any

from .columns import BUILT_IN, Column, encoded
from .lists import ItemList
from .profiles import guid, slug
from .tenants import AppRegistration

PARAMETERS = {
    "sendermail": "lizenztool@support.example",
    "recipientmail": "team@support.example",
    "communication": "E-Mail",
}
LICENSE_COLUMNS = {
    "Verfügbar": "number",
    "Gebraucht": "number",
    "Frei": "number",
    "tenant": "text",
    "trigger_inform_supporter": "boolean",
    "technician_informed": "boolean",
}
HOST = "support.sharepoint.example"


TITLES = ("Lizenzstatusliste", "Tenantliste", "Parameterliste")


class SharePoint(AppRegistration):
    """The provider's site.

    `grant` is the permission of the app on it (Sites.Selected): "read", "write", "manage", "fullcontrol" or None.
    With `empty` it has no lists, and no profile of it is written.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        taken: set[str],
        *,
        lock: RLock,
        columns: Mapping[str, str] | None = None,
        empty: bool = False,
    ) -> None:
        super().__init__(folder, name, taken, permissions={"Sites.Selected"}, lock=lock)
        self.profile_path = folder / "profiles" / "sharepoint" / f"sp-config-{self.slug}-profile.json"
        self.grant: str | None = "write"
        self.path = f"/sites/{slug(name)}"
        self.site_id = f"{HOST},{guid('site', self.slug)},{guid('web', self.slug)}"
        self.lists: list[ItemList] = []
        self.writes_profile = not empty
        if not empty:
            self._make_lists(columns or {})

    def _make_lists(self, named: Mapping[str, str]) -> None:
        columns_of_licenses = [Column("Title", "Lizenzname")]
        columns_of_licenses += [Column(named.get(d, encoded(d)), d, kind) for d, kind in LICENSE_COLUMNS.items()]
        self.add_list("Lizenzstatusliste", columns_of_licenses)
        self.add_list("Tenantliste", _TENANT_COLUMNS)
        self.add_list("Parameterliste", [Column(n, n) for n in ("Parameter", "Parameterwert")])

    def replace_licenses(self) -> None:
        """Replace the licence list by an empty one with the same columns, and write its id into the profile."""
        with self.lock:
            old = self.licenses
            own = [column for column in old.columns.values() if column not in BUILT_IN]
            self.lists[self.lists.index(old)] = ItemList(guid("list", old.id), old.title, own, self.lock)
            self.write_profile()

    @property
    def licenses(self) -> ItemList:
        return self.list_titled("Lizenzstatusliste")

    @property
    def tenants(self) -> ItemList:
        return self.list_titled("Tenantliste")

    @property
    def parameters(self) -> ItemList:
        return self.list_titled("Parameterliste")

    @property
    def has_lists(self) -> bool:
        """Return True if the three lists are there."""
        return set(TITLES) <= {items.title for items in self.lists}

    def list_titled(self, title: str) -> ItemList:
        """Return the list with this title. Raise LookupError if there is none."""
        for items in self.lists:
            if items.title == title:
                return items
        raise LookupError(f"{self.path} has no list {title!r}")

    def add_list(self, title: str, columns: list[Column], *, template: str = "genericList") -> ItemList:
        """Make a list, as a person in a browser or the product does."""
        with self.lock:
            items = ItemList(guid("list", self.slug, title), title, columns, self.lock, template=template)
            self.lists.append(items)
            return items

    def column(self, display: str) -> str:
        """Return the internal name of a column of the licence list."""
        return self.licenses.internal(display)

    def list_tenant(self, tenant: AppRegistration, *, enabled: bool, monitoring: bool) -> None:
        switches = {"enabled": enabled, "monitoring": monitoring}
        row = {name: self.tenants.columns[self.tenants.internal(name)].answer(yes) for name, yes in switches.items()}
        self.tenants.add({"Title": tenant.name, **row, "cert_expires": tenant.certificate_ends})

    def profile(self) -> dict[str, Any]:
        names = ("Lizenzname", "Verfügbar", "Gebraucht", "Frei")
        mapping = {name: self.column(name) for name in names}
        mapping |= {"Tenant": self.column("tenant"), "Infosup": self.column("trigger_inform_supporter")}
        infos = {
            "site_id": self.site_id,
            "tenant_list_id": self.tenants.id,
            "license_list_id": self.licenses.id,
            "parameter_list_id": self.parameters.id,
            "tenant_field": mapping["Tenant"],
            "field_mapping": mapping,
        }
        return {**super().profile(), "sharepoint_infos": infos}


_TENANT_COLUMNS = [
    Column("enabled", "enabled", "boolean"),
    Column("monitoring", "monitoring", "boolean"),
    Column("cert_expires", "cert_expires", "date"),
]
