"""Problem of each AADSTS code that an application with a certificate can get from Entra.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes, the codes of client credentials. A
few are not in that list but known from the texts that Entra sends (*). Codes of people, devices, SAML and other flows
are left out; these, and new ones, are shown with Entra's own text and its page.
"""

from __future__ import annotations

LOOK_UP = "https://login.microsoftonline.com/error"

# Message -> codes; what the operator does about it stands in locales/.
_MEANING: dict[str, tuple[int, ...]] = {
    "signin.tenant_unknown": (
        90002,
        900021,  # * an empty GUID
        900023,  # * neither a GUID nor a domain
        50059,
        50128,
        90019,
    ),
    "signin.tenant_gone": (5000224,),  # *
    "signin.tenant_inactive": (5000225,),  # https://learn.microsoft.com/entra/fundamentals/tenant-inaccessible
    "signin.app_unknown": (
        700016,
        700011,
        7000229,  # * no service principal in the tenant
    ),
    "signin.app_being_created": (650051,),  # *
    "signin.app_disabled": (7000112, 70001, 1000031),
    "signin.service_missing": (650052, 650054),
    "signin.resource_disabled": (
        500014,  # * "a subscription has lapsed, or the administrator has disabled the application"
    ),
    "signin.resource_missing": (
        500011,
        50001,
        70011,  # the scope, which is made from the address of Graph
        28002,
        28003,
        1002012,  # * the same in other words
        700022,
        901002,
    ),
    "signin.consent_missing": (650056, 650057, 65001, 65005, 90008, 90094, 90099),
    "signin.role_missing": (501051,),  # *
    "signin.certificate_unknown": (
        700027,
        50012,
        50003,
        50006,
        50013,
        50017,
        700030,
    ),
    "signin.certificate_weak": (50032,),
    "signin.clock_wrong": (700024,),  # *
    "signin.secret_wrong": (7000215, 70002),
    "signin.secret_expired": (7000222,),
    "signin.public_client": (700025,),
    "signin.blocked": (53003, 530032, 50131),
    "signin.security_defaults": (530035,),
    "signin.single_tenant": (50194,),
    "signin.wrong_cloud": (900382, 900432, 90038, 90051, 50049),
    "signin.tenant_restricted": (500021, 500022, 50002),
    "signin.tls_old": (1002016,),  # * TLS 1.0 or 1.1, or 3DES
    "signin.request_changed": (
        7000218,
        7000216,  # * the same in other words
        700021,  # * client id of the assertion is not that of the request
        700023,  # * audience of the assertion
        50027,
        50048,
        70003,
        90004,
        90013,
        90014,
        90015,
        90023,
        90100,
        900144,
        900561,
        9002313,
    ),
    "signin.loop": (50196,),
    "signin.microsoft_fault": (50000, 90036, 90092),
    "signin.busy": (90006, 90012, 90024, 90033, 90055, 90090, 90091, 50033, 50087),
}
AADSTS: dict[int, str] = {number: message for message, numbers in _MEANING.items() for number in numbers}


def look_up(number: int | None) -> str:
    """Return the address of Microsoft's page about a code; for None that of all codes."""
    return LOOK_UP if number is None else f"{LOOK_UP}?code={number}"
