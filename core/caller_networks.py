"""The network that a caller's address stands for. Pure functions."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# A provider gives its customer a /64 at the least and a /48 at the most; all of it is one caller.
IPV6_PREFIXES = (64, 56, 48)
UNKNOWN = "other"  # a socket without an address, or a proxy's word that is no address
_NAT64 = ip_network("64:ff9b::/96")


def ip_of(address: str) -> IPv4Address | IPv6Address | None:
    """Return the address without its zone, IPv4 that is written as IPv6 as IPv4; None for anything else."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and _embedded(found)) or found


def networks_of(address: str) -> tuple[str, ...]:
    """Return the networks that `address` belongs to, the narrowest first.

    Of IPv4 the address itself alone; of IPv6 its /64, /56 and /48. IPv4 that is written as IPv6 is IPv4.
    """
    found = ip_of(address)
    if found is None:
        return (UNKNOWN,)
    if isinstance(found, IPv4Address):
        return (str(found),)
    return tuple(str(ip_network((int(found), prefix), strict=False)) for prefix in IPV6_PREFIXES)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
