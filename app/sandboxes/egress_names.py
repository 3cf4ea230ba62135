"""Which names and addresses a sandbox may reach: a list of name and port, and only addresses of the open internet."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

from app.domain.errors import UserError
from app.sandboxes.base import Host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}\.)*{_LABEL}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# What resolvers read as a number: `2130706433`, `0x7f000001` and `127.1` are 127.0.0.1 to them.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# The addresses that are handed out to the public; everything else of IPv6 is local, or an IPv4 address in disguise.
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_IPV4_IN_IPV6 = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))


def plain_name(text: str) -> str | None:
    """The name as the list spells it; None for an address, a number, user information, or letters outside ASCII."""
    name = text.lower().removesuffix(".") if text.isascii() else ""
    if len(name) > 253 or not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        return None
    return name


def plain_port(text: str) -> int | None:
    port = int(text) if _PORT.fullmatch(text) else 0
    return port if 0 < port < 65536 else None


class AllowList:
    """Names with their ports; `*.example.com` stands for every name below example.com, not for itself."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._exact: set[tuple[str, int]] = set()
        self._below: set[tuple[str, int]] = set()
        for host in hosts:
            name, wild = _checked(host)
            (self._below if wild else self._exact).add((name, host.port))

    def admits(self, name: str, port: int) -> bool:
        if (name, port) in self._exact:
            return True
        labels = name.split(".")
        return any((".".join(labels[start:]), port) in self._below for start in range(1, len(labels)))


def _checked(host: Host) -> tuple[str, bool]:
    wild = host.name.startswith("*.")
    name = plain_name(host.name.removeprefix("*."))
    if name is None or not 0 < host.port < 65536:
        raise UserError(f"{host.name!r} port {host.port} cannot be allowed; write a name such as 'example.com'.")
    if wild and "." not in name:
        raise UserError(f"{host.name!r} would allow every name below {name!r}; name the hosts.")
    return name, wild


class InternalAddresses:
    """Addresses outside the open internet that the operator allows, each for one name only.

    Only for one: otherwise whoever controls the DNS of any allowed name could point it into the operator's network.
    """

    def __init__(self, allowed: Mapping[str, Sequence[str]]) -> None:
        self._allowed = {name.lower(): tuple(_network(name, text) for text in texts) for name, texts in allowed.items()}

    def admit(self, name: str, address: Address) -> bool:
        return any(address in network for network in self._allowed.get(name, ()))


def _network(name: str, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise UserError(f"{text!r} for {name!r} is no network; write it as '10.1.2.0/24' or '10.1.2.3/32'.") from None


def as_address(text: str) -> Address | None:
    """None for what is no plain address, such as one that is bound to a network card (`fe80::1%eth0`)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def is_public(address: Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _PUBLIC_IPV6 and not any(address in network for network in _IPV4_IN_IPV6)
    return True
