"""Read and validate the settings from the environment and `.env`."""

from __future__ import annotations

import difflib
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from core import network
from core.network import Proxies
from core.setting_faults import SettingFault, SettingsError
from core.setting_values import (
    backup_keep,
    backup_recipients,
    collector_url,
    database_url,
    guid,
    host_names,
    https_url,
    ip_networks,
    language_code,
    number,
    one_of,
    secret_keys,
    syslog_address,
    time_zone,
    yes_or_no,
)

PREFIX = "LIZENZTOOL_"
DEFAULT_LANGUAGE = "de"
APP = ("app_client_id", "app_certificate")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; paths are relative to the working folder."""

    data_dir: Path = Path("data")
    database_url: str = field(default="", repr=False)  # may hold a password
    role: str = "all"
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    profiles_dir: Path = Path("profiles")
    login_url: str = "https://login.microsoftonline.com"
    graph_url: str = "https://graph.microsoft.com"
    app_client_id: str = ""  # the provider's multi-tenant application
    app_certificate: str = ""  # its key and certificate, a path as in a profile
    refresh_minutes: float = 30
    workers: int = 16
    flow_timeout_minutes: float = 60
    sharepoint_units_per_minute: int = 0
    language: str = DEFAULT_LANGUAGE
    log_level: str = "INFO"
    log_format: str = "text"
    log_dir: Path = Path("logs")
    syslog: str = ""
    otlp_endpoint: str = ""  # no traces
    demo: str = "auto"
    host: str = "127.0.0.1"
    port: int = 8501
    allowed_hosts: tuple[str, ...] = ()
    public_url: str = ""  # where customers reach this server
    proxy: tuple[str, ...] = ()  # addresses and networks
    metrics_tenants: bool = False
    hsts_subdomains: bool = False
    local_sign_in: str = "all"
    sessions_per_account: int = 10
    time_zone: str = "Europe/Zurich"
    audit_days: int = 365
    history_days: int = 1096  # three years
    run_days: int = 90
    message_days: int = 30
    api_requests_per_minute: int = 120  # of each token
    backup_dir: str = ""  # no backups
    backup_recipients: tuple[str, ...] = ()  # public keys
    backup_hours: float = 1
    backup_keep: tuple[str, ...] = ("48h", "14d", "8w", "12m")
    max_connections: int = 1024  # half of them for tabs
    max_connections_per_address: int = 256  # and as many tabs
    proxies: Proxies = field(default=Proxies(), repr=False)  # may hold a password
    ca_bundle: str = ""

    @property
    def database(self) -> str:
        """Return the SQLAlchemy URL; by default a SQLite file in `data_dir`."""
        return self.database_url or f"sqlite:///{self.data_dir / 'lizenztool.db'}"

    @property
    def public_address(self) -> str:
        """Return the address in links for customers; without a setting one that works on this machine alone."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def has_server_database(self) -> bool:
        """Return True if the database is one that several processes may share."""
        return self.database_url.startswith("postgresql")

    @property
    def has_backups(self) -> bool:
        """Return True if there is a folder for backups and a key to encrypt them to."""
        return bool(self.backup_dir and self.backup_recipients)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def shares_work(self) -> bool:
        """Return True if this process shares the work with others: it serves pages only, or refreshes only."""
        return self.role != "all"


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings from `environ` (default: the process environment), which wins over `env_file`.

    Raises SettingsError with all faults: unknown names and invalid values.
    """
    from_file = _read(env_file) if env_file is not None and env_file.is_file() else {}
    environment = os.environ if environ is None else environ
    values = from_file | dict(environment)
    faults: list[SettingFault] = []
    parsed: dict[str, Any] = {}
    for name, raw in sorted(values.items()):
        if not name.startswith(PREFIX) or not raw.strip():
            continue
        setting = name.removeprefix(PREFIX).lower()
        if setting not in PARSERS:
            faults.append(_unknown(name))
            continue
        try:
            parsed[setting] = PARSERS[setting](raw.strip())
        except SettingFault as fault:
            faults.append(fault.of(name))
    network_values = network.chosen(from_file, environment)
    proxies, proxy_faults = network.proxies_of(network_values)
    variable, bundle = network.bundle_of(network_values)
    faults += [*proxy_faults, *_bundle_faults(variable, bundle), *_half_an_app(parsed), *_role_faults(parsed)]
    if faults:
        raise SettingsError(faults)
    return Settings(**parsed, proxies=proxies, ca_bundle=bundle)


def language_or_default(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> str:
    """Return the language of the setting, also if other settings are faulty; the default if it is faulty itself."""
    name = f"{PREFIX}LANGUAGE"
    try:
        from_file = _read(env_file) if env_file is not None and env_file.is_file() else {}
        raw = (os.environ if environ is None else environ).get(name) or from_file.get(name, "")
        return language_code(raw.strip())
    except (SettingsError, SettingFault):
        return DEFAULT_LANGUAGE


def _read(env_file: Path) -> dict[str, str]:
    try:
        # Editors on Windows write a byte order mark, which would become part of the first name.
        values = dotenv_values(env_file, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingsError([SettingFault("env_file", why=type(error).__name__).of(str(env_file))]) from None
    return {name: value or "" for name, value in values.items()}


def _bundle_faults(variable: str, bundle: str) -> list[SettingFault]:
    if not bundle or Path(bundle).is_dir():
        return []
    try:
        ssl.create_default_context(cafile=bundle)
    except FileNotFoundError:
        return [SettingFault("bundle_missing", file=bundle).of(variable)]
    except OSError:  # includes ssl.SSLError
        return [SettingFault("bundle_broken", file=bundle).of(variable)]
    return []


def _half_an_app(parsed: Mapping[str, Any]) -> list[SettingFault]:
    """Return a fault if only one of the two settings of the provider's application is there."""
    given = [name for name in APP if parsed.get(name)]
    if len(given) != 1:
        return []
    (other,) = set(APP) - set(given)
    return [SettingFault("needs_other", other=f"{PREFIX}{other.upper()}").of(f"{PREFIX}{given[0].upper()}")]


def _role_faults(parsed: Mapping[str, Any]) -> list[SettingFault]:
    role, database = parsed.get("role", "all"), parsed.get("database_url", "")
    if role == "all" or database.startswith("postgresql"):
        return []
    return [SettingFault("role_needs_postgresql", role).of(f"{PREFIX}ROLE")]


def _unknown(name: str) -> SettingFault:
    # Without the prefix, which would make all names similar.
    near = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), PARSERS, n=1)
    fault = SettingFault("unknown_near", near=f"{PREFIX}{near[0].upper()}") if near else SettingFault("unknown")
    return fault.of(name)


PARSERS: dict[str, Callable[[str], Any]] = {
    "data_dir": Path,
    "database_url": database_url,
    "role": one_of("all", "web", "worker"),
    "secret_keys": secret_keys,
    "profiles_dir": Path,
    "login_url": https_url,
    "graph_url": https_url,
    "app_client_id": guid,
    "app_certificate": str,
    "refresh_minutes": number(float, 0, 10_080),
    "workers": number(int, 1, 256),
    "flow_timeout_minutes": number(float, 0.01, 10_080),
    "sharepoint_units_per_minute": number(int, 0, 1_000_000),
    "language": language_code,
    "log_level": one_of("DEBUG", "INFO", "WARNING", "ERROR", upper=True),
    "log_format": one_of("text", "json"),
    "log_dir": Path,
    "syslog": syslog_address,
    "otlp_endpoint": collector_url,
    "demo": one_of("auto", "on", "off"),
    "host": str,
    "port": number(int, 1, 65_535),
    "allowed_hosts": host_names,
    "public_url": https_url,
    "proxy": ip_networks,
    "metrics_tenants": yes_or_no,
    "hsts_subdomains": yes_or_no,
    "local_sign_in": one_of("all", "admins"),
    "sessions_per_account": number(int, 1, 1_000),
    "time_zone": time_zone,
    "audit_days": number(int, 0, 36_500),
    "history_days": number(int, 0, 36_500),
    "run_days": number(int, 0, 36_500),
    "message_days": number(int, 0, 36_500),
    "api_requests_per_minute": number(int, 1, 100_000),
    "backup_dir": str,
    "backup_recipients": backup_recipients,
    "backup_hours": number(float, 0, 8_760),
    "backup_keep": backup_keep,
    "max_connections": number(int, 16, 100_000),
    "max_connections_per_address": number(int, 6, 100_000),
}
