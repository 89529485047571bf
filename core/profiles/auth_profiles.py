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
from core.profiles.profile_check import CONTROL_FIELDS, ProfileCheck
from core.profiles.profile_faults import Fault
from core.profiles.profile_json import text_field
from core.profiles.profile_store import ProfileStore
from core.roles import ROLES

CALLBACK = "/login/microsoft/callback"
SECRET_FIELDS = ("client_secret_env", "client_secret_file", "cert_path")
AUTH_FIELDS = {"tenant_id", "client_id", *SECRET_FIELDS, "authority", "redirect_url", "roles", "max_age_hours"}
DEFAULT_ROLES = {role: role for role in ROLES}
MAX_AGE = timedelta(hours=8)  # as a session of the dashboard
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class AuthProfile:
    """An app registration, with either a `secret` or a `certificate`.

    `authority` is the base URL of the provider, "" for Microsoft. `redirect_url` is "" if the address in the browser
    is to be used. `roles`: `name_key` of the Entra app role -> our role. `max_age`: a sign-in at the provider that is
    older must be repeated.
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
    """The sign-in profile in use; `configured` is True if there is a file, usable or not."""

    profile: AuthProfile | None = None
    faults: list[Fault] = field(default_factory=list)
    configured: bool = False


class AuthStore:
    """Reads the profiles in `folder`/auth; a file that has not changed is not read again.

    Of several files the first is used, even if it is faulty: an old registration must not let people sign in because
    the present one has a fault. Local accounts can sign in without any profile.
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
                check.add_problem("auth.second", first=checks[0].file)
            checks.append(check)
        self._store.forget_others(checks)
        faults = [check.fault() for check in checks if check.problems] + strays
        configured = bool(checks) or any(not stray.usable for stray in strays)
        return AuthProfiles(checks[0].profile if checks else None, faults, configured)

    def _variable(self, name: str) -> str:
        """Return the environment variable `name`, or its value in .env; "" if neither has it."""
        if self._environ is not None:
            return self._environ.get(name, "")
        try:
            return os.environ.get(name) or dotenv_values(".env", encoding="utf-8-sig").get(name) or ""
        except (OSError, ValueError):
            return ""


def faults(folder: Path) -> list[Fault]:
    """Return the faults of the sign-in profiles below `folder`."""
    return AuthStore(folder).load().faults


class _AuthCheck(ProfileCheck):
    """The check of one sign-in profile; `profile` is None if it cannot be used."""

    def __init__(self, store: ProfileStore, path: Path, now: datetime, variable: Any) -> None:
        super().__init__(store, path, "auth", now)
        self._variable = variable
        self.profile = self._profile() if self.readable else None

    def _profile(self) -> AuthProfile | None:
        self.data = self.contract_fields(self.data, {*AUTH_FIELDS, *self._control_fields(), "client_secret"})
        tenant_id, client_id = self._ids()
        secret, certificate = self._secret()
        profile = AuthProfile(
            self.slug,
            tenant_id,
            client_id,
            secret,
            certificate,
            self._url("authority"),
            self._redirect_url(),
            self._roles(),
            self._max_age(),
        )
        return profile if self.usable else None

    def _ids(self) -> tuple[str, str]:
        """Return (tenant id, client id); a client id is a GUID only with Microsoft."""
        foreign = "authority" in self.data
        client_id = self.required_text("client_id") if foreign else self.required_guid("client_id")
        return self.required_guid("tenant_id"), client_id

    def _control_fields(self) -> set[str]:
        """Return the control fields of the file: `cert new` prints them together with `cert_path`."""
        return {name for name in CONTROL_FIELDS if name in self.data and "cert_path" in self.data}

    def _secret(self) -> tuple[str, Certificate | None]:
        """Return (client secret, None) or ("", certificate), from the one field of SECRET_FIELDS that the file has."""
        if "client_secret" in self.data:
            self.add_problem("auth.secret_in_file", field="client_secret")
            return "", None
        given = [name for name in SECRET_FIELDS if name in self.data]
        if len(given) != 1:
            self.add_problem("auth.one_secret", fields=", ".join(SECRET_FIELDS))
            return "", None
        value = self.required_text(given[0])
        if not value:
            return "", None
        if given[0] == "cert_path":
            return "", self._compared_certificate()
        return self._read_secret(given[0], value), None

    def _read_secret(self, name: str, value: str) -> str:
        """Return the secret in the variable or file `value`; "" after adding a problem if there is none."""
        if name == "client_secret_env":
            secret = str(self._variable(value)).strip()
            if not secret:
                self.add_problem("auth.variable_missing", field=name, value=value)
            return secret
        try:
            secret = (self.store.folder.resolve().parent / value).read_text(encoding="utf-8-sig").strip()
        except (OSError, ValueError):
            secret = ""
        if not secret:
            self.add_problem("auth.secret_file", field=name, value=value)
        return secret

    def _compared_certificate(self) -> Certificate | None:
        """Return the certificate, after comparing the control fields with it."""
        certificate = self.certificate()
        for name in self._control_fields():
            value, fault = text_field(self.data, name)
            if certificate is not None and not fault:
                self.compare_control(name, value, certificate)
        return certificate

    def _url(self, name: str) -> str:
        """Return the https:// address, "" if the field is missing; `redirect_url` may be http:// on this machine."""
        if name not in self.data:
            return ""
        value = self.required_text(name).rstrip("/")
        try:
            parts = urlsplit(value)
            good = bool(parts.hostname) and not parts.query and not parts.fragment and "@" not in parts.netloc
        except ValueError:
            good = False
        else:
            local = name == "redirect_url" and parts.scheme == "http" and parts.hostname in LOOPBACK
            good = good and bool(parts.path) and (parts.scheme == "https" or local)
        if value and not good:
            self.add_problem("auth.address", field=name, value=value)
        return value

    def _redirect_url(self) -> str:
        value = self._url("redirect_url")
        if value and not value.endswith(CALLBACK):
            self.add_problem("auth.redirect", field="redirect_url", value=value, path=CALLBACK)
        return value

    def _roles(self) -> dict[str, str]:
        if "roles" not in self.data:
            return DEFAULT_ROLES
        mapping = self.required_object("roles") or {}
        for name, role in mapping.items():
            if role not in ROLES:
                self.add_problem("auth.role", field=f"roles.{name}", value=str(role), roles=", ".join(ROLES))
            if sum(name_key(other) == name_key(name) for other in mapping) > 1:
                self.add_problem("auth.role_twice", field=f"roles.{name}")
        return {name_key(name): role for name, role in mapping.items()}

    def _max_age(self) -> timedelta:
        hours = self.data.get("max_age_hours", MAX_AGE / timedelta(hours=1))
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= 24 * 90:
            self.add_problem("auth.hours", field="max_age_hours", value=str(hours))
            return MAX_AGE
        return timedelta(hours=hours)
