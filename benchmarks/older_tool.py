"""The naive program: one tenant after the other, a sign-in for every call, one request for every row.

The order of calls is that of the tool the support team used before. Unlike that tool, this one reads all
pages of a list and finds its items by the right column, so it writes nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msal
import requests

from benchmarks.cloud import Cloud


class OlderTool:
    """Reads tenants and writes their rows into the licence list."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._root = cloud.profiles_dir.parent
        site = next((cloud.profiles_dir / "sharepoint").glob("*.json"))
        self._site = self._profile(site)
        self._fields: dict[str, str] = self._site["sharepoint_infos"]["field_mapping"]

    def refresh(self, count: int) -> int:
        """Refresh the first `count` tenants, one after the other; return the number of rows written."""
        files = sorted(self._cloud.profiles_dir.glob("config-*-profile.json"))[:count]
        return sum(self._one(self._profile(file)) for file in files)

    def _one(self, tenant: dict[str, Any]) -> int:
        skus = self._call(tenant, "GET", "/subscribedSkus")["value"]
        listed = self._items("tenant_list_id")
        if not any(item["fields"].get("Title") == tenant["tenant_name"] for item in listed):
            return 0
        items = self._items("license_list_id")
        for sku in skus:
            self._write(tenant["tenant_name"], sku, items)
        return len(skus)

    def _write(self, tenant: str, sku: dict[str, Any], items: Sequence[dict[str, Any]]) -> None:
        names, part_number = self._fields, sku["skuPartNumber"]
        available, used = sku["prepaidUnits"]["enabled"], sku["consumedUnits"]
        fields: dict[str, Any] = {
            names["Frei"]: available - used,
            names["Gebraucht"]: used,
            names["Verfügbar"]: available,
        }
        match = next((i["fields"] for i in items if self._is(i["fields"], tenant, part_number)), None)
        path = self._list("license_list_id")
        if match is None:
            fields |= {names["Tenant"]: tenant, names["Lizenzname"]: part_number}
            self._call(self._site, "POST", path, {"fields": fields})
            return
        if available == used and not match.get("technician_informed"):
            fields[names["Infosup"]] = True
        if available > used and match.get("technician_informed"):
            fields["technician_informed"] = False
        self._call(self._site, "PATCH", f"{path}/{match['id']}/fields", fields)

    def _is(self, fields: dict[str, Any], tenant: str, part_number: str) -> bool:
        name = str(fields.get(self._fields["Lizenzname"], ""))
        return fields.get(self._fields["Tenant"]) == tenant and part_number in (name, name.rpartition("(")[2][:-1])

    def _items(self, list_id: str) -> list[dict[str, Any]]:
        page = self._call(self._site, "GET", f"{self._list(list_id)}?expand=fields")
        items: list[dict[str, Any]] = page["value"]
        while link := page.get("@odata.nextLink"):
            page = self._call(self._site, "GET", link)
            items += page["value"]
        return items

    def _list(self, list_id: str) -> str:
        infos = self._site["sharepoint_infos"]
        return f"/sites/{infos['site_id']}/lists/{infos[list_id]}/items"

    def _call(self, profile: dict[str, Any], method: str, path: str, body: Any = None) -> Any:
        """Send one request, with a new connection and a new sign-in; return the JSON of the answer."""
        url = path if path.startswith("https://") else f"{self._cloud.url}/v1.0{path}"
        header = {"Authorization": f"Bearer {self._token(profile)}"}
        answer = requests.request(method, url, headers=header, json=body, verify=self._cloud.ca_bundle, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _token(self, profile: dict[str, Any]) -> str:
        session = requests.Session()
        session.verify, session.trust_env = self._cloud.ca_bundle, False
        app = msal.ConfidentialClientApplication(
            profile["client_id"],
            authority=f"{self._cloud.url}/{profile['tenant_id']}",
            client_credential={
                "private_key": (self._root / profile["cert_path"]).read_text(),
                "thumbprint": profile["thumbprint"],
            },
            instance_discovery=False,
            http_client=session,
        )
        return str(app.acquire_token_for_client([f"{self._cloud.url}/.default"])["access_token"])

    @staticmethod
    def _profile(file: Path) -> dict[str, Any]:
        profile: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return profile
