"""What a sign-in with Microsoft means: the claims of the ID token -> who it is and what they may do, or why not.

Pure rules. msal has checked state and nonce and fetched the token over TLS from the provider itself; audience, issuer
and times are ours to check (msal does not). People are known by tenant and object id alone: an e-mail address or a name
can be given to somebody else. Groups never decide: above 200 of them Entra leaves them out.
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

Why = Literal["token", "tenant", "role", "old", "disabled"]


@dataclass(frozen=True, slots=True)
class Granted:
    """`account` is the name in our table, `shown` what people call it."""

    account: str
    shown: str
    role: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody gets in; `account` and `shown` where the token says who it was."""

    why: Why
    account: str = ""
    shown: str = ""


def judge(claims: Mapping[str, Any], profile: AuthProfile, issuer: str, now: datetime) -> Granted | Refusal:
    """`claims` are those of the ID token, `issuer` is what the provider's metadata says."""
    if not _is_for_us(claims, profile, issuer, now):
        return Refusal("token")
    tenant, person = _guid(claims, "tid"), _guid(claims, "oid")
    if not tenant or not person:
        return Refusal("token")
    account, shown = f"entra:{tenant}:{person}", _name(claims)
    if tenant != profile.tenant_id:
        return Refusal("tenant", account, shown)
    role = _role(claims.get("roles"), profile.roles)
    if not role:
        return Refusal("role", account, shown)
    if now - _signed_in_at(claims) > profile.max_age:
        return Refusal("old", account, shown)
    return Granted(account, shown, role)


def _is_for_us(claims: Mapping[str, Any], profile: AuthProfile, issuer: str, now: datetime) -> bool:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if profile.client_id not in named or not issuer or claims.get("iss") != issuer:
        return False
    issued, ends, signed_in = _time(claims, "iat"), _time(claims, "exp"), _signed_in_at(claims)
    if issued is None or ends is None:
        return False
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    return begins is not None and max(issued, signed_in, begins) <= now + CLOCKS and now < ends + CLOCKS


def _signed_in_at(claims: Mapping[str, Any]) -> datetime:
    """When the person last showed who they are; without a word about it, when the token was made."""
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
    """The highest of our roles that the app roles stand for, "" for none."""
    names = values if isinstance(values, list) else []
    found = {mapping.get(name_key(name), "") for name in names if isinstance(name, str)}
    return max((role for role in ROLES if role in found), key=ROLES.index, default="")


def _name(claims: Mapping[str, Any]) -> str:
    """What to call the person; only ever shown, never compared."""
    for value in (claims.get("name"), claims.get("preferred_username")):
        if isinstance(value, str):
            text = "".join(sign if sign.isprintable() else " " for sign in value)
            if text := " ".join(text.split())[:LONGEST_NAME]:
                return text
    return ""
