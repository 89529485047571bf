"""The address of Microsoft's admin center for one tenant, in the public cloud and the national ones."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

# Login host of a cloud -> admin center. From Microsoft's "National cloud deployments" and "Office 365 endpoints".
CENTERS = {
    "login.microsoftonline.us": "https://portal.office365.us",
    "login.partner.microsoftonline.cn": "https://portal.partner.microsoftonline.cn",
    "login.chinacloudapi.cn": "https://portal.partner.microsoftonline.cn",
}
PUBLIC = "https://admin.microsoft.com"


def admin_center_url(login_url: str, tenant_id: str) -> str:
    """Return the link with which a partner opens the admin center of a tenant; the cloud follows from `login_url`."""
    center = CENTERS.get(urlsplit(login_url).hostname or "", PUBLIC)
    return f"{center}/Partner/BeginClientSession.aspx?CTID={quote(tenant_id)}&CSDEST=o365admincenter"
