"""The networks of a caller's address, for limits per network. Pure functions."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# A provider gives a customer a /64 to a /48; all of it counts as one caller.
IPV6_PREFIXES = (64, 56, 48)
UNKNOWN = "other"  # a socket without an address, or an invalid address from a proxy
_NAT64 = ip_network("64:ff9b::/96")


def ip_of(address: str) -> IPv4Address | IPv6Address | None:
    """Return the address without its zone; IPv4 mapped into IPv6 becomes IPv4. None if it is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(parsed, IPv6Address) and _embedded(parsed)) or parsed


def networks_of(address: str) -> tuple[str, ...]:
    """Return the networks that `address` belongs to, the narrowest first.

    For IPv4 the address itself; for IPv6 its /64, /56 and /48. IPv4 mapped into IPv6 counts as IPv4.
    """
    parsed = ip_of(address)
    if parsed is None:
        return (UNKNOWN,)
    if isinstance(parsed, IPv4Address):
        return (str(parsed),)
    return tuple(str(ip_network((int(parsed), prefix), strict=False)) for prefix in IPV6_PREFIXES)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
