"""Settings of outgoing connections: proxies, hosts reached without one, trusted certificate authorities.

The variables are those of curl and `requests`, without our prefix. Lower case wins over upper case within one source,
the environment wins over .env.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from core.setting_faults import SettingFault

PROXIES = {"https": "HTTPS_PROXY", "http": "HTTP_PROXY", "all": "ALL_PROXY"}
NO_PROXY = "NO_PROXY"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # the first that is set counts
NAMES = (*PROXIES.values(), NO_PROXY, *BUNDLES)
PORTS = {"https": 443, "http": 80}
SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy of each scheme, "" for none; `exceptions` are the entries of NO_PROXY. They may contain passwords."""

    https: str = field(default="", repr=False)
    http: str = field(default="", repr=False)
    exceptions: tuple[str, ...] = ()

    def of(self, url: str) -> str:
        """Return the address of the proxy for `url`, "" if it is reached without one."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
        if any(is_exception(entry, host, port) for entry in self.exceptions):
            return ""
        return {"https": self.https, "http": self.http}.get(parts.scheme, "")


def is_exception(entry: str, host: str, port: int) -> bool:
    """Return True if an entry of NO_PROXY matches this host.

    `*` matches every host; `example.com`, `.example.com` and `*.example.com` match the domain and its subdomains; an
    address or a network (`10.0.0.0/8`) matches the addresses in it. With `:443` at the end only that port matches.
    """
    name, entry_port = _name_and_port(entry.strip().lower())
    if entry_port and entry_port != str(port):
        return False
    if name == "*":
        return True
    host, address = host.lower().rstrip("."), _address(host)
    if address is not None:
        try:
            return address in ip_network(name, strict=False)
        except ValueError:
            return False
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def without_password(url: str) -> str:
    """Return the address without user, password, path and query, for logs and pages."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    host = parts.hostname or "?"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def chosen(*sources: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by their upper-case names; a later source wins, also with an empty value."""
    values: dict[str, str] = {}
    for source in sources:
        for name in NAMES:
            value = source.get(name.lower(), source.get(name))
            if value is not None:
                values[name] = value.strip()
    return values


def proxies_of(values: Mapping[str, str]) -> tuple[Proxies, list[SettingFault]]:
    """Return the proxies, and the fault of each faulty variable, without its value."""
    addresses = {name: _with_scheme(values.get(name, "")) for name in PROXIES.values()}
    faults = [fault.of(name) for name, address in addresses.items() if (fault := _fault(address))]
    everything = addresses[PROXIES["all"]]
    https, http = (addresses[PROXIES[scheme]] or everything for scheme in ("https", "http"))
    exceptions = tuple(entry for entry in re.split(r"[,;\s]+", values.get(NO_PROXY, "")) if entry)
    return Proxies(https, http, exceptions), faults


def bundle_of(values: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable and its file or folder of trusted authorities; both "" if none is set."""
    return next(((name, values[name]) for name in BUNDLES if values.get(name)), ("", ""))


def _with_scheme(address: str) -> str:
    """Return the address with a scheme; as in curl a proxy without one is reached by http."""
    return f"http://{address}" if address and "://" not in address else address


def _fault(address: str) -> SettingFault | None:
    """Return the fault of a proxy address, None if it is valid; without the address, which may contain a password."""
    if not address:
        return None
    scheme, _, rest = address.partition("://")
    if scheme.lower() not in SCHEMES:
        return SettingFault("proxy_scheme", allowed=", ".join(SCHEMES), scheme=scheme[:20])
    if scheme.lower().startswith("socks") and find_spec("socks") is None:
        return SettingFault("proxy_socks")
    return None if _is_address(scheme, rest) else SettingFault("proxy_address")


def _is_address(scheme: str, rest: str) -> bool:
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        usable = bool(parts.hostname) and parts.port != 0 and rest.count("@") <= 1
    except ValueError:
        return False
    plain = not parts.path.strip("/") and not parts.query and not parts.fragment
    return usable and plain and not re.search(r"[\s\\\x00-\x1f\x7f]", rest)


def _name_and_port(entry: str) -> tuple[str, str]:
    bracketed = re.fullmatch(r"\[(.+)\](?::(\d+))?", entry)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
