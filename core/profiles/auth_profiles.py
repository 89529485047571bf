"""Sign-in profiles, profiles/auth/*.json: the app registration through which people sign in with Microsoft."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from core.name_key import name_key
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CONTROL, Check
from core.profiles.profile_faults import Fault
from core.profiles.profile_json import text_of
from core.profiles.profile_store import ProfileStore
from core.roles import ROLES

CALLBACK = "/login/microsoft/callback"
SECRETS = ("client_secret_env", "client_secret_file", "cert_path")
KNOWN = {"tenant_id", "client_id", *SECRETS, "authority", "redirect_url", "roles", "max_age_hours"}
SAME_NAMES = {role: role for role in ROLES}
MAX_AGE = timedelta(hours=8)  # as long as a session of ours
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class AuthProfile:
    """One app registration. Either `secret` or `certificate` is there.

    `authority` is "" for Microsoft, `redirect_url` is "" for the address that the browser has asked for. `roles`:
    key (core.name_key) of the Entra app role -> our role.
    """

    slug: str
    tenant_id: str
    client_id: str
    secret: str = field(repr=False)
    certificate: Certificate | None
    authority: str
    redirect_url: str
    roles: Mapping[str, str]
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class AuthProfiles:
    """`profile` is the one in use; `wanted` says that there is a file at all, good or bad."""

    profile: AuthProfile | None = None
    faults: list[Fault] = field(default_factory=list)
    wanted: bool = False


class AuthStore:
    """The profiles in `folder`/auth. What did not change is not read again.

    Of several the first counts, also when it is broken: a registration that was left lying there must not open the
    door because the one in use has a fault. Local accounts come in either way.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._store = ProfileStore(folder)
        self._environ = environ

    def load(self, now: datetime | None = None) -> AuthProfiles:
        """Return the profile in use and all faults. Never raises for a faulty file."""
        strays: list[Fault] = []
        checks: list[_AuthCheck] = []
        for path in self._store.find("auth", strays).profiles:
            check = _AuthCheck(self._store, path, now or datetime.now(UTC), self._variable)
            if checks:
                check.add("auth.second", first=checks[0].file)
            checks.append(check)
        self._store.forget_others(checks)
        faults = [check.fault() for check in checks if check.problems] + strays
        wanted = bool(checks) or any(not stray.usable for stray in strays)
        return AuthProfiles(checks[0].profile if checks else None, faults, wanted)

    def _variable(self, name: str) -> str:
        """The environment variable `name`, else what .env says."""
        if self._environ is not None:
            return self._environ.get(name, "")
        try:
            return os.environ.get(name) or dotenv_values(".env", encoding="utf-8-sig").get(name) or ""
        except (OSError, ValueError):
            return ""


def faults(folder: Path) -> list[Fault]:
    """Return the faults of the sign-in profiles below `folder`."""
    return AuthStore(folder).load().faults


class _AuthCheck(Check):
    """One file; `profile` is None when nobody can sign in with it."""

    def __init__(self, store: ProfileStore, path: Path, now: datetime, variable: Any) -> None:
        super().__init__(store, path, "auth", now)
        self._variable = variable
        self.profile = self._profile() if self.readable else None

    def _profile(self) -> AuthProfile | None:
        self.data = self.known_fields(self.data, {*KNOWN, *self._control_fields(), "client_secret"})
        tenant_id, client_id = self._ids()
        secret, certificate = self._secret()
        found = AuthProfile(
            self.slug,
            tenant_id,
            client_id,
            secret,
            certificate,
            self._address("authority"),
            self._redirect_url(),
            self._roles(),
            self._max_age(),
        )
        return found if self.usable else None

    def _ids(self) -> tuple[str, str]:
        # Another provider than Microsoft names its clients as it likes.
        foreign = "authority" in self.data
        return self.guid("tenant_id"), self.text("client_id") if foreign else self.guid("client_id")

    def _control_fields(self) -> set[str]:
        """What `cert new` prints beside `cert_path` may stand here, too."""
        return {name for name in CONTROL if name in self.data and "cert_path" in self.data}

    def _secret(self) -> tuple[str, Certificate | None]:
        if "client_secret" in self.data:
            self.add("auth.secret_in_file", field="client_secret")
            return "", None
        named = [name for name in SECRETS if name in self.data]
        if len(named) != 1:
            self.add("auth.one_secret", fields=", ".join(SECRETS))
            return "", None
        value = self.text(named[0])
        if not value:
            return "", None
        if named[0] == "cert_path":
            return "", self._pem()
        return self._text_of_secret(named[0], value), None

    def _text_of_secret(self, name: str, value: str) -> str:
        if name == "client_secret_env":
            secret = str(self._variable(value)).strip()
            if not secret:
                self.add("auth.variable_missing", field=name, value=value)
            return secret
        try:
            secret = (self.store.folder.resolve().parent / value).read_text(encoding="utf-8-sig").strip()
        except (OSError, ValueError):
            secret = ""
        if not secret:
            self.add("auth.secret_file", field=name, value=value)
        return secret

    def _pem(self) -> Certificate | None:
        certificate = self.certificate()
        for name in self._control_fields():
            value, fault = text_of(self.data, name)
            if certificate is not None and not fault:
                self.compare(name, value, certificate)
        return certificate

    def _address(self, name: str) -> str:
        """The field as https://host/path, "" when it is not there; plain http is for this machine alone."""
        if name not in self.data:
            return ""
        value = self.text(name).rstrip("/")
        try:
            parts = urlsplit(value)
            good = bool(parts.hostname) and not parts.query and not parts.fragment and "@" not in parts.netloc
        except ValueError:
            good = False
        else:
            local = name == "redirect_url" and parts.scheme == "http" and parts.hostname in LOOPBACK
            good = good and bool(parts.path) and (parts.scheme == "https" or local)
        if value and not good:
            self.add("auth.address", field=name, value=value)
        return value

    def _redirect_url(self) -> str:
        value = self._address("redirect_url")
        if value and not value.endswith(CALLBACK):
            self.add("auth.redirect", field="redirect_url", value=value, path=CALLBACK)
        return value

    def _roles(self) -> dict[str, str]:
        if "roles" not in self.data:
            return SAME_NAMES
        mapping = self.section("roles") or {}
        for name, role in mapping.items():
            if role not in ROLES:
                self.add("auth.role", field=f"roles.{name}", value=str(role), roles=", ".join(ROLES))
            if sum(name_key(other) == name_key(name) for other in mapping) > 1:
                self.add("auth.role_twice", field=f"roles.{name}")
        return {name_key(name): role for name, role in mapping.items()}

    def _max_age(self) -> timedelta:
        hours = self.data.get("max_age_hours", MAX_AGE / timedelta(hours=1))
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= 24 * 90:
            self.add("auth.hours", field="max_age_hours", value=str(hours))
            return MAX_AGE
        return timedelta(hours=hours)
