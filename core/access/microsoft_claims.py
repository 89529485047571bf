"""Check the claims of Microsoft's ID token and turn them into an account with a role.

Pure rules. msal checks state and nonce and gets the token from the provider over TLS; it does not check audience,
issuer and times, so we do. An account is identified by tenant and object id alone: an e-mail address or a name can be
given to another person. Groups are not used: above 200 of them Entra leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from core.name_key import name_key
from core.profiles.auth_profiles import AuthProfile
from core.roles import ROLES

CLOCKS = timedelta(minutes=5)  # how far the provider's clock and ours may be apart
LONGEST_NAME = 255
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)

Reason = Literal["token", "tenant", "role", "old", "disabled"]


@dataclass(frozen=True, slots=True)
class MicrosoftAccount:
    """A person who may sign in: `account` is the name in our table, `shown` the name for people."""

    account: str
    shown: str
    role: str


@dataclass(frozen=True, slots=True)
class MicrosoftRefusal:
    """A sign-in that is refused; `account` and `shown` are "" if the token does not identify a person."""

    reason: Reason
    account: str = ""
    shown: str = ""


def account_of_claims(
    claims: Mapping[str, Any], profile: AuthProfile, issuer: str, now: datetime
) -> MicrosoftAccount | MicrosoftRefusal:
    """Return the account that these claims of an ID token stand for; `issuer` comes from the provider's metadata."""
    if not _is_for_us(claims, profile, issuer, now):
        return MicrosoftRefusal("token")
    tenant, person = _guid(claims, "tid"), _guid(claims, "oid")
    if not tenant or not person:
        return MicrosoftRefusal("token")
    account, shown = f"entra:{tenant}:{person}", _name(claims)
    if tenant != profile.tenant_id:
        return MicrosoftRefusal("tenant", account, shown)
    role = _role(claims.get("roles"), profile.roles)
    if not role:
        return MicrosoftRefusal("role", account, shown)
    if now - _signed_in_at(claims) > profile.max_age:
        return MicrosoftRefusal("old", account, shown)
    return MicrosoftAccount(account, shown, role)


def _is_for_us(claims: Mapping[str, Any], profile: AuthProfile, issuer: str, now: datetime) -> bool:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if profile.client_id not in audiences or not issuer or claims.get("iss") != issuer:
        return False
    issued, ends, signed_in = _time(claims, "iat"), _time(claims, "exp"), _signed_in_at(claims)
    if issued is None or ends is None:
        return False
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    return begins is not None and max(issued, signed_in, begins) <= now + CLOCKS and now < ends + CLOCKS


def _signed_in_at(claims: Mapping[str, Any]) -> datetime:
    """Return the time of the last real sign-in (`auth_time`); if it is missing, the time the token was made."""
    return _time(claims, "auth_time") or _time(claims, "iat") or datetime.min.replace(tzinfo=UTC)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _guid(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.lower() if isinstance(value, str) and GUID.fullmatch(value) else ""


def _role(values: Any, mapping: Mapping[str, str]) -> str:
    """Return the highest of our roles that the app roles stand for, "" for none."""
    names = values if isinstance(values, list) else []
    roles = {mapping.get(name_key(name), "") for name in names if isinstance(name, str)}
    return max((role for role in ROLES if role in roles), key=ROLES.index, default="")


def _name(claims: Mapping[str, Any]) -> str:
    """Return the name of the person for people; it is only shown, never compared."""
    for value in (claims.get("name"), claims.get("preferred_username")):
        if isinstance(value, str):
            text = "".join(sign if sign.isprintable() else " " for sign in value)
            if text := " ".join(text.split())[:LONGEST_NAME]:
                return text
    return ""
