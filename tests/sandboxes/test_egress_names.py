"""The list of what a sandbox may reach: spellings that mean another host, and addresses that are not the internet."""

import pytest

from app.domain.errors import UserError
from app.sandboxes.base import Host
from app.sandboxes.egress_names import AllowList, InternalAddresses, as_address, is_public, plain_name, plain_port


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.com.", "example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example", None),
        ("еxample.com", None),
        ("127.0.0.1", None),
        ("2130706433", None),
        ("0x7f000001", None),
        ("127.1", None),
        ("0177.0.0.1", None),
        ("a.0x", None),
        ("[::1]", None),
        ("::1", None),
        ("user@example.com", None),
        ("example.com/path", None),
        ("example..com", None),
        ("-example.com", None),
        ("example.com\r\nHost: other", None),
        ("", None),
        (".", None),
        (f"{'a' * 64}.com", None),
        (".".join(["a" * 60] * 5), None),
    ],
)
def test_only_plain_names_are_names(text: str, name: str | None) -> None:
    assert plain_name(text) == name


@pytest.mark.parametrize(
    ("text", "port"), [("443", 443), ("65535", 65535), ("65536", None), ("0", None), ("0443", None), ("+80", None)]
)
def test_ports_have_one_spelling(text: str, port: int | None) -> None:
    assert plain_port(text) == port


ALLOWED = AllowList(
    [Host(name="registry.example"), Host(name="*.cdn.example", port=8443), Host(name="Apt.Example", port=80)]
)


@pytest.mark.parametrize(
    ("name", "port", "admitted"),
    [
        ("registry.example", 443, True),
        ("registry.example", 80, False),
        ("evil-registry.example", 443, False),
        ("sub.registry.example", 443, False),
        ("registry.example.evil.test", 443, False),
        ("a.cdn.example", 8443, True),
        ("a.b.cdn.example", 8443, True),
        ("cdn.example", 8443, False),
        ("a.cdn.example", 443, False),
        ("evilcdn.example", 8443, False),
        ("apt.example", 80, True),
    ],
)
def test_the_list_is_of_names_with_ports(name: str, port: int, admitted: bool) -> None:
    assert ALLOWED.admits(name, port) is admitted


@pytest.mark.parametrize("name", ["*", "*.com", "127.0.0.1", "https://example.com", "a.*.com", "", "exam ple.com"])
def test_a_rule_that_allows_too_much_or_nothing_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        AllowList([Host(name=name)])


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        *[
            (text, False)
            for text in (
                *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.0.1", "0.1.2.3", "100.64.0.1"),
                *("169.254.169.254", "198.18.0.1", "203.0.113.80", "224.0.0.251", "240.0.0.1", "255.255.255.255"),
                *("::", "::1", "fe80::1", "fec0::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
                # An IPv4 address in disguise: mapped, compatible, translated, 6to4, Teredo.
                *(
                    "::ffff:127.0.0.1",
                    "::ffff:169.254.169.254",
                    "::127.0.0.1",
                    "64:ff9b::7f00:1",
                    "2002:7f00:1::",
                    "2001:0::1",
                ),
            )
        ],
    ],
)
def test_only_addresses_of_the_open_internet_are_public(text: str, public: bool) -> None:
    address = as_address(text)
    assert address is not None
    assert is_public(address) is public


def test_an_address_bound_to_a_network_card_is_none() -> None:
    assert as_address("fe80::1%eth0") is None
    assert as_address("not an address") is None


def test_the_operators_own_addresses_are_allowed_for_one_name_only() -> None:
    internal = InternalAddresses({"packages.corp.example": ["10.1.0.0/16"]})
    inside, outside = as_address("10.1.2.3"), as_address("10.2.0.1")
    assert inside is not None
    assert outside is not None
    assert internal.admit("packages.corp.example", inside)
    assert not internal.admit("packages.corp.example", outside)
    assert not internal.admit("registry.example", inside)
    with pytest.raises(UserError, match=r"10\.1\.2\.3/99"):
        InternalAddresses({"packages.corp.example": ["10.1.2.3/99"]})
