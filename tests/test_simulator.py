"""What the simulated Microsoft 365 does, told request by request with real msal and requests."""

import datetime as dt
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import msal
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select

from core.cache.database import open_database
from core.cache.history_rows import history_page
from core.cache.readings import stored_licenses
from core.cache.schema import audit
from core.cache.tenant_rows import tenant_rows
from core.cases.transitions import STATES
from core.texts import has_text
from simulator import Fault, Microsoft365, SharePoint, Tenant
from simulator.columns import FACETS
from simulator.demo import Demo
from simulator.lists import LINKS
from simulator.site import HOST
from simulator.tenants import AppRegistration
from tests.case_world import all_cases, wrong_folds
from ui.audit.audit_change import SHOWN_ELSEWHERE


class Client:
    """One app of one tenant: signs in once, then speaks to Graph."""

    def __init__(self, m365: Microsoft365, app: AppRegistration, session: requests.Session) -> None:
        self.m365, self.app, self.session = m365, app, session
        self.token: str = sign_in(m365, app, session)["access_token"]

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = path if path.startswith("https:") else f"{self.m365.graph_url}/v1.0{path}"
        return self.session.request(method, url, headers=headers, timeout=30, **options)

    def batch(self, *subs: dict[str, Any]) -> dict[str, dict[str, Any]]:
        answer = self("POST", "/$batch", json={"requests": list(subs)})
        return {sub["id"]: sub for sub in answer.json()["responses"]}


def sign_in(m365: Microsoft365, app: Any, session: requests.Session) -> dict[str, Any]:
    pem = app.cert_path.read_text()
    credential = {"private_key": pem, "public_certificate": pem[pem.index("-----BEGIN CERT") :]}
    return _confidential(m365, app, session, credential)


def _confidential(
    m365: Microsoft365, app: AppRegistration, session: requests.Session, credential: Any
) -> dict[str, Any]:
    confidential = msal.ConfidentialClientApplication(
        app.client_id,
        authority=f"{m365.login_url}/{app.tenant_id}",
        client_credential=credential,
        instance_discovery=False,
        http_client=session,
    )
    return dict(confidential.acquire_token_for_client([f"{m365.graph_url}/.default"]))


@pytest.fixture
def m365(tmp_path: Path) -> Iterator[Microsoft365]:
    """An empty cloud."""
    with Microsoft365(tmp_path) as running:
        yield running


@pytest.fixture
def session(m365: Microsoft365) -> Iterator[requests.Session]:
    """A session that trusts the simulator's authority and nothing of this machine."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(m365.ca_bundle)
        yield session


@pytest.fixture
def tenant(m365: Microsoft365) -> Tenant:
    """A school with one product."""
    return m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})


@pytest.fixture
def school(m365: Microsoft365, tenant: Tenant, session: requests.Session) -> Client:
    """Signed in as the tool at the school."""
    return Client(m365, tenant, session)


@pytest.fixture
def sp(m365: Microsoft365) -> SharePoint:
    """The provider's site."""
    return m365.add_sharepoint()


@pytest.fixture
def support(m365: Microsoft365, sp: SharePoint, session: requests.Session) -> Client:
    """Signed in as the tool at the provider's site."""
    return Client(m365, sp, session)


@pytest.fixture
def items(sp: SharePoint) -> str:
    """Path of the items of the licence list."""
    return f"/sites/{sp.site_id}/lists/{sp.licenses.id}/items"


# Signing in


@pytest.mark.parametrize("form", ["sha256", "sha1", "assertion"])
def test_msal_gets_a_token_with_each_form_of_credential(
    m365: Microsoft365, tenant: Tenant, session: requests.Session, form: str
) -> None:
    pem = tenant.cert_path.read_text()
    profile = tenant.profile()
    credential = {
        "sha256": {"private_key": pem, "public_certificate": pem[pem.index("-----BEGIN CERT") :]},
        "sha1": {"private_key": pem, "thumbprint": profile["thumbprint"]},
        "assertion": {"client_assertion": lambda: assertion(m365, tenant)},
    }[form]

    result = _confidential(m365, tenant, session, credential)

    claims = jwt.decode(result["access_token"], options={"verify_signature": False})
    assert claims["tid"] == tenant.tenant_id
    assert claims["appid"] == tenant.client_id
    assert claims["roles"] == ["Organization.Read.All"]


def assertion(m365: Microsoft365, app: AppRegistration, **changes: Any) -> str:
    key: Any = load_pem_private_key(app.cert_path.read_bytes(), None)
    certificate = list(app.certificates.values())[-1]
    claims = {
        "aud": f"{m365.login_url}/{app.tenant_id}/oauth2/v2.0/token",
        "iss": app.client_id,
        "sub": app.client_id,
        "jti": str(uuid.uuid4()),
        "exp": int(time.time()) + 600,
    }
    thumbprint = jwt.utils.base64url_encode(bytes.fromhex(certificate.sha256)).decode()
    return jwt.encode({**claims, **changes}, key, algorithm="PS256", headers={"x5t#S256": thumbprint})


def ask_token(m365: Microsoft365, app: AppRegistration, session: requests.Session, **changes: str) -> tuple[int, Any]:
    form = {
        "client_id": app.client_id,
        "grant_type": "client_credentials",
        "scope": f"{m365.graph_url}/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    form |= {"client_assertion": changes.pop("client_assertion", "") or assertion(m365, app), **changes}
    answer = session.post(f"{m365.login_url}/{app.tenant_id}/oauth2/v2.0/token", data=form)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"aud": "https://elsewhere.example"}, 700023, id="audience"),
        pytest.param({"exp": 1_600_000_000}, 700024, id="over"),
        pytest.param({"sub": "somebody"}, 700021, id="subject"),
    ],
)
def test_an_assertion_for_something_else_is_refused(
    m365: Microsoft365, tenant: Tenant, session: requests.Session, change: dict[str, Any], code: int
) -> None:
    status, body = ask_token(m365, tenant, session, client_assertion=assertion(m365, tenant, **change))

    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")


def test_an_assertion_may_be_repeated_by_its_app_alone(m365: Microsoft365, session: requests.Session) -> None:
    first, second = m365.add_many(2, 1)
    repeated = assertion(m365, first, jti="same")

    assert ask_token(m365, first, session, client_assertion=repeated)[0] == 200
    assert ask_token(m365, first, session, client_assertion=repeated)[0] == 200
    assert ask_token(m365, second, session, client_assertion=assertion(m365, second, jti="same"))[0] == 401


def _set(**values: Any) -> Callable[[Tenant], None]:
    def change(tenant: Tenant) -> None:
        for name, value in values.items():
            setattr(tenant, name, value)

    return change


def _expire(tenant: Tenant) -> None:
    tenant.renew_certificate(days=-1)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        pytest.param(_set(client_id=str(uuid.uuid4())), 700016, "was not found in the directory", id="no-app"),
        pytest.param(_set(service_principal=False), 7000229, "missing service principal", id="no-principal"),
        pytest.param(_set(disabled=True), 7000112, "is disabled", id="disabled"),
        pytest.param(Tenant.revoke_certificates, 700027, "[Reason - The key was not found", id="unknown-key"),
        pytest.param(_expire, 700027, "[Reason - The key used is expired", id="expired-key"),
    ],
)
def test_entra_says_what_is_wrong_with_the_app(
    m365: Microsoft365,
    tenant: Tenant,
    session: requests.Session,
    change: Callable[[Tenant], None],
    code: int,
    text: str,
) -> None:
    mine = SimpleNamespace(client_id=tenant.client_id, tenant_id=tenant.tenant_id, cert_path=tenant.cert_path)
    change(tenant)

    result = sign_in(m365, mine, session)

    assert result["error_codes"] == [code]
    assert text in result["error_description"]


def test_a_tenant_that_is_gone_has_no_login(m365: Microsoft365, tenant: Tenant, session: requests.Session) -> None:
    tenant.deleted = True
    answer = session.get(f"{m365.login_url}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")
    assert "AADSTS90002" in answer.json()["error_description"]
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        sign_in(m365, tenant, session)


def test_a_scope_of_another_cloud_is_refused(m365: Microsoft365, tenant: Tenant, session: requests.Session) -> None:
    status, body = ask_token(m365, tenant, session, scope="https://graph.microsoft.us/.default")

    assert (status, body["error_codes"]) == (400, [70011])


def test_a_renewed_certificate_signs_in_with_the_new_profile(m365: Microsoft365, tenant: Tenant, session: Any) -> None:
    before = tenant.profile()
    tenant.renew_certificate(days=30)

    assert tenant.profile()["thumbprint"] != before["thumbprint"]
    assert tenant.profile()["expires"] == (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date().isoformat()
    assert "access_token" in sign_in(m365, tenant, session)


# Licences


def test_subscribed_skus_tells_every_kind_of_unit(school: Client, tenant: Tenant) -> None:
    tenant.set_sku("VISIOCLIENT", enabled=0, consumed=3, warning=5, suspended=1, locked_out=2)

    row = school("GET", "/subscribedSkus").json()["value"][1]

    assert row["prepaidUnits"] == {"enabled": 0, "warning": 5, "suspended": 1, "lockedOut": 2}
    assert (row["consumedUnits"], row["capabilityStatus"], row["appliesTo"]) == (3, "Warning", "User")
    assert row["skuId"] == "c5928f49-12ba-48f7-ada3-0d743a3601d5"
    assert row["id"] == f"{tenant.tenant_id}_{row['skuId']}"


def test_a_changed_number_shows_in_the_next_answer(school: Client, tenant: Tenant) -> None:
    school("GET", "/subscribedSkus")
    tenant.set_sku("SPB", consumed=10)

    assert school("GET", "/subscribedSkus").json()["value"][0]["consumedUnits"] == 10
    tenant.remove_sku("SPB")
    assert school("GET", "/subscribedSkus").json()["value"] == []


def test_select_is_the_only_query_option(school: Client) -> None:
    chosen = school("GET", "/subscribedSkus?$select=skuId,consumedUnits").json()["value"][0]

    assert set(chosen) == {"id", "skuId", "consumedUnits"}
    assert school("GET", "/subscribedSkus?$top=1").status_code == 400


def test_some_clouds_know_no_locked_out_units(m365: Microsoft365, school: Client) -> None:
    m365.without_locked_out = True

    units = school("GET", "/subscribedSkus").json()["value"][0]["prepaidUnits"]

    assert units == {"enabled": 10, "warning": 0, "suspended": 0}


@pytest.mark.parametrize(
    ("permissions", "skus", "subscriptions"),
    [
        pytest.param({"Organization.Read.All"}, 200, 200, id="organization"),
        pytest.param({"LicenseAssignment.Read.All"}, 200, 403, id="licenses-only"),
        pytest.param(set(), 403, 403, id="consent-revoked"),
    ],
)
def test_permissions_open_what_they_open(
    m365: Microsoft365, session: Any, permissions: set[str], skus: int, subscriptions: int
) -> None:
    client = Client(m365, m365.add_tenant("Bau AG Chur", permissions=permissions), session)

    assert client("GET", "/subscribedSkus").status_code == skus
    refused = client("GET", "/directory/subscriptions")
    assert refused.status_code == subscriptions
    if subscriptions == 403:
        assert refused.json()["error"]["code"] == "Authorization_RequestDenied"


def test_a_token_keeps_the_roles_it_was_issued_with(school: Client, m365: Microsoft365, tenant: Tenant) -> None:
    tenant.permissions = set()
    assert school("GET", "/subscribedSkus").status_code == 200

    m365.expire_tokens()
    expired = school("GET", "/subscribedSkus")
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    school.token = sign_in(m365, tenant, school.session)["access_token"]
    assert school("GET", "/subscribedSkus").status_code == 403


def test_subscriptions_come_in_pages_and_belong_to_skus(school: Client, m365: Microsoft365, tenant: Tenant) -> None:
    ends = dt.datetime(2027, 7, 31, tzinfo=dt.UTC)
    added = tenant.add_subscription("SPB", ends, total=10, is_trial=True)
    tenant.set_sku("FLOW_FREE", enabled=10000, consumed=4)
    m365.page_size = 1

    first = school("GET", "/directory/subscriptions").json()
    second = school("GET", first["@odata.nextLink"]).json()

    assert [r["nextLifecycleDateTime"] for r in first["value"] + second["value"]] == ["2027-07-31T00:00:00Z", None]
    assert "@odata.nextLink" not in second
    assert school("GET", "/subscribedSkus").json()["value"][0]["subscriptionIds"] == [added.id]


def test_every_answer_carries_request_ids(school: Client) -> None:
    answer = school("GET", "/nothing", headers={"client-request-id": "mine"})

    inner = answer.json()["error"]["innerError"]
    assert answer.headers["client-request-id"] == inner["client-request-id"] == "mine"
    assert answer.headers["request-id"]


# Lists


def test_columns_made_in_the_browser_have_encoded_names(support: Client, sp: SharePoint) -> None:
    rows = support("GET", f"/sites/{sp.site_id}/lists/{sp.licenses.title}/columns").json()["value"]

    names = {row["displayName"]: row["name"] for row in rows if not row["readOnly"]}
    assert names["Verfügbar"] == "Verf_x00fc_gbar"
    assert names["Lizenzname"] == "Title"
    assert sp.profile()["sharepoint_infos"]["field_mapping"]["Verfügbar"] == names["Verfügbar"]


def test_a_site_is_found_by_host_and_path(support: Client, sp: SharePoint) -> None:
    assert support("GET", f"/sites/{HOST}:{sp.path}").json()["id"] == sp.site_id
    lists = support("GET", f"/sites/{HOST}:{sp.path}:/lists").json()["value"]
    assert [row["displayName"] for row in lists] == ["Lizenzstatusliste", "Tenantliste", "Parameterliste"]


def test_a_created_item_comes_back_whole(support: Client, sp: SharePoint, items: str) -> None:
    fields = {"Title": "SPB", "Verf_x00fc_gbar": 10, "tenant": "Schule Höri"}
    answer = support("POST", items, json={"fields": fields})

    item = answer.json()
    assert (answer.status_code, item["id"], item["eTag"]) == (201, "1", sp.licenses.items[0].etag)
    assert item["fields"].items() >= {**fields, "trigger_inform_supporter": False, "id": "1"}.items()
    assert "Frei" not in item["fields"]
    assert item["createdBy"] == {"application": {"displayName": "Lizenztool"}}


def test_a_write_answers_with_the_fields_and_makes_a_new_version(support: Client, sp: SharePoint, items: str) -> None:
    item = sp.licenses.add({"Lizenzname": "SPB", "Frei": 1})

    for _ in range(2):
        answer = support("PATCH", f"{items}/1/fields", json={"Frei": 0})

    assert (answer.status_code, answer.json()["Frei"], answer.json()["Title"]) == (200, 0, "SPB")
    assert (item.version, item.fields["Frei"]) == (3, 0)


@pytest.mark.parametrize(
    ("etag", "status", "code"),
    [
        pytest.param("current", 200, None, id="current"),
        pytest.param("older", 412, "resourceModified", id="older"),
        pytest.param("unquoted", 400, "invalidRequest", id="unquoted"),
    ],
)
def test_if_match_guards_a_write(
    support: Client, sp: SharePoint, items: str, etag: str, status: int, code: str | None
) -> None:
    item = sp.licenses.add({"Title": "SPB"})
    older = item.etag
    sp.licenses.update(1, {"Frei": 5})
    header = {"current": item.etag, "older": older, "unquoted": item.etag.strip('"')}[etag]

    answer = support("PATCH", f"{items}/1/fields", json={"Frei": 0}, headers={"If-Match": header})

    assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)
    assert item.fields["Frei"] == (0 if status == 200 else 5)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        pytest.param({"Verfügbar": 1}, "Verfügbar", id="display-name"),
        pytest.param({"Modified": "2026-01-01T00:00:00Z"}, "Modified", id="read-only"),
        pytest.param({"id": "7"}, "id", id="id"),
        pytest.param({"Frei": "viele"}, "Frei", id="wrong-kind"),
        pytest.param({"Title": "x" * 256}, "Title", id="too-long"),
    ],
)
def test_a_refused_write_names_the_field(
    support: Client, sp: SharePoint, items: str, fields: dict[str, Any], named: str
) -> None:
    item = sp.licenses.add({"Title": "SPB"})

    answer = support("PATCH", f"{items}/1/fields", json=fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalidRequest")
    assert f"'{named}'" in answer.json()["error"]["message"]
    assert item.version == 1


def test_every_column_tells_its_one_facet(support: Client, sp: SharePoint) -> None:
    sp.licenses.change_column("Frei", kind="choice", choices=("viele", "keine"))

    rows = support("GET", f"/sites/{sp.site_id}/lists/{sp.licenses.title}/columns").json()["value"]

    facets = {row["displayName"]: sorted(set(FACETS) & set(row)) for row in rows}
    assert {len(names) for names in facets.values()} == {1}
    assert (facets["Frei"], facets["Gebraucht"], facets["technician_informed"]) == (["choice"], ["number"], ["boolean"])
    assert [row["name"] for row in rows if row["displayName"] == "Lizenzname"] == ["Title", *LINKS]


@pytest.mark.parametrize(
    ("kind", "fits", "refused"),
    [
        pytest.param("text", "7", 7, id="a-number-into-text"),
        pytest.param("number", 7, "7", id="text-into-a-number"),
        pytest.param("boolean", True, "Ja", id="text-into-yes-or-no"),
        pytest.param("choice", "Nein", False, id="a-boolean-into-a-choice"),
        pytest.param("choice", "Ja", "Vielleicht", id="no-such-choice"),
        pytest.param("currency", 7, "7", id="text-into-a-currency"),
        pytest.param("lookup", None, "Schule", id="a-lookup"),
        pytest.param("calculated", None, "7", id="a-formula"),
    ],
)
@pytest.mark.parametrize("refusal", [(400, "invalidRequest"), (500, "generalException")])
def test_a_column_takes_only_what_it_is_for(
    support: Client, sp: SharePoint, items: str, kind: str, fits: Any, refused: Any, refusal: tuple[int, str]
) -> None:
    sp.licenses.add({"Title": "SPB"})
    sp.licenses.change_column("Frei", kind=kind)
    sp.licenses.refusal = refusal

    answer = support("PATCH", f"{items}/1/fields", json={"Frei": refused})

    assert (answer.status_code, answer.json()["error"]["code"]) == refusal
    assert fits is None or support("PATCH", f"{items}/1/fields", json={"Frei": fits}).json()["Frei"] == fits


def test_a_number_has_bounds(support: Client, sp: SharePoint, items: str) -> None:
    sp.licenses.add({"Title": "SPB"})
    sp.licenses.change_column("Frei", least=0.0)

    answers = [support("PATCH", f"{items}/1/fields", json={"Frei": value}).status_code for value in (-1, 0)]

    assert answers == [400, 200]


def test_another_type_takes_the_values_along_and_no_item_is_changed(sp: SharePoint) -> None:
    item = sp.licenses.add({"Title": "SPB", "Frei": 5, "technician_informed": True})

    sp.licenses.change_column("Frei", kind="text")
    sp.licenses.change_column("technician_informed", kind="choice")

    assert (item.fields["Frei"], item.fields["technician_informed"], item.version) == ("5", "Ja", 1)


def test_null_clears_a_field(support: Client, sp: SharePoint, items: str) -> None:
    sp.licenses.add({"Title": "SPB", "Frei": 1})

    assert "Frei" not in support("PATCH", f"{items}/1/fields", json={"Frei": None}).json()


def test_a_deleted_item_is_gone(support: Client, sp: SharePoint, items: str) -> None:
    sp.licenses.add({"Title": "SPB"})

    assert support("DELETE", f"{items}/1").status_code == 204
    assert support("DELETE", f"{items}/1").json()["error"]["code"] == "itemNotFound"
    assert sp.licenses.items == []


def test_a_list_is_read_page_by_page(support: Client, sp: SharePoint, items: str) -> None:
    for number in range(450):
        sp.licenses.add({"Title": f"P{number}"})

    url, pages = f"{items}?$expand=fields($select=Title)", []
    while url:
        body = support("GET", url).json()
        pages.append([item["fields"]["Title"] for item in body["value"]])
        url = body.get("@odata.nextLink")

    assert [len(page) for page in pages] == [200, 200, 50]
    assert [title for page in pages for title in page] == [f"P{number}" for number in range(450)]
    assert len(support("GET", f"{items}?$top=9999").json()["value"]) == 450


def test_items_carry_fields_only_when_asked(support: Client, sp: SharePoint, items: str) -> None:
    sp.licenses.add({"Title": "SPB", "Frei": 1})

    assert "fields" not in support("GET", items).json()["value"][0]
    assert support("GET", f"{items}/1?expand=fields").json()["fields"]["Frei"] == 1
    chosen = support("GET", f"{items}?expand=fields(select=Frei)").json()["value"][0]["fields"]
    assert set(chosen) == {"@odata.etag", "Frei"}


def test_a_filter_needs_an_index_or_the_risk(support: Client, sp: SharePoint, items: str) -> None:
    for tenant in ("Schule Höri", "Bau AG Chur"):
        sp.licenses.add({"Title": "SPB", "tenant": tenant})
    url = f"{items}?$expand=fields&$filter=fields/tenant eq 'Bau AG Chur'"

    refused = support("GET", url)
    found = support("GET", url, headers={"Prefer": "HonorNonIndexedQueriesWarningMayFailRandomly"})

    assert refused.status_code == 400
    assert "not indexed" in refused.json()["error"]["message"]
    assert [item["id"] for item in found.json()["value"]] == ["2"]


def test_delta_tells_changes_and_deletions_since_the_last_time(support: Client, sp: SharePoint, items: str) -> None:
    for name in ("A", "B", "C"):
        sp.licenses.add({"Title": name})
    start = support("GET", f"{items}/delta?$expand=fields").json()
    sp.licenses.update(2, {"Frei": 0})
    sp.licenses.delete(3)

    changes = support("GET", start["@odata.deltaLink"]).json()

    assert [item["id"] for item in start["value"]] == ["1", "2", "3"]
    assert [(item["id"], "deleted" in item) for item in changes["value"]] == [("2", False), ("3", True)]
    assert changes["value"][0]["fields"]["Frei"] == 0
    assert support("GET", changes["@odata.deltaLink"]).json()["value"] == []


def test_delta_has_pages_and_forgets(support: Client, sp: SharePoint, items: str) -> None:
    for name in ("A", "B", "C"):
        sp.licenses.add({"Title": name})

    first = support("GET", f"{items}/delta?$top=2").json()
    second = support("GET", first["@odata.nextLink"]).json()
    sp.licenses.expire_delta_tokens()
    gone = support("GET", second["@odata.deltaLink"])

    assert [item["id"] for item in first["value"] + second["value"]] == ["1", "2", "3"]
    assert gone.status_code == 410
    assert gone.headers["Location"].endswith("/items/delta")
    assert support("GET", f"{items}/delta?token=latest").json()["value"] == []


def test_a_day_is_stored_as_midnight_of_the_site(support: Client, sp: SharePoint) -> None:
    sp.tenants.add({"Title": "Schule Höri"})
    path = f"/sites/{sp.site_id}/lists/{sp.tenants.id}/items/1/fields"

    winter = support("PATCH", path, json={"cert_expires": "2027-01-15T12:00:00Z"}).json()
    summer = support("PATCH", path, json={"cert_expires": "2027-07-15"}).json()

    assert winter["cert_expires"] == "2027-01-14T23:00:00Z"
    assert summer["cert_expires"] == "2027-07-14T22:00:00Z"


def test_sites_selected_opens_nothing_without_a_grant(support: Client, sp: SharePoint, items: str) -> None:
    sp.grant = "read"
    assert support("GET", items).status_code == 200
    assert support("POST", items, json={"fields": {"Title": "SPB"}}).json()["error"]["code"] == "accessDenied"
    sp.grant = None
    assert support("GET", items).status_code == 403


def test_numbers_may_come_back_with_a_point(m365: Microsoft365, support: Client, sp: SharePoint, items: str) -> None:
    sp.licenses.add({"Title": "SPB", "Frei": 3})
    m365.float_numbers = True

    assert '"Frei":3.0' in support("GET", f"{items}?expand=fields").text


# Batch


def test_a_batch_answers_each_request_by_its_id(support: Client, sp: SharePoint, items: str) -> None:
    item = sp.licenses.add({"Title": "SPB"})
    json_header = {"Content-Type": "application/json"}

    answers = support.batch(
        {"id": "new", "method": "POST", "url": items, "headers": json_header, "body": {"fields": {"Title": "SPE_E3"}}},
        {
            "id": "old",
            "method": "PATCH",
            "url": f"{items}/1/fields",
            "headers": {**json_header, "If-Match": item.etag},
            "body": {"Frei": 0},
        },
        {"id": "gone", "method": "DELETE", "url": f"{items}/99"},
        {"id": "after", "method": "GET", "url": f"{items}/1", "dependsOn": ["gone"]},
    )

    assert {name: answer["status"] for name, answer in answers.items()} == {
        "new": 201,
        "old": 200,
        "gone": 404,
        "after": 424,
    }
    assert answers["old"]["body"]["Frei"] == 0


@pytest.mark.parametrize(
    "subs",
    [
        pytest.param([{"id": str(n), "method": "GET", "url": "/subscribedSkus"} for n in range(21)], id="21"),
        pytest.param([{"id": i, "method": "GET", "url": "/subscribedSkus"} for i in "aA"], id="same-id"),
        pytest.param([{"id": "1", "method": "POST", "url": "/sites", "body": {}}], id="no-content-type"),
        pytest.param([], id="empty"),
    ],
)
def test_a_batch_that_breaks_the_rules_is_refused_whole(school: Client, subs: list[dict[str, Any]]) -> None:
    assert school("POST", "/$batch", json={"requests": subs}).status_code == 400


def test_requests_of_a_batch_are_recorded_one_by_one(m365: Microsoft365, school: Client) -> None:
    m365.reset_requests()
    school.batch(*({"id": str(n), "method": "GET", "url": "/subscribedSkus"} for n in range(3)))

    assert m365.count("GET", "/subscribedSkus") == 3
    assert m365.count(batched=False) == 1
    assert m365.requests[-1][:4] == ("POST", "/v1.0/$batch", school.app.tenant_id, 200)


# The flow


def test_the_flow_tells_the_support_team_once(m365: Microsoft365, sp: SharePoint) -> None:
    item = sp.licenses.add({"Lizenzname": "SPB", "tenant": "Schule Höri", "trigger_inform_supporter": True})

    assert [m365.flow.run(), m365.flow.run(), m365.flow.run()] == [1, 0, 0]
    assert m365.flow.messages[0][1:5] == ("Schule Höri", "SPB", "E-Mail", "team@support.example")
    assert item.fields["trigger_inform_supporter"] is False
    assert item.fields["technician_informed"] is True
    assert item.version == 2


def test_the_flow_looks_at_the_latest_state(m365: Microsoft365, sp: SharePoint) -> None:
    sp.licenses.add({"Title": "SPB", "trigger_inform_supporter": True})
    sp.licenses.update(1, {"trigger_inform_supporter": False})

    assert m365.flow.run() == 0


@pytest.mark.parametrize(
    "parameters", [{}, {"sendermail": "a@b.example", "recipientmail": "c@d.example", "communication": "Fax"}]
)
def test_the_flow_fails_without_its_parameters(m365: Microsoft365, parameters: dict[str, str]) -> None:
    sp = m365.add_sharepoint(parameters=parameters)
    item = sp.licenses.add({"Title": "SPB", "trigger_inform_supporter": True})

    assert m365.flow.run() == 0
    assert len(m365.flow.failures) == 1
    assert item.fields["trigger_inform_supporter"] is True


def test_a_broken_flow_needs_a_new_write_after_its_repair(m365: Microsoft365, sp: SharePoint) -> None:
    sp.licenses.add({"Title": "SPB", "trigger_inform_supporter": True})
    m365.flow.mode = "off"
    assert m365.flow.run() == 0
    m365.flow.mode = "manual"
    assert m365.flow.run() == 0

    sp.licenses.update(1, {"trigger_inform_supporter": True})
    assert m365.flow.run() == 1


def test_the_flow_may_answer_by_itself(m365: Microsoft365, sp: SharePoint) -> None:
    m365.flow.delay = 0.02
    m365.flow.mode = "auto"
    sp.licenses.add({"Title": "SPB", "trigger_inform_supporter": True})

    end = time.monotonic() + 30
    while not m365.flow.messages and time.monotonic() < end:
        time.sleep(0.01)
    assert len(m365.flow.messages) == 1


# Faults


@pytest.mark.parametrize("retry_after", ["1", "0.05", "Sat, 21 Nov 2026 01:00:00 GMT", None])
def test_a_status_is_answered_so_often(m365: Microsoft365, school: Client, retry_after: str | None) -> None:
    m365.faults.add(Fault("GET /subscribedSkus", "status", 429, retry_after, times=2, after=1))

    answers = [school("GET", "/subscribedSkus") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers.get("Retry-After") == retry_after


def test_a_fault_can_be_for_one_tenant(m365: Microsoft365, school: Client, session: requests.Session) -> None:
    other = Client(m365, m365.add_tenant("Bau AG Chur"), session)
    m365.faults.add(Fault("subscribedSkus", "status", 500, times=None, tenant=school.app))

    assert other("GET", "/subscribedSkus").status_code == 200
    assert school("GET", "/subscribedSkus").status_code == 500
    m365.faults.clear()
    assert school("GET", "/subscribedSkus").status_code == 200


@pytest.mark.parametrize(("kind", "written"), [("reset", 0), ("lost_answer", 1)])
def test_a_lost_connection_may_have_written_or_not(
    m365: Microsoft365, support: Client, sp: SharePoint, items: str, kind: str, written: int
) -> None:
    m365.faults.add(Fault(f"POST {items}$", kind))

    with pytest.raises(requests.ConnectionError):
        support("POST", items, json={"fields": {"Title": "SPB"}})

    assert len(sp.licenses.items) == written


def test_a_lost_answer_inside_a_batch_loses_the_whole_answer(
    m365: Microsoft365, support: Client, sp: SharePoint, items: str
) -> None:
    m365.faults.add(Fault("POST", "lost_answer", sub_response=True))
    post = {"method": "POST", "url": items, "headers": {"Content-Type": "application/json"}}

    with pytest.raises(requests.ConnectionError):
        support.batch(*({"id": str(n), **post, "body": {"fields": {"Title": "SPB"}}} for n in range(2)))

    assert len(sp.licenses.items) == 1


def test_one_request_of_a_batch_can_be_throttled(m365: Microsoft365, school: Client) -> None:
    m365.faults.add(Fault("GET /subscribedSkus", "status", retry_after="3", after=1, sub_response=True))

    answers = school.batch(*({"id": str(n), "method": "GET", "url": "/subscribedSkus"} for n in range(3)))

    assert [answers[str(n)]["status"] for n in range(3)] == [200, 429, 200]
    assert answers["1"]["headers"]["Retry-After"] == "3"


def test_an_answer_can_be_half_an_answer(m365: Microsoft365, school: Client) -> None:
    m365.faults.add(Fault("subscribedSkus", "truncate"))
    m365.faults.add(Fault("subscribedSkus", "cut", after=1))

    with pytest.raises(requests.JSONDecodeError):
        school("GET", "/subscribedSkus").json()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        school("GET", "/subscribedSkus")


def test_a_hanging_request_outlasts_the_client_and_ends_with_the_server(tmp_path: Path) -> None:
    with Microsoft365(tmp_path) as m365, requests.Session() as session:
        session.trust_env, session.verify = False, str(m365.ca_bundle)
        m365.faults.add(Fault("openid", "hang", times=None))

        with pytest.raises(requests.Timeout):
            session.get(f"{m365.login_url}/x/v2.0/.well-known/openid-configuration", timeout=0.1)
        session.close()


def test_a_slow_request_is_carried_out_late(m365: Microsoft365, school: Client) -> None:
    m365.faults.add(Fault("subscribedSkus", "slow", delay=0.1))

    start = time.monotonic()
    assert school("GET", "/subscribedSkus").status_code == 200
    assert time.monotonic() - start >= 0.1


def test_a_token_can_end_in_the_middle(m365: Microsoft365, school: Client) -> None:
    m365.faults.add(Fault("subscribedSkus", "expired_token"))

    assert [school("GET", "/subscribedSkus").status_code for _ in range(2)] == [401, 401]
    school.token = sign_in(m365, school.app, school.session)["access_token"]
    assert school("GET", "/subscribedSkus").status_code == 200


def test_somebody_changes_the_item_between_read_and_write(
    m365: Microsoft365, support: Client, sp: SharePoint, items: str
) -> None:
    etag = sp.licenses.add({"Title": "SPB"}).etag
    m365.faults.add(Fault("PATCH", before=lambda: sp.licenses.update(1, {"Frei": 7})))

    answer = support("PATCH", f"{items}/1/fields", json={"Frei": 0}, headers={"If-Match": etag})

    assert answer.status_code == 412
    assert sp.licenses.items[0].fields["Frei"] == 7


def test_random_faults_are_the_same_for_the_same_seed(m365: Microsoft365, school: Client) -> None:
    runs = []
    for _ in range(2):
        m365.faults.random(7, 0.5, ["status"])
        runs.append([school("GET", "/subscribedSkus").status_code for _ in range(20)])
    m365.faults.random(None)

    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1
    assert school("GET", "/subscribedSkus").status_code == 200


def test_sharepoint_throttles_when_its_budget_is_used_up(m365: Microsoft365, support: Client, items: str) -> None:
    m365.throttle = 10

    answers = [support("GET", items) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "RateLimit-Remaining" not in answers[2].headers
    assert answers[3].headers["RateLimit-Remaining"] == "2"
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 60


# The whole


def test_environment_is_all_a_process_needs(m365: Microsoft365) -> None:
    environment = m365.environment()

    assert environment["LIZENZTOOL_GRAPH_URL"] == m365.graph_url
    assert Path(environment["REQUESTS_CA_BUNDLE"]).is_file()
    assert Path(environment["LIZENZTOOL_PROFILES_DIR"]).is_dir()


def test_profiles_are_written_as_the_contract_says(m365: Microsoft365, tenant: Tenant, sp: SharePoint) -> None:
    tenant.rename("Schule Höri-Endhöri")

    assert tenant.profile_path.name == "config-schule-hoeri-profile.json"
    assert "Schule Höri-Endhöri" in tenant.profile_path.read_text(encoding="utf-8")
    assert sp.profile_path == m365.profiles_dir / "sharepoint" / "sp-config-support-profile.json"
    assert [item.fields["Title"] for item in sp.tenants.items] == ["Schule Höri"]
    assert tenant.cert_path.stat().st_mode & 0o077 == 0


def test_many_tenants_share_a_key_and_come_fast(m365: Microsoft365, session: requests.Session) -> None:
    sp = m365.add_sharepoint()
    tenants = m365.add_many(50)

    assert len({tenant.cert_path for tenant in tenants}) == 1
    assert len(sp.tenants.items) == 50
    assert len(Client(m365, tenants[-1], session)("GET", "/subscribedSkus").json()["value"]) == 8


def test_the_cloud_can_go_away_and_come_back(tmp_path: Path) -> None:
    with Microsoft365(tmp_path) as m365, requests.Session() as session:
        session.trust_env, session.verify = False, str(m365.ca_bundle)
        m365.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(f"{m365.graph_url}/v1.0/subscribedSkus")
        m365.start()
        assert session.get(f"{m365.graph_url}/v1.0/subscribedSkus").status_code == 401


# The process and the demo


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """`python -m simulator` with three plain tenants, and the line it prints."""
    command = [sys.executable, "-m", "simulator", "--folder", str(tmp_path), "--tenants", "3", "--latency", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        yield running, json.loads(running.stdout.readline())
        running.terminate()


def test_the_process_ends_with_the_one_that_started_it(process: Any) -> None:
    running, known = process
    running.stdin.close()

    assert set(known) == {"login_url", "graph_url", "ca_bundle", "profiles_dir", "pid"}
    assert running.wait(30) == 0


def test_a_driver_in_another_process_has_a_handle(process: Any) -> None:
    _, known = process
    with requests.Session() as session:
        session.trust_env, session.verify = False, known["ca_bundle"]

        def control(call: str, **values: Any) -> Any:
            return session.post(f"{known['graph_url']}/_control", json={"call": call, **values}).json()

        assert control("set_sku", tenant="Tenant 00002", part_number="SPB", enabled=5, consumed=5)["enabled"] == 5
        session.get(f"{known['graph_url']}/v1.0/subscribedSkus")
        assert control("requests")["kinds"] == {"GET subscribedSkus": 1}
        assert control("messages") == {"messages": []}
        assert "error" in control("nonsense")


def test_the_demo_world_has_something_of_everything(tmp_path: Path) -> None:
    with Microsoft365(tmp_path) as m365:
        demo = Demo(m365)
        names = {item.fields["Title"] for item in demo.site.tenants.items}
        tenants = {tenant.name: tenant for tenant in m365.tenants}
        short = [t.name for t in m365.tenants for sku in t.skus.values() if sku.enabled == sku.consumed > 0]

    assert len(tenants) == 12
    assert names - set(tenants) == {"Gartenbau Sonnhalde AG"}
    assert set(tenants) - names == {"Kita Sternschnuppe"}
    assert {"Primarschule Wiesental", "Treuhand Emmen AG", "Gymnasium Seeblick"} <= set(short)
    assert tenants["Musikschule Oberland"].certificate_ends - dt.datetime.now(dt.UTC) < dt.timedelta(days=7)
    assert m365.flow.messages == []


def test_demo_numbers_move_alike_for_the_same_minutes_and_stay_near_their_start(tmp_path: Path) -> None:
    worlds = []
    for folder in ("a", "b"):
        with Microsoft365(tmp_path / folder) as m365:
            demo = Demo(m365)
            start = {tenant.name: tenant.skus for tenant in m365.tenants}
            events = [event for minute in range(3000) for event in demo.step(minute)]
            worlds.append({tenant.name: tenant.skus for tenant in m365.tenants})

    assert len(events) > 1000
    assert worlds[0] == worlds[1] != start
    assert worlds[0]["Treuhand Emmen AG"]["SPB"] == start["Treuhand Emmen AG"]["SPB"]
    for name, skus in start.items():
        for part, sku in skus.items():
            now = worlds[0][name][part]
            assert sku.enabled >= 1000 or abs(now.consumed - sku.consumed) <= max(10, sku.enabled // 5)


def test_the_demo_goes_on_after_a_restart(tmp_path: Path) -> None:
    with Microsoft365(tmp_path) as m365:
        demo = Demo(m365)
        demo.site.licenses.add({"Title": "SPE_E3", "trigger_inform_supporter": True})
        m365.flow.run()
        m365.tenants[0].set_sku("VISIOCLIENT", consumed=1)
        before = [(item.id, item.etag, item.fields) for item in demo.site.licenses.items]
        profiles = {path.name: path.read_text() for path in m365.profiles_dir.rglob("*.json")}
        demo.stop()
    with Microsoft365(tmp_path) as m365:
        demo = Demo(m365)

        assert {path.name: path.read_text() for path in m365.profiles_dir.rglob("*.json")} == profiles
        assert [(item.id, item.etag, item.fields) for item in demo.site.licenses.items] == before
        assert m365.tenants[0].skus["VISIOCLIENT"].consumed == 1
        assert [message.license for message in m365.flow.messages] == ["SPE_E3"]
        assert m365.flow.run() == 0


def test_the_demo_has_a_past_that_ends_at_its_present_numbers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lizenztool.db'}"
    m365 = Microsoft365(tmp_path / "m365")
    Demo(m365, url)
    m365.stop()

    engine = open_database(url)
    tenants = {row.name: tenant_id for tenant_id, row in tenant_rows(engine).items()}
    rows = stored_licenses(engine)
    skus, _ = history_page(engine, tenants["Treuhand Emmen AG"], dt.date.min, limit=100)
    cases = all_cases(engine)
    wrong = wrong_folds(engine, cases)
    with engine.connect() as connection:
        documents = connection.execute(select(audit.c.after).where(audit.c.after.startswith("{"))).scalars()
        recorded = {name for document in documents for name in json.loads(document)}
    engine.dispose()

    short = {row["sku_part_number"]: row["short_since"] for row in rows[tenants["Treuhand Emmen AG"]].values()}
    assert len({day["day"] for sku in skus for day in sku.days}) == 75
    assert short["SPB"] is not None
    assert short["POWER_BI_PRO"] is None
    assert {case.state for case in cases} == set(STATES) - {"delivered", "recovered"}  # which last for a moment
    assert (wrong, [case.number for case in cases if case.changed_at > dt.datetime.now(dt.UTC)]) == ([], [])
    assert {name for name in recorded - SHOWN_ELSEWHERE if not has_text(f"audit.field.{name}")} == set()
