"""Functions on address ranges. Source: ARM documentation, "CIDR functions for ARM templates"."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from ..errors import Problem
from .signature import Function, number, text

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(name: str, value: Any) -> Network:
    source = text(name, value)
    try:
        if "/" not in source:
            raise ValueError
        return ipaddress.ip_network(source, strict=False)
    except ValueError as error:
        raise Problem(
            f"the function '{name}' was given text that is not an address range: '{source[:60]}'"
        ) from error


def _usable(network: Network) -> tuple[int, int]:
    """First and last usable address. IPv4 keeps the first for the network and the last for broadcast, except
    where a range has only one or two addresses."""
    first, last = int(network[0]), int(network[-1])
    return (first, last) if network.version == 6 or network.prefixlen >= 31 else (first + 1, last - 1)


def _address(network: Network, value: int) -> str:
    return str(type(network.network_address)(value))


def _parse(value: Any) -> dict[str, Any]:
    network = _network("parseCidr", value)
    first, last = _usable(network)
    result: dict[str, Any] = {"network": str(network.network_address), "netmask": str(network.netmask)}
    if network.version == 4:
        result["broadcast"] = str(network.broadcast_address)
    result["firstUsable"] = _address(network, first)
    result["lastUsable"] = _address(network, last)
    result["cidr"] = network.prefixlen
    return result


def _subnet(value: Any, new_size: Any, index: Any) -> str:
    network, size, place = (
        _network("cidrSubnet", value),
        number("cidrSubnet", new_size),
        number("cidrSubnet", index),
    )
    if not network.prefixlen <= size <= network.max_prefixlen:
        raise Problem(
            f"the new prefix given to 'cidrSubnet' must be from {network.prefixlen} to "
            f"{network.max_prefixlen}, not {size}"
        )
    count = 1 << (size - network.prefixlen)
    if not 0 <= place < count:
        raise Problem(f"the subnet index given to 'cidrSubnet' must be from 0 to {count - 1}, not {place}")
    start = int(network.network_address) + (place << (network.max_prefixlen - size))
    return f"{_address(network, start)}/{size}"


def _host(value: Any, index: Any) -> str:
    network, place = _network("cidrHost", value), number("cidrHost", index)
    first, last = _usable(network)
    if not 0 <= place <= last - first:
        raise Problem(f"the host index given to 'cidrHost' must be from 0 to {last - first}, not {place}")
    return _address(network, first + place)


FUNCTIONS: Final = (
    Function("parseCidr", _parse, 1, 1),
    Function("cidrSubnet", _subnet, 3, 3),
    Function("cidrHost", _host, 2, 2),
)
