"""The link to the admin center of a tenant, in each cloud."""

from __future__ import annotations

import pytest

from core.graph.admin_center import admin_center_url

TENANT = "3fb0c9a2-6f1d-4c6e-9a53-0d3c5a1e7b42"


@pytest.mark.parametrize(
    ("login_url", "center"),
    [
        ("https://login.microsoftonline.com", "https://admin.microsoft.com"),
        ("https://login.microsoftonline.us", "https://portal.office365.us"),
        ("https://login.partner.microsoftonline.cn", "https://portal.partner.microsoftonline.cn"),
        ("https://LOGIN.chinacloudapi.cn/", "https://portal.partner.microsoftonline.cn"),
        ("https://proxy.example.ch/login", "https://admin.microsoft.com"),
    ],
)
def test_the_cloud_of_the_sign_in_decides(login_url: str, center: str) -> None:
    assert admin_center_url(login_url, TENANT) == (
        f"{center}/Partner/BeginClientSession.aspx?CTID={TENANT}&CSDEST=o365admincenter"
    )


def test_no_tenant_id_leads_elsewhere() -> None:
    assert admin_center_url("https://login.microsoftonline.com", "a&CTID=b/../#x").count("CTID=") == 1
